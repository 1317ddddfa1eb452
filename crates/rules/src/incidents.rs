//! The table of what incidents are about: every cause, once.
//!
//! Codes are grouped: `INC1xx` MX hosts, `INC2xx` the policy and its host, `INC3xx` certificates and
//! what sets them and DNS, `INC4xx` how failures run over the days, `INC5xx` the roll-out, `INC6xx`
//! the operator's own exceptions.

mod looked;

use sealpost_evidence::incident::{Basis, Urgency};

pub use looked::{cause_of_finding, passing_faults};

/// One cause of incidents: how much it presses, when it counts, what to do.
///
/// This table is the only place where these texts stand; notices, pages, JSON and the reference are
/// made from it.
#[derive(Debug)]
pub struct IncidentCause {
    /// The stable code, such as `INC101`. A code is never given a second meaning.
    pub code: &'static str,
    /// The stable name, such as `mail-host-fails`.
    pub name: &'static str,
    /// How much it presses if only reports tell of it.
    pub by_reports: Urgency,
    /// How much it presses if only our own look does.
    pub by_look: Urgency,
    /// How much it presses if both do.
    pub by_both: Urgency,
    /// For how many seconds it must hold before it is an incident.
    pub hold: u32,
    /// For how many seconds it must be gone before the incident is over.
    pub clear: u32,
    /// The cause in a few words.
    pub title: &'static str,
    /// What follows for mail.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
}

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;

/// Defines each cause as a static, and the list of them.
macro_rules! causes {
    ($($code:ident $name:literal $reports:ident $look:ident $both:ident
        hold $hold:expr, clear $clear:expr;
        $title:literal
        why $why:literal
        fix $fix:literal)*) => {
        $(
            #[doc = $title]
            pub static $code: IncidentCause = IncidentCause {
                code: stringify!($code),
                name: $name,
                by_reports: Urgency::$reports,
                by_look: Urgency::$look,
                by_both: Urgency::$both,
                hold: $hold,
                clear: $clear,
                title: $title,
                why: $why,
                fix: $fix,
            };
        )*
        const CAUSES: &[&IncidentCause] = &[$(&$code),*];
    };
}

