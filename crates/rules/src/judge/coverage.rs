//! The policy against the MX hosts, both ways.

use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use sealpost_evidence::{MailHosts, MxSource};

use super::policy_text::MOST_OF_ONE_KIND;
use super::{Context, Findings};
use crate::{Finding, Place, Subject, catalogue};

//= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
//# A receiving candidate MX host is valid according to an applied MTA-
//# STS Policy if the MX record name matches one or more of the "mx"
//# fields in the applied policy.
pub(super) fn judge(context: &Context<'_>, policy: &Policy, findings: &mut Findings) {
    let Some(mail) = &context.evidence.mail_hosts else { return };
    if policy.mode() == Mode::None
        || !matches!(mail.source, MxSource::Records | MxSource::Implicit)
        || mail.hosts.is_empty()
    {
        return;
    }
    let command = || Some(context.commands.dig("MX", context.domain));
    let hosts = named_hosts(mail);
    let uncovered: Vec<&DomainName> =
        hosts.iter().filter(|host| policy.covers(host).is_none()).collect();

    if !uncovered.is_empty() && uncovered.len() == hosts.len() {
        let lines: Vec<String> = uncovered.iter().map(|host| format!("mx: {host}")).collect();
        let finding = Finding::new(
            &catalogue::STS404,
            Subject::new(Place::Policy, policy_url(context.domain)),
            format!("no pattern matches any of {}", join(&uncovered)),
        );
        findings.push(finding.publish(lines.join("\n")).command(command()));
    } else {
        let rule = match policy.mode() {
            Mode::Testing => &catalogue::STS402,
            Mode::Enforce | Mode::None => &catalogue::STS401,
        };
        for host in uncovered {
            let finding = Finding::new(
                rule,
                Subject::new(Place::MailHost, host.as_str()),
                why_not(policy, host),
            );
            findings.push(finding.publish(format!("mx: {host}")).command(command()));
        }
    }
    let unused =
        policy.mx().iter().filter(|pattern| !hosts.iter().any(|host| pattern.matches(host)));
    for pattern in unused.take(MOST_OF_ONE_KIND) {
        let finding = Finding::new(
            &catalogue::STS403,
            Subject::new(Place::Policy, policy_url(context.domain)),
            format!("no MX host matches \"mx: {pattern}\""),
        );
        findings.push(finding.command(command()));
    }
}

/// Every host that mail may go to, also those that were too many to be looked at.
fn named_hosts(mail: &MailHosts) -> Vec<DomainName> {
    let listed = mail.records.value().into_iter().flatten();
    let listed = listed.filter_map(|record| DomainName::parse(&record.exchange).ok());
    let seen = mail.hosts.iter().filter_map(|host| host.domain.clone());
    let mut hosts: Vec<DomainName> = Vec::new();
    for host in seen.chain(listed) {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// Points to a wildcard that looks as if it covered the host, and does not.
fn why_not(policy: &Policy, host: &DomainName) -> String {
    let looks_like = policy.mx().iter().find(|pattern| {
        pattern.is_wildcard() && (host == pattern.base() || host.is_subdomain_of(pattern.base()))
    });
    match looks_like {
        Some(pattern) => format!(
            "no mx pattern of the policy matches this host: the * of \"{pattern}\" stands for exactly \
             one label"
        ),
        None => "no mx pattern of the policy matches this host".to_owned(),
    }
}

fn policy_url(domain: &DomainName) -> String {
    format!("https://mta-sts.{domain}/.well-known/mta-sts.txt")
}

fn join(hosts: &[&DomainName]) -> String {
    hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")
}
