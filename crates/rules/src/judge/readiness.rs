//! What the domain is ready for, and what its provider's hosts would need.

use mta_sts::{Mode, MxPattern, Policy};

use super::mail_hosts::MailState;
use super::{Context, Findings, RecordState};
use crate::provider::Provider;
use crate::{Finding, Place, Subject, catalogue};

/// What has been judged so far.
pub(super) struct Standing<'a> {
    pub(super) record: &'a RecordState,
    pub(super) policy: Option<&'a Policy>,
    /// A policy is served, whether or not a record leads to it.
    pub(super) policy_is_served: bool,
    pub(super) mail: &'a MailState,
    pub(super) reports: super::tls_rpt::Reports,
}

pub(super) fn judge(context: &Context<'_>, standing: &Standing<'_>, findings: &mut Findings) {
    let all_pass =
        matches!(standing.mail, MailState::Hosts { any_fails: false, any_unknown: false });
    let domain = context.domain;
    if all_pass && matches!(standing.record, RecordState::Absent) && !standing.policy_is_served {
        let patterns = fitting_patterns(context);
        let subject = Subject::new(Place::Policy, domain.as_str());
        let message = "MTA-STS is missing, and nothing stands against mode testing";
        let dig = context.commands.dig("MX", domain);
        let finding = Finding::new(&catalogue::STS406, subject, message).command(Some(dig));
        if let Some(policy) = policy_to_begin_with(patterns) {
            let text = policy.to_string().replace("\r\n", "\n");
            findings.push(finding.publish(text.trim_end()));
        }
        return;
    }
    let (RecordState::Valid, Some(policy)) = (standing.record, standing.policy) else { return };
    let url = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
    let subject = || Subject::new(Place::Policy, &url);
    if all_pass
        && policy.mode() == Mode::Testing
        && standing.reports == super::tls_rpt::Reports::AskedFor
        && !findings.any_host_is_uncovered()
    {
        let message = "every MX host passes and is covered";
        let line = "mode: enforce";
        let dig = context.commands.dig("MX", domain);
        let finding = Finding::new(&catalogue::STS407, subject(), message).command(Some(dig));
        findings.push(finding.publish(line));
    }
    if policy.mode() == Mode::None {
        return;
    }
    let missing: Vec<String> = providers(context)
        .iter()
        .flat_map(|provider| provider.patterns())
        .filter(|pattern| !policy.mx().contains(pattern))
        .map(|pattern| format!("mx: {pattern}"))
        .collect();
    if !missing.is_empty() {
        let names: Vec<&str> =
            providers(context).iter().map(|provider| provider.as_str()).collect();
        let message = format!("the provider is {}", names.join(" and "));
        let dig = context.commands.dig("MX", domain);
        let finding = Finding::new(&catalogue::STS405, subject(), message).command(Some(dig));
        findings.push(finding.publish(missing.join("\n")));
    }
}

/// The providers of the MX hosts, each once.
fn providers(context: &Context<'_>) -> Vec<Provider> {
    let hosts = context.evidence.mail_hosts.iter().flat_map(|mail| &mail.hosts);
    let mut providers: Vec<Provider> = Vec::new();
    for provider in hosts.filter_map(|host| Provider::of(host.domain.as_ref()?)) {
        if !providers.contains(&provider) {
            providers.push(provider);
        }
    }
    providers
}

/// The patterns of the providers, and the hosts that none of them covers by their names.
fn fitting_patterns(context: &Context<'_>) -> Vec<MxPattern> {
    let mut patterns: Vec<MxPattern> =
        providers(context).iter().flat_map(|provider| provider.patterns()).collect();
    let hosts = context.evidence.mail_hosts.iter().flat_map(|mail| &mail.hosts);
    for host in hosts.filter_map(|host| host.domain.as_ref()) {
        if !patterns.iter().any(|pattern| pattern.matches(host)) {
            patterns.push(MxPattern::exact(host.clone()));
        }
    }
    patterns
}

/// Mode testing for a day; none where there is no host to name.
fn policy_to_begin_with(patterns: Vec<MxPattern>) -> Option<Policy> {
    Policy::new(Mode::Testing, mta_sts::MaxAge::from_secs(86_400)?, patterns).ok()
}
