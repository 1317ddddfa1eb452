//! Datagrams that came before, octet for octet.
//!
//! A datagram holds no time: all sessions with one domain under one policy that end alike send the
//! same one. So most need not be read.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, Hasher},
    hint::black_box,
    sync::Arc,
};

use foldhash::quality::RandomState;
use tls_rpt::SessionRepair;

use crate::slot::Addition;

/// The most that are remembered.
const MOST: usize = 262_144;
/// The most octets of them together.
const MOST_OCTETS: usize = 64 << 20;

/// What datagrams add to which counters.
#[derive(Default)]
pub(crate) struct Known {
    /// What an MX says is in datagrams, so their places may not be foreseen; the hash of the standard
    /// library takes as long for one as all else together.
    hasher: RandomState,
    /// By their hashes. Should two have the same, only the later one is remembered.
    datagrams: HashMap<u64, KnownDatagram, BuildHasherDefault<Unchanged>>,
    octets: usize,
}

/// A datagram and what it says.
struct KnownDatagram {
    octets: Box<[u8]>,
    meaning: Meaning,
}

/// What one datagram says.
pub(crate) struct Meaning {
    /// Mostly there is one, and it lies here: what comes again is not looked for elsewhere.
    first: Option<Addition>,
    more: Box<[Addition]>,
    pub(crate) record: Option<Arc<str>>,
    pub(crate) repairs: Box<[SessionRepair]>,
}

/// What was there.
pub(crate) struct Forgotten {
    _datagrams: HashMap<u64, KnownDatagram, BuildHasherDefault<Unchanged>>,
}

/// The hash of a hash is itself.
#[derive(Default)]
struct Unchanged(u64);

impl Known {
    /// The hash under which a datagram is remembered.
    pub(crate) fn hash(&self, octets: &[u8]) -> u64 {
        self.hasher.hash_one(octets)
    }

    /// Looks at what there is of several, each by itself: the processor then waits for its memory
    /// once for all of them, and [`Self::get`] does not wait.
    pub(crate) fn look_ahead(&self, hashes: &(impl Iterator<Item = u64> + Clone)) {
        let found = || hashes.clone().filter_map(|hash| self.datagrams.get(&hash));
        black_box(found().fold(0, |sum, known| sum ^ known.octets.len()));
        black_box(found().fold(0, |sum, known| {
            let first = known.octets.first().copied().unwrap_or_default();
            sum ^ first ^ u8::from(known.meaning.first.as_ref().is_some_and(Addition::is_near))
        }));
    }

    /// What a datagram with this hash says.
    pub(crate) fn get(&self, hash: u64, octets: &[u8]) -> Option<&Meaning> {
        let known = self.datagrams.get(&hash).filter(|known| *known.octets == *octets);
        known.map(|known| &known.meaning)
    }

    /// Remembers one with its hash. If there are too many, it begins anew and gives all that it had:
    /// those that matter come again.
    pub(crate) fn add(&mut self, hash: u64, octets: &[u8], meaning: Meaning) -> Option<Forgotten> {
        let is_full = self.datagrams.len() == MOST || self.octets + octets.len() > MOST_OCTETS;
        let old = is_full.then(|| self.forget());
        self.octets += octets.len();
        self.datagrams.insert(hash, KnownDatagram { octets: octets.into(), meaning });
        old
    }

    /// Begins anew, and gives all that it had.
    pub(crate) fn forget(&mut self) -> Forgotten {
        self.octets = 0;
        Forgotten { _datagrams: std::mem::take(&mut self.datagrams) }
    }
}

impl Meaning {
    pub(crate) fn new(
        additions: Vec<Addition>,
        record: Option<Arc<str>>,
        repairs: Vec<SessionRepair>,
    ) -> Self {
        let mut additions = additions.into_iter();
        let first = additions.next();
        Self { first, more: additions.collect(), record, repairs: repairs.into() }
    }

    /// What it adds to which counters.
    pub(crate) fn additions(&self) -> impl Iterator<Item = &Addition> {
        self.first.iter().chain(&self.more)
    }
}

impl Hasher for Unchanged {
    fn write(&mut self, octets: &[u8]) {
        // Only numbers are hashed.
        for &octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(octet);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
