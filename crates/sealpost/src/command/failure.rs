//! `sealpost failure`

use sealpost_rules::Quoted;
use sealpost_rules::diagnosis::{
    Cause, RESULT_NAMES, Reason, cause, causes, read_reason, read_result, reasons,
};
use serde::Serialize;

use crate::arguments::{FailureArguments, RuleFormat};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, Serialize)]
struct CauseReport {
    code: &'static str,
    name: &'static str,
    title: &'static str,
    severity: &'static str,
    fault: &'static str,
    why: &'static str,
    source: &'static str,
    fix: &'static str,
    result_types: Vec<&'static str>,
}

pub(super) fn run(arguments: &FailureArguments, output: &mut Output) -> Result<Outcome, Failure> {
    match (&arguments.what, arguments.format) {
        (Some(what), RuleFormat::Human) => {
            let found = find(what)?;
            for reason in &found.reasons {
                output.line(&format!("{}, as {} writes it\n", reason.means, reason.said_by))?;
            }
            let texts: Vec<String> = found.causes.into_iter().map(explain).collect();
            output.text(&texts.join("\n"))?;
        }
        (Some(what), RuleFormat::Json) => {
            let reports = find(what)?.causes.into_iter().map(CauseReport::new);
            output.json(&reports.collect::<Vec<_>>())?;
        }
        (Some(what), RuleFormat::Markdown) => {
            let sections: Vec<String> = find(what)?.causes.into_iter().map(section).collect();
            output.text(&sections.join("\n"))?;
        }
        (None, RuleFormat::Markdown) => output.text(&reference_page())?,
        (None, RuleFormat::Human) => {
            for cause in causes() {
                output.line(&format!("{}  {:8} {}", cause.code, cause.severity, cause.title))?;
            }
        }
        (None, RuleFormat::Json) => {
            output.json(&causes().map(CauseReport::new).collect::<Vec<_>>())?;
        }
    }
    Ok(Outcome::Clean)
}

/// What a text names.
struct Found {
    reasons: Vec<&'static Reason>,
    causes: Vec<&'static Cause>,
}

/// The causes that a code, a name, a result type or a reason code stands for.
fn find(what: &str) -> Result<Found, Failure> {
    let mut reasons = Vec::new();
    let result = read_result(what);
    let named = RESULT_NAMES.iter().find(|(name, _)| *name == result.as_str());
    let mut causes: Vec<&'static Cause> = Vec::new();
    if let Some(cause) = cause(what).or(named.map(|(_, cause)| *cause)) {
        causes.push(cause);
    } else {
        reasons = read_reason(what);
        for reason in &reasons {
            if !causes.contains(&reason.cause) {
                causes.push(reason.cause);
            }
        }
    }
    if causes.is_empty() {
        let what = Quoted(what);
        return Err(Failure::new(format!("find the failure {what}")).hint(
            "give a code, a result type, or a reason code as it stands in the report; `sealpost \
             failure` lists all causes",
        ));
    }
    Ok(Found { reasons, causes })
}

fn explain(cause: &Cause) -> String {
    format!(
        "{}  {}  ({})\n\n{}.\n\nwhy: {}\nfault: {}\nsource: {}\nfix: {}\n",
        cause.code,
        cause.name,
        cause.severity,
        super::rule::capitalised(cause.title),
        cause.why,
        cause.presumed.summary(),
        cause.source,
        cause.fix
    )
}

/// The page `doc/reference/failures.md`; a test compares the two.
fn reference_page() -> String {
    let mut page = String::from(
        "# Reported failures\n\n\
         <!-- Made by `sealpost failure --format markdown`; change the table, not this page. -->\n\n\
         What TLS reports (RFC 8460) tell of, what it means, whose fault it mostly is, and what to\n\
         do. A code is never given a second meaning. The fault is that which is presumed where only\n\
         the report is known; a live look, the policy that was reported and what other reporters\n\
         say may show another. No report leads to advice that weakens a policy, and one that nobody\n\
         vouches for is never more than a warning.\n\n\
         ## Result types\n\n\
         | result type | by itself it stands for |\n|---|---|\n",
    );
    for (name, cause) in RESULT_NAMES {
        page.push_str(&format!("| `{name}` | {} {} |\n", link(cause), cause.title));
    }
    page.push_str(
        "\n## Reason codes\n\n\
         `failure-reason-code` is free text. Google writes none. Upper case, hyphens, underscores\n\
         and blanks make no difference; of a text with \"…\" only the part shown has to occur there.\n\
         Other texts are shown as they are.\n\n\
         | written by | reason code | means | stands for |\n|---|---|---|---|\n",
    );
    for reason in reasons() {
        let Reason { said_by, means, cause, .. } = reason;
        let text = pattern(reason);
        page.push_str(&format!("| {said_by} | `{text}` | {means} | {} |\n", link(cause)));
    }
    page.push_str("\n## Causes\n\n| code | severity | fault | cause |\n|---|---|---|---|\n");
    for cause in causes() {
        let (severity, fault, title) = (cause.severity, cause.presumed, cause.title);
        page.push_str(&format!("| {} | {severity} | {fault} | {title} |\n", link(cause)));
    }
    for cause in causes() {
        page.push('\n');
        page.push_str(&section(cause));
    }
    page
}

fn link(cause: &Cause) -> String {
    format!("[{}](#{})", cause.code, cause.code.to_ascii_lowercase())
}

fn pattern(reason: &Reason) -> String {
    use sealpost_rules::diagnosis::ReasonMatch::{Begins, Holds, Is};
    match reason.matching {
        Is => reason.text.to_owned(),
        Begins => format!("{}…", reason.text),
        Holds => format!("…{}…", reason.text),
    }
}

fn section(cause: &Cause) -> String {
    format!(
        "### {}\n\n`{}` ({}): {}.\n\n{} {}\n\n*Do:* {}\n\n*Source:* {}\n",
        cause.code,
        cause.name,
        cause.severity,
        cause.title,
        cause.why,
        cause.presumed.summary(),
        cause.fix,
        cause.source
    )
}

impl CauseReport {
    fn new(cause: &'static Cause) -> Self {
        let names = RESULT_NAMES.iter().filter(|(_, by_itself)| *by_itself == cause);
        Self {
            code: cause.code,
            name: cause.name,
            title: cause.title,
            severity: cause.severity.as_str(),
            fault: cause.presumed.as_str(),
            why: cause.why,
            source: cause.source,
            fix: cause.fix,
            result_types: names.map(|(name, _)| *name).collect(),
        }
    }
}
