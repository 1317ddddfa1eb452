//! Between the thread that takes datagrams and the one that counts them.
//!
//! The kernel keeps few datagrams, and whoever sends does not wait. So the thread that takes them
//! does nothing else: it puts their octets behind each other into a buffer of blocks. The thread that
//! counts exchanges that for an empty one and has all of it to itself.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sealpost_listen::{Datagram, Wholeness};
use tokio::sync::Notify;

/// The most octets that wait: as much as is sent in half a minute of 4,000 sessions a second.
const MOST_OCTETS: usize = 64 << 20;
/// The most datagrams that wait, however short they are.
const MOST_DATAGRAMS: usize = 1 << 20;
/// When so many wait, whoever counts them is late: in good times there are a hundredth of that.
const MANY_OCTETS: usize = MOST_OCTETS / 8;
/// The octets of a block. None is ever moved to a larger one: that would take as long as to take
/// hundreds of datagrams, and whoever sends does not wait.
const BLOCK_OCTETS: usize = 512 << 10;
/// The datagrams of a block, however short they are.
const BLOCK_DATAGRAMS: usize = 4_096;
/// Empty blocks that are kept. What a burst had beyond them is given back.
const SPARE: usize = 8;

/// Datagrams on their way to be counted: a buffer that is filled while another one is emptied.
#[derive(Default)]
pub(crate) struct Ring {
    waiting: Mutex<Waiting>,
    /// Told when the first has come into an empty buffer.
    filled: Notify,
}

/// Datagrams in the order in which they came.
#[derive(Default)]
pub(crate) struct Waiting {
    blocks: Vec<Block>,
    spare: Vec<Block>,
    octets: usize,
    datagrams: usize,
    /// Datagrams that found no room.
    dropped: u64,
}

/// Some of them, behind each other.
struct Block {
    octets: Vec<u8>,
    datagrams: Vec<Place>,
}

struct Place {
    end: usize,
    wholeness: Wholeness,
    taken_at: i64,
}

/// What the thread that takes datagrams holds while it fills the buffer.
pub(crate) struct Filling<'r> {
    waiting: MutexGuard<'r, Waiting>,
    filled: &'r Notify,
    was_empty: bool,
}

impl Ring {
    /// Begins to fill. It lasts as long as the other thread needs to exchange two buffers.
    pub(crate) fn fill(&self) -> Filling<'_> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        Filling { was_empty: waiting.is_empty(), waiting, filled: &self.filled }
    }

    /// Waits until there is something.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes what waits, in exchange for what has been counted.
    pub(crate) fn exchange(&self, counted: &mut Waiting) {
        counted.clear();
        mem::swap(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner), counted);
    }
}

impl Filling<'_> {
    /// Puts one behind the others, or drops it if there are too many.
    pub(crate) fn add(&mut self, datagram: Datagram<'_>, taken_at: i64) {
        self.waiting.add(datagram, taken_at);
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        if self.was_empty && !self.waiting.is_empty() {
            self.filled.notify_one();
        }
    }
}

impl Waiting {
    fn add(&mut self, datagram: Datagram<'_>, taken_at: i64) {
        let octets = self.octets.saturating_add(datagram.octets.len());
        if octets > MOST_OCTETS || self.datagrams >= MOST_DATAGRAMS {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.octets = octets;
        self.datagrams += 1;
        if !self.blocks.last().is_some_and(|block| block.has_room(datagram)) {
            let block = self.spare.pop().unwrap_or_else(Block::new);
            self.blocks.push(block);
        }
        if let Some(block) = self.blocks.last_mut() {
            block.octets.extend_from_slice(datagram.octets);
            let end = block.octets.len();
            block.datagrams.push(Place { end, wholeness: datagram.wholeness, taken_at });
        }
    }

    fn clear(&mut self) {
        for mut block in self.blocks.drain(..) {
            block.octets.clear();
            block.datagrams.clear();
            self.spare.push(block);
        }
        self.spare.truncate(SPARE);
        (self.octets, self.datagrams, self.dropped) = (0, 0, 0);
    }

    /// Whether there is none, nor one that was dropped.
    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams == 0 && self.dropped == 0
    }

