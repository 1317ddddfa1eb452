//! What is known of a domain, to be joined with what was reported.

use std::net::{IpAddr, Ipv4Addr};

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_evidence::traffic::{Day, FailureHistory};
use sealpost_evidence::{Evidence, Lookup, MailHosts, MxSource};

/// What is known of a domain. Each part may be missing; then less can be said.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The day as of which it is judged.
    pub today: Day,
    /// A live look at the domain, the newest.
    pub evidence: Option<&'a Evidence>,
    /// An earlier look, for what has changed since: best the last one before the failures began.
    pub earlier: Option<&'a Evidence>,
    /// The MX hosts of all looks that are kept of the time in which the failures occurred.
    pub past_hosts: Option<&'a KnownHosts>,
    /// The policy as the newest report of the group gives it.
    pub reported: Option<ReportedPolicy<'a>>,
    /// The MTA-STS policies that are known to have been published, oldest first. The last one is that
    /// of now, unless the evidence shows another.
    pub policies: &'a [PublishedPolicy],
    /// The MX hosts of now; `None` if not known; then they are taken from the evidence.
    pub mail_hosts: Option<&'a KnownHosts>,
    /// The history of this kind of failure at this reporter: since when it occurs.
    pub history: Option<&'a FailureHistory>,
    /// When the range of the first report that told of the group was over, in seconds since 1970. A look
    /// after it is a look after the sessions of that report; where it is not known, after the day of the
    /// last ones.
    pub first_end: Option<i64>,
}

/// A policy as a report gives it: texts of a stranger.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportedPolicy<'a> {
    /// `policy-string`.
    pub strings: &'a [String],
    /// `mx-host`, in which reporters put the patterns of the policy.
    pub mx_hosts: &'a [String],
}

/// A policy that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPolicy {
    /// Since which day, if that is known. It holds until the next one of the list begins.
    pub since: Option<Day>,
    /// The policy.
    pub policy: Policy,
}

/// The MX hosts of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts {
    /// The hosts.
    pub hosts: Vec<KnownHost>,
    /// Are these all the hosts that there are? Only then is another one a stranger.
    pub names_are_whole: bool,
    /// Are these all the addresses of all hosts? Only then is another one a stranger's.
    pub addresses_are_whole: bool,
}

/// One MX host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHost {
    /// Its name in the MX record.
    pub name: DomainName,
    /// Other names of it: those that a CNAME leads to.
    pub aliases: Vec<DomainName>,
    /// Its addresses, past ones too where they are known.
    pub addresses: Vec<IpAddr>,
}

impl Known<'_> {
    /// Nothing but the day.
    pub fn nothing(today: Day) -> Self {
        Self {
            today,
            evidence: None,
            earlier: None,
            past_hosts: None,
            reported: None,
            policies: &[],
            mail_hosts: None,
            history: None,
            first_end: None,
        }
    }
}

impl KnownHosts {
    /// The MX hosts as they were seen; `None` if they were not looked at, or the look-up failed.
    pub fn of(evidence: &Evidence) -> Option<Self> {
        let mail = evidence.mail_hosts.as_ref()?;
        if !matches!(mail.source, MxSource::Records | MxSource::Implicit) {
            return None;
        }
        let mut hosts = Vec::new();
        let mut addresses_are_whole = true;
        for host in &mail.hosts {
            let Some(name) = host.domain.clone() else {
                // Senders may find the way to it all the same.
                addresses_are_whole = false;
                continue;
            };
            let Some(found) = &host.addresses else {
                addresses_are_whole = false;
                hosts.push(KnownHost { name, aliases: Vec::new(), addresses: Vec::new() });
                continue;
            };
            addresses_are_whole &= !matches!(found.ipv4, Lookup::Unknown(_))
                && !matches!(found.ipv6, Lookup::Unknown(_));
            let aliases = found.aliases().iter().filter_map(|alias| DomainName::parse(alias).ok());
            hosts.push(KnownHost { name, aliases: aliases.collect(), addresses: found.all() });
        }
        // Hosts that were too many to be looked at.
        for name in named(mail) {
            if !hosts.iter().any(|host| host.name == name) {
                addresses_are_whole = false;
                hosts.push(KnownHost { name, aliases: Vec::new(), addresses: Vec::new() });
            }
        }
        Some(Self { names_are_whole: !hosts.is_empty(), addresses_are_whole, hosts })
    }

    /// The host of this name, or with this alias.
    pub fn host(&self, name: &DomainName) -> Option<&KnownHost> {
        self.hosts.iter().find(|host| host.name == *name || host.aliases.contains(name))
    }

    /// The host with this address.
    pub fn at(&self, address: IpAddr) -> Option<&KnownHost> {
        self.hosts.iter().find(|host| host.addresses.contains(&plain(address)))
    }

    /// Adds what another look has shown. What was known before stays.
    pub fn join(&mut self, other: Self) {
        for host in other.hosts {
            match self.hosts.iter_mut().find(|known| known.name == host.name) {
                Some(known) => {
                    known.aliases.extend(host.aliases);
                    known.aliases.sort_unstable();
                    known.aliases.dedup();
                    known.addresses.extend(host.addresses);
                    known.addresses.sort_unstable();
                    known.addresses.dedup();
                }
                None => self.hosts.push(host),
            }
        }
        self.names_are_whole &= other.names_are_whole;
        self.addresses_are_whole &= other.addresses_are_whole;
    }
}

/// The address of the host itself. A sender that has IPv6 alone reaches IPv4 through a translator,
/// and reports the address that this one is asked for (RFC 6052 section 2.1).
pub(super) fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(translated) => match translated.octets() {
            [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => translated.into(),
        },
        address @ IpAddr::V4(_) => address,
    }
}

fn named(mail: &MailHosts) -> impl Iterator<Item = DomainName> {
    let records = mail.records.value().into_iter().flatten();
    records.filter_map(|record| DomainName::parse(&record.exchange).ok())
}
