//! What a sender asks of a domain: the STS record, the policy, the MX hosts; each alone.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use mail_domain::DomainName;
use mta_sts::PolicyError;
use mta_sts::cache::{FetchFailure, FetchedPolicy};
use sealpost_evidence::{
    BodyEnd, CertificateFault, ConnectionFault, FetchOutcome, Lookup, LookupFault, MxSource,
    PolicyFetch, TextRecord, TlsSession,
};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::courtesy::Service;
use super::route::names;
use super::{POLICY_PATH, chosen, fetch_from, source};
use crate::deadline::Deadline;
use crate::dns::{Freshness, MOST_MX_OF_A_ROUTE};
use crate::https::Purpose;
use crate::network::Network;

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//# A suggested timeout is
//# one minute, and a suggested maximum policy size is 64 kilobytes;
/// How long a fetch may take, with all addresses of the policy host.
const LONGEST_FETCH: Duration = Duration::from_mins(1);
/// How long an address may be silent before the next one is asked beside it.
const HEAD_START: Duration = Duration::from_millis(250);

impl Network {
    /// The TXT records at `_mta-sts.` and the domain.
    pub async fn sts_records(
        &self,
        domain: &DomainName,
        freshness: Freshness,
    ) -> Lookup<Vec<TextRecord>> {
        let deadline = Deadline::after(self.means.deadlines.domain);
        self.means.dns.texts_of(&format!("_mta-sts.{domain}"), freshness, deadline).await
    }

    /// The TXT records of a name, such as the key of a signature.
    pub async fn text_records(&self, name: &str) -> Lookup<Vec<TextRecord>> {
        let deadline = Deadline::after(self.means.deadlines.domain);
        self.means.dns.texts(name, deadline).await
    }

    /// Fetches the policy of a domain, as RFC 8461 §3.3 has it. The addresses of the policy host are
    /// asked one after the other, each a little before the one before it is given up; the first that
    /// serves a usable policy counts.
    ///
    /// It takes a minute at most, and no longer than [`Deadlines::domain`](crate::Deadlines::domain).
    /// Half of that may pass before an address has a turn for it. Freshness is about its addresses: a
    /// policy is never taken from a cache.
    ///
    /// # Errors
    ///
    /// [`PolicyFetchError`] says for each address what was wrong. A cached policy still applies.
    pub async fn sts_policy(
        &self,
        domain: &DomainName,
        freshness: Freshness,
    ) -> Result<FetchedPolicy, PolicyFetchError> {
        let Ok(host) = domain.child("mta-sts") else { return Err(PolicyFetchError::NoHost) };
        let patience = self.means.deadlines.domain.min(LONGEST_FETCH);
        let (deadline, latest_turn) = (Deadline::after(patience), Deadline::after(patience / 2));
        let kinds = [RecordType::A, RecordType::AAAA];
        self.means.dns.refresh(host.as_str(), &kinds, freshness);
        let addresses = self.means.dns.addresses(host.as_str(), deadline).await;
        let mut waiting = chosen(&addresses, self.means.limits.addresses).into_iter();
        if waiting.len() == 0 {
            let fault =
                [addresses.ipv4.fault(), addresses.ipv6.fault()].into_iter().flatten().next();
            return Err(match fault {
                Some(fault) => PolicyFetchError::AddressesUnknown(fault.clone()),
                None => PolicyFetchError::NoAddress,
            });
        }
        let path = Arc::<str>::from(POLICY_PATH);
        // Thousands of domains may have their policies at one provider.
        let server =
            Arc::<str>::from(addresses.aliases().last().map_or(host.as_str(), String::as_str));
        let mut running = JoinSet::new();
        let (mut failed, mut untried) = (Vec::new(), None);
        loop {
            if running.len() < self.means.limits.parallel
                && let Some(address) = waiting.next()
            {
                let target = SocketAddr::new(address, self.means.https_port);
                let (means, host, path) = (self.means.clone(), host.clone(), path.clone());
                let server = Arc::clone(&server);
                running.spawn(async move {
                    let courtesy = Arc::clone(&means);
                    let turn = courtesy.fetches.turn(&server, address, Service::Https);
                    let turn = latest_turn.bound(turn).await.ok()?;
                    let fetch = fetch_from(means, host, path, Purpose::Policy, target, deadline);
                    Some(turn.while_young(fetch).await)
                });
            }
            let fetch = tokio::select! {
                biased;
                ended = running.join_next() => match ended {
                    Some(Ok(Some(fetch))) => fetch,
                    Some(Ok(None)) => {
                        untried = Some(PolicyFetchError::NotTried);
                        continue;
                    }
                    // It has panicked: it brought nothing.
                    Some(Err(_)) => continue,
                    // What the others would have served is not known.
                    None => return Err(untried.unwrap_or(PolicyFetchError::Unusable(failed))),
                },
                () = sleep(HEAD_START), if waiting.len() > 0 => continue,
            };
            let address = fetch.address;
            match usable(fetch) {
                Ok(policy) => return Ok(policy),
                Err(fault) => failed.push(AddressFault { address, fault }),
            }
        }
    }

    /// The hosts that receive the domain's mail, by preference: those of its MX records, or the
    /// domain itself where it has none (RFC 5321 §5.1). Empty if it takes no mail (RFC 7505). A name
    /// that is no domain name is left out: nobody can deliver there.
    ///
    /// # Errors
    ///
    /// The fault of the look-up, if it could not be told.
    pub async fn mx_hosts(&self, domain: &DomainName) -> Result<Vec<DomainName>, LookupFault> {
        let deadline = Deadline::after(self.means.deadlines.domain);
        let records =
            self.means.dns.mail_exchangers(domain.as_str(), MOST_MX_OF_A_ROUTE, deadline).await;
        match source(&records) {
            MxSource::Implicit => return Ok(vec![domain.clone()]),
            MxSource::Null | MxSource::NoSuchDomain => return Ok(Vec::new()),
            MxSource::Records | MxSource::Unknown => {}
        }
        if let Some(fault) = records.fault() {
            return Err(fault.clone());
        }
        Ok(names(&records))
    }
}

