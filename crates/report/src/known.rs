//! Datagrams that came before, octet for octet.
//!
//! A datagram holds no time: all sessions with one domain under one policy that end alike send the
//! same one. So most need not be read.

use std::{collections::HashMap, sync::Arc};

use foldhash::quality::RandomState;
use tls_rpt::SessionRepair;

use crate::slot::Addition;

/// The most that are remembered.
const MOST: usize = 65_536;
/// The most octets of them together.
const MOST_OCTETS: usize = 32 << 20;

/// What datagrams add to which counters.
#[derive(Default)]
pub(crate) struct Known {
    /// What an MX says is in them, so their places may not be foreseen; the hash of the standard
    /// library takes as long for one as all else together.
    datagrams: HashMap<Box<[u8]>, Meaning, RandomState>,
    octets: usize,
}

/// What one datagram says.
pub(crate) struct Meaning {
    pub(crate) additions: Vec<Addition>,
    pub(crate) record: Option<Arc<str>>,
    pub(crate) repairs: Vec<SessionRepair>,
}

impl Known {
    pub(crate) fn get(&self, octets: &[u8]) -> Option<&Meaning> {
        self.datagrams.get(octets)
    }

    /// Remembers one. If there are too many, it begins anew and gives all that it had: those that
    /// matter come again.
    pub(crate) fn add(&mut self, octets: &[u8], meaning: Meaning) -> Option<Self> {
        let is_full = self.datagrams.len() == MOST || self.octets + octets.len() > MOST_OCTETS;
        let old = is_full.then(|| std::mem::take(self));
        self.octets += octets.len();
        self.datagrams.insert(octets.into(), meaning);
        old
    }
}
