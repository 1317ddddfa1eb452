//! Counting while sessions come in.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use crate::{SessionFailure, SessionOutcome};

/// The sessions of one policy on one day, as one process has seen them.
///
/// Numbers only grow.
#[derive(Debug, Clone)]
pub struct PolicyCounts {
    successful: u64,
    failed: u64,
    have_totals_changed: bool,
    limit: usize,
    /// Most policies have none, and there may be a great many policies.
    met: Option<Box<Met>>,
}

/// The failures that were met.
#[derive(Debug, Clone, Default)]
struct Met {
    failures: Vec<Counted>,
    places: HashMap<Arc<SessionFailure>, FailureIndex>,
    have_changed: bool,
}

#[derive(Debug, Clone)]
struct Counted {
    failure: Arc<SessionFailure>,
    count: FailureCount,
}

/// How many sessions met a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailureCount {
    /// Sessions that failed in the end.
    pub failed: u64,
    /// Sessions that complied with the policy all the same. A report does not speak of them: they
    /// are among the successful ones.
    pub recovered: u64,
}

/// The place of a failure in the [`PolicyCounts`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailureIndex(u32);

/// What has changed since the last time, in absolute numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Sessions that complied with the policy.
    pub successful: u64,
    /// Sessions that did not.
    pub failed: u64,
    /// All failures, if the number of one of them has changed; none if not.
    pub failures: Vec<(Arc<SessionFailure>, FailureCount)>,
}

impl FailureCount {
    /// One session of this outcome.
    pub fn one(outcome: SessionOutcome) -> Self {
        match outcome {
            SessionOutcome::Failed => Self { failed: 1, recovered: 0 },
            SessionOutcome::Successful => Self { failed: 0, recovered: 1 },
        }
    }

    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.failed = self.failed.saturating_add(other.failed);
        self.recovered = self.recovered.saturating_add(other.recovered);
    }
}

impl PolicyCounts {
    /// No session yet. At most `limit` failures are kept apart, and one more for each result type.
    pub fn new(limit: usize) -> Self {
        Self { successful: 0, failed: 0, have_totals_changed: false, limit, met: None }
    }

    /// The places of the failures of a session, each once, for [`Self::count`]. Where there are as
    /// many as are kept apart, a new one is among those that are counted by type alone.
    pub fn places(&mut self, failures: &[SessionFailure]) -> Vec<FailureIndex> {
        let mut places = Vec::new();
        for failure in failures {
            let place = self.met.get_or_insert_default().place(failure, self.limit);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// Counts one session that met these failures.
    pub fn count(&mut self, outcome: SessionOutcome, failures: &[FailureIndex]) {
        let total = match outcome {
            SessionOutcome::Successful => &mut self.successful,
            SessionOutcome::Failed => &mut self.failed,
        };
        *total = total.saturating_add(1);
        self.have_totals_changed = true;
        let Some(met) = &mut self.met else { return };
        for &place in failures {
            let Some(counted) = met.failures.get_mut(place.0 as usize) else { continue };
            counted.count.add(FailureCount::one(outcome));
            met.have_changed = true;
        }
    }

    /// What has changed since this was asked last; `None` if nothing has.
    pub fn take_changes(&mut self) -> Option<Changes> {
        if !self.have_totals_changed {
            return None;
        }
        self.have_totals_changed = false;
        let failures = self.met.as_deref_mut().map(Met::take_changes).unwrap_or_default();
        Some(Changes { successful: self.successful, failed: self.failed, failures })
    }

    /// Takes everything for changed: what was told last came to nothing.
    pub fn touch(&mut self) {
        self.have_totals_changed = true;
        if let Some(met) = &mut self.met {
            met.have_changed = true;
        }
    }

    /// How many failures are kept apart.
    pub fn len(&self) -> usize {
        self.met.as_ref().map_or(0, |met| met.failures.len())
    }

    /// Whether no failure is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Met {
    fn place(&mut self, failure: &SessionFailure, limit: usize) -> FailureIndex {
        if let Some(&place) = self.places.get(failure) {
            return place;
        }
        if self.failures.len() >= limit && !failure.is_others() {
            return self.place(&SessionFailure::others(failure.result_type.clone()), limit);
        }
        let place = FailureIndex(u32::try_from(self.failures.len()).unwrap_or(u32::MAX));
        let failure = Arc::new(failure.clone());
        self.places.insert(Arc::clone(&failure), place);
        self.failures.push(Counted { failure, count: FailureCount::default() });
        place
    }

    fn take_changes(&mut self) -> Vec<(Arc<SessionFailure>, FailureCount)> {
        let has_changed = mem::take(&mut self.have_changed);
        // One that has its place and was not counted yet is none.
        let is_counted = |it: &&Counted| it.count != FailureCount::default();
        let told = self.failures.iter().filter(|_| has_changed).filter(is_counted);
        told.map(|it| (Arc::clone(&it.failure), it.count)).collect()
    }
}
