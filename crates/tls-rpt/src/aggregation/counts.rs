//! Counting while sessions come in.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{SessionFailure, SessionOutcome};

/// The sessions of one policy on one day, as one process has seen them.
///
/// Numbers only grow.
#[derive(Debug, Clone)]
pub struct PolicyCounts {
    successful: u64,
    failed: u64,
    failures: Vec<Counted>,
    places: HashMap<Arc<SessionFailure>, FailureIndex>,
    /// The failures that have changed.
    changed: Vec<FailureIndex>,
    have_totals_changed: bool,
    limit: usize,
}

#[derive(Debug, Clone)]
struct Counted {
    failure: Arc<SessionFailure>,
    count: FailureCount,
    has_changed: bool,
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
    /// The failures whose numbers have changed.
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
        Self {
            successful: 0,
            failed: 0,
            failures: Vec::new(),
            places: HashMap::new(),
            changed: Vec::new(),
            have_totals_changed: false,
            limit,
        }
    }

    /// The places of the failures of a session, each once, for [`Self::count`]. Where there are as
    /// many as are kept apart, a new one is among those that are counted by type alone.
    pub fn places(&mut self, failures: &[SessionFailure]) -> Vec<FailureIndex> {
        let mut places = Vec::new();
        for failure in failures {
            let place = self.place(failure);
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
        for &place in failures {
            let Some(counted) = self.failures.get_mut(place.0 as usize) else { continue };
            counted.count.add(FailureCount::one(outcome));
            if !counted.has_changed {
                counted.has_changed = true;
                self.changed.push(place);
            }
        }
    }

    /// What has changed since this was asked last; `None` if nothing has.
    pub fn take_changes(&mut self) -> Option<Changes> {
        if !self.have_totals_changed {
            return None;
        }
        self.have_totals_changed = false;
        let mut failures = Vec::with_capacity(self.changed.len());
        for place in self.changed.drain(..) {
            if let Some(counted) = self.failures.get_mut(place.0 as usize) {
                counted.has_changed = false;
                failures.push((Arc::clone(&counted.failure), counted.count));
            }
        }
        Some(Changes { successful: self.successful, failed: self.failed, failures })
    }

    /// Takes everything for changed: what was told last came to nothing.
    pub fn touch(&mut self) {
        self.have_totals_changed = true;
        self.changed.clear();
        for (number, counted) in (0..).zip(&mut self.failures) {
            counted.has_changed = true;
            self.changed.push(FailureIndex(number));
        }
    }

    /// How many failures are kept apart.
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Whether no failure is kept.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    fn place(&mut self, failure: &SessionFailure) -> FailureIndex {
        if let Some(&place) = self.places.get(failure) {
            return place;
        }
        let is_full = self.failures.len() >= self.limit;
        if is_full && !failure.is_others() {
            return self.place(&SessionFailure::others(failure.result_type.clone()));
        }
        let place = FailureIndex(u32::try_from(self.failures.len()).unwrap_or(u32::MAX));
        let failure = Arc::new(failure.clone());
        self.places.insert(Arc::clone(&failure), place);
        let count = FailureCount::default();
        self.failures.push(Counted { failure, count, has_changed: false });
        place
    }
}