causes! {
    INC101 "mail-host-fails" Warning Critical Critical
        hold 10 * MINUTE, clear HOUR;
        "TLS with an MX host fails"
        why "senders that honour the policy hold mail for this host back, in mode enforce"
        fix "mend STARTTLS or the certificate of the host; the page of the domain shows what was seen at each address"
    INC102 "mail-host-not-covered" Warning Critical Critical
        hold 10 * MINUTE, clear HOUR;
        "an MX host is not covered by the policy"
        why "senders that honour the policy do not deliver to this host, in mode enforce"
        fix "add the host to `mx` of the policy and change the id, or take it out of the MX records"
    INC103 "sessions-fail" Warning Warning Warning
        hold 0, clear HOUR;
        "reporters tell of sessions that failed"
        why "some senders could not deliver as the policy asks"
        fix "the page of the domain has each kind of failure, with its diagnosis"
    INC104 "mail-led-elsewhere" Critical Critical Critical
        hold 0, clear HOUR;
        "a sender was led to a host that is none of ours"
        why "somebody between that sender and us may take mail that is meant for us, or forge our DNS"
        fix "find out whose address or name it is, as no look from two days before these sessions until after them has shown it among the MX hosts; if it was never ours, keep the policy enforced, tell the reporter, and look for who changed routes or DNS"
    INC201 "policy-host-fails" Warning Warning Critical
        hold 15 * MINUTE, clear HOUR;
        "the policy cannot be fetched"
        why "senders that hold no policy yet are not protected, and the others go on with an older one until it runs out"
        fix "see to the policy host: its address, its certificate, what it serves"
    INC202 "policy-id-differs" Warning Warning Warning
        hold HOUR, clear 10 * MINUTE;
        "the policy has changed and its id has not"
        why "senders that hold the policy of before do not fetch the new one until it runs out"
        fix "publish another id in the record at _mta-sts"
    INC203 "record-broken" Warning Warning Critical
        hold 15 * MINUTE, clear HOUR;
        "the record at _mta-sts cannot be used"
        why "senders that hold no policy yet do not look for one"
        fix "publish one TXT record as the page of the domain shows it"
    INC301 "certificate-expires" Warning Warning Warning
        hold 0, clear 10 * MINUTE;
        "a certificate expires soon"
        why "when it has expired, senders that honour the policy hold mail back or cannot fetch the policy"
        fix "renew it, and see why it was not renewed by itself"
    INC302 "certificate-not-got" Warning Warning Warning
        hold 30 * MINUTE, clear 10 * MINUTE;
        "no certificate can be got for a policy host"
        why "when the one of before has expired, senders cannot fetch the policy"
        fix "the authority's answer is given with the incident; mostly an address or a CAA record is wrong"
    INC303 "publication-waits" Warning Warning Warning
        hold HOUR, clear 10 * MINUTE;
        "what the stage asks for is not published"
        why "the roll-out does not go on, and senders may see an older policy"
        fix "do what the incident says: upload a file, set a record, or mend the way to the DNS servers"
    INC401 "failures-rise" Warning Warning Warning
        hold 0, clear HOUR;
        "many more sessions fail than usual"
        why "something has changed: at a mail host, at a sender, or on the way"
        fix "the page of the domain has each kind of failure, with its diagnosis"
    INC402 "failure-is-new" Note Note Note
        hold 0, clear HOUR;
        "a kind of failure was reported for the first time"
        why "something has changed: at a mail host, at a sender, or on the way"
        fix "the page of the domain has each kind of failure, with its diagnosis"
    INC403 "reporter-silent" Note Note Note
        hold HOUR, clear 10 * MINUTE;
        "a reporter has fallen silent"
        why "its failures are no longer seen"
        fix "nothing, if others go on; else see whether mail with reports arrives"
    INC404 "reporters-silent" Warning Warning Warning
        hold HOUR, clear 10 * MINUTE;
        "all regular reporters have fallen silent"
        why "failures are no longer seen"
        fix "see whether mail with reports arrives, and whether the record at _smtp._tls is still published"
    INC501 "gate-open" Note Note Note
        hold 0, clear 10 * MINUTE;
        "a domain may move on, and waits for a person"
        why "it is protected less than it could be"
        fix "make the move on the page of the domain, or with `sealpost publish move`"
    INC502 "gate-fell-back" Critical Critical Critical
        hold 0, clear 0;
        "a domain was moved back"
        why "its policy is weaker than it was, so that mail arrives"
        fix "mend what the incident names; the domain moves on again by its gates"
    INC503 "looks-blind" Warning Warning Warning
        hold 6 * HOUR, clear 10 * MINUTE;
        "nothing can be told of a domain of ours"
        why "what is wrong with its MX hosts or its policy stays unseen here, and it moves neither on nor back"
        fix "see whether this host reaches its resolvers, and they the name servers of the domain; `sealpost check` says at which question it ends"
    INC601 "exception-ends" Note Note Note
        hold 0, clear 0;
        "an exception for a domain ends soon"
        why "from then on its mail is held to what its policy says"
        fix "see whether it is still needed, and give it another end, or remove it"
}

/// Every cause, by code.
pub fn incident_causes() -> impl Iterator<Item = &'static IncidentCause> {
    CAUSES.iter().copied()
}

/// The cause with this code or name, upper or lower case.
pub fn incident_cause(code_or_name: &str) -> Option<&'static IncidentCause> {
    incident_causes().find(|cause| {
        cause.code.eq_ignore_ascii_case(code_or_name)
            || cause.name.eq_ignore_ascii_case(code_or_name)
    })
}

impl IncidentCause {
    /// How much it presses if this speaks for it.
    pub fn urgency(&self, basis: Basis) -> Urgency {
        match basis {
            Basis::Reports => self.by_reports,
            Basis::Look => self.by_look,
            Basis::Both => self.by_both,
        }
    }
}

impl PartialEq for IncidentCause {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for IncidentCause {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_found() {
        let mut seen = BTreeSet::new();
        for cause in incident_causes() {
            assert!(seen.insert(cause.code) && seen.insert(cause.name), "{}", cause.code);
            assert_eq!(incident_cause(&cause.name.to_uppercase()), Some(cause));
            assert_eq!(incident_cause(&cause.code.to_lowercase()), Some(cause));
        }
        assert_eq!(incident_cause("INC999"), None);
    }

    #[test]
    fn two_who_say_so_press_no_less_than_one() {
        for cause in incident_causes() {
            assert!(cause.by_both >= cause.by_look.max(cause.by_reports), "{}", cause.code);
        }
    }

    #[test]
    fn titles_go_into_a_subject_line() {
        for cause in incident_causes() {
            let is_plain = cause.title.bytes().all(|octet| matches!(octet, b' '..=b'~'));
            assert!(is_plain && cause.title.len() <= 60, "{}", cause.title);
        }
    }
}
