//! `sealpost publish rehearse`

use sealpost_net::{Part, Scope};
use sealpost_rules::{Finding, Severity, judge};
use serde::Serialize;

use crate::arguments::{Format, RehearseArguments};
use crate::configuration::Configuration;
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The largest file of certificates, in octets.
const LARGEST_FILE: u64 = 1024 * 1024;

#[derive(Debug, Serialize)]
struct Line {
    severity: &'static str,
    code: &'static str,
    host: String,
    message: String,
    fix: String,
}

pub(super) async fn run(
    arguments: &RehearseArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let network = arguments.network.open_over(configuration.network)?;
    let pem = input::read(&arguments.cert, LARGEST_FILE)?;
    let domain = &arguments.domain;
    output.progress(&format!("looking at {domain}"));
    let scope = Scope::of(&[Part::Sts, Part::Mx]);
    let evidence = network.gather(domain, scope).await;
    output.progress("");
    let rehearsed = network.rehearse(&evidence, &pem, &arguments.mx).map_err(|error| {
        Failure::new(error).hint("name the hosts with --mx; see them with `sealpost check`")
    })?;
    let before = judge(&evidence).findings;
    let is_new = |finding: &&Finding| {
        !before.iter().any(|known| {
            (known.rule.code, &known.subject.name) == (finding.rule.code, &finding.subject.name)
        })
    };
    let after = judge(&rehearsed).findings;
    let breaks: Vec<&Finding> = after
        .iter()
        .filter(is_new)
        .filter(|finding| finding.rule.severity >= Severity::Warning)
        .collect();
    for finding in &breaks {
        match arguments.format {
            Format::Json => output.json_line(&Line {
                severity: finding.rule.severity.as_str(),
                code: finding.rule.code,
                host: finding.subject.to_string(),
                message: finding.message.clone(),
                fix: finding.fix.clone(),
            })?,
            Format::Human => {
                let (severity, code) = (finding.rule.severity, finding.rule.code);
                let (subject, message) = (&finding.subject, &finding.message);
                output.line(&format!("{severity} {code}: {subject}: {message}"))?;
                output.line(&format!("  {}", finding.fix))?;
            }
        }
    }
    let mended = before.iter().filter(|known| {
        !after.iter().any(|finding| {
            (known.rule.code, &known.subject.name) == (finding.rule.code, &finding.subject.name)
        })
    });
    for finding in mended {
        output.say(&format!("would be mended: {}: {}", finding.subject, finding.rule.title));
    }
    if breaks.is_empty() {
        output.say("nothing would break");
        return Ok(Outcome::Clean);
    }
    Ok(Outcome::Findings)
}
