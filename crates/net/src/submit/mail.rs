//! A mail on its way: to the MX hosts of its recipient, to a relay, or to a program.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::{ConnectionFaultKind, HostAddresses, Lookup, MxRecord, MxSource};
use sealpost_wire::smtp::client::{Cause, DispatchStage, Fate, Outgoing};
use sealpost_wire::smtp::server::Mailbox;
use tls_rpt::MailAddress;

use super::dialogue::{Handed, Handing};
use super::relay::RelayHost;
use super::{Acceptance, Letter, MailWay, Relay, SubmitFault, Submitted};
use crate::deadline::Deadline;
use crate::dns::MOST_MX;
use crate::gather::{chosen, hosts, source};
use crate::guard::Guard;
use crate::network::Network;

/// The most addresses of one host that are tried.
const MOST_ADDRESSES: usize = 4;

/// The most faults that are told of.
const MOST_FAULTS: usize = 4;

impl Network {
    /// Sends a mail, and waits until somebody has taken it or all has been tried; at most
    /// `patience`, which RFC 5321 section 4.5.3.2 has be half an hour or so.
    ///
    /// The hosts are tried in the order of RFC 5321 section 5.1, those of one preference in any.
    pub async fn submit_mail(
        &self,
        letter: &Letter<'_>,
        way: &MailWay,
        patience: Duration,
    ) -> Submitted {
        let deadline = Deadline::after(patience);
        let outgoing = match outgoing(letter) {
            Ok(outgoing) => outgoing,
            Err(fault) => return Submitted::Refused(fault),
        };
        match way {
            MailWay::Program(program) => program.hand_over(letter, patience).await,
            MailWay::Relay(relay) => self.relay(&outgoing, relay, deadline).await,
            MailWay::Direct => self.direct(&outgoing, letter.recipient.domain(), deadline).await,
        }
    }

    async fn relay(&self, outgoing: &Outgoing, relay: &Relay, deadline: Deadline) -> Submitted {
        let mut attempt = Attempt::new(self, outgoing, relay.port, Guard::open());
        match &relay.host {
            RelayHost::Domain(name) => attempt.host(name, deadline).await,
            RelayHost::Address(address) => attempt.address(None, *address, deadline).await,
        }
        .unwrap_or_else(|| attempt.sum())
    }

    async fn direct(
        &self,
        outgoing: &Outgoing,
        domain: &DomainName,
        deadline: Deadline,
    ) -> Submitted {
        let records = self.means.dns.mail_exchangers(domain.as_str(), MOST_MX, deadline).await;
        let hosts = match source(&records) {
            MxSource::Unknown => {
                let text = records.fault().map(|fault| fault.text.as_str()).unwrap_or_default();
                let text = format!("the MX records of {domain} could not be looked up: {text}");
                return Submitted::later(SubmitFault::new(text));
            }
            // RFC 7505, and a domain that is not there: no mail can be meant for it.
            MxSource::Null => {
                let text = format!("{domain} takes no mail: it has a null MX record");
                return Submitted::Refused(SubmitFault::new(text));
            }
            MxSource::NoSuchDomain => {
                let text = format!("the domain {domain} does not exist");
                return Submitted::Refused(SubmitFault::new(text));
            }
            MxSource::Implicit => vec![domain.clone()],
            MxSource::Records => in_order_of_trial(&records),
        };
        let guard = self.means.guard.clone();
        let mut attempt = Attempt::new(self, outgoing, self.means.smtp_port, guard);
        if hosts.is_empty() {
            attempt.refused(SubmitFault::new(format!("no MX record of {domain} names a host")));
        }
        for host in hosts.iter().take(self.means.limits.mail_hosts) {
            if let Some(submitted) = attempt.host(host, deadline).await {
                return submitted;
            }
        }
        attempt.sum()
    }
}

/// The hosts of MX records by preference, those of one preference in an order that is another one
/// each time.
//= https://www.rfc-editor.org/rfc/rfc5321#section-5.1
//# If there are multiple
//# destinations with the same preference and there is no clear reason to
//# favor one (e.g., by recognition of an easily reached address), then
//# the sender-SMTP MUST randomize them to spread the load across
//# multiple mail exchangers for a specific organization.
fn in_order_of_trial(records: &Lookup<Vec<MxRecord>>) -> Vec<DomainName> {
    let mut listed = hosts(records.value().into_iter().flatten());
    let random = RandomState::new();
    listed.sort_by_key(|(name, preference)| (*preference, random.hash_one(name)));
    let parsed = |(name, _): &(String, u16)| {
        DomainName::parse(name).ok().filter(|domain| domain.as_str() == name)
    };
    listed.iter().filter_map(parsed).collect()
}

