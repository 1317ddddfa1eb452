//! Memory for what is being stored, or fetched, or read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StoreError;

/// Memory for one kind of work, such as what is being stored. Who finds none waits, those who came first first.
/// Clones share it.
///
/// Nobody may wait for it who holds a part of it: two of them could wait for each other.
#[derive(Clone, Debug)]
pub struct Room {
    kibibytes: u32,
    free: Arc<Semaphore>,
}

/// A part of a [`Room`]. It goes back when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Held(OwnedSemaphorePermit);

impl Room {
    /// So many octets, by the KiB; at least one KiB.
    pub fn of(octets: usize) -> Self {
        let kibibytes = u32::try_from(octets / 1024).unwrap_or(u32::MAX).max(1);
        let places = usize::try_from(kibibytes).unwrap_or(usize::MAX);
        let places = places.min(Semaphore::MAX_PERMITS);
        Self { kibibytes, free: Arc::new(Semaphore::new(places)) }
    }

    /// How many octets there are, held or not.
    pub fn octets(&self) -> usize {
        usize::try_from(self.kibibytes).unwrap_or(usize::MAX).saturating_mul(1024)
    }

    /// How many octets nobody holds.
    pub fn free(&self) -> usize {
        self.free.available_permits().saturating_mul(1024)
    }

    /// Waits for so many octets. Who wants more than there are gets all of it, and is alone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] is not expected: nobody closes it.
    pub async fn hold(&self, octets: usize) -> Result<Held, StoreError> {
        let permit = Arc::clone(&self.free).acquire_many_owned(self.kibibytes_of(octets)).await;
        Ok(Held(permit.map_err(|_| StoreError::Closed)?))
    }

    /// The same without waiting; `None` if there are not enough now, or somebody waits.
    pub fn try_hold(&self, octets: usize) -> Option<Held> {
        let free = Arc::clone(&self.free);
        free.try_acquire_many_owned(self.kibibytes_of(octets)).ok().map(Held)
    }

    fn kibibytes_of(&self, octets: usize) -> u32 {
        u32::try_from(octets.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, self.kibibytes)
    }
}

impl Held {
    /// Holds another part of the same room as well.
    ///
    /// # Panics
    ///
    /// If it is of another room.
    pub fn join(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}

impl Default for Room {
    /// 8 MiB: an eighth of the 64 MiB that `[receive.limits] memory_octets` is by default.
    fn default() -> Self {
        Self::of(8 << 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_given_and_comes_back() {
        let room = Room::of(10 << 10);
        let some = room.hold((6 << 10) - 1).await.unwrap();
        assert_eq!((room.octets(), room.free()), (10 << 10, 4 << 10));
        // More than there is means all of it.
        let all = {
            let room = room.clone();
            tokio::spawn(async move { room.hold(usize::MAX).await.unwrap() })
        };
        tokio::task::yield_now().await;
        assert!(!all.is_finished());
        assert!(room.try_hold(1).is_none());
        drop(some);
        let all = all.await.unwrap();
        assert_eq!(room.free(), 0);
        drop(all);
        let (mut one, other) = (room.try_hold(0).unwrap(), room.try_hold(1025).unwrap());
        one.join(other);
        assert_eq!(room.free(), 7 << 10);
        // Parts that are together all of it are all of it.
        let rest = room.try_hold(7 << 10).unwrap();
        assert_eq!(room.free(), 0);
        drop((one, rest));
        assert_eq!(room.free(), 10 << 10);
        // None is too small to be of use.
        drop(Room::of(0).hold(5).await.unwrap());
    }
}
