//! What a sender that uses DANE asks of a next hop: MX records, addresses, TLSA records, and what
//! DNSSEC says of each.

use futures_util::{StreamExt as _, stream};
use mail_domain::DomainName;
use sealpost_evidence::{HostAddresses, Lookup, MxRecord, MxSource, Security, TlsaLookup};
use sealpost_wire::postfix::HostLookup;

use super::{hosts, source, tlsa};
use crate::deadline::Deadline;
use crate::network::Network;

/// How many hosts of a next hop are asked about at a time. Hosts whose name servers say nothing
/// would else hold many sockets for one question of a mail server.
const HOSTS_AT_A_TIME: usize = 8;

/// Where mail is to go: a domain, or a relay that the operator chose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// The name.
    pub domain: DomainName,
    /// How its hosts are found.
    pub hosts: HostLookup,
    /// The port, which is part of the names of TLSA records.
    pub port: u16,
}

/// The hosts of a next hop, and what the DNS says of them. No host was connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRoute {
    /// The MX record set; `None` where the next hop names the host itself.
    pub records: Option<Lookup<Vec<MxRecord>>>,
    /// The hosts by preference, each once; empty if the domain takes no mail (RFC 7505), does not
    /// exist, or its MX records are not known.
    pub hosts: Vec<RouteHost>,
    /// Further hosts that the MX records name, beyond [`Limits::mail_hosts`](crate::Limits): nothing
    /// is known of them.
    pub left_out: usize,
}

/// One host of a next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteHost {
    /// The name.
    pub name: DomainName,
    /// Its addresses.
    pub addresses: HostAddresses,
    /// Its TLSA records, under each name that they may have (RFC 7672 §2.2.3); `None` where they
    /// were not asked for: a host whose addresses are not secure has no usable ones (RFC 7672
    /// §2.2.2).
    pub tlsa: Option<Vec<TlsaLookup>>,
}

impl NextHop {
    /// The MX hosts of a domain, at the port of SMTP.
    pub fn of_domain(domain: DomainName) -> Self {
        Self { domain, hosts: HostLookup::Mx, port: tlsa::SMTP }
    }
}

impl Network {
    /// The hosts to which mail for a next hop goes, with their addresses and TLSA records: three
    /// round trips, one after the other, for up to eight hosts.
    ///
    /// It takes no longer than [`Deadlines::domain`](crate::Deadlines::domain).
    pub async fn mail_route(&self, next_hop: &NextHop) -> MailRoute {
        let deadline = Deadline::after(self.means.deadlines.domain);
        let domain = &next_hop.domain;
        let records = match next_hop.hosts {
            HostLookup::Mx => Some(self.means.dns.mail_exchangers(domain.as_str(), deadline).await),
            HostLookup::Address => None,
        };
        let names = match records.as_ref().map(|records| (source(records), records)) {
            None | Some((MxSource::Implicit, _)) => vec![domain.clone()],
            Some((MxSource::Records, records)) => names(records),
            Some((MxSource::Null | MxSource::NoSuchDomain | MxSource::Unknown, _)) => Vec::new(),
        };
        let most = self.means.limits.mail_hosts;
        let left_out = names.len().saturating_sub(most);
        let host = async |name: DomainName| {
            let addresses = self.means.dns.addresses(name.as_str(), deadline).await;
            let tlsa = self.tlsa(&name, next_hop.port, &addresses, deadline).await;
            RouteHost { name, addresses, tlsa }
        };
        let hosts = stream::iter(names.into_iter().take(most)).map(host).buffered(HOSTS_AT_A_TIME);
        MailRoute { hosts: hosts.collect().await, records, left_out }
    }
}

impl MailRoute {
    /// Whether the domain says that it takes no mail (RFC 7505), or does not exist.
    pub fn takes_no_mail(&self) -> bool {
        let source = self.records.as_ref().map(source);
        matches!(source, Some(MxSource::Null | MxSource::NoSuchDomain))
    }

    /// Whether somebody can say if what the MX look-up found or denied is secure.
    pub fn is_judged(&self) -> bool {
        match &self.records {
            None => true,
            Some(Lookup::Found(found)) => found.security != Security::Indeterminate,
            Some(Lookup::Absent(absence)) => absence.security != Security::Indeterminate,
            Some(Lookup::Unknown(_)) => false,
        }
    }

    /// For how many seconds all of this may be relied on: the smallest TTL of all that was found or
    /// denied. Zero if something could not be told, or a denial does not say how long it holds.
    pub fn ttl(&self) -> u32 {
        let records = self.records.iter().map(ttl);
        let hosts = self.hosts.iter().flat_map(|host| {
            let addresses = [ttl(&host.addresses.ipv4), ttl(&host.addresses.ipv6)];
            let tlsa = host.tlsa.iter().flatten().map(|lookup| ttl(&lookup.records));
            addresses.into_iter().chain(tlsa)
        });
        records.chain(hosts).min().unwrap_or(0)
    }
}

/// The hosts of MX records that are domain names as they stand. Nobody can deliver to another.
pub(super) fn names(records: &Lookup<Vec<MxRecord>>) -> Vec<DomainName> {
    let listed = hosts(records.value().into_iter().flatten());
    let parsed = |(name, _): (String, u16)| {
        DomainName::parse(&name).ok().filter(|domain| domain.as_str() == name)
    };
    listed.into_iter().filter_map(parsed).collect()
}

fn ttl<T>(lookup: &Lookup<T>) -> u32 {
    match lookup {
        Lookup::Found(found) => found.ttl,
        Lookup::Absent(absence) => absence.ttl,
        Lookup::Unknown(_) => 0,
    }
}
