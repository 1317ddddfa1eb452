//! Judges the TLSA records of the MX hosts against what the hosts present.

use dane::{DaneOutcome, Requirement, Route, Standing, TlsaRecord, TlsaSet, expects, verify};
use mail_domain::DomainName;
use sealpost_evidence::{
    Dnssec, Evidence, MailHost, MailHosts, MxSource, Security, SmtpSession, StartTls, TlsaLookup,
};

use super::{Context, Findings};
use crate::expiry::expires_soon;
use crate::matrix::{
    Counting, Holding, MtaDnssec, MxSecurity, SenderDecision, StsState, TlsaState, security,
};
use crate::{Finding, Place, Quoted, Subject, catalogue};

/// Judges every host, and says what a sender does that uses both DANE and MTA-STS; `None` where
/// nobody can say what is secure, or what the policy is.
pub(super) fn judge(
    context: &Context<'_>,
    sts: Option<StsState>,
    findings: &mut Findings,
) -> Option<SenderDecision> {
    let mail = context.evidence.mail_hosts.as_ref()?;
    let mut holdings = Vec::new();
    for host in &mail.hosts {
        let Some(domain) = &host.domain else { continue };
        holdings.push((domain, judge_host(context, mail, host, domain, findings)));
    }
    let with = holdings.iter().filter(|(_, holding)| *holding == Holding::Usable).count();
    let without: Vec<&str> = holdings
        .iter()
        .filter(|(_, holding)| *holding == Holding::Nothing)
        .map(|(domain, _)| domain.as_str())
        .collect();
    let mx = || Subject::new(Place::MxRecords, context.domain.as_str());
    let dig = || Some(context.commands.dig("MX", context.domain));
    if with > 0 && !without.is_empty() {
        let message = format!("no TLSA records for {}", without.join(", "));
        findings.push(Finding::new(&catalogue::DANE104, mx(), message).command(dig()));
    }
    if with > 0 && mx_security(mail) == Security::Insecure {
        let message = "the hosts have TLSA records, and the MX records that name them are unsigned";
        findings.push(Finding::new(&catalogue::DANE105, mx(), message).command(dig()));
    }
    let somebody_can_say = context.evidence.observer.dnssec != Dnssec::Nobody;
    if !somebody_can_say || holdings.is_empty() {
        return None;
    }
    let mx = MxSecurity::from(mx_security(mail));
    let holdings: Vec<Holding> = holdings.into_iter().map(|(_, holding)| holding).collect();
    Some(SenderDecision::of(mx, TlsaState::of(&holdings), sts?, MtaDnssec::Proven))
}

fn judge_host(
    context: &Context<'_>,
    mail: &MailHosts,
    host: &MailHost,
    domain: &DomainName,
    findings: &mut Findings,
) -> Holding {
    let Some(addresses) = &host.addresses else { return Holding::Failed };
    let Some(lookups) = &host.tlsa else { return Holding::without_lookup(addresses) };
    let subject = || Subject::new(Place::MailHost, domain.as_str());
    let dig = |base: &DomainName| context.commands.dig("TLSA", format!("_25._tcp.{base}"));
    match Counting::of(lookups) {
        Counting::Nothing { unsigned } => {
            findings.extend(unsigned.map(|TlsaLookup { base, .. }| {
                let message = format!("the TLSA records at {base} are not signed");
                Finding::new(&catalogue::DANE105, subject(), message).command(Some(dig(base)))
            }));
        }
        Counting::Failed { lookup, fault } => {
            findings.extend(fault.map(|fault| {
                let finding = context.lookup_failed(&catalogue::DANE106, subject(), "TLSA", fault);
                finding.command(Some(dig(&lookup.base)))
            }));
        }
        Counting::Secure { lookup: TlsaLookup { base, .. }, texts } => {
            HostJudge { context, host, domain, base, dig: &dig(base) }.judge(mail, texts, findings);
        }
    }
    Holding::of(addresses, Some(lookups.iter().map(|lookup| &lookup.records)))
}

/// Judges one host by its secure TLSA records.
struct HostJudge<'a> {
    context: &'a Context<'a>,
    host: &'a MailHost,
    domain: &'a DomainName,
    base: &'a DomainName,
    dig: &'a str,
}

