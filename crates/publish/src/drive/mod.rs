//! Leading each domain on: look at it, decide, carry the decision out, and see to it that what its
//! stage asks for is live.
//!
//! One [`Driver::pass`] is all of that for one domain, once. A pass that is cut off anywhere leaves
//! nothing that the next could not go on from: what was done is read from the world, not from the
//! intention.

mod adopt;
mod configured;
mod ledger;
mod look;
mod order;
mod parting;
mod pass;
mod publication;
mod reported;
mod seen;
mod state;
mod words;
mod zones;
pub use adopt::{AdoptError, Adopted, stage_of};
pub(crate) use adopt::{Refusal, turn_away};
pub use order::Order;
pub(crate) use parting::{look_at_parting, reckon_parting};
pub use pass::{Enrolment, Pass};
pub(crate) use seen::{IdSeen, id as id_seen};
pub use words::{Statement, WordError};

use std::{collections::HashMap, sync::Arc, time::Duration};

use mail_domain::DomainName;
use sealpost_evidence::Evidence;
use sealpost_net::{Authority, Network, Part, Scope, TsigKey, TsigKeyError, UpdateServer};
use sealpost_rollout::{Stage, Time};
use sealpost_runtime::Clock;
use sealpost_store::{Rollouts, Store, StoreError};

use self::configured::Configured;
use self::seen::Seen;
use self::zones::Reach;
use crate::dns::{DnsWriter, UpdateWriter, WriteError};
use crate::{Domains, PassFailure, PublishedDomain, Section};

/// How long a domain stays with one process before another may take it up.
const IN_HAND: Duration = Duration::from_secs(900);
/// From one look to the next: an hour, and when something is under way, less.
const USUAL: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_secs(300);
/// No look is due later than that: where one is, the clock was put back.
const LATEST: Duration = Duration::from_secs(2 * 3_600);
/// Domains that are asked for at a time.
const PAGE: u32 = 10_000;

/// Leads domains on. Clones share everything.
#[derive(Clone)]
pub struct Driver {
    store: Store,
    network: Network,
    writers: Arc<HashMap<String, Arc<dyn DnsWriter>>>,
    configured: Configured,
    reach: Arc<Reach>,
}

/// What is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Everything.
    All,
    /// Nothing: neither the store nor the zone is touched. What would be done is told.
    Nothing,
}

/// Why a pass over a domain came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriveError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The policy can't be made.
    #[error("make the policy of {domain}: {reason}")]
    Policy {
        /// The domain.
        domain: DomainName,
        /// Why not.
        reason: String,
    },
}

/// Why the servers that take updates can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriterError {
    /// The key can't be used.
    #[error("set up the DNS server {name}: {source}")]
    Key {
        /// What the operator calls it.
        name: String,
        /// Why not.
        source: TsigKeyError,
    },
    /// It has a key without a secret, or a secret without a key.
    #[error("set up the DNS server {name}: key and secret_file belong together")]
    HalfAKey {
        /// What the operator calls it.
        name: String,
    },
}

impl DriveError {
    /// The label of what failed.
    pub(crate) fn cause(&self) -> PassFailure {
        match self {
            Self::Store(_) => PassFailure::Store,
            Self::Policy { .. } => PassFailure::Policy,
        }
    }
}

impl Driver {
    /// Leads domains on with these means.
    pub fn new(
        store: Store,
        network: Network,
        writers: HashMap<String, Arc<dyn DnsWriter>>,
    ) -> Self {
        let (configured, reach) = (Configured::default(), Arc::default());
        Self { store, network, writers: Arc::new(writers), configured, reach }
    }

    /// The same where what is configured may change while it leads on.
    pub(crate) fn with_configured(self, domains: Arc<Domains>) -> Self {
        Self { configured: Configured::of(domains), ..self }
    }

    /// These domains are configured from now on. A pass that began with others writes nothing down
    /// any more that follows from them.
    pub(crate) async fn configure(&self, domains: Arc<Domains>) {
        self.configured.replace(domains).await;
    }

