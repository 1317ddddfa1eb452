//! The counters in memory, on the thread that takes datagrams.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::quality::RandomState;
use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_listen::{Datagram, Wholeness};
use sealpost_store::sessions::RefusedDatagram;
use tls_rpt::{SeenPolicy, Session, SessionFailure, SessionReading, SessionRefusal};
use tokio::sync::Notify;

use crate::{
    Cause, Mended, ReportMetrics, Result as ResultLabel, Section, SectionLimits, TimedSession,
    known::{Known, Meaning},
    posted::Posted,
    ring::Waiting,
    slot::{Addition, Generation, Slot, SlotLimits, Weight},
};

/// The most octets that are kept of a datagram that could not be read.
const REFUSED_OCTETS: usize = 8 << 10;

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
    unsaved: Mutex<Vec<Arc<Slot>>>,
    refused: Mutex<VecDeque<RefusedDatagram>>,
    /// What is large and no longer needed: to free it takes time that the thread does not have.
    discarded: Mutex<Vec<Discarded>>,
}

/// What was emptied.
pub(crate) enum Discarded {
    Slots { _slots: Map<Key, Arc<Slot>>, _policies: Map<DomainName, usize> },
    Known { _known: Known },
}

/// All counters since they began from 0.
pub(crate) struct Memory {
    shared: Arc<Shared>,
    generation: Arc<Generation>,
    slots: Map<Key, Arc<Slot>>,
    /// How many policies each domain has. There is one day in a generation, as a rule.
    policies: Map<DomainName, usize>,
    known: Known,
    records: Map<DomainName, Arc<str>>,
    today: Day,
    days: BTreeSet<Day>,
    /// Memory of this generation, about.
    octets: usize,
}

/// What a counter is for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    day: Day,
    domain: DomainName,
    policy: Arc<SeenPolicy>,
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

    fn slot_limits(&self) -> SlotLimits {
        SlotLimits { failures: self.limits.failures, keeps_hours: self.is_probing }
    }

    /// Everything that is to be written. What is counted meanwhile comes with the next call.
    pub(crate) fn take_unsaved(&self) -> Vec<Arc<Slot>> {
        mem::take(&mut lock(&self.unsaved))
    }

    pub(crate) fn add_unsaved(&self, slot: Arc<Slot>) {
        lock(&self.unsaved).push(slot);
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
            slots: Map::default(),
            policies: Map::default(),
            known: Known::default(),
            records: Map::default(),
            today: Day::of(now),
            days: BTreeSet::new(),
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
        for (datagram, taken_at) in waiting.iter() {
            self.take(datagram, taken_at);
        }
        // Last: whoever sees them counted sees what became of them too.
        let count = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        self.shared.metrics.datagrams.add(count);
    }

    /// Counts sessions that came another way, and says how many were.
    pub(crate) fn deliver(&mut self, sessions: &[TimedSession]) -> usize {
        let mut counted = 0;
        for session in sessions {
            self.turn_to(session.at);
            if let Some(meaning) = self.meaning(&session.reading) {
                self.add(&meaning, session.at);
                counted += 1;
            }
            self.relieve();
        }
        counted
    }

    /// Counts what a datagram says, as of `now`, in seconds since 1970.
    fn take(&mut self, datagram: Datagram<'_>, now: i64) {
        self.turn_to(now);
        if let Some(meaning) = self.known.get(datagram.octets) {
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
        let Some(meaning) = self.meaning(&reading) else { return };
        self.add(&meaning, now);
        if let Some(known) = self.known.add(datagram.octets, meaning) {
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
    fn meaning(&mut self, reading: &SessionReading) -> Option<Meaning> {
        let session = &reading.session;
        let Ok(additions) = self.additions(session) else {
            self.shared.metrics.uncounted.increment();
            return None;
        };
        let record = session.record.as_deref();
        let record = record.map(|record| self.record(&session.domain, record));
        Some(Meaning { additions, record, repairs: reading.repairs.clone() })
    }

    /// Empties the memory, which is written all the same. What comes now is counted from 0.
    fn begin_anew(&mut self) {
        let slots = mem::take(&mut self.slots);
        let policies = mem::take(&mut self.policies);
        self.shared.discard(Discarded::Slots { _slots: slots, _policies: policies });
        self.shared.discard(Discarded::Known { _known: mem::take(&mut self.known) });
        self.records = Map::default();
        self.generation = Arc::default();
        self.octets = 0;
        self.days.clear();
        self.shared.wake.notify_one();
    }

    fn add(&self, meaning: &Meaning, now: i64) {
        let metrics = &self.shared.metrics;
        for &repair in &meaning.repairs {
            metrics.repaired.increment(Mended(repair));
        }
        for Addition { slot, outcome, failures } in &meaning.additions {
            metrics.sessions.increment(ResultLabel(*outcome));
            if slot.count(*outcome, failures, meaning.record.as_ref(), now) {
                self.shared.add_unsaved(Arc::clone(slot));
            }
        }
    }

    /// What a session adds to which counters. All of it is there before any of it is counted.
    fn additions(&mut self, session: &Session) -> Result<Vec<Addition>, Full> {
        let mut slots = Vec::with_capacity(session.policies.len());
        for seen in &session.policies {
            slots.push(self.slot(&session.domain, &seen.policy)?);
        }
        let is_full = self.is_full();
        let mut additions = Vec::with_capacity(slots.len());
        for (slot, seen) in slots.into_iter().zip(&session.policies) {
            let (failures, octets) = if is_full {
                let types = seen.failures.iter().map(|failure| failure.result_type.clone());
                slot.places(&types.map(SessionFailure::others).collect::<Vec<_>>())
            } else {
                slot.places(&seen.failures)
            };
            self.octets += octets;
            additions.push(Addition { slot, outcome: seen.outcome, failures });
        }
        Ok(additions)
    }

    fn slot(&mut self, domain: &DomainName, policy: &SeenPolicy) -> Result<Arc<Slot>, Full> {
        let mut key =
            Key { day: self.today, domain: domain.clone(), policy: Arc::new(policy.clone()) };
        if let Some(slot) = self.slots.get(&key) {
            return Ok(Arc::clone(slot));
        }
        let policies = self.policies.get(domain).copied().unwrap_or_default();
        if policies >= self.shared.limits.policies {
            key.policy = Arc::new(policy.without_texts());
            if let Some(slot) = self.slots.get(&key) {
                return Ok(Arc::clone(slot));
            }
        }
        if self.is_full() {
            return Err(Full);
        }
        let slot = Arc::new(Slot::new(
            key.day,
            key.domain.clone(),
            Arc::clone(&key.policy),
            &self.shared.slot_limits(),
            Arc::clone(&self.generation),
            Arc::clone(&self.shared.weight),
        ));
        self.octets += slot.octets();
        self.policies.insert(key.domain.clone(), policies.saturating_add(1));
        if self.days.insert(key.day) {
            self.shared.metrics.days.set(i64::try_from(self.days.len()).unwrap_or(i64::MAX));
        }
        self.slots.insert(key, Arc::clone(&slot));
        Ok(slot)
    }

    /// The record of a domain, in one place as long as it stays the same.
    fn record(&mut self, domain: &DomainName, record: &str) -> Arc<str> {
        match self.records.get(domain) {
            Some(known) if **known == *record => Arc::clone(known),
            _ => {
                let record: Arc<str> = record.into();
                self.octets += record.len();
                self.records.insert(domain.clone(), Arc::clone(&record));
                record
            }
        }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
