//! `sealpost publish lint`

use sealpost_publish::PublishedDomain;
use sealpost_rollout::Stage;
use sealpost_rules::provider::guide_mistakes;
use sealpost_rules::{Severity, lint_policy};
use serde::Serialize;

use super::known::Known;
use crate::arguments::{Format, SelectArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, Serialize)]
struct Remark {
    domain: String,
    place: String,
    severity: &'static str,
    /// The rule, where there is one.
    code: Option<&'static str>,
    message: String,
}

pub(super) async fn run(
    arguments: &SelectArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let mut outcome = Outcome::Clean;
    let domains = known.select(&arguments.domains)?;
    for published in &domains {
        for (severity, remark) in remarks(published, arguments.stage)? {
            if severity >= Severity::Warning {
                outcome = Outcome::Findings;
            }
            match arguments.format {
                Format::Json => output.json_line(&remark)?,
                Format::Human => {
                    let Remark { domain, place, severity, message, .. } = remark;
                    output.line(&format!("{place}: {severity}: {domain}: {message}"))?;
                }
            }
        }
    }
    if arguments.format == Format::Human {
        let domains = match domains.len() {
            1 => "1 domain".to_owned(),
            count => format!("{count} domains"),
        };
        output.say(&format!("{domains} judged"));
    }
    Ok(outcome)
}

/// What is to be said of a domain: of the policy of this stage, or of the last that it can come to.
fn remarks(
    published: &PublishedDomain,
    stage: Option<Stage>,
) -> Result<Vec<(Severity, Remark)>, Failure> {
    let domain = &published.domain;
    let mut remarks = Vec::new();
    let mut add = |severity: Severity, code, message: String| {
        let place = published.place.clone();
        let remark = Remark {
            domain: domain.to_string(),
            place,
            severity: severity.as_str(),
            code,
            message,
        };
        remarks.push((severity, remark));
    };
    let policy = published
        .policy(stage.unwrap_or(Stage::EnforceLong))
        .map_err(|error| Failure::new(format!("make the policy of {domain}: {error}")))?;
    if let Some(policy) = &policy {
        let body = policy.to_string();
        for finding in lint_policy(body.as_bytes(), domain.as_str()).findings {
            add(finding.rule.severity, Some(finding.rule.code), finding.message.clone());
        }
        for mistake in guide_mistakes(policy.mx()) {
            let message = format!(
                "{} leaves hosts such as {} uncovered: a wildcard stands for one label; publish {}",
                mistake.pattern, mistake.uncovered, mistake.instead
            );
            add(Severity::Error, None, message);
        }
        let is_own =
            |base: &mail_domain::DomainName| base == domain || domain.is_subdomain_of(base);
        for pattern in policy.mx().iter().filter(|p| p.is_wildcard() && is_own(p.base())) {
            let message = format!(
                "{pattern} allows every host of the domain: whoever controls one of them can take \
                 its mail; name the MX hosts (RFC 8461 §10.4)"
            );
            add(Severity::Warning, None, message);
        }
    }
    if published.rua.is_empty() {
        let message = "no rua: without TLS reports nobody tells what fails, and testing cannot end";
        add(Severity::Warning, None, message.to_owned());
    }
    Ok(remarks)
}
