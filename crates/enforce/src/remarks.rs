//! What a TLS report should say of a next hop beside its sessions: what no mail server can see.

mod remarker;
pub use remarker::Remarker;
pub(crate) use remarker::Unremarked;

use mail_domain::DomainName;
use mta_sts::{
    Mode, Policy,
    cache::{Absence, FetchedPolicy},
};
use sealpost_evidence::LookupFaultKind;
use sealpost_rules::matrix::{Holding, OperatorLevel, SenderDecision};
use sealpost_store::sessions::SenderRemark;
use tls_rpt::{PolicyType, ResultType, SeenPolicy, SessionFailure};

use crate::{Dane, Decided, RouteSeen, Sts, Treatment};

/// The reason of a host that the policy does not name. There is no result type for it (RFC 8460
/// section 4.3); this is what others write.
const NOT_IN_POLICY: &str = "mtasts-policy-mx-mismatch";

impl Decided {
    /// Whether there may be something to remark.
    pub(crate) fn may_be_remarked(&self) -> bool {
        let of_sts = match &self.sts {
            Sts::Policy(policy) => policy.mode() != Mode::None,
            Sts::NoPolicy(absence) => matches!(absence, Absence::FetchFailed(_)),
            Sts::Pinned(_) | Sts::Unknown | Sts::NotAsked => false,
        };
        of_sts || matches!(&self.dane, Dane::Seen(_))
    }

    /// Whether the policy decides, or would in mode enforce, about the hosts that mail goes to: then
    /// it matters which ones there are.
    pub(crate) fn is_held_against_policy(&self) -> bool {
        self.held().is_some() && !self.follows_dane()
    }

    /// What is to be told beside the sessions, where the domain has these MX hosts.
    pub(crate) fn remarks(&self, domain: &DomainName, hosts: &[DomainName]) -> Vec<SenderRemark> {
        if self.treatment() == Some(&Treatment::Off) {
            return Vec::new();
        }
        let mut remarks = Vec::new();
        if let Sts::NoPolicy(Absence::FetchFailed(failure)) = &self.sts {
            let failure = SessionFailure::new(ResultType::from(failure.result_type()));
            let policy = SeenPolicy::new(PolicyType::Sts, domain.clone());
            remarks.push(SenderRemark { policy, failure: Some(failure) });
        }
        if let Some((fetched, policy)) = self.held() {
            let seen = SeenPolicy::of_sts(domain.clone(), fetched.text(), policy.mx());
            if self.is_held_against_policy() {
                let skipped = hosts.iter().filter(|host| policy.covers(host).is_none());
                remarks.extend(skipped.map(|host| skipped_host(&seen, host)));
            }
            // In mode testing it decides about nothing, and sessions are told as without it.
            if policy.mode() == Mode::Enforce || self.follows_dane() {
                remarks.push(SenderRemark { policy: seen, failure: None });
            }
        }
        if let Dane::Seen(route) = &self.dane {
            remarks.extend(self.dane_remarks(domain, route));
        }
        remarks
    }

    /// The policy that the domain publishes and that holds, enforced or in mode testing.
    fn held(&self) -> Option<(&FetchedPolicy, Policy)> {
        match &self.sts {
            Sts::Policy(fetched) if fetched.mode() != Mode::None => {
                Some((fetched, fetched.policy()))
            }
            _ => None,
        }
    }

    fn follows_dane(&self) -> bool {
        matches!(self.decision, SenderDecision::Dane | SenderDecision::DaneOnly)
    }

    fn treatment(&self) -> Option<&Treatment> {
        self.exception.as_ref().map(|exception| &exception.treatment)
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.2.1
    //# "dane-required": This indicates that the sending system is
    //# configured to require DANE TLSA records for all the MX hosts of
    //# the destination domain, but no DNSSEC-validated TLSA records were
    //# present for the MX host that is the subject of the report.
    /// Whether mail goes to no host without TLSA records that count.
    fn requires_dane(&self) -> bool {
        match self.decision {
            SenderDecision::DaneOnly => true,
            SenderDecision::Temporary => self.treatment() == Some(&Treatment::Require),
            SenderDecision::NotFound => self.level == OperatorLevel::DaneOnly,
            SenderDecision::Dane | SenderDecision::Secure => false,
        }
    }

    fn dane_remarks(&self, domain: &DomainName, route: &RouteSeen) -> Vec<SenderRemark> {
        let invalid = route.invalid.iter().map(|invalid| {
            let what =
                if invalid.host.is_none() { "mx-records" } else { "address-or-tlsa-records" };
            let how = match invalid.kind {
                LookupFaultKind::Bogus => "dnssec-bogus",
                _ => "server-failure",
            };
            let host = invalid.host.as_ref();
            dane_remark(domain, host, ResultType::DnssecInvalid, Some(format!("{what}:{how}")))
        });
        let required = self.requires_dane().then_some(ResultType::DaneRequired);
        let hosts = route.hosts.iter().filter_map(|(host, holding)| {
            let result_type = match holding {
                Holding::Unusable => ResultType::TlsaInvalid,
                Holding::Nothing => required.clone()?,
                Holding::Usable | Holding::Failed => return None,
            };
            Some(dane_remark(domain, Some(host), result_type, None))
        });
        invalid.chain(hosts).collect()
    }
}

fn skipped_host(policy: &SeenPolicy, host: &DomainName) -> SenderRemark {
    let failure = SessionFailure {
        receiving_mx_hostname: Some(host.clone()),
        failure_reason_code: Some(NOT_IN_POLICY.to_owned()),
        ..SessionFailure::new(ResultType::ValidationFailure)
    };
    SenderRemark { policy: policy.clone(), failure: Some(failure) }
}

/// A remark on the TLSA records of a host, or on the way to the hosts.
fn dane_remark(
    domain: &DomainName,
    host: Option<&DomainName>,
    result_type: ResultType,
    reason: Option<String>,
) -> SenderRemark {
    let failure = SessionFailure {
        receiving_mx_hostname: host.cloned(),
        failure_reason_code: reason,
        ..SessionFailure::new(result_type)
    };
    let policy = SeenPolicy::new(PolicyType::Tlsa, host.unwrap_or(domain).clone());
    SenderRemark { policy, failure: Some(failure) }
}

#[cfg(test)]
mod tests;