/// The policy that a fetch brought, by the rules for senders.
fn usable(fetch: PolicyFetch) -> Result<FetchedPolicy, PolicyFault> {
    let PolicyFetch { tls, outcome, .. } = fetch;
    let reply = match outcome {
        FetchOutcome::Failed(fault) => return Err(PolicyFault::Connection(fault)),
        FetchOutcome::Replied(reply) => reply,
    };
    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
    //# MUST present an X.509 certificate that is valid for the "mta-sts"
    //# DNS-ID [RFC6125] (e.g., "mta-sts.example.com") as described below,
    //# chain to a root CA that is trusted by the Sending MTA, and be non-
    //# expired.
    if !tls.as_ref().is_some_and(TlsSession::is_verified) {
        let faults = tls.map(|session| session.faults).unwrap_or_default();
        return Err(PolicyFault::Certificate(faults));
    }
    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
    //# Policies fetched via HTTPS are only valid if the HTTP response code
    //# is 200 (OK).  HTTP 3xx redirects MUST NOT be followed
    if reply.status != 200 {
        return Err(PolicyFault::Status(reply.status));
    }
    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
    //# When fetching a policy, senders SHOULD validate that the media type
    //# is "text/plain"
    if !reply.is_text_plain() {
        return Err(PolicyFault::MediaType(reply.content_type));
    }
    if let Some(encoding) = reply.content_encoding
        && !encoding.trim().eq_ignore_ascii_case("identity")
    {
        return Err(PolicyFault::Encoding(encoding));
    }
    match reply.body_end {
        BodyEnd::Complete | BodyEnd::ClosedCleanly => {
            FetchedPolicy::parse(reply.body.as_slice()).map_err(PolicyFault::Policy)
        }
        end => Err(PolicyFault::Body(end)),
    }
}

/// Why no policy could be fetched. Whatever it is, a cached policy still applies (RFC 8461 §3.3).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFetchError {
    /// The domain's name is too long to have a policy host.
    #[error("fetch the policy: the domain's name is too long to have a policy host")]
    NoHost,
    /// The policy host has no address.
    #[error("fetch the policy: the policy host has no address")]
    NoAddress,
    /// The addresses of the policy host could not be looked up.
    #[error("look up the policy host: {}", .0.text)]
    AddressesUnknown(LookupFault),
    /// An address of the policy host was not asked: too many others were being asked there for too
    /// long. It says nothing of the domain.
    #[error("fetch the policy: too much else is being fetched from the address of the policy host")]
    NotTried,
    /// No address of the policy host served a usable policy.
    #[error("fetch the policy: {}", listed(.0))]
    Unusable(Vec<AddressFault>),
}

/// What was wrong at one address of the policy host.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressFault {
    /// The address.
    pub address: IpAddr,
    /// What was wrong there.
    pub fault: PolicyFault,
}

/// Why what one address of a policy host served is no policy to use.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// No reply came.
    #[error("{}: {}", .0.stage.as_str(), .0.text)]
    Connection(ConnectionFault),
    /// The certificate is not valid for the policy host. What it served was not read.
    #[error("{}", certificate(.0))]
    Certificate(Vec<CertificateFault>),
    /// The status is not 200.
    #[error("the status is {0}, not 200")]
    Status(u16),
    /// The media type is not `text/plain`.
    #[error("the media type is not text/plain")]
    MediaType(Option<String>),
    /// The body is encoded, though no encoding was asked for.
    #[error("the body has a content encoding")]
    Encoding(String),
    /// The body was cut, too long, or too slow.
    #[error("{}", body(*.0))]
    Body(BodyEnd),
    /// The body is no valid policy.
    #[error(transparent)]
    Policy(PolicyError),
}

impl PolicyFetchError {
    /// What a cache remembers of it: of several addresses, the fault of the one where most went well.
    pub fn failure(&self) -> FetchFailure {
        let Self::Unusable(faults) = self else { return FetchFailure::NotFetched };
        let has = |failure| faults.iter().any(|fault| fault.fault.failure() == failure);
        [FetchFailure::PolicyInvalid, FetchFailure::CertificateInvalid]
            .into_iter()
            .find(|failure| has(*failure))
            .unwrap_or(FetchFailure::NotFetched)
    }
}

impl PolicyFault {
    fn failure(&self) -> FetchFailure {
        match self {
            Self::Policy(_) => FetchFailure::PolicyInvalid,
            Self::Certificate(_) => FetchFailure::CertificateInvalid,
            _ => FetchFailure::NotFetched,
        }
    }
}

impl fmt::Display for AddressFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.fault)
    }
}

fn listed(faults: &[AddressFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn certificate(faults: &[CertificateFault]) -> String {
    if faults.is_empty() {
        return "the policy host showed no certificate".to_owned();
    }
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    format!("the certificate {}", faults.join(", and it "))
}

fn body(end: BodyEnd) -> &'static str {
    match end {
        BodyEnd::Cut => "the connection ended within the body",
        BodyEnd::OverLimit => "the body is longer than 65536 octets",
        BodyEnd::TimedOut => "the body did not come to its end in time",
        BodyEnd::Complete | BodyEnd::ClosedCleanly => "the body came whole",
    }
}

#[cfg(test)]
mod tests;
