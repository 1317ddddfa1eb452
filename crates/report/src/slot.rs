//! The counter of one policy of one domain on one day.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_store::sessions::{CountedPolicy, Epoch, SessionCounts};
use tls_rpt::{FailureIndex, HourlySessions, PolicyCounts, SessionFailure, SessionOutcome};

/// Memory for a counter beside its texts, about, in octets.
const SLOT: usize = 512;

/// What counters share that began from 0 together.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    /// Its number in the store, once it has one.
    pub(crate) epoch: OnceLock<Epoch>,
}

/// How much there is in memory, of all generations.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    keys: AtomicUsize,
    octets: AtomicUsize,
    /// Counters whose last session failed.
    failing: AtomicUsize,
}

/// A counter. The thread that counts and the one that writes hold it for a moment each.
pub(crate) struct Slot {
    pub(crate) day: Day,
    pub(crate) domain: DomainName,
    pub(crate) policy: Arc<CountedPolicy>,
    pub(crate) generation: Arc<Generation>,
    keeps_hours: bool,
    counting: Mutex<Counting>,
    weight: Arc<Weight>,
    /// Its own part of the weight: keys and octets.
    own: [AtomicUsize; 2],
}

struct Counting {
    counts: PolicyCounts,
    /// When the successful ones were, where looks at MX hosts may judge them.
    hours: Option<Box<HourlySessions>>,
    record: Option<Arc<str>>,
    seen_at: i64,
    /// What became of the last session; successful before the first.
    last: SessionOutcome,
    /// Whether it stands in the list of what is to be written.
    is_listed: bool,
}

/// What most comparisons need of the order in which counters are written: what they share, the day, and
/// the beginning of the domain.
pub(crate) type Place = (usize, Day, u128);

/// What counters keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotLimits {
    /// The most failures that are told apart.
    pub(crate) failures: usize,
    /// Whether it is kept in which hours sessions were.
    pub(crate) keeps_hours: bool,
}

/// What a session adds to a counter.
pub(crate) struct Addition {
    pub(crate) slot: Arc<Slot>,
    pub(crate) outcome: SessionOutcome,
    pub(crate) failures: Box<[FailureIndex]>,
}

impl Addition {
    /// Whether nobody is at the counter now. It tells little; to ask fetches what is far away.
    pub(crate) fn is_near(&self) -> bool {
        self.slot.counting.try_lock().is_ok()
    }
}

impl Weight {
    pub(crate) fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    pub(crate) fn octets(&self) -> usize {
        self.octets.load(Ordering::Relaxed)
    }

    /// Policies of domains whose last session failed.
    pub(crate) fn failing(&self) -> usize {
        self.failing.load(Ordering::Relaxed)
    }

    /// The last session of a counter became this, where that of before became that.
    fn turn(&self, before: SessionOutcome, now: SessionOutcome) {
        match (before, now) {
            (SessionOutcome::Successful, SessionOutcome::Failed) => {
                self.failing.fetch_add(1, Ordering::Relaxed);
            }
            (SessionOutcome::Failed, SessionOutcome::Successful) => {
                self.failing.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl Slot {
    pub(crate) fn new(
        day: Day,
        domain: DomainName,
        policy: CountedPolicy,
        limits: &SlotLimits,
        generation: Arc<Generation>,
        weight: Arc<Weight>,
    ) -> Self {
        let counts = PolicyCounts::new(limits.failures);
        let slot = Self {
            day,
            domain,
            policy: Arc::new(policy),
            generation,
            keeps_hours: limits.keeps_hours,
            counting: Mutex::new(Counting {
                counts,
                hours: limits.keeps_hours.then(Box::default),
                record: None,
                seen_at: 0,
                last: SessionOutcome::Successful,
                is_listed: false,
            }),
            weight,
            own: [AtomicUsize::new(0), AtomicUsize::new(0)],
        };
        slot.weigh(1, slot.octets());
        slot
    }

    /// Its place among those that are written.
    pub(crate) fn place(&self) -> Place {
        let mut beginning = [0; 16];
        for (octet, of_name) in beginning.iter_mut().zip(self.domain.as_str().as_bytes()) {
            *octet = *of_name;
        }
        (Arc::as_ptr(&self.generation).addr(), self.day, u128::from_be_bytes(beginning))
    }

    /// The places of the failures of a session, and how much memory they take more, in octets.
    pub(crate) fn places(&self, failures: &[SessionFailure]) -> (Box<[FailureIndex]>, usize) {
        if failures.is_empty() {
            return (Box::default(), 0);
        }
        let mut counting = self.counting();
        let before = counting.counts.len();
        let places = counting.counts.places(failures);
        let more = counting.counts.len().saturating_sub(before);
        drop(counting);
        let largest = failures.iter().map(SessionFailure::octets).max().unwrap_or_default();
        let octets = largest.saturating_mul(more);
        self.weigh(more, octets);
        (places.into(), octets)
    }

    /// How much memory it took at first, about, in octets.
    pub(crate) fn octets(&self) -> usize {
        let hours = if self.keeps_hours { size_of::<HourlySessions>() } else { 0 };
        SLOT + hours + self.policy.text().len() + self.domain.as_str().len()
    }

    /// Counts a session. True if the counter is to be put on the list of what is to be written.
    #[must_use]
    pub(crate) fn count(
        &self,
        outcome: SessionOutcome,
        failures: &[FailureIndex],
        record: Option<&Arc<str>>,
        now: i64,
    ) -> bool {
        let mut counting = self.counting();
        counting.counts.count(outcome, failures);
        if outcome == SessionOutcome::Successful
            && let Some(hours) = &mut counting.hours
        {
            hours.add(now, 1);
        }
        counting.seen_at = now;
        self.weight.turn(counting.last, outcome);
        counting.last = outcome;
        if let Some(record) = record
            && counting.record.as_ref().is_none_or(|old| !Arc::ptr_eq(old, record))
        {
            counting.record = Some(Arc::clone(record));
        }
        !mem::replace(&mut counting.is_listed, true)
    }

    /// What is to be written, in absolute numbers. It is no longer on the list.
    pub(crate) fn take_changes(&self) -> Option<SessionCounts> {
        let mut counting = self.counting();
        counting.is_listed = false;
        let changes = counting.counts.take_changes()?;
        Some(SessionCounts {
            day: self.day,
            domain: self.domain.clone(),
            policy: Arc::clone(&self.policy),
            successful: changes.successful,
            failed: changes.failed,
            failures: changes.failures,
            record: counting.record.clone(),
            seen_at: counting.seen_at,
            hours: counting.hours.clone(),
        })
    }

    /// What was taken was not written: it stands on the list again, where the caller puts it.
    pub(crate) fn put_back(&self) {
        let mut counting = self.counting();
        counting.counts.touch();
        counting.is_listed = true;
    }

    fn weigh(&self, keys: usize, octets: usize) {
        let Weight { keys: all_keys, octets: all_octets, .. } = &*self.weight;
        let [own_keys, own_octets] = &self.own;
        for (own, all, more) in [(own_keys, all_keys, keys), (own_octets, all_octets, octets)] {
            own.fetch_add(more, Ordering::Relaxed);
            all.fetch_add(more, Ordering::Relaxed);
        }
    }

    fn counting(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.weight.turn(self.counting().last, SessionOutcome::Successful);
        let [keys, octets] = &self.own;
        self.weight.keys.fetch_sub(keys.load(Ordering::Relaxed), Ordering::Relaxed);
        self.weight.octets.fetch_sub(octets.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
