//! `sealpost publish mx`

use mail_domain::DomainName;
use mta_sts::MxPattern;
use sealpost_evidence::{Evidence, Lookup, MailHost, Security};
use sealpost_net::{Part, Scope};
use sealpost_rules::{Severity, judge};

use super::driver::Lead;
use crate::arguments::DelegateArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// What is known of an MX host.
enum Worth {
    /// Every address passes.
    Good,
    /// A policy that covered it would hold mail back.
    Bad(String),
    /// It could not be told.
    Unknown,
}

pub(super) async fn run(
    arguments: &DelegateArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let domain = &arguments.domain;
    let (domains, network) = Lead::without_store(&arguments.configuration, &arguments.network)?;
    let configured: Vec<MxPattern> =
        domains.of(domain).map(|published| published.patterns.clone()).unwrap_or_default();
    output.progress(&format!("looking at {domain}"));
    let evidence = network.gather(domain, Scope::of(&[Part::Mx])).await;
    output.progress("");
    let mail = evidence.mail_hosts.as_ref();
    let (hosts, security) = match mail.map(|mail| &mail.records) {
        Some(Lookup::Found(found)) => {
            (mail.map(|mail| mail.hosts.as_slice()).unwrap_or_default(), found.security)
        }
        Some(Lookup::Absent(_)) | None => {
            return Err(Failure::new(format!("derive the patterns of {domain}: it has no MX")));
        }
        Some(Lookup::Unknown(fault)) => {
            return Err(Failure::new(format!(
                "derive the patterns of {domain}: its MX records are not known: {}",
                fault.text
            )));
        }
    };
    let named: Vec<(&MailHost, &DomainName)> =
        hosts.iter().filter_map(|host| Some((host, host.domain.as_ref()?))).collect();
    let mut is_same = true;
    let mut offered: Vec<String> = Vec::new();
    for (host, name) in &named {
        let worth = worth(&evidence, host);
        let said = match &worth {
            Worth::Good => "its TLS passes on every address".to_owned(),
            Worth::Bad(why) => format!("not to be published before it is mended: {why}"),
            Worth::Unknown => "its TLS could not be looked at".to_owned(),
        };
        let is_covered = configured.iter().any(|pattern| pattern.matches(name));
        is_same &= is_covered && matches!(worth, Worth::Good);
        let sign = if is_covered { ' ' } else { '+' };
        output.line(&format!("{sign} {name}  {said}"))?;
        if is_covered || matches!(worth, Worth::Good) {
            offered.push(name.to_string());
        }
    }
    for pattern in &configured {
        if !named.iter().any(|(_, name)| pattern.matches(name)) {
            output.line(&format!("- {pattern}  no MX host is meant by it"))?;
            is_same = false;
        }
    }
    if is_same {
        return Ok(Outcome::Clean);
    }
    let line: Vec<String> = offered.iter().map(|name| format!("\"{name}\"")).collect();
    match security {
        Security::Secure => output.say("the MX records are signed (DNSSEC): nobody forged them"),
        Security::Insecure | Security::Indeterminate => output.say(
            "the MX records are not proven by DNSSEC: compare each line with what you know before \
             you take it over; who forges them would be allowed to take your mail",
        ),
    }
    output.line(&format!("mx = [{}]", line.join(", ")))?;
    Ok(Outcome::Findings)
}

fn worth(evidence: &Evidence, host: &MailHost) -> Worth {
    let findings = judge(evidence).findings;
    let of_host = findings.iter().filter(|finding| finding.subject.name == host.name);
    let bad = of_host
        .clone()
        .find(|finding| finding.rule.severity == Severity::Error)
        .map(|finding| format!("{}: {}", finding.rule.title, finding.message));
    let is_unknown = of_host.clone().any(|finding| finding.rule.severity == Severity::Unknown);
    let has_tls = host.sessions.iter().any(|session| session.tls.is_some());
    match bad {
        Some(why) => Worth::Bad(why),
        None if is_unknown || !has_tls => Worth::Unknown,
        None => Worth::Good,
    }
}
