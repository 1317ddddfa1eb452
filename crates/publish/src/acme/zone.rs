//! The records that answer challenges by dns-01.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use mail_domain::DomainName;
use sealpost_net::{Network, RecordKind, RecordValue, SetChange};

use crate::{
    DnsRecord, RecordData,
    dns::{self, DnsWriter, WriteError},
};

/// The TTL of the records.
const TTL: u32 = 60;

/// Sets them, for each host at the server that its domain names.
pub(crate) struct Zone {
    writers: HashMap<String, Arc<dyn DnsWriter>>,
    network: Network,
    /// The server of each host.
    servers: RwLock<HashMap<DomainName, String>>,
}

/// Why a record was not set or seen. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ZoneError {
    /// Its domain names no server.
    #[error("set the record of the challenge: the records of this domain are set by hand (`dns`)")]
    ByHand,
    /// The server.
    #[error("set the record of the challenge: {0}")]
    Write(#[from] WriteError),
}

impl Zone {
    pub(crate) fn new(writers: HashMap<String, Arc<dyn DnsWriter>>, network: Network) -> Self {
        Self { writers, network, servers: RwLock::default() }
    }

    /// Whether anything can be set at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.writers.is_empty()
    }

    /// From now on these are the servers of the hosts.
    pub(crate) fn configure(&self, servers: HashMap<DomainName, String>) {
        *self.servers.write().unwrap_or_else(PoisonError::into_inner) = servers;
    }

    /// The challenge of this host is answered by this text, or by none any more.
    pub(crate) async fn set(&self, host: &DomainName, text: Option<&str>) -> Result<(), ZoneError> {
        let (writer, owner) = (self.writer(host)?, owner(host));
        let found = writer.read(&owner, RecordKind::Txt).await?;
        let after: Vec<RecordValue> = text.into_iter().map(RecordValue::text).collect();
        if found.says(&after) {
            return Ok(());
        }
        let (kind, before) = (RecordKind::Txt, found.values);
        writer.write(&[SetChange { owner, kind, before, after, ttl: TTL }]).await?;
        Ok(())
    }

    /// The servers that do not have it yet, each with the reason.
    pub(crate) async fn lagging(
        &self,
        host: &DomainName,
        text: &str,
    ) -> Result<Vec<String>, ZoneError> {
        let (writer, name) = (self.writer(host)?, owner(host));
        let record =
            DnsRecord { name: name.clone(), ttl: TTL, data: RecordData::Txt(text.to_owned()) };
        Ok(dns::lagging(&*writer, &self.network, &name, &[record]).await?)
    }

    fn writer(&self, host: &DomainName) -> Result<Arc<dyn DnsWriter>, ZoneError> {
        let servers = self.servers.read().unwrap_or_else(PoisonError::into_inner);
        let writer = servers.get(host).and_then(|server| self.writers.get(server));
        writer.cloned().ok_or(ZoneError::ByHand)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.writers.len())
    }
}

fn owner(host: &DomainName) -> String {
    format!("_acme-challenge.{host}")
}
