//! `sealpost rule`

use sealpost_rules::{Rule, catalogue};
use serde::Serialize;

use crate::arguments::{Format, RuleArguments};
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
        (Some(code), Format::Human) => output.text(&explain(find(code)?))?,
        (Some(code), Format::Json) => output.json(&RuleReport::new(find(code)?))?,
        (None, Format::Human) => {
            for rule in catalogue::rules() {
                output.line(&format!("{}  {:8} {}", rule.code, rule.severity, rule.title))?;
            }
        }
        (None, Format::Json) => {
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

fn capitalised(text: &str) -> String {
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
