//! `sealpost policy new`

use std::io::Write as _;

use mail_domain::DomainName;
use mta_sts::{MaxAge, Mode, MxPattern, Policy};
use sealpost_rules::provider::Provider;
use sealpost_rules::{Quoted, Severity, lint_policy};
use serde_json::json;

use crate::arguments::{Format, ModeName, NewPolicyArguments, ProviderName};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(
    mut arguments: NewPolicyArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    if Output::can_ask() {
        ask(&mut arguments)?;
    }
    let domain = match &arguments.domain {
        Some(text) => DomainName::parse(text)
            .map_err(|error| Failure::new(format!("read the domain {}: {error}", Quoted(text))))?,
        None => {
            return Err(Failure::new("make a policy: no domain is given").hint(
                "give the domain with --domain, and its mail hosts with --mx or --provider",
            ));
        }
    };
    let policy = make_policy(&arguments)?;
    let body = policy.to_string();
    if let Some(file) = &arguments.output {
        fs_err::write(file, &body)?;
    }
    let lint = lint_policy(body.as_bytes(), "the new policy");
    for finding in lint.findings.iter().filter(|f| f.rule.severity >= Severity::Warning) {
        output.say(&format!(
            "{}: {}: {}",
            finding.rule.severity, finding.rule.title, finding.message
        ));
    }
    let id = policy.id();
    let records = [
        format!("_mta-sts.{domain}. IN TXT \"v=STSv1; id={id};\""),
        format!("_smtp._tls.{domain}. IN TXT \"v=TLSRPTv1; rua=mailto:tls-reports@{domain}\""),
    ];
    match arguments.format {
        Format::Json => output.json(&json!({
            "domain": domain.as_str(),
            "url": format!("https://mta-sts.{domain}/.well-known/mta-sts.txt"),
            "body": body,
            "id": id.as_str(),
            "records": records,
        }))?,
        Format::Human => {
            output.line(&format!("# https://mta-sts.{domain}/.well-known/mta-sts.txt"))?;
            output.line(&body.replace("\r\n", "\n"))?;
            output.line("# DNS: the policy first, then the records")?;
            for record in &records {
                output.line(record)?;
            }
            output.line(&format!("# and an A or AAAA record for mta-sts.{domain}"))?;
        }
    }
    Ok(Outcome::Clean)
}

fn make_policy(arguments: &NewPolicyArguments) -> Result<Policy, Failure> {
    let mode = match arguments.mode {
        Some(ModeName::Testing) | None => Mode::Testing,
        Some(ModeName::Enforce) => Mode::Enforce,
        Some(ModeName::None) => Mode::None,
    };
    let seconds = arguments.max_age.unwrap_or(match mode {
        Mode::Testing | Mode::None => 86_400,
        Mode::Enforce => 604_800,
    });
    let max_age = MaxAge::from_secs(seconds)
        .ok_or_else(|| Failure::new("make a policy: max_age is above 31557600 seconds"))?;
    let mut patterns: Vec<MxPattern> = Vec::new();
    for provider in &arguments.providers {
        patterns.extend(match provider {
            ProviderName::GoogleWorkspace => Provider::GoogleWorkspace.patterns(),
            ProviderName::Microsoft365 => Provider::Microsoft365.patterns(),
            ProviderName::Proofpoint => Provider::Proofpoint.patterns(),
            ProviderName::SelfHosted => Vec::new(),
        });
    }
    for text in &arguments.mx {
        let pattern = text.parse().map_err(|error| {
            Failure::new(format!("read the MX pattern {}: {error}", Quoted(text)))
        })?;
        patterns.push(pattern);
    }
    let mut seen = std::collections::HashSet::new();
    patterns.retain(|pattern| seen.insert(pattern.clone()));
    if patterns.is_empty() && mode != Mode::None {
        return Err(Failure::new("make a policy: no mail hosts are given")
            .hint("name each host of the MX records with --mx, or use --provider"));
    }
    Policy::new(mode, max_age, patterns)
        .map_err(|error| Failure::new(format!("make a policy: {error}")))
}

/// Asks for what the flags leave open.
fn ask(arguments: &mut NewPolicyArguments) -> Result<(), Failure> {
    if arguments.domain.is_none() {
        arguments.domain = Some(answer("The domain that receives the mail: ")?);
    }
    let needs_hosts = !matches!(arguments.mode, Some(ModeName::None));
    if needs_hosts && arguments.mx.is_empty() && arguments.providers.is_empty() {
        let hosts = answer(
            "Its mail hosts, each as in the MX records, or google-workspace, microsoft-365, \
             proofpoint: ",
        )?;
        for word in hosts.split([' ', ',']).filter(|word| !word.is_empty()) {
            match word {
                "google-workspace" => arguments.providers.push(ProviderName::GoogleWorkspace),
                "microsoft-365" => arguments.providers.push(ProviderName::Microsoft365),
                "proofpoint" => arguments.providers.push(ProviderName::Proofpoint),
                host => arguments.mx.push(host.to_owned()),
            }
        }
    }
    Ok(())
}

fn answer(question: &str) -> Result<String, Failure> {
    let mut stderr = std::io::stderr();
    stderr.write_all(question.as_bytes())?;
    stderr.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