fn outgoing(letter: &Letter<'_>) -> Result<Outgoing, SubmitFault> {
    let mailbox = |address: &MailAddress| {
        Mailbox::parse(&address.to_string()).map_err(|error| SubmitFault::new(error.to_string()))
    };
    let sender = letter.sender.map(mailbox).transpose()?;
    Outgoing::new(sender, vec![mailbox(letter.recipient)?], letter.octets.to_vec())
        .map_err(|error| SubmitFault::new(error.to_string()))
}

/// What was tried so far.
struct Attempt<'a> {
    network: &'a Network,
    outgoing: &'a Outgoing,
    port: u16,
    guard: Guard,
    faults: Vec<SubmitFault>,
    /// Whether some fault may pass.
    may_pass: bool,
}

impl<'a> Attempt<'a> {
    fn new(network: &'a Network, outgoing: &'a Outgoing, port: u16, guard: Guard) -> Self {
        Self { network, outgoing, port, guard, faults: Vec::new(), may_pass: false }
    }

    /// Tries the addresses of a host; `Some` if that decides it.
    async fn host(&mut self, name: &DomainName, deadline: Deadline) -> Option<Submitted> {
        if deadline.has_passed() {
            self.later(SubmitFault::at(name.as_str(), "not tried: the time was over"));
            return None;
        }
        let addresses = self.network.means.dns.addresses(name.as_str(), deadline).await;
        let targets = chosen(&addresses, MOST_ADDRESSES);
        if targets.is_empty() {
            self.without_address(name, &addresses);
        }
        for address in targets {
            if let Some(submitted) = self.address(Some(name), address, deadline).await {
                return Some(submitted);
            }
        }
        None
    }

    fn without_address(&mut self, name: &DomainName, addresses: &HostAddresses) {
        let unknown = [addresses.ipv4.fault(), addresses.ipv6.fault()].into_iter().flatten().next();
        match unknown {
            Some(fault) => {
                let text = format!("its addresses could not be looked up: {}", fault.text);
                self.later(SubmitFault::at(name.as_str(), text));
            }
            None => self.refused(SubmitFault::at(name.as_str(), "it has no address")),
        }
    }

    /// Tries one address; `Some` if that decides it.
    async fn address(
        &mut self,
        name: Option<&DomainName>,
        address: IpAddr,
        deadline: Deadline,
    ) -> Option<Submitted> {
        let place = match name {
            Some(name) => format!("{name} [{address}]"),
            None => address.to_string(),
        };
        let handing = Handing {
            means: &self.network.means,
            host: name,
            guard: &self.guard,
            outgoing: self.outgoing,
        };
        let target = SocketAddr::new(address, self.port);
        let (fate, protection) = match handing.at(target, deadline).await {
            Handed::Told { fate, protection } => (fate, protection),
            Handed::Unreached(fault) => {
                let fits = fault.kind == ConnectionFaultKind::NotRoutable;
                let fault = SubmitFault::at(&place, fault.text);
                if fits {
                    self.refused(fault)
                } else {
                    self.later(fault)
                }
                return None;
            }
        };
        match fate {
            Fate::Delivered(reply) => {
                let answer = crate::text::printable(&reply.to_string());
                Some(Submitted::Accepted(Acceptance { place, answer, protection }))
            }
            Fate::Temporary(cause) => {
                let fault = SubmitFault::at(&place, cause.to_string());
                // It may have been taken: another host would make two of it.
                if is_under_way(&cause) {
                    return Some(Submitted::later(fault));
                }
                self.later(fault);
                None
            }
            Fate::Permanent(cause) => {
                let fault = SubmitFault::at(&place, cause.to_string());
                if !cause.is_of_host() {
                    return Some(Submitted::Refused(fault));
                }
                self.refused(fault);
                None
            }
        }
    }

    fn later(&mut self, fault: SubmitFault) {
        self.may_pass = true;
        self.faults.push(fault);
    }

    fn refused(&mut self, fault: SubmitFault) {
        self.faults.push(fault);
    }

    /// Nobody took it.
    fn sum(&self) -> Submitted {
        let fault = match self.faults.as_slice() {
            [only] => only.clone(),
            faults => {
                let told: Vec<String> =
                    faults.iter().take(MOST_FAULTS).map(ToString::to_string).collect();
                SubmitFault::new(told.join("; "))
            }
        };
        if self.may_pass { Submitted::later(fault) } else { Submitted::Refused(fault) }
    }
}

fn is_under_way(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Closed { stage: DispatchStage::Message }
            | Cause::NoAnswer { stage: DispatchStage::Message }
            | Cause::Garbage { stage: DispatchStage::Message, .. }
    )
}