    /// The domains that are due, or that were never looked at, with since when: those that wait for
    /// the longest first. Whose look is wanted at once is due since 1970.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn due(
        &self,
        domains: &Domains,
        now: Time,
    ) -> Result<Vec<(DomainName, Time)>, StoreError> {
        let mut times = HashMap::new();
        let mut behind = None;
        loop {
            let page = self.store.rollouts().due_times(behind, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            behind = Some(last.clone());
            times.extend(page);
        }
        let all = domains.iter().map(|published| &published.domain);
        let since = |domain: &DomainName| due_since(times.get(domain).copied(), now);
        let due = all.filter_map(|domain| Some((domain.clone(), since(domain)?)));
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(_, since)| *since);
        Ok(due)
    }

    /// How many of the configured domains are in each stage, in the order of [`Stage::ALL`]. One
    /// that was never taken up counts as in the first.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn stages(&self, domains: &Domains) -> Result<[usize; Stage::ALL.len()], StoreError> {
        let mut counts = [0_usize; Stage::ALL.len()];
        let mut unknown = domains.iter().len();
        let mut behind = None;
        loop {
            let page = self.store.rollouts().domains(behind, PAGE).await?;
            let Some((last, ..)) = page.last() else { break };
            behind = Some(last.clone());
            for (_, stage, _) in page.iter().filter(|(name, ..)| domains.of(name).is_some()) {
                let counted = Stage::ALL.iter().position(|one| one == stage);
                if let Some(count) = counted.and_then(|place| counts.get_mut(place)) {
                    *count += 1;
                    unknown = unknown.saturating_sub(1);
                }
            }
        }
        let [nothing, ..] = &mut counts;
        *nothing += unknown;
        Ok(counts)
    }

    pub(crate) fn rollouts(&self) -> Rollouts {
        self.store.rollouts()
    }

    fn writer(&self, published: &PublishedDomain) -> Option<&Arc<dyn DnsWriter>> {
        match &published.dns {
            crate::DnsWay::Manual => None,
            crate::DnsWay::Server(name) => self.writers.get(name),
        }
    }

    /// What is live, with times for which records may be kept as their zones have them.
    async fn see(&self, published: &PublishedDomain, evidence: &Evidence) -> Seen {
        let mut seen = Seen::of(evidence);
        let domain = &published.domain;
        // Records that we write have the TTL that we give them.
        let is_by_hand = published.dns == crate::DnsWay::Manual;
        let servers = self.servers_of(published).await;
        self.ask_zones(domain, &mut seen, is_by_hand, &servers).await;
        seen
    }

    async fn look(&self, published: &PublishedDomain) -> Evidence {
        let parts = [Part::Sts, Part::TlsRpt, Part::Mx];
        self.network.gather(&published.domain, Scope::of(&parts)).await
    }
}

/// The servers that the section names, ready to be written to. Their signatures are dated by the
/// clock of this machine, whatever time a pass is told.
///
/// # Errors
///
/// [`WriterError`], which names the server.
pub fn writers(
    section: &Section,
    network: &Network,
) -> Result<HashMap<String, Arc<dyn DnsWriter>>, WriterError> {
    let mut writers: HashMap<String, Arc<dyn DnsWriter>> = HashMap::new();
    for (name, server) in &section.dns_servers {
        let key = match (&server.key, &server.secret_file) {
            (None, None) => None,
            (Some(key), Some(file)) => {
                let read = TsigKey::from_file(key, &server.algorithm, file);
                Some(read.map_err(|source| WriterError::Key { name: name.clone(), source })?)
            }
            _ => return Err(WriterError::HalfAKey { name: name.clone() }),
        };
        let authorities =
            server.authorities.iter().map(|address| Authority { name: None, address: *address });
        let update = UpdateServer::new(server.server, key, Clock::system());
        let writer = UpdateWriter::new(update, network.clone(), authorities.collect());
        writers.insert(name.clone(), Arc::new(writer));
    }
    Ok(writers)
}

/// Since when a look is due that is meant for this time; `None` if it is not.
fn due_since(due: Option<Time>, now: Time) -> Option<Time> {
    match due {
        Some(due) if due <= now => Some(due),
        Some(due) if due <= now.plus(LATEST) => None,
        // Nobody has looked, or no time that is so far ahead was meant.
        Some(_) | None => Some(now),
    }
}

/// When the next look is due: a little earlier or later for each domain, so that they do not all come
/// at once.
fn due(now: Time, wait: Duration, domain: &DomainName) -> Time {
    // A tenth of the wait, by the name: no two runs differ, and neighbours do.
    let spread = wait.as_secs() / 10;
    let name = domain.as_str().bytes();
    let hash = name.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    });
    let offset = hash.checked_rem(spread.saturating_mul(2).saturating_add(1)).unwrap_or(0);
    let wait = wait.as_secs().saturating_sub(spread).saturating_add(offset);
    now.plus(Duration::from_secs(wait))
}

fn write_failed(error: &WriteError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_due_from_its_time_on_and_at_once_where_there_is_none() {
        let now = Time::at(1_000_000);
        let latest = now.plus(LATEST);
        let later = latest.plus(Duration::from_secs(1));
        for (due, since) in [
            (Some(Time::at(0)), Some(Time::at(0))),
            (Some(now), Some(now)),
            (Some(now.plus(Duration::from_secs(1))), None),
            (Some(latest), None),
            (Some(later), Some(now)),
            (None, Some(now)),
        ] {
            assert_eq!(due_since(due, now), since, "{due:?}");
        }
    }
}
