//! `sealpost rule`

use sealpost_rules::{Rule, catalogue};
use serde::Serialize;

use crate::arguments::{RuleArguments, RuleFormat};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, Serialize)]
struct RuleReport {
    code: &'static str,
    name: &'static str,
    title: &'static str,
    severity: &'static str,
    why: &'static str,
    source: &'static str,
    fix: &'static str,
}

pub(super) fn run(arguments: &RuleArguments, output: &mut Output) -> Result<Outcome, Failure> {
    match (&arguments.code, arguments.format) {
        (Some(code), RuleFormat::Human) => output.text(&explain(find(code)?))?,
        (Some(code), RuleFormat::Json) => output.json(&RuleReport::new(find(code)?))?,
        (Some(code), RuleFormat::Markdown) => output.text(&section(find(code)?))?,
        (None, RuleFormat::Markdown) => output.text(&reference_page())?,
        (None, RuleFormat::Human) => {
            for rule in catalogue::rules() {
                output.line(&format!("{}  {:8} {}", rule.code, rule.severity, rule.title))?;
            }
        }
        (None, RuleFormat::Json) => {
            output.json(&catalogue::rules().map(RuleReport::new).collect::<Vec<_>>())?;
        }
    }
    Ok(Outcome::Clean)
}

fn find(code: &str) -> Result<&'static Rule, Failure> {
    catalogue::rule(code).ok_or_else(|| {
        let code = sealpost_rules::Quoted(code);
        Failure::new(format!("find the rule {code}"))
            .hint("`sealpost rule` lists all rules with their codes")
    })
}

fn explain(rule: &Rule) -> String {
    format!(
        "{}  {}  ({})\n\n{}.\n\nwhy: {}\nsource: {}\nfix: {}\n",
        rule.code,
        rule.name,
        rule.severity,
        capitalised(rule.title),
        rule.why,
        rule.source,
        rule.fix
    )
}

/// The page `doc/reference/rules.md`; a test compares the two.
fn reference_page() -> String {
    let mut page = String::from(
        "# Rules\n\n\
         <!-- Made by `sealpost rule --format markdown`; change the catalogue, not this page. -->\n\n\
         Every finding of `sealpost check`, `policy lint` and `record lint` is one of these. A code\n\
         is never given a second meaning. `error`: it does not work, or it stops mail; `warning`: it\n\
         works today, for some senders or for a while; `unknown`: it could not be told; `note`: worth\n\
         knowing, nothing to mend.\n\n\
         | code | severity | finding |\n|---|---|---|\n",
    );
    for rule in catalogue::rules() {
        let anchor = rule.code.to_ascii_lowercase();
        let (code, severity, title) = (rule.code, rule.severity, rule.title);
        page.push_str(&format!("| [{code}](#{anchor}) | {severity} | {title} |\n"));
    }
    for rule in catalogue::rules() {
        page.push('\n');
        page.push_str(&section(rule));
    }
    page
}

fn section(rule: &Rule) -> String {
    format!(
        "## {}\n\n`{}` ({}): {}.\n\n{}\n\n*Mend:* {}\n\n*Source:* {}\n",
        rule.code, rule.name, rule.severity, rule.title, rule.why, rule.fix, rule.source
    )
}

pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

impl RuleReport {
    fn new(rule: &'static Rule) -> Self {
        Self {
            code: rule.code,
            name: rule.name,
            title: rule.title,
            severity: rule.severity.as_str(),
            why: rule.why,
            source: rule.source,
            fix: rule.fix,
        }
    }
}
