//! What is done about a next hop, and why: a pure function of what is known.

use std::sync::{Arc, OnceLock};

use mail_domain::DomainName;
use mta_sts::{
    Mode, Policy,
    cache::{Absence, FetchedPolicy},
};
use sealpost_rules::matrix::{
    MtaDnssec, MxSecurity, OperatorLevel, SenderDecision, StsState, TlsaState,
};

use crate::{Exception, RouteSeen, Standing, Treatment};

/// What is done about a next hop, and all that it follows from.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Decided {
    /// What is done.
    pub decision: SenderDecision,
    /// What MTA-STS says.
    pub sts: Sts,
    /// What DANE says.
    pub dane: Dane,
    /// What the operator wants otherwise.
    pub exception: Option<Exception>,
    /// The level at which mail goes out by itself.
    pub level: OperatorLevel,
    /// Read from its text when it is needed first.
    policy: OnceLock<Option<Policy>>,
}

/// What MTA-STS says about a domain.
#[derive(Clone, Debug, PartialEq)]
pub enum Sts {
    /// This policy holds.
    Policy(FetchedPolicy),
    /// The operator has pinned this policy.
    Pinned(Arc<Policy>),
    /// There is none.
    NoPolicy(Absence),
    /// Nothing was known, and it could not be found out in time.
    Unknown,
    /// Nobody has asked.
    NotAsked,
}

/// What DANE says about a next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dane {
    /// Nobody has asked: it is left to the mail server, or no answer would be different.
    NotAsked,
    /// It could not be found out in time.
    Pending,
    /// This.
    Seen(Arc<RouteSeen>),
}

impl Decided {
    /// What follows from what is known.
    pub fn new(sts: Sts, dane: Dane, exception: Option<Exception>, level: OperatorLevel) -> Self {
        let treatment = exception.as_ref().map(|exception| &exception.treatment);
        let decision = match treatment {
            Some(Treatment::Off) => SenderDecision::NotFound,
            treatment => {
                let decision = by_matrix(sts.state(treatment), &dane, treatment);
                require(decision.no_less_than(level), treatment, level)
            }
        };
        Self { decision, sts, dane, exception, level, policy: OnceLock::new() }
    }

    /// The policy that holds, whatever its mode.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.get_or_init(|| self.sts.policy()).as_ref()
    }

    /// Why, as a sentence without its full stop.
    pub fn because(&self, domain: &DomainName) -> String {
        let base = match (&self.exception, self.decision) {
            (Some(exception), SenderDecision::NotFound)
                if exception.treatment == Treatment::Off =>
            {
                "mail goes out as by the mail server alone".to_owned()
            }
            (Some(exception), SenderDecision::Temporary)
                if exception.treatment == Treatment::Require && !self.dane_failed() =>
            {
                format!("{domain} has nothing by which its hosts prove who they are: mail waits")
            }
            (_, SenderDecision::Temporary) => self.why_temporary(domain),
            (_, SenderDecision::DaneOnly) => {
                "the hosts have TLSA records: mail goes to hosts that match theirs, or waits"
                    .to_owned()
            }
            (_, SenderDecision::Dane) => {
                "some hosts have TLSA records: they must match, to the others mail goes as without"
                    .to_owned()
            }
            (_, SenderDecision::Secure) => {
                "the policy is in mode enforce: mail goes over verified TLS to hosts that it \
                 allows, or waits"
                    .to_owned()
            }
            (_, SenderDecision::NotFound) if self.level == OperatorLevel::Unknown => {
                self.why_not_found_at_no_level(domain)
            }
            (_, SenderDecision::NotFound) => self.why_not_found(),
        };
        match &self.exception {
            Some(exception) => format!("{base} (exception: {exception})"),
            None => base,
        }
    }

    fn dane_failed(&self) -> bool {
        matches!(&self.dane, Dane::Pending)
            || matches!(&self.dane, Dane::Seen(route) if route.mx == MxSecurity::Failed)
            || matches!(&self.dane, Dane::Seen(route) if matches!(
                route.tlsa,
                TlsaState::FailedAll | TlsaState::FailedNoneUsable | TlsaState::FailedSomeUsable
            ))
    }

    fn why_temporary(&self, domain: &DomainName) -> String {
        match &self.dane {
            Dane::Seen(route) if route.mx == MxSecurity::Failed => format!(
                "the MX records of {domain} could not be looked up, or DNSSEC says that they are \
                 forged: mail waits"
            ),
            Dane::Seen(_) => format!(
                "the TLSA records of the hosts of {domain} could not be looked up: mail waits"
            ),
            Dane::Pending | Dane::NotAsked => {
                format!("the TLSA records of the hosts of {domain} are not known in time")
            }
        }
    }

    /// What would be said at the lowest level, and what keeps it from being said.
    fn why_not_found_at_no_level(&self, domain: &DomainName) -> String {
        let lowest = OperatorLevel::Opportunistic;
        let (sts, dane) = (self.sts.clone(), self.dane.clone());
        let otherwise = Self::new(sts, dane, self.exception.clone(), lowest);
        if otherwise.decision == SenderDecision::NotFound {
            return self.why_not_found();
        }
        let because = Self { exception: None, ..otherwise }.because(domain);
        format!(
            "default_level is not set, and what your mail server does by itself might be more: \
             nothing is asked for; else: {because}"
        )
    }

    fn why_not_found(&self) -> String {
        let without = "mail goes out as without MTA-STS";
        let enforced = self.sts.state(None) == StsState::Enforce;
        match &self.sts {
            Sts::Policy(_) | Sts::Pinned(_) if enforced && self.treats_as_testing() => {
                format!("the policy is treated as in mode testing: {without}")
            }
            Sts::Policy(_) | Sts::Pinned(_) if enforced => {
                "the mail server's own default level asks for more".to_owned()
            }
            Sts::Policy(policy) => {
                format!("the policy is in mode {}: {without}", policy.mode())
            }
            Sts::NoPolicy(absence) => format!("{}: {without}", absent(*absence)),
            Sts::Unknown => {
                format!("the policy could not be found out in time: {without} meanwhile")
            }
            Sts::Pinned(_) | Sts::NotAsked => without.to_owned(),
        }
    }

    fn treats_as_testing(&self) -> bool {
        self.exception.as_ref().is_some_and(|found| found.treatment == Treatment::Testing)
    }
}

