//! The counters in memory, on the thread that takes datagrams.

use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasher as _,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::quality::RandomState;
use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_listen::{Datagram, Wholeness};
use sealpost_store::sessions::{CountedPolicy, RefusedDatagram};
use tls_rpt::{
    PolicyType, SeenPolicy, Session, SessionFailure, SessionPolicy, SessionReading, SessionRefusal,
};
use tokio::sync::Notify;

use crate::{
    Cause, Mended, ReportMetrics, Result as ResultLabel, Section, SectionLimits, TimedSession,
    known::{Forgotten, Known, Meaning},
    posted::Posted,
    ring::Waiting,
    slot::{Addition, Generation, Place, Slot, SlotLimits, Weight},
};

/// The most octets that are kept of a datagram that could not be read.
const REFUSED_OCTETS: usize = 8 << 10;

/// Datagrams whose counters are looked at before they are counted.
const AHEAD: usize = 32;

/// Strangers choose the keys, so their places may not be foreseen; see [`Known`].
type Map<K, V> = HashMap<K, V, RandomState>;

/// What the thread that counts and the task that writes have in common.
pub(crate) struct Shared {
    pub(crate) metrics: Arc<ReportMetrics>,
    pub(crate) limits: SectionLimits,
    /// Whether MX hosts are looked at, so that it matters when sessions were.
    pub(crate) is_probing: bool,
    pub(crate) weight: Arc<Weight>,
    /// Wakes the task that writes before its time.
    pub(crate) wake: Notify,
    /// What was posted with a key.
    pub(crate) posted: Arc<Posted>,
    unsaved: Mutex<Vec<(Place, Arc<Slot>)>>,
    refused: Mutex<VecDeque<RefusedDatagram>>,
    /// What is large and no longer needed: to free it takes time that the thread does not have.
    discarded: Mutex<Vec<Discarded>>,
}

/// What was emptied.
pub(crate) enum Discarded {
    Domains { _domains: Map<DomainName, OfDomain> },
    Known { _known: Forgotten },
}

/// All counters since they began from 0.
pub(crate) struct Memory {
    shared: Arc<Shared>,
    generation: Arc<Generation>,
    domains: Map<DomainName, OfDomain>,
    known: Known,
    /// The day of all of them.
    today: Day,
    /// Memory of this generation, about.
    octets: usize,
}

/// What there is of a domain.
#[derive(Default)]
pub(crate) struct OfDomain {
    /// The record, in one place as long as it stays the same.
    record: Option<Arc<str>>,
    /// Its counters, each with the hash of its policy: there may be hundreds.
    slots: Vec<(u64, Arc<Slot>)>,
}

/// Memory is full, and nothing can be written.
struct Full;

impl Shared {
    pub(crate) fn new(section: &Section, metrics: Arc<ReportMetrics>) -> Self {
        Self {
            metrics,
            limits: section.limits,
            is_probing: section.probe.is_some(),
            weight: Arc::default(),
            wake: Notify::new(),
            posted: Arc::default(),
            unsaved: Mutex::default(),
            refused: Mutex::default(),
            discarded: Mutex::default(),
        }
    }

    /// Looks at MX hosts judge sessions of a domain that has no policy.
    fn slot_limits(&self, domain: &DomainName, policy: &SeenPolicy) -> SlotLimits {
        let keeps_hours = self.is_probing
            && *policy == SeenPolicy::new(PolicyType::NoPolicyFound, domain.clone());
        SlotLimits { failures: self.limits.failures, keeps_hours }
    }

    /// Everything that is to be written. What is counted meanwhile comes with the next call.
    pub(crate) fn take_unsaved(&self) -> Vec<(Place, Arc<Slot>)> {
        mem::take(&mut lock(&self.unsaved))
    }

    pub(crate) fn add_unsaved(&self, slot: Arc<Slot>) {
        // Where the slot was just counted, it is near; when it is written it no longer is.
        let place = slot.place();
        lock(&self.unsaved).push((place, slot));
    }

    pub(crate) fn unsaved(&self) -> usize {
        lock(&self.unsaved).len()
    }

    pub(crate) fn take_refused(&self) -> Vec<RefusedDatagram> {
        mem::take(&mut *lock(&self.refused)).into()
    }

