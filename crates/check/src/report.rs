//! The result as data, for JSON. The JSON Schema is made from these types.

use std::net::IpAddr;

use jiff::Timestamp;
use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_evidence::{
    Evidence, Lookup, MailHost, Octets, PolicyHost, Security, SmtpSession, TextRecord, TlsSession,
};
use sealpost_rules::matrix::SenderDecision;
use sealpost_rules::{Excerpt, Finding, Severity, Verdict};
use serde::{Deserialize, Serialize};
use tls_rpt::{Selection, select_record};

use crate::{Checked, SenderReport};

/// What `check` has to say of one domain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DomainReport {
    /// The domain, as an A-label.
    #[schemars(with = "String")]
    pub domain: DomainName,
    /// What happens to mail; null where too little was asked for to say.
    pub verdict: Option<Verdict>,
    /// The verdict as a sentence.
    pub summary: Option<&'static str>,
    /// What a sender does that uses both DANE and MTA-STS, in the words of Postfix: `dane-only`,
    /// `dane`, `secure`, `none` (its own default holds) or `wait` (a temporary failure); null where
    /// nobody can say what is secure.
    pub decision: Option<&'static str>,
    /// When it was seen.
    #[schemars(with = "String")]
    pub observed: Timestamp,
    /// How long it took to look, in milliseconds.
    pub took_ms: u64,
    /// The policy that senders find, where one is usable.
    pub policy: Option<PolicyReport>,
    /// What senders of different strictness make of record and policy; empty where there are none to
    /// judge.
    pub senders: Vec<SenderReport>,
    /// Does a usable TLS-RPT record ask for reports? Null where it could not be told, or was not
    /// asked.
    pub asks_for_reports: Option<bool>,
    /// The policy host and the MX hosts.
    pub hosts: Vec<HostReport>,
    /// The findings, by place and then by severity, the worst first.
    pub findings: Vec<FindingReport>,
}

/// A usable policy.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PolicyReport {
    /// `enforce`, `testing` or `none`.
    pub mode: String,
    /// Seconds that senders remember it.
    pub max_age: u32,
    /// The patterns.
    pub mx: Vec<String>,
}

/// One host, healthy or not.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HostReport {
    /// What it is for.
    pub role: HostRole,
    /// Its name.
    pub name: String,
    /// The preference of its MX record; null for a policy host.
    pub preference: Option<u16>,
    /// Its TLSA records that DNSSEC vouches for, in presentation form.
    pub tlsa: Vec<String>,
    /// Each of its addresses.
    pub addresses: Vec<AddressReport>,
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostRole {
    /// It serves the policy.
    PolicyHost,
    /// It takes mail.
    Mx,
}

/// What one address showed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AddressReport {
    /// The address.
    pub address: IpAddr,
    /// The TLS version; null where no handshake was completed.
    pub tls: Option<String>,
    /// Did the certificate verify: chain, dates and name?
    pub verified: bool,
    /// When the certificate ends.
    #[schemars(with = "Option<String>")]
    pub certificate_ends: Option<Timestamp>,
    /// Whole days until then, rounded down: 0 within its last day, -1 within the first day after it.
    pub days_left: Option<i64>,
    /// Why the dialogue ended early, if it did.
    pub fault: Option<String>,
}

/// One finding.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FindingReport {
    /// The rule's code.
    pub code: &'static str,
    /// The rule's name.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The rule's title.
    pub title: &'static str,
    /// The record, host or text that it is about.
    pub subject: String,
    /// The addresses it holds for, where it is about some addresses of a host.
    pub addresses: Vec<IpAddr>,
    /// What was seen.
    pub message: String,
    /// What follows for mail.
    pub why: &'static str,
    /// Where it is laid down.
    pub source: &'static str,
    /// How to mend it.
    pub fix: String,
    /// The exact line to publish, where it is known.
    pub publish: Option<String>,
    /// A command that shows the same.
    pub command: Option<String>,
    /// The text at fault.
    pub excerpt: Option<ExcerptReport>,
}

/// A text with the place at fault in it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExcerptReport {
    /// Where the text is from.
    pub source: String,
    /// The part of the text round the place at fault.
    pub text: String,
    /// The number of its first line, from 1.
    pub line: usize,
    /// Begin and end of the place at fault, as octet offsets into `text`.
    pub span: [usize; 2],
}

impl DomainReport {
    /// The result as data.
    pub fn new(checked: &Checked) -> Self {
        let evidence = &checked.evidence;
        let verdict = checked.judgement.verdict;
        Self {
            domain: evidence.domain.clone(),
            verdict,
            summary: verdict.map(Verdict::summary),
            decision: checked.judgement.decision.map(SenderDecision::as_str),
            observed: evidence.observed,
            took_ms: evidence.took_ms,
            policy: PolicyReport::of(evidence),
            senders: SenderReport::of(evidence),
            asks_for_reports: asks_for_reports(evidence),
            hosts: HostReport::all_of(evidence),
            findings: checked.judgement.findings.iter().map(FindingReport::new).collect(),
        }
    }
}