impl Sts {
    /// The policy that holds, whatever its mode.
    fn policy(&self) -> Option<Policy> {
        match self {
            Self::Policy(fetched) => Some(fetched.policy()),
            Self::Pinned(policy) => Some(Policy::clone(policy)),
            Self::NoPolicy(_) | Self::Unknown | Self::NotAsked => None,
        }
    }

    /// Its mode.
    fn mode(&self) -> Option<Mode> {
        match self {
            Self::Policy(fetched) => Some(fetched.mode()),
            Self::Pinned(policy) => Some(policy.mode()),
            Self::NoPolicy(_) | Self::Unknown | Self::NotAsked => None,
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-5
    //# "testing": In this mode, Sending MTAs that also implement the
    //# TLSRPT (TLS Reporting) specification [RFC8460] send a report
    //# indicating policy application failures (as long as TLSRPT is also
    //# implemented by the recipient domain); in any case, messages may
    //# be delivered as though there were no MTA-STS validation failure.
    pub(crate) fn state(&self, treatment: Option<&Treatment>) -> StsState {
        let is_enforced = self.mode() == Some(Mode::Enforce);
        if is_enforced && treatment != Some(&Treatment::Testing) {
            StsState::Enforce
        } else {
            StsState::Other
        }
    }
}

impl From<Standing> for Sts {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Policy(policy) => Self::Policy(policy),
            Standing::NoPolicy(absence) => Self::NoPolicy(absence),
            Standing::Unknown => Self::Unknown,
        }
    }
}

/// By MTA-STS alone where DANE is not asked, else by both.
fn by_matrix(sts: StsState, dane: &Dane, treatment: Option<&Treatment>) -> SenderDecision {
    let forgives = treatment == Some(&Treatment::IgnoreDaneTempfail);
    let by_policy =
        SenderDecision::of(MxSecurity::Insecure, TlsaState::None, sts, MtaDnssec::Unproven);
    match dane {
        Dane::NotAsked => by_policy,
        Dane::Pending if forgives => by_policy,
        // Whoever could delay an answer could else strip DANE.
        Dane::Pending => SenderDecision::Temporary,
        Dane::Seen(route) if forgives => {
            let (mx, tlsa) = forgiven(route.mx, route.tlsa);
            SenderDecision::of(mx, tlsa, sts, MtaDnssec::Proven)
        }
        Dane::Seen(route) => SenderDecision::of(route.mx, route.tlsa, sts, MtaDnssec::Proven),
    }
}

/// The same, with failures taken for nothing.
fn forgiven(mx: MxSecurity, tlsa: TlsaState) -> (MxSecurity, TlsaState) {
    let tlsa = match tlsa {
        TlsaState::FailedAll | TlsaState::FailedNoneUsable => TlsaState::None,
        TlsaState::FailedSomeUsable => TlsaState::SomeUsable,
        TlsaState::AllUsable
        | TlsaState::SomeUsable
        | TlsaState::OnlyUnusable
        | TlsaState::None => tlsa,
    };
    match mx {
        MxSecurity::Failed => (MxSecurity::Insecure, tlsa),
        MxSecurity::Secure | MxSecurity::Insecure => (mx, tlsa),
    }
}

/// No delivery to hosts that prove nothing, if the operator wants it so.
fn require(
    decision: SenderDecision,
    treatment: Option<&Treatment>,
    level: OperatorLevel,
) -> SenderDecision {
    use OperatorLevel::{Dane, DaneOnly, Encrypted, Fingerprint, Opportunistic, Unknown, Verified};
    match (decision, level) {
        _ if treatment != Some(&Treatment::Require) => decision,
        // The mail server sees to it by itself.
        (SenderDecision::NotFound, Verified | DaneOnly | Fingerprint) => decision,
        (SenderDecision::NotFound, Unknown | Opportunistic | Dane | Encrypted)
        | (SenderDecision::Dane, _) => SenderDecision::Temporary,
        (SenderDecision::Secure | SenderDecision::DaneOnly | SenderDecision::Temporary, _) => {
            decision
        }
    }
}

fn absent(absence: Absence) -> String {
    match absence {
        Absence::NoRecord => "the domain has no STS record".to_owned(),
        Absence::RecordUnusable => {
            "the domain has several STS records, or an invalid one".to_owned()
        }
        Absence::RecordUnknown => "the STS record could not be looked up".to_owned(),
        Absence::FetchFailed(failure) => {
            format!("there is an STS record, but no policy ({})", failure.result_type())
        }
        Absence::ShortLived => {
            "the policy has expired so soon that it is not fetched yet".to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