    pub(crate) fn take_discarded(&self) -> Vec<Discarded> {
        mem::take(&mut lock(&self.discarded))
    }

    fn discard(&self, discarded: Discarded) {
        lock(&self.discarded).push(discarded);
    }
}

impl Memory {
    pub(crate) fn new(shared: Arc<Shared>, now: i64) -> Self {
        Self {
            shared,
            generation: Arc::default(),
            domains: Map::default(),
            known: Known::default(),
            today: Day::of(now),
            octets: 0,
        }
    }

    /// Counts all that has come.
    pub(crate) fn take_all(&mut self, waiting: &Waiting) {
        if waiting.dropped() > 0 {
            self.shared.metrics.overflowed.add(waiting.dropped());
            let dropped = waiting.dropped();
            tracing::error!(dropped, "datagrams came faster than they could be counted");
        }
        let mut datagrams = waiting.iter();
        loop {
            let next = datagrams.by_ref().take(AHEAD);
            let hashed = next.map(|(it, at)| (self.known.hash(it.octets), it, at));
            let hashed: Vec<_> = hashed.collect();
            if hashed.is_empty() {
                break;
            }
            self.known.look_ahead(&hashed.iter().map(|(hash, ..)| *hash));
            for (hash, datagram, taken_at) in hashed {
                self.take(hash, datagram, taken_at);
            }
        }
        // Last: whoever sees them counted sees what became of them too.
        let count = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        self.shared.metrics.datagrams.add(count);
    }

    /// Counts sessions that came another way, and says how many were.
    pub(crate) fn deliver(&mut self, sessions: Vec<TimedSession>) -> usize {
        let mut counted = 0;
        for TimedSession { reading, at } in sessions {
            self.turn_to(at);
            if let Some(meaning) = self.meaning(reading) {
                self.add(&meaning, at);
                counted += 1;
            }
            self.relieve();
        }
        counted
    }

    /// Counts what a datagram with this hash says, as of `now`, in seconds since 1970.
    fn take(&mut self, hash: u64, datagram: Datagram<'_>, now: i64) {
        self.turn_to(now);
        if let Some(meaning) = self.known.get(hash, datagram.octets) {
            self.add(meaning, now);
            return;
        }
        let reading = match datagram.wholeness {
            Wholeness::Whole => Session::read(datagram.octets),
            Wholeness::Cut => Err(SessionRefusal::TooLong),
        };
        let reading = match reading {
            Ok(reading) => reading,
            Err(refusal) => return self.refuse(refusal, datagram.octets, now),
        };
        let Some(meaning) = self.meaning(reading) else { return };
        self.add(&meaning, now);
        if let Some(known) = self.known.add(hash, datagram.octets, meaning) {
            self.shared.discard(Discarded::Known { _known: known });
        }
        self.relieve();
    }

    /// Begins a day. The clock may also step back; each day has its own counters.
    fn turn_to(&mut self, now: i64) {
        if Day::of(now) != self.today {
            self.today = Day::of(now);
            self.begin_anew();
        }
    }

    /// Begins anew if there is much. Half, because what is being written is still there.
    fn relieve(&mut self) {
        if self.octets > self.shared.limits.memory_octets / 2 {
            self.begin_anew();
        }
    }

    /// What a session adds to which counters; `None` if there is no room for them.
    fn meaning(&mut self, reading: SessionReading) -> Option<Meaning> {
        let SessionReading { session: Session { domain, record, policies }, repairs } = reading;
        let Ok(additions) = self.additions(&domain, policies) else {
            self.shared.metrics.uncounted.increment();
            return None;
        };
        let record = record.and_then(|record| self.record(&domain, &record));
        Some(Meaning::new(additions, record, repairs))
    }

    /// Empties the memory, which is written all the same. What comes now is counted from 0.
    fn begin_anew(&mut self) {
        self.shared.discard(Discarded::Domains { _domains: mem::take(&mut self.domains) });
        self.shared.discard(Discarded::Known { _known: self.known.forget() });
        self.generation = Arc::default();
        self.octets = 0;
        self.shared.wake.notify_one();
    }

