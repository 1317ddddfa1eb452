//! Memory for what strangers send, all connections together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Octets that may be held at a time. Clones share them.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Total>);

#[derive(Debug)]
struct Total {
    limit: usize,
    taken: AtomicUsize,
}

/// What one connection has of a [`Budget`]. It goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    taken: usize,
}

/// There is not enough left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    /// So many octets.
    pub fn new(octets: usize) -> Self {
        Self(Arc::new(Total { limit: octets, taken: AtomicUsize::new(0) }))
    }

    /// No bound but that of the single connection.
    pub fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// The octets that may be held at a time.
    pub fn octets(&self) -> usize {
        self.0.limit
    }

    /// Octets that are taken.
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// Whether so many octets could be taken now.
    pub(crate) fn has_room_for(&self, octets: usize) -> bool {
        self.taken().saturating_add(octets) <= self.0.limit
    }

    /// A share that holds nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), taken: 0 }
    }
}

impl Share {
    /// Holds so many octets from now on, more or less than before. If there are not enough, nothing
    /// changes.
    pub(crate) fn hold(&mut self, octets: usize) -> Result<(), Exhausted> {
        let Total { limit, taken } = &*self.budget.0;
        if octets > self.taken {
            let more = octets - self.taken;
            let add = |sum: usize| sum.checked_add(more).filter(|sum| sum <= limit);
            taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).map_err(|_| Exhausted)?;
        } else {
            taken.fetch_sub(self.taken - octets, Ordering::Relaxed);
        }
        self.taken = octets;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.taken.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_take_and_give_back() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert_eq!(one.hold(6), Ok(()));
        assert_eq!(other.hold(5), Err(Exhausted));
        assert_eq!(
            (budget.taken(), budget.has_room_for(4), budget.has_room_for(5)),
            (6, true, false)
        );
        assert_eq!(one.hold(5), Ok(()));
        assert_eq!(other.hold(5), Ok(()));
        assert_eq!(one.hold(6), Err(Exhausted));
        drop(other);
        assert_eq!(one.hold(10), Ok(()));
        drop(one);
        assert_eq!(budget.taken(), 0);
        assert_eq!(Budget::unlimited().share().hold(usize::MAX), Ok(()));
    }
}