impl HostJudge<'_> {
    fn judge(&self, mail: &MailHosts, texts: &[String], findings: &mut Findings) {
        let mut records = Vec::new();
        let mut unusable = Vec::new();
        for text in texts {
            match TlsaRecord::parse(text) {
                Ok(record) => records.push(record),
                Err(error) => unusable.push(format!("{}: {error}", Quoted(text))),
            }
        }
        let set = TlsaSet::new(records);
        for member in set.members() {
            if let Standing::Unusable(reason) = &member.standing {
                unusable.push(format!("{}: {reason}", Quoted(&member.record.to_string())));
            }
        }
        if set.requirement() == Requirement::Authentication {
            for message in unusable {
                findings.push(self.finding(&catalogue::DANE102, message));
            }
        } else {
            findings.push(self.finding(&catalogue::DANE103, unusable.join("; ")));
        }
        for session in &self.host.sessions {
            self.judge_session(mail, &set, session, findings);
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-2
    //# senders who implement MTA-STS validation MUST NOT allow MTA-STS
    //# Policy validation to override a failing DANE validation.
    fn judge_session(
        &self,
        mail: &MailHosts,
        set: &TlsaSet,
        session: &SmtpSession,
        findings: &mut Findings,
    ) {
        if matches!(session.starttls, StartTls::NotOffered | StartTls::Refused(_)) {
            let message = "the records promise TLS".to_owned();
            findings.push(self.at(session, &catalogue::DANE109, message));
        }
        let Some(tls) = &session.tls else { return };
        let chain: Vec<&[u8]> = tls.certificates.iter().map(|c| c.der.as_slice()).collect();
        let references = dane::reference_identifiers(self.base, route(self.context.domain, mail));
        let outcome = verify(set, &chain, &references, self.context.now.as_second());
        if let DaneOutcome::NotAuthenticated { failures } = &outcome {
            let reasons: Vec<String> =
                failures.iter().map(|failure| format!("{} {failure}", failure.record)).collect();
            let mut finding = self.at(session, &catalogue::DANE101, reasons.join("; "));
            if let Some(line) = record_to_publish(self.base, &chain) {
                finding = finding.publish(line);
            }
            findings.push(finding);
        }
        if !outcome.is_authenticated() {
            return;
        }
        let expectation = expects(set, &chain);
        if !expectation.other.is_empty() {
            let others: Vec<String> = expectation.other.iter().map(ToString::to_string).collect();
            let message = format!("no present key fits {}", others.join("; "));
            findings.push(self.finding(&catalogue::DANE107, message));
        } else if tls.leaf().is_some_and(|leaf| expires_soon(leaf, self.context.now)) {
            let message = "every record is for the present key or certificate".to_owned();
            findings.push(self.finding(&catalogue::DANE108, message));
        }
    }

    fn finding(&self, rule: &'static crate::Rule, message: String) -> Finding {
        let subject = Subject::new(Place::MailHost, self.domain.as_str());
        Finding::new(rule, subject, message).command(Some(self.dig.to_owned()))
    }

    fn at(&self, session: &SmtpSession, rule: &'static crate::Rule, message: String) -> Finding {
        let mut finding = self.finding(rule, message);
        finding.subject.addresses.push(session.address);
        finding
    }
}

/// How one MX host stands to DANE, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostDane {
    /// A look-up failed, or nobody can say what is secure.
    Unknown,
    /// It has no TLSA record that is signed.
    Nothing,
    /// It has signed records, and none that a sender can use.
    Unusable,
    /// It has usable records, and no certificate was seen to hold beside them.
    Untried,
    /// At every address where a certificate was seen, that matches a record.
    Matches,
    /// At some address the certificate matches no record: senders do not deliver there.
    Fails,
}

impl HostDane {
    /// How a host stands that was looked at with this evidence.
    pub fn of(evidence: &Evidence, host: &MailHost) -> Self {
        let (Some(mail), Some(addresses)) = (&evidence.mail_hosts, &host.addresses) else {
            return Self::Unknown;
        };
        let lookups = host.tlsa.as_deref();
        let records = lookups.map(|lookups| lookups.iter().map(|lookup| &lookup.records));
        match Holding::of(addresses, records) {
            Holding::Failed => return Self::Unknown,
            Holding::Nothing => return Self::Nothing,
            Holding::Unusable => return Self::Unusable,
            Holding::Usable => {}
        }
        let Counting::Secure { lookup, texts } = Counting::of(lookups.unwrap_or_default()) else {
            return Self::Unknown;
        };
        let set = TlsaSet::new(texts.iter().filter_map(|text| TlsaRecord::parse(text).ok()));
        let references = dane::reference_identifiers(&lookup.base, route(&evidence.domain, mail));
        let now = evidence.observed.as_second();
        let shown = host.sessions.iter().filter_map(|session| session.tls.as_ref());
        let mut outcomes = shown.map(|tls| {
            let chain: Vec<&[u8]> = tls.certificates.iter().map(|c| c.der.as_slice()).collect();
            verify(&set, &chain, &references, now).is_authenticated()
        });
        match outcomes.next() {
            None => Self::Untried,
            Some(first) if first && outcomes.all(|matches| matches) => Self::Matches,
            Some(_) => Self::Fails,
        }
    }

    /// The word for it, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "not known",
            Self::Nothing => "none",
            Self::Unusable => "unusable records",
            Self::Untried => "not tried",
            Self::Matches => "matches",
            Self::Fails => "does not match",
        }
    }
}

/// How a sender comes to the hosts, which decides the names that their certificates may have.
pub(crate) fn route<'a>(next_hop: &'a DomainName, mail: &MailHosts) -> Route<'a> {
    match (mail.source, mx_security(mail)) {
        (MxSource::Implicit, _) => Route::Direct { next_hop },
        (_, Security::Secure) => Route::SecureMx { next_hop, expanded: None },
        _ => Route::InsecureMx,
    }
}

/// The record `3 1 1` of what a host presents now, as a line to publish.
pub(crate) fn record_to_publish(base: &DomainName, chain: &[&[u8]]) -> Option<String> {
    let record = TlsaRecord::of_certificate(
        dane::Usage::DaneEe,
        dane::Selector::Spki,
        dane::MatchingType::Sha256,
        chain.first()?,
    )?;
    Some(format!("_25._tcp.{base}. IN TLSA {record}"))
}

/// What DNSSEC says of the way from the domain to its hosts.
fn mx_security(mail: &MailHosts) -> Security {
    let first_host = mail.hosts.first().and_then(|host| host.addresses.as_ref());
    security(Some(&mail.records), first_host)
}