    fn add(&self, meaning: &Meaning, now: i64) {
        let metrics = &self.shared.metrics;
        for &repair in &*meaning.repairs {
            metrics.repaired.increment(Mended(repair));
        }
        for Addition { slot, outcome, failures } in meaning.additions() {
            metrics.sessions.increment(ResultLabel(*outcome));
            if slot.count(*outcome, failures, meaning.record.as_ref(), now) {
                self.shared.add_unsaved(Arc::clone(slot));
            }
        }
    }

    /// What a session adds to which counters. All of it is there before any of it is counted.
    fn additions(
        &mut self,
        domain: &DomainName,
        policies: Vec<SessionPolicy>,
    ) -> Result<Vec<Addition>, Full> {
        let mut slots = Vec::with_capacity(policies.len());
        for SessionPolicy { policy, outcome, failures } in policies {
            slots.push((self.slot(domain, policy)?, outcome, failures));
        }
        let is_full = self.is_full();
        let mut additions = Vec::with_capacity(slots.len());
        for (slot, outcome, failures) in slots {
            let (failures, octets) = if is_full {
                let types = failures.into_iter().map(|failure| failure.result_type);
                slot.places(&types.map(SessionFailure::others).collect::<Vec<_>>())
            } else {
                slot.places(&failures)
            };
            self.octets += octets;
            additions.push(Addition { slot, outcome, failures });
        }
        Ok(additions)
    }

    /// The counter of a policy of a domain.
    fn slot(&mut self, domain: &DomainName, mut policy: SeenPolicy) -> Result<Arc<Slot>, Full> {
        let hash = |policy: &CountedPolicy| self.domains.hasher().hash_one(policy.text());
        let mut counted = CountedPolicy::of(&policy);
        let mut hashed = hash(&counted);
        if let Some(of_domain) = self.domains.get(domain) {
            if let Some(slot) = of_domain.slot(hashed, &counted) {
                return Ok(slot);
            }
            if of_domain.slots.len() >= self.shared.limits.policies {
                policy = policy.without_texts();
                counted = CountedPolicy::of(&policy);
                hashed = hash(&counted);
                if let Some(slot) = of_domain.slot(hashed, &counted) {
                    return Ok(slot);
                }
            }
        }
        if self.is_full() {
            return Err(Full);
        }
        // While its text is at hand.
        counted.name();
        let slot = Arc::new(Slot::new(
            self.today,
            domain.clone(),
            counted,
            &self.shared.slot_limits(domain, &policy),
            Arc::clone(&self.generation),
            Arc::clone(&self.shared.weight),
        ));
        self.octets += slot.octets();
        if self.domains.is_empty() {
            self.shared.metrics.days.set(1);
        }
        let of_domain = self.domains.entry(domain.clone()).or_default();
        if of_domain.slots.is_empty() {
            // Most have no more than one.
            of_domain.slots.reserve_exact(1);
        }
        of_domain.slots.push((hashed, Arc::clone(&slot)));
        Ok(slot)
    }

    /// The record of a domain that has counters.
    fn record(&mut self, domain: &DomainName, record: &str) -> Option<Arc<str>> {
        let of_domain = self.domains.get_mut(domain)?;
        if of_domain.record.as_deref() != Some(record) {
            self.octets += record.len();
            of_domain.record = Some(record.into());
        }
        of_domain.record.clone()
    }

    fn is_full(&self) -> bool {
        self.shared.weight.octets() >= self.shared.limits.memory_octets
    }

    fn refuse(&self, refusal: SessionRefusal, octets: &[u8], now: i64) {
        self.shared.metrics.refused.increment(Cause(refusal));
        let most = usize::from(self.shared.limits.refused);
        if most == 0 {
            return;
        }
        let beginning = octets.get(..octets.len().min(REFUSED_OCTETS)).unwrap_or_default();
        let mut refused = lock(&self.shared.refused);
        if refused.len() >= most {
            refused.pop_front();
        }
        refused.push_back(RefusedDatagram {
            refused_at: now,
            cause: refusal.code().to_owned(),
            length: octets.len(),
            octets: beginning.to_vec(),
        });
    }
}

impl OfDomain {
    fn slot(&self, hash: u64, policy: &CountedPolicy) -> Option<Arc<Slot>> {
        let found = self.slots.iter().find(|(of, slot)| *of == hash && *slot.policy == *policy);
        found.map(|(_, slot)| Arc::clone(slot))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
