//! What happened, for metrics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What a server has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connections that are being served.
    pub open: u64,
    /// Connections that were ever served.
    pub served: u64,
    /// Connections that had to wait because all places were taken.
    pub waited: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Times that accepting failed, for want of descriptors above all.
    pub failed: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    open: AtomicU64,
    served: AtomicU64,
    waited: AtomicU64,
    panicked: AtomicU64,
    failed: AtomicU64,
}

/// A connection counts as open as long as this lives.
pub(super) struct Open(Arc<Counters>);

impl Counters {
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.served.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    pub(super) fn waited(&self) {
        self.waited.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panicked(&self) {
        self.panicked.fetch_add(1, Ordering::Relaxed);
        sealpost_runtime::metrics::count_connection_panic();
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counts {
        Counts {
            open: self.open.load(Ordering::Relaxed),
            served: self.served.load(Ordering::Relaxed),
            waited: self.waited.load(Ordering::Relaxed),
            panicked: self.panicked.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
