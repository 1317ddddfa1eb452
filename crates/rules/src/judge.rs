//! From evidence to findings and a verdict.

mod caa;
mod certificate;
pub(crate) mod commands;
mod coverage;
pub(crate) mod dane;
mod destinations;
mod dialogue;
mod findings;
mod mail_hosts;
mod observer;
mod policy_host;
pub(crate) mod policy_text;
mod readiness;
mod sts_record;
pub(crate) mod sts_text;
mod surroundings;
mod tls_rpt;
pub(crate) mod tls_rpt_text;
mod txt;

use jiff::Timestamp;
use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use sealpost_evidence::{Evidence, LookupFault, LookupFaultKind};

use self::commands::Commands;
pub use self::dane::HostDane;
use self::findings::Findings;
use self::mail_hosts::MailState;
use self::policy_host::PolicyState;
pub use self::policy_host::usable_policy;
use self::sts_record::RecordState;
use crate::matrix::{SenderDecision, StsState};
use crate::{Finding, Rule, Subject, Verdict, catalogue};

/// What the rules say of one domain.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What happens to mail; `None` where too little was asked for to say.
    pub verdict: Option<Verdict>,
    /// What a sender does that uses both DANE and MTA-STS; `None` where nobody can say what is
    /// secure, or too little was asked for.
    pub decision: Option<SenderDecision>,
    /// Every finding, by place and then by severity, the worst first.
    pub findings: Vec<Finding>,
}

/// Judges evidence as of the time at which it was taken.
pub fn judge(evidence: &Evidence) -> Judgement {
    let context = Context::new(evidence);
    let mut findings = Findings::default();

    let host = policy_host::judge(&context);
    let mail = mail_hosts::judge(&context, &mut findings);
    let expects_mail = !matches!(mail, MailState::NoMail);
    let record = sts_record::judge(&context, &host, expects_mail, &mut findings);
    if !matches!(record, RecordState::Absent) {
        findings.append(host.findings);
    }
    if let PolicyState::Usable(policy) = &host.state
        && !matches!(record, RecordState::Absent)
    {
        coverage::judge(&context, policy, &mut findings);
    }
    let reports = tls_rpt::judge(&context, expects_mail, &mut findings);
    let sts = match (&record, host.state.policy().map(Policy::mode)) {
        (RecordState::NotAsked, _) => None,
        (RecordState::Valid, Some(Mode::Enforce)) => Some(StsState::Enforce),
        _ => Some(StsState::Other),
    };
    let decision = dane::judge(&context, sts, &mut findings);
    caa::judge(&context, &mut findings);
    destinations::judge(&context, &mut findings);
    surroundings::judge(&context, &mut findings);
    let policy = host.state.policy();
    let standing = readiness::Standing {
        record: &record,
        policy,
        policy_is_served: host.served.is_some(),
        mail: &mail,
        reports,
    };
    readiness::judge(&context, &standing, &mut findings);
    observer::judge(&context, &mut findings);

    let verdict = decide(&record, &host.state, &mail, findings.any_host_is_uncovered());
    Judgement { verdict, decision, findings: findings.sorted() }
}

/// What the judges of all parts need.
struct Context<'a> {
    evidence: &'a Evidence,
    domain: &'a DomainName,
    now: Timestamp,
    commands: Commands<'a>,
}

impl<'a> Context<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        Self {
            evidence,
            domain: &evidence.domain,
            now: evidence.observed,
            commands: Commands::new(&evidence.observer),
        }
    }

    /// The finding on a look-up that failed: DNSSEC has its own rule, since it is the domain's
    /// fault and not a passing one.
    fn lookup_failed(
        &self,
        otherwise: &'static Rule,
        subject: Subject,
        what: &str,
        fault: &LookupFault,
    ) -> Finding {
        let (rule, message) = self.failed(otherwise, what, fault);
        Finding::new(rule, subject, message)
    }

    /// The rule and the message of [`Self::lookup_failed`].
    #[expect(clippy::unused_self, reason = "it stands beside its sibling")]
    fn failed(
        &self,
        otherwise: &'static Rule,
        what: &str,
        fault: &LookupFault,
    ) -> (&'static Rule, String) {
        let rule = match fault.kind {
            LookupFaultKind::Bogus => &catalogue::DNS101,
            _ => otherwise,
        };
        (rule, format!("the {what} look-up failed: {}", fault.text))
    }
}

/// The first of these that holds.
fn decide(
    record: &RecordState,
    policy: &PolicyState,
    mail: &MailState,
    any_host_uncovered: bool,
) -> Option<Verdict> {
    if matches!(mail, MailState::NoMail) {
        return Some(Verdict::NoMail);
    }
    match record {
        RecordState::NotAsked => return None,
        RecordState::Unknown => return Some(Verdict::Unknown),
        RecordState::Absent => return Some(Verdict::Absent),
        RecordState::Invalid => return Some(Verdict::Broken),
        RecordState::Valid => {}
    }
    let policy = match policy {
        PolicyState::NotAsked => return None,
        PolicyState::Unknown => return Some(Verdict::Unknown),
        PolicyState::Unusable => return Some(Verdict::Broken),
        PolicyState::Usable(policy) => policy,
    };
    match policy.mode() {
        Mode::None => return Some(Verdict::Off),
        Mode::Testing => return Some(Verdict::Testing),
        Mode::Enforce => {}
    }
    match mail {
        MailState::NotAsked if any_host_uncovered => Some(Verdict::Failing),
        MailState::NotAsked => None,
        MailState::NoMail => Some(Verdict::NoMail),
        MailState::Unknown => Some(Verdict::Unknown),
        MailState::Hosts { any_fails, .. } if *any_fails || any_host_uncovered => {
            Some(Verdict::Failing)
        }
        MailState::Hosts { any_unknown: true, .. } => Some(Verdict::Unknown),
        MailState::Hosts { .. } => Some(Verdict::Enforced),
    }
}