    /// Whether there are so many that what comes may soon find no room.
    pub(crate) fn are_many(&self) -> bool {
        self.octets > MANY_OCTETS || self.datagrams > MOST_DATAGRAMS / 8
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.datagrams
    }

    /// How many found no room.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The datagrams, each with the time at which it was taken, in seconds since 1970.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Datagram<'_>, i64)> {
        self.blocks.iter().flat_map(Block::iter)
    }
}

impl Block {
    fn new() -> Self {
        Self {
            octets: Vec::with_capacity(BLOCK_OCTETS),
            datagrams: Vec::with_capacity(BLOCK_DATAGRAMS),
        }
    }

    /// Whether it need not grow for this one.
    fn has_room(&self, datagram: Datagram<'_>) -> bool {
        let left = self.octets.capacity() - self.octets.len();
        datagram.octets.len() <= left && self.datagrams.len() < self.datagrams.capacity()
    }

    fn iter(&self) -> impl Iterator<Item = (Datagram<'_>, i64)> {
        let mut begin = 0;
        self.datagrams.iter().map(move |place| {
            let octets = self.octets.get(begin..place.end).unwrap_or_default();
            begin = place.end;
            (Datagram { octets, wholeness: place.wholeness }, place.taken_at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(octets: &[u8]) -> Datagram<'_> {
        Datagram { octets, wholeness: Wholeness::Whole }
    }

    #[test]
    fn what_was_put_in_comes_out_in_its_order() {
        let ring = Ring::default();
        let mut counted = Waiting::default();
        for round in 0..3 {
            let mut filling = ring.fill();
            filling.add(whole(b"one"), round);
            filling.add(Datagram { octets: b"", wholeness: Wholeness::Cut }, round + 1);
            drop(filling);
            ring.fill().add(whole(b"three"), round + 2);
            ring.exchange(&mut counted);
            let found: Vec<_> =
                counted.iter().map(|(it, at)| (it.octets.to_vec(), it.wholeness, at)).collect();
            assert_eq!(
                found,
                [
                    (b"one".to_vec(), Wholeness::Whole, round),
                    (Vec::new(), Wholeness::Cut, round + 1),
                    (b"three".to_vec(), Wholeness::Whole, round + 2),
                ]
            );
        }
        ring.exchange(&mut counted);
        assert!(counted.is_empty());
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_told() {
        let ring = Ring::default();
        let large = vec![b'x'; 256 << 10];
        let mut filling = ring.fill();
        for _ in 0..300 {
            filling.add(whole(&large), 0);
        }
        drop(filling);
        let mut counted = Waiting::default();
        ring.exchange(&mut counted);
        assert_eq!((counted.len(), counted.dropped()), (256, 44));
        assert!(counted.are_many());
        ring.fill().add(whole(&large), 0);
        ring.exchange(&mut counted);
        assert_eq!((counted.len(), counted.dropped()), (1, 0));
        assert!(!counted.are_many());
        // The memory of the burst is given back.
        ring.exchange(&mut counted);
        assert!(counted.spare.len() + ring.fill().waiting.spare.len() <= 2 * SPARE);
        for _ in 0..=MOST_DATAGRAMS {
            ring.fill().add(whole(b""), 0);
        }
        ring.exchange(&mut counted);
        assert_eq!((counted.len(), counted.dropped()), (MOST_DATAGRAMS, 1));
        assert!(counted.are_many());
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let ring = std::sync::Arc::new(Ring::default());
        let waiting = {
            let ring = std::sync::Arc::clone(&ring);
            tokio::spawn(async move { ring.filled().await })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        ring.fill().add(whole(b"x"), 0);
        waiting.await.unwrap();
    }
}
