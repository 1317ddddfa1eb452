//! A body on its way in.

use crate::{
    Budget,
    budget::{Exhausted, Share},
};

/// Room is added in steps of at most so many octets.
const LARGEST_STEP: usize = 256 * 1024;

/// What has come of a body, within its limit and the budget.
pub(super) struct Gathered {
    octets: Vec<u8>,
    limit: usize,
    share: Share,
}

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is larger than its limit.
    TooLarge,
    /// Others have taken all the memory.
    NoRoom,
}

impl Gathered {
    pub(super) fn new(limit: usize, budget: &Budget) -> Self {
        // What all of the memory cannot hold is too large: it would be put off each time it comes.
        let limit = limit.min(budget.octets());
        Self { octets: Vec::new(), limit, share: budget.share() }
    }

    /// Says how many octets will come, if it is known. They are made room for as they come: saying it
    /// costs nothing.
    pub(super) fn expect(&mut self, octets: Option<u64>) -> Result<(), BodyError> {
        let Some(octets) = octets else { return Ok(()) };
        match usize::try_from(octets) {
            Ok(octets) if octets <= self.limit => {
                self.limit = octets;
                Ok(())
            }
            _ => Err(BodyError::TooLarge),
        }
    }

    pub(super) fn push(&mut self, octets: &[u8]) -> Result<(), BodyError> {
        let length = self.octets.len().saturating_add(octets.len());
        if length > self.limit {
            return Err(BodyError::TooLarge);
        }
        if length > self.octets.capacity() {
            let room = length.saturating_add((length / 2).min(LARGEST_STEP)).min(self.limit);
            // Some room ahead is for speed, and no reason to refuse what would just fit.
            let room = if self.share.hold(room).is_ok() { room } else { length };
            self.share.hold(room)?;
            self.octets.reserve_exact(room - self.octets.len());
        }
        self.octets.extend_from_slice(octets);
        Ok(())
    }

    /// The octets. They count as held until this is dropped.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.octets)
    }
}

impl From<Exhausted> for BodyError {
    fn from(_: Exhausted) -> Self {
        Self::NoRoom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_within_its_limit_and_the_budget() {
        let budget = Budget::new(100);
        let mut body = Gathered::new(60, &budget);
        assert_eq!(body.expect(Some(61)), Err(BodyError::TooLarge));
        assert_eq!(body.expect(Some(u64::MAX)), Err(BodyError::TooLarge));
        assert_eq!((body.expect(None), body.expect(Some(60))), (Ok(()), Ok(())));
        assert_eq!(budget.taken(), 0, "saying it costs nothing");
        for _ in 0..60 {
            assert_eq!(body.push(b"x"), Ok(()));
            assert!(budget.taken() <= 60);
        }
        assert_eq!(body.push(b"x"), Err(BodyError::TooLarge));
        let mut other = Gathered::new(60, &budget);
        assert_eq!(other.push(&[0; 41]), Err(BodyError::NoRoom));
        assert_eq!(other.push(&[0; 38]), Ok(()), "with less room ahead");
        assert_eq!(other.push(&[0; 3]), Err(BodyError::NoRoom));
        assert_eq!(body.take(), [b'x'; 60]);
        assert_eq!(budget.taken(), 60 + 38);
        drop((body, other));
        assert_eq!(budget.taken(), 0);
    }

    /// It was told to come again, for ever.
    #[test]
    fn what_is_larger_than_all_of_the_memory_is_too_large() {
        let budget = Budget::new(50);
        let mut body = Gathered::new(60, &budget);
        assert_eq!(body.expect(Some(51)), Err(BodyError::TooLarge));
        assert_eq!(body.push(&[0; 51]), Err(BodyError::TooLarge));
        assert_eq!(body.push(&[0; 50]), Ok(()));
    }
}
