//! Every authoritative server of a zone, asked one by one.

use std::net::{IpAddr, SocketAddr};

use mail_domain::DomainName;
use sealpost_evidence::{LookupFault, LookupFaultKind};
use tokio::task::JoinSet;

use crate::Network;
use crate::deadline::Deadline;
use crate::dns::{RecordKind, RecordSet, read_from_authority};

/// The port of name servers.
const PORT: u16 = 53;
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
            let is_permitted =
                server.name.is_none() || self.means.guard.permits(server.address.ip());
            let deadline = Deadline::after(self.means.deadlines.dns);
            running.spawn(async move {
                let records = match is_permitted {
                    true => read_from_authority(server.address, &owner, kind, deadline).await,
                    false => Err(LookupFault {
                        kind: LookupFaultKind::Refused,
                        text: format!(
                            "{} is not globally routable; it was not asked",
                            server.address
                        ),
                    }),
                };
                (index, AuthorityAnswer { server, records })
            });
        }
        let mut answers = running.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}