fn asks_for_reports(evidence: &Evidence) -> Option<bool> {
    match evidence.tls_rpt_records.as_ref()? {
        Lookup::Unknown(_) => None,
        Lookup::Absent(_) => Some(false),
        Lookup::Found(found) => {
            let texts: Vec<Octets> = found.value.iter().map(TextRecord::text).collect();
            let selected = match select_record(texts.iter().map(Octets::as_slice)) {
                Selection::One(index) => texts.get(index),
                Selection::None { .. } | Selection::Several(_) => None,
            };
            Some(selected.is_some_and(|text| tls_rpt::Record::parse(text.as_slice()).is_ok()))
        }
    }
}

impl PolicyReport {
    /// The policy that the judge found usable, read again from where it was served.
    fn of(evidence: &Evidence) -> Option<Self> {
        let fetches = &evidence.policy_host.as_ref()?.fetches;
        let policy = fetches.iter().find_map(sealpost_rules::usable_policy)?;
        Some(Self {
            mode: policy.mode().to_string(),
            max_age: policy.max_age().as_secs(),
            mx: policy.mx().iter().map(ToString::to_string).collect(),
        })
    }
}

impl HostReport {
    fn all_of(evidence: &Evidence) -> Vec<Self> {
        let now = evidence.observed;
        let policy_host = evidence.policy_host.iter().map(|host| Self::policy_host(host, now));
        let mail = evidence.mail_hosts.iter().flat_map(|mail| &mail.hosts);
        policy_host.chain(mail.map(|host| Self::mail_host(host, now))).collect()
    }

    fn policy_host(host: &PolicyHost, now: Timestamp) -> Self {
        let address = |fetch: &sealpost_evidence::PolicyFetch| {
            let fault = fetch.fault().map(|fault| fault.text.clone());
            AddressReport::new(fetch.address, fetch.tls.as_ref(), fault, now)
        };
        Self {
            role: HostRole::PolicyHost,
            name: host.name.to_string(),
            preference: None,
            tlsa: Vec::new(),
            addresses: host.fetches.iter().map(address).collect(),
        }
    }

    fn mail_host(host: &MailHost, now: Timestamp) -> Self {
        let address = |session: &SmtpSession| {
            let fault = session.fault.as_ref().map(|fault| fault.text.clone());
            AddressReport::new(session.address, session.tls.as_ref(), fault, now)
        };
        Self {
            role: HostRole::Mx,
            name: host.name.clone(),
            preference: Some(host.preference),
            tlsa: secure_tlsa(host),
            addresses: host.sessions.iter().map(address).collect(),
        }
    }
}

/// The first record set that counts: the names are asked in the order of RFC 7672 §2.2.3.
fn secure_tlsa(host: &MailHost) -> Vec<String> {
    let lookups = host.tlsa.iter().flatten().filter_map(|lookup| lookup.records.found());
    let mut secure = lookups.filter(|found| found.security == Security::Secure);
    secure.next().map(|found| found.value.clone()).unwrap_or_default()
}

impl AddressReport {
    fn new(
        address: IpAddr,
        tls: Option<&TlsSession>,
        fault: Option<String>,
        now: Timestamp,
    ) -> Self {
        let ends = tls.and_then(TlsSession::leaf).map(|leaf| leaf.not_after);
        let days_left = ends.map(|end| (end.as_second() - now.as_second()).div_euclid(86_400));
        Self {
            address,
            tls: tls.map(|tls| tls.version.clone()),
            verified: tls.is_some_and(TlsSession::is_verified),
            certificate_ends: ends,
            days_left,
            fault,
        }
    }
}

impl FindingReport {
    /// The finding as data.
    pub fn new(finding: &Finding) -> Self {
        Self {
            code: finding.rule.code,
            name: finding.rule.name,
            severity: finding.rule.severity,
            title: finding.rule.title,
            subject: finding.subject.name.clone(),
            addresses: finding.subject.addresses.clone(),
            message: finding.message.clone(),
            why: finding.rule.why,
            source: finding.rule.source,
            fix: finding.fix.clone(),
            publish: finding.publish.clone(),
            command: finding.command.clone(),
            excerpt: finding.excerpt.as_ref().map(ExcerptReport::new),
        }
    }
}

impl ExcerptReport {
    fn new(excerpt: &Excerpt) -> Self {
        Self {
            source: excerpt.source.clone(),
            text: excerpt.text.clone(),
            line: excerpt.line,
            span: [excerpt.span.start, excerpt.span.end],
        }
    }
}
