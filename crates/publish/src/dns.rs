//! Who sets the records: an update by RFC 2136, and later the interfaces of providers, behind one
//! trait.

use std::{future::Future, pin::Pin};

use mail_domain::DomainName;
use sealpost_net::{
    Authority, Network, RecordKind, RecordSet, RecordValue, SetChange, UpdateError, UpdateServer,
};

use crate::{DnsRecord, RecordData};

/// What a writer gives back when it is done.
pub type Written<'a, T> = Pin<Box<dyn Future<Output = Result<T, WriteError>> + Send + 'a>>;

/// Sets records in zones.
///
/// Who uses it reads first, makes up the changes against what was read ([`changes`]), shows or writes
/// them, and asks every authoritative server afterwards ([`lagging`]). A writer need not do any of
/// that.
pub trait DnsWriter: Send + Sync {
    /// The records of a name and type, as the place has them to which changes are written.
    fn read<'a>(&'a self, owner: &'a str, kind: RecordKind) -> Written<'a, RecordSet>;

    /// Makes changes, which may lie in several zones; those of one zone all or none. What is not as
    /// a change says it was, is not changed.
    fn write<'a>(&'a self, changes: &'a [SetChange]) -> Written<'a, ()>;

    /// The servers that speak for the zone of a name, each of which has to have a change.
    fn authorities<'a>(&'a self, owner: &'a str) -> Written<'a, Vec<Authority>>;
}

/// Why records were not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The update failed.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The servers of the zone are not known.
    #[error("find the name servers of {zone}: {reason}")]
    Authorities {
        /// The zone.
        zone: DomainName,
        /// Why.
        reason: String,
    },
}

/// A name server that takes updates (RFC 2136).
#[derive(Clone, Debug)]
pub struct UpdateWriter {
    server: UpdateServer,
    network: Network,
    /// The servers to be asked after a write, where the zone's NS records do not say.
    authorities: Vec<Authority>,
}

impl UpdateWriter {
    /// Writes to this server. `authorities` are asked after a write in place of the servers that the
    /// zone's NS records name; empty for those.
    pub fn new(server: UpdateServer, network: Network, authorities: Vec<Authority>) -> Self {
        Self { server, network, authorities }
    }
}

impl DnsWriter for UpdateWriter {
    fn read<'a>(&'a self, owner: &'a str, kind: RecordKind) -> Written<'a, RecordSet> {
        Box::pin(async move { Ok(self.server.read(owner, kind).await?) })
    }

    fn write<'a>(&'a self, changes: &'a [SetChange]) -> Written<'a, ()> {
        Box::pin(async move {
            let mut zones: Vec<(DomainName, Vec<SetChange>)> = Vec::new();
            for change in changes {
                let zone = self.server.zone_of(&change.owner).await?;
                match zones.iter_mut().find(|(known, _)| *known == zone) {
                    Some((_, changes)) => changes.push(change.clone()),
                    None => zones.push((zone, vec![change.clone()])),
                }
            }
            for (zone, changes) in &zones {
                self.server.update(zone, changes).await?;
            }
            Ok(())
        })
    }

    fn authorities<'a>(&'a self, owner: &'a str) -> Written<'a, Vec<Authority>> {
        Box::pin(async move {
            if !self.authorities.is_empty() {
                return Ok(self.authorities.clone());
            }
            let zone = self.server.zone_of(owner).await?;
            let names = self.server.name_servers(&zone).await?;
            let found = self.network.authorities(&names).await;
            let reason = match found {
                Ok(servers) if !servers.is_empty() => return Ok(servers),
                Ok(_) => "it has no NS records".to_owned(),
                Err(fault) => fault.text,
            };
            Err(WriteError::Authorities { zone, reason })
        })
    }
}

/// What has to change so that these records are set, and nothing else of their names and types; for
/// each of `owners`, with all its types. A name is an alias, or it has records of its own.
///
/// # Errors
///
/// [`WriteError`] if what is there can't be read.
pub async fn changes(
    writer: &dyn DnsWriter,
    owners: &[String],
    wanted: &[DnsRecord],
) -> Result<Vec<SetChange>, WriteError> {
    let mut changes = Vec::new();
    for owner in owners {
        let of_owner = || wanted.iter().filter(|record| record.name == *owner);
        // Types that this name shall have, or that would be in their way.
        let is_text = owner.starts_with('_');
        let kinds: &[RecordKind] = match is_text {
            true => &[RecordKind::Cname, RecordKind::Txt],
            false => &[RecordKind::Cname, RecordKind::A, RecordKind::Aaaa],
        };
        // Aliases go first: RFC 2136 §3.4.2.2 passes over what is added beside one. One that
        // comes, comes last.
        let mut comes_last = None;
        for &kind in kinds {
            let after: Vec<RecordValue> = of_owner()
                .map(|r| r.data.value())
                .filter(|(own, _)| *own == kind)
                .map(|(_, v)| v)
                .collect();
            let found = writer.read(owner, kind).await?;
            if found.says(&after) {
                continue;
            }
            let ttl = of_owner().map(|record| record.ttl).next().unwrap_or(found.ttl);
            let change = SetChange { owner: owner.clone(), kind, before: found.values, after, ttl };
            match kind == RecordKind::Cname && !change.after.is_empty() {
                true => comes_last = Some(change),
                false => changes.push(change),
            }
        }
        changes.extend(comes_last);
    }
    Ok(changes)
}

/// The servers that do not have these records yet, each with the reason; empty when all have.
///
/// # Errors
///
/// [`WriteError`] if it is not known which servers have to have them.
pub async fn lagging(
    writer: &dyn DnsWriter,
    network: &Network,
    owner: &str,
    wanted: &[DnsRecord],
) -> Result<Vec<String>, WriteError> {
    let servers = writer.authorities(owner).await?;
    let mut behind = Vec::new();
    let mut kinds: Vec<RecordKind> =
        wanted.iter().filter(|r| r.name == owner).map(|r| r.data.value().0).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        kinds =
            if owner.starts_with('_') { vec![RecordKind::Txt] } else { RecordKind::ALL.to_vec() };
    }
    for kind in kinds {
        let values: Vec<RecordValue> = wanted
            .iter()
            .filter(|record| record.name == owner)
            .map(|record| record.data.value())
            .filter(|(own, _)| *own == kind)
            .map(|(_, value)| value)
            .collect();
        for answer in network.ask_authorities(&servers, owner, kind).await {
            let name = answer.server.name.map_or(String::new(), |name| format!("{name} "));
            let place = format!("{name}[{}]", answer.server.address.ip());
            match answer.records {
                Ok(found) if found.says(&values) => {}
                Ok(_) => behind.push(format!("{place} has other {kind} records at {owner}")),
                Err(fault) => behind.push(format!("{place}: {}", fault.text)),
            }
        }
    }
    Ok(behind)
}

impl RecordData {
    /// The same, as it is read and written.
    pub fn value(&self) -> (RecordKind, RecordValue) {
        match self {
            Self::Txt(text) => (RecordKind::Txt, RecordValue::text(text)),
            Self::A(address) => (RecordKind::A, RecordValue::A(*address)),
            Self::Aaaa(address) => (RecordKind::Aaaa, RecordValue::Aaaa(*address)),
            Self::Cname(name) => (RecordKind::Cname, RecordValue::Cname(name.clone())),
        }
    }
}
