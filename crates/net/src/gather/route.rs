//! What a sender that uses DANE asks of a next hop: MX records, addresses, TLSA records, and what
//! DNSSEC says of each.

use futures_util::{StreamExt as _, stream};
use mail_domain::DomainName;
use sealpost_evidence::{HostAddresses, Lookup, MxRecord, MxSource, Security};
use sealpost_wire::postfix::HostLookup;

use super::{hosts, source, tlsa};
use crate::deadline::Deadline;
use crate::dns::MOST_MX_OF_A_ROUTE;
use crate::network::Network;

/// How many hosts of a next hop are asked about at a time. Hosts whose name servers say nothing
/// would else hold many sockets for one question of a mail server.
const HOSTS_AT_A_TIME: usize = 8;

/// How many hosts of a next hop are asked about, those of lowest preference first. What the operator
/// wants looked at of a domain has nothing to do with it: mail goes to its hosts whatever that is.
const MOST_HOSTS: usize = 64;

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
    /// Further hosts that the MX records name, beyond the first 64: nothing is known of them.
    pub left_out: usize,
}

/// One host of a next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteHost {
    /// The name, in lower case and without a trailing dot. It may hold underscores, which a
    /// [`DomainName`] does not: mail servers deliver to such hosts.
    pub name: String,
    /// Its addresses.
    pub addresses: HostAddresses,
    /// Its TLSA records, under each name that they may have (RFC 7672 §2.2.3); `None` where they
    /// were not asked for: a host whose addresses are not secure has no usable ones (RFC 7672
    /// §2.2.2).
    pub tlsa: Option<Vec<Lookup<Vec<String>>>>,
    /// For how many seconds the first link of its CNAME chain holds, where it was asked for by
    /// itself.
    pub link_ttl: Option<u32>,
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
            HostLookup::Mx => Some(
                self.means.dns.mail_exchangers(domain.as_str(), MOST_MX_OF_A_ROUTE, deadline).await,
            ),
            HostLookup::Address => None,
        };
        let names = match records.as_ref().map(|records| (source(records), records)) {
            None | Some((MxSource::Implicit, _)) => vec![domain.as_str().to_owned()],
            Some((MxSource::Records, records)) => host_names(records),
            Some((MxSource::Null | MxSource::NoSuchDomain | MxSource::Unknown, _)) => Vec::new(),
        };
        let left_out = names.len().saturating_sub(MOST_HOSTS);
        // Boxed: it has kilobytes, and is moved several times before it begins.
        let host = |name: String| {
            Box::pin(async move {
                let addresses = self.means.dns.addresses(&name, deadline).await;
                let answers = self.tlsa(&name, next_hop.port, &addresses, deadline).await;
                let records = |lookups: Vec<_>| lookups.into_iter().map(|(_, records)| records);
                let tlsa = answers.lookups.map(|lookups| records(lookups).collect());
                RouteHost { name, addresses, tlsa, link_ttl: answers.link_ttl }
            })
        };
        let hosts =
            stream::iter(names.into_iter().take(MOST_HOSTS)).map(host).buffered(HOSTS_AT_A_TIME);
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
        let records = self.records.iter().map(Lookup::ttl);
        let hosts = self.hosts.iter().flat_map(|host| {
            let addresses = [host.addresses.ipv4.ttl(), host.addresses.ipv6.ttl()];
            let tlsa = host.tlsa.iter().flatten().map(Lookup::ttl);
            addresses.into_iter().chain(tlsa).chain(host.link_ttl)
        });
        records.chain(hosts).min().unwrap_or(0)
    }
}

/// The hosts of MX records that are domain names as they stand. No policy allows another.
pub(super) fn names(records: &Lookup<Vec<MxRecord>>) -> Vec<DomainName> {
    let parsed = |name: String| DomainName::parse(&name).ok().filter(|it| it.as_str() == name);
    host_names(records).into_iter().filter_map(parsed).collect()
}

/// The hosts of MX records to which mail may go. Nobody can deliver to another.
fn host_names(records: &Lookup<Vec<MxRecord>>) -> Vec<String> {
    let listed = hosts(records.value().into_iter().flatten()).into_iter();
    listed.map(|(name, _)| name).filter(|name| tlsa::is_host_name(name)).collect()
}

#[cfg(test)]
mod tests;
