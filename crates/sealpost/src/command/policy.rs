//! `sealpost policy`

use std::ffi::OsString;
use std::path::Path;

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_check::SenderReport;
use sealpost_net::{Part, Scope};
use sealpost_rules::{Finding, PolicyLint, Quoted, Severity, lint_policy};
use serde_json::{Value, json};

use super::{LintFinding, policy_new};
use crate::arguments::{Format, NetworkArguments, PolicyCommand};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// RFC 8461 §3.3 suggests that senders read no more.
const LARGEST_POLICY: u64 = 65_536;

pub(super) async fn run(command: PolicyCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        PolicyCommand::Lint { source, format, network } => {
            lint(source, format, &network, output).await
        }
        PolicyCommand::Match { file, host } => matches(&file, &host, output),
        PolicyCommand::New(arguments) => policy_new::run(arguments, output),
    }
}

async fn lint(
    source: OsString,
    format: Format,
    network: &NetworkArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let url = source.to_str().filter(|text| text.contains("://"));
    let Linted { policy, findings, senders } = match url {
        Some(url) => lint_url(url, network).await?,
        None => lint_file(Path::new(&source))?,
    };
    let only_unknown = findings.iter().all(|finding| finding.rule.severity <= Severity::Unknown);
    let (outcome, words) = match &policy {
        Some(_) => (Outcome::Clean, "valid: senders can use this policy"),
        None if url.is_some() && only_unknown => (Outcome::Unknown, "could not tell"),
        None => (Outcome::Findings, "not valid: senders act as if there were no policy"),
    };
    match format {
        Format::Json => output.json(&report(policy.as_ref(), &findings, &senders))?,
        Format::Human => {
            if !findings.is_empty() {
                output.line(&output.page().findings(&findings))?;
            }
            output.line(words)?;
            for difference in SenderReport::differences(&senders) {
                output.line(&difference)?;
            }
        }
    }
    Ok(outcome)
}

/// What is to be said of a policy.
struct Linted {
    policy: Option<Policy>,
    findings: Vec<Finding>,
    senders: Vec<SenderReport>,
}

fn lint_file(file: &Path) -> Result<Linted, Failure> {
    let body = input::read(file, LARGEST_POLICY)?;
    let name = match file.display().to_string() {
        name if name == "-" => "standard input".to_owned(),
        name => name,
    };
    let PolicyLint { reading, findings } = lint_policy(&body, &name);
    let senders = SenderReport::of_policy(&body);
    Ok(Linted { policy: reading.policy().ok(), findings, senders })
}

async fn lint_url(url: &str, network: &NetworkArguments) -> Result<Linted, Failure> {
    let domain = policy_domain(url)?;
    let mut evidence = network.open()?.gather(&domain, Scope::of(&[Part::Sts])).await;
    // The question is about the policy, whether or not a record leads to it.
    evidence.sts_records = None;
    let policy = evidence
        .policy_host
        .iter()
        .flat_map(|host| &host.fetches)
        .find_map(sealpost_rules::usable_policy);
    let bodies = evidence.policy_host.iter().flat_map(|host| &host.fetches);
    let mut bodies = bodies.filter_map(|fetch| fetch.reply()).filter(|reply| reply.status == 200);
    let senders = bodies.next().map(|reply| SenderReport::of_policy(reply.body.as_slice()));
    let findings = sealpost_rules::judge(&evidence).findings;
    Ok(Linted { policy, findings, senders: senders.unwrap_or_default() })
}

/// The domain of the one URL that its policy can have (RFC 8461 §3.2).
fn policy_domain(url: &str) -> Result<DomainName, Failure> {
    let wrong = || {
        Failure::new(format!("fetch a policy from {}", Quoted(url))).hint(
            "a policy is always at https://mta-sts.DOMAIN/.well-known/mta-sts.txt; fetch any other \
             place yourself and lint it as a file",
        )
    };
    let (scheme, host) = url.split_once("://").ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("https") {
        return Err(wrong());
    }
    let host = host.strip_suffix("/.well-known/mta-sts.txt").ok_or_else(wrong)?;
    let host = DomainName::parse(host).map_err(|_| wrong())?;
    match host.parent() {
        Some(domain) if host.labels().next() == Some("mta-sts") => Ok(domain),
        _ => Err(wrong()),
    }
}

fn report(policy: Option<&Policy>, findings: &[Finding], senders: &[SenderReport]) -> Value {
    let policy = policy.map(|policy| {
        let extensions: serde_json::Map<String, Value> = policy
            .extensions()
            .iter()
            .map(|extension| (extension.name().to_owned(), json!(extension.value())))
            .collect();
        json!({
            "version": "STSv1",
            "mode": policy.mode().to_string(),
            "mx": policy.mx().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "max_age": policy.max_age().as_secs(),
            "extensions": extensions,
        })
    });
    json!({
        "valid": policy.is_some(),
        "policy": policy,
        "senders": senders,
        "findings": findings.iter().map(LintFinding::new).collect::<Vec<_>>(),
    })
}

fn matches(file: &Path, host: &str, output: &mut Output) -> Result<Outcome, Failure> {
    let body = input::read(file, LARGEST_POLICY)?;
    let host = DomainName::parse(host)
        .map_err(|error| Failure::new(format!("read the host {}: {error}", Quoted(host))))?;
    let policy = match Policy::parse(&body) {
        Ok(policy) => policy,
        Err(error) => {
            output.say(&format!("{error}\n\nhint: `sealpost policy lint` shows where"));
            output.line(&format!("{host} is not covered: senders can't use this policy"))?;
            return Ok(Outcome::Findings);
        }
    };
    match policy.covers(&host) {
        Some(pattern) => {
            output.line(&format!("{host} is covered by mx: {pattern}"))?;
            Ok(Outcome::Clean)
        }
        None => {
            output.line(&format!("{host} is not covered: no mx pattern matches it"))?;
            Ok(Outcome::Findings)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_url_of_a_policy_is_fetched() {
        let domain = |url: &str| policy_domain(url).ok().map(|domain| domain.to_string());
        assert_eq!(
            domain("https://mta-sts.example.com/.well-known/mta-sts.txt").as_deref(),
            Some("example.com")
        );
        for url in [
            "http://mta-sts.example.com/.well-known/mta-sts.txt",
            "https://example.com/.well-known/mta-sts.txt",
            "https://mta-sts.example.com/mta-sts.txt",
            "https://mta-sts.example.com:8443/.well-known/mta-sts.txt",
            "https://u@mta-sts.example.com/.well-known/mta-sts.txt",
            "https://mta-sts/.well-known/mta-sts.txt",
            "https://127.0.0.1/.well-known/mta-sts.txt",
        ] {
            assert_eq!(domain(url), None, "{url}");
        }
    }
}
