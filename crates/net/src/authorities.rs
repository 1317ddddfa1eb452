//! Every authoritative server of a zone, asked one by one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use mail_domain::DomainName;
use sealpost_evidence::{Lookup, LookupFault, LookupFaultKind};
use tokio::task::JoinSet;

use crate::Network;
use crate::deadline::Deadline;
use crate::dns::{RecordKind, RecordSet, kept_from_authority, read_from_authority};

/// The port of name servers.
const PORT: u16 = 53;
/// The most aliases on the way to records.
const MOST_ALIASES: usize = 8;
/// The most servers of one zone; the root has 26 addresses.
const MOST_SERVERS: usize = 32;

/// An authoritative server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Authority {
    /// Its name, where it came from NS records.
    pub name: Option<DomainName>,
    /// Its address and port.
    pub address: SocketAddr,
}

/// What an authoritative server has.
#[derive(Clone, Debug)]
pub struct AuthorityAnswer {
    /// The server.
    pub server: Authority,
    /// The records; an error if it did not say.
    pub records: Result<RecordSet, LookupFault>,
}

/// Records of which it is asked how long they may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishedKind {
    /// TXT.
    Text,
    /// MX.
    MailExchanger,
}

impl PublishedKind {
    fn record_type(self) -> RecordType {
        match self {
            Self::Text => RecordType::TXT,
            Self::MailExchanger => RecordType::MX,
        }
    }
}

impl Network {
    /// The addresses of name servers. One without an address is an error: nobody could ask it.
    pub async fn authorities(&self, names: &[DomainName]) -> Result<Vec<Authority>, LookupFault> {
        let mut servers = Vec::new();
        for name in names {
            let deadline = Deadline::after(self.means.deadlines.dns);
            let addresses = self.means.dns.addresses(name.as_str(), deadline).await;
            let found = addresses.all();
            if found.is_empty() {
                let text = format!("the name server {name} has no address that could be found");
                return Err(LookupFault { kind: LookupFaultKind::Unreachable, text });
            }
            servers.extend(found.into_iter().map(|address: IpAddr| Authority {
                name: Some(name.clone()),
                address: SocketAddr::new(address, PORT),
            }));
        }
        servers.sort();
        servers.dedup();
        servers.truncate(MOST_SERVERS);
        Ok(servers)
    }

    /// The name that a name is an alias of, as a resolver says: the first one, where there are several
    /// on the way. `None` if it is none.
    pub async fn alias_of(&self, owner: &str) -> Result<Option<String>, LookupFault> {
        let deadline = Deadline::after(self.means.deadlines.dns);
        let texts = self.means.dns.texts(owner, deadline).await;
        match texts.aliases().first() {
            Some(alias) => Ok(Some(alias.clone())),
            None => texts.fault().map_or(Ok(None), |fault| Err(fault.clone())),
        }
    }

    /// How long the records of a name may be kept, or that there are none of this type, as the servers
    /// of the zone have it: the longest TTL of all, on the way through aliases too. A resolver tells
    /// only what is left of it.
    ///
    /// The servers of `first` are asked for the name itself; where there are none, those of its NS
    /// records.
    ///
    /// # Errors
    ///
    /// If no server of a zone on the way says.
    pub async fn published_ttl(
        &self,
        first: &[Authority],
        owner: &str,
        kind: PublishedKind,
    ) -> Result<Duration, LookupFault> {
        let (mut owner, mut servers) = (owner.to_owned(), first.to_vec());
        let mut longest = 0;
        for _ in 0..MOST_ALIASES {
            if servers.is_empty() {
                servers = self.servers_of(&owner).await?;
            }
            let mut running = JoinSet::new();
            for server in servers.drain(..).take(MOST_SERVERS) {
                let (owner, kind) = (owner.clone(), kind.record_type());
                let deadline = Deadline::after(self.means.deadlines.dns);
                match self.is_permitted(&server) {
                    Ok(()) => {
                        let address = server.address;
                        running.spawn(async move {
                            kept_from_authority(address, &owner, kind, deadline).await
                        })
                    }
                    Err(fault) => running.spawn(async move { Err(fault) }),
                };
            }
            let (mut alias, mut fault, mut is_told) = (None, None, false);
            for answer in running.join_all().await {
                match answer {
                    Ok(kept) => {
                        longest = longest.max(kept.ttl);
                        alias = alias.or(kept.alias);
                        is_told = true;
                    }
                    Err(other) => fault = Some(other),
                }
            }
            if let (false, Some(fault)) = (is_told, fault) {
                return Err(fault);
            }
            match alias {
                Some(target) => owner = target,
                None => return Ok(Duration::from_secs(longest.into())),
            }
        }
        let text = format!("more than {MOST_ALIASES} aliases");
        Err(LookupFault { kind: LookupFaultKind::TooLarge, text })
    }

    /// The servers of the zone that holds a name, by NS records.
    async fn servers_of(&self, owner: &str) -> Result<Vec<Authority>, LookupFault> {
        let mut name = owner;
        loop {
            let deadline = Deadline::after(self.means.deadlines.dns);
            match self.means.dns.name_servers(name, deadline).await {
                Lookup::Unknown(fault) => return Err(fault),
                Lookup::Found(found) if found.aliases.is_empty() => {
                    let names = found.value.iter().filter_map(|name| DomainName::parse(name).ok());
                    let names: Vec<DomainName> = names.collect();
                    let servers = self.authorities(&names).await?;
                    if !servers.is_empty() {
                        return Ok(servers);
                    }
                }
                Lookup::Found(_) | Lookup::Absent(_) => {}
            }
            let Some((_, above)) = name.split_once('.') else {
                let text = "the name servers of its zone could not be found".to_owned();
                return Err(LookupFault { kind: LookupFaultKind::Malformed, text });
            };
            name = above;
        }
    }

    /// Servers that came from NS records are asked only at addresses that the guard permits.
    fn is_permitted(&self, server: &Authority) -> Result<(), LookupFault> {
        if server.name.is_none() || self.means.guard.permits(server.address.ip()) {
            return Ok(());
        }
        let text = format!("{} is not globally routable; it was not asked", server.address);
        Err(LookupFault { kind: LookupFaultKind::Refused, text })
    }

    /// Asks each of these servers for the records of a name and type, all at once.
    ///
    /// Servers that came from NS records are asked only at addresses that the guard permits.
    pub async fn ask_authorities(
        &self,
        servers: &[Authority],
        owner: &str,
        kind: RecordKind,
    ) -> Vec<AuthorityAnswer> {
        let mut running = JoinSet::new();
        for (index, server) in servers.iter().take(MOST_SERVERS).cloned().enumerate() {
            let owner = owner.to_owned();
            let is_permitted = self.is_permitted(&server);
            let deadline = Deadline::after(self.means.deadlines.dns);
            running.spawn(async move {
                let records = match is_permitted {
                    Ok(()) => read_from_authority(server.address, &owner, kind, deadline).await,
                    Err(fault) => Err(fault),
                };
                (index, AuthorityAnswer { server, records })
            });
        }
        let mut answers = running.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}
