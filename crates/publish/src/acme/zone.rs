//! The records that answer challenges by dns-01.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use mail_domain::DomainName;
use sealpost_net::{Network, RecordKind, RecordValue, SetChange};

use crate::{
    DnsWay,
    certificates::Whereabouts,
    dns::{DnsWriter, WriteError},
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
    /// Its domain was taken out, and then its server was.
    #[error(
        "set the record of the challenge: the records of this domain were set at the server \"{name}\", \
         which is not in [publish.dns_servers] any more: name it there until the domain is let go"
    )]
    Gone {
        /// The name of the server.
        name: String,
    },
    /// The name of the record is an alias.
    #[error(
        "set the record of the challenge: {owner} is an alias of {target}, and a challenge is not \
         followed there: remove that CNAME record, or prove names by another `challenge`"
    )]
    Alias {
        /// Where the record would be.
        owner: String,
        /// What it leads to.
        target: String,
    },
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

    /// From now on the records of the hosts are set so.
    pub(crate) fn configure(&self, hosts: &HashMap<DomainName, Whereabouts>) {
        let servers = hosts.iter().filter_map(|(host, known)| match &known.dns {
            DnsWay::Server(name) => Some((host.clone(), name.clone())),
            DnsWay::Manual => None,
        });
        *self.servers.write().unwrap_or_else(PoisonError::into_inner) = servers.collect();
    }

    /// Looks whether a record of this host could be set at all. What a server adds beside an alias it
    /// passes over without a word (RFC 2136 §3.4.2.2), and an order would be lost.
    pub(crate) async fn look(&self, host: &DomainName) -> Result<(), ZoneError> {
        let (writer, owner) = (self.writer(host)?, owner(host));
        let found = writer.read(&owner, RecordKind::Cname).await?;
        match found.values.first() {
            Some(target) => Err(ZoneError::Alias { owner, target: target.to_string() }),
            None => Ok(()),
        }
    }

    /// A challenge of this host is answered by this text, beside those that others have set: another
    /// client may be proving the same name.
    pub(crate) async fn add(&self, host: &DomainName, text: &str) -> Result<(), ZoneError> {
        self.change(host, |values| values.push(RecordValue::text(text)), &[text.to_owned()]).await
    }

    /// A challenge of this host is answered by these no more. What others have set stays.
    pub(crate) async fn remove(
        &self,
        host: &DomainName,
        texts: &[String],
    ) -> Result<(), ZoneError> {
        self.change(host, |_| {}, texts).await
    }

    /// Takes these texts out, and then makes another change.
    async fn change(
        &self,
        host: &DomainName,
        change: impl FnOnce(&mut Vec<RecordValue>),
        texts: &[String],
    ) -> Result<(), ZoneError> {
        let (writer, owner) = (self.writer(host)?, owner(host));
        let found = writer.read(&owner, RecordKind::Txt).await?;
        let ours: Vec<RecordValue> = texts.iter().map(|text| RecordValue::text(text)).collect();
        let is_ours = |value: &&RecordValue| ours.iter().any(|own| own.says_the_same(value));
        let mut after: Vec<RecordValue> =
            found.values.iter().filter(|value| !is_ours(value)).cloned().collect();
        change(&mut after);
        if found.says(&after) {
            return Ok(());
        }
        // Records of one name and type have one TTL: it stays that of the others.
        let ttl = if found.values.is_empty() { TTL } else { found.ttl };
        let (kind, before) = (RecordKind::Txt, found.values);
        writer.write(&[SetChange { owner, kind, before, after, ttl }]).await?;
        Ok(())
    }

    /// The servers that do not have it yet, each with the reason.
    pub(crate) async fn lagging(
        &self,
        host: &DomainName,
        text: &str,
    ) -> Result<Vec<String>, ZoneError> {
        let (writer, owner) = (self.writer(host)?, owner(host));
        let servers = writer.authorities(&owner).await?;
        let wanted = RecordValue::text(text);
        let mut behind = Vec::new();
        for answer in self.network.ask_authorities(&servers, &owner, RecordKind::Txt).await {
            let name = answer.server.name.map_or(String::new(), |name| format!("{name} "));
            let place = format!("{name}[{}]", answer.server.address.ip());
            match answer.records {
                Ok(found) if found.values.iter().any(|own| own.says_the_same(&wanted)) => {}
                Ok(_) => behind.push(format!("{place} has no such record at {owner}")),
                Err(fault) => behind.push(format!("{place}: {}", fault.text)),
            }
        }
        Ok(behind)
    }

    fn writer(&self, host: &DomainName) -> Result<Arc<dyn DnsWriter>, ZoneError> {
        let servers = self.servers.read().unwrap_or_else(PoisonError::into_inner);
        let name = servers.get(host).ok_or(ZoneError::ByHand)?;
        let writer = self.writers.get(name);
        writer.cloned().ok_or_else(|| ZoneError::Gone { name: name.clone() })
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use sealpost_net::{Authority, RecordSet, Settings};
    use sealpost_runtime::Clock;

    use super::*;
    use crate::dns::Written;

    /// A name of a zone, in memory: its records of the type TXT, or the alias that it is.
    #[derive(Default)]
    struct Memory(Mutex<(Vec<RecordValue>, u32)>, Option<RecordValue>);

    impl DnsWriter for Memory {
        fn read<'a>(&'a self, owner: &'a str, kind: RecordKind) -> Written<'a, RecordSet> {
            let (texts, ttl) = self.0.lock().unwrap().clone();
            let values = match kind {
                RecordKind::Txt => texts,
                _ => self.1.iter().cloned().collect(),
            };
            Box::pin(async move { Ok(RecordSet { owner: owner.to_owned(), kind, values, ttl }) })
        }

        fn write<'a>(&'a self, changes: &'a [SetChange]) -> Written<'a, ()> {
            for change in changes {
                let mut records = self.0.lock().unwrap();
                assert_eq!(change.before, records.0);
                *records = (change.after.clone(), change.ttl);
            }
            Box::pin(async { Ok(()) })
        }

        fn authorities<'a>(&'a self, _owner: &'a str) -> Written<'a, Vec<Authority>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    fn zone(host: &DomainName, memory: Arc<Memory>) -> Zone {
        let network = Network::new(Settings::default(), Clock::system()).unwrap();
        let zone = Zone::new(HashMap::from([("ns".to_owned(), memory as _)]), network);
        configure(&zone, host, "ns");
        zone
    }

    fn configure(zone: &Zone, host: &DomainName, server: &str) {
        let dns = DnsWay::Server(server.to_owned());
        let known = Whereabouts { target: Vec::new(), dns };
        zone.configure(&HashMap::from([(host.clone(), known)]));
    }

    #[tokio::test]
    async fn no_challenge_is_followed_along_an_alias() {
        let host: DomainName = "mta-sts.a.test".parse().unwrap();
        let alias = RecordValue::Cname("a.elsewhere.test".parse().unwrap());
        let elsewhere = zone(&host, Arc::new(Memory(Mutex::default(), Some(alias))));
        let text = elsewhere.look(&host).await.unwrap_err().to_string();
        let wanted = "_acme-challenge.mta-sts.a.test is an alias of a.elsewhere.test.";
        assert!(text.contains(wanted), "{text}");
        let others = Memory(Mutex::new((vec![RecordValue::text("of another client")], 300)), None);
        zone(&host, Arc::new(others)).look(&host).await.unwrap();
        let by_hand: DomainName = "mta-sts.b.test".parse().unwrap();
        let zone = zone(&host, Arc::default());
        assert!(matches!(zone.look(&by_hand).await, Err(ZoneError::ByHand)));
        // Of a domain that was taken out, as its server was.
        configure(&zone, &by_hand, "ns2");
        let text = zone.look(&by_hand).await.unwrap_err().to_string();
        assert!(text.contains("\"ns2\", which is not in [publish.dns_servers] any more"), "{text}");
    }

    #[tokio::test]
    async fn what_others_have_set_for_their_challenges_stays() {
        let memory = Arc::new(Memory::default());
        let others = RecordValue::text("of another client");
        *memory.0.lock().unwrap() = (vec![others.clone()], 300);
        let host: DomainName = "mta-sts.a.test".parse().unwrap();
        let zone = zone(&host, Arc::clone(&memory));
        let own = RecordValue::text("ours");
        for _ in 0..2 {
            zone.add(&host, "ours").await.unwrap();
            let now = memory.0.lock().unwrap().clone();
            assert_eq!(now, (vec![others.clone(), own.clone()], 300));
        }
        // One of before we were cut off, and one that is gone already.
        let texts = ["ours".to_owned(), "gone".to_owned()];
        zone.remove(&host, &texts).await.unwrap();
        assert_eq!(*memory.0.lock().unwrap(), (vec![others], 300));
    }
}
