//! What happened, for metrics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// What a handler of SMTP or LMTP has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmtpCounts {
    /// Sessions that are under way.
    pub open: u64,
    /// Sessions that ever began.
    pub sessions: u64,
    /// Connections that were refused because their source had too many.
    pub crowded: u64,
    /// Sessions that went over to TLS by STARTTLS.
    pub over_tls: u64,
    /// Sessions in which octets came between STARTTLS and the handshake: attacks.
    pub injected: u64,
    /// Recipients that were accepted.
    pub recipients_accepted: u64,
    /// Recipients that were not.
    pub recipients_refused: u64,
    /// Messages that were stored.
    pub stored: u64,
    /// Messages that shall come again: the service could not take them now.
    pub deferred: u64,
    /// Messages that were refused for good by the service.
    pub refused: u64,
    /// Messages that were larger than SIZE allows, declared or found. If they were reports, they are
    /// missing.
    pub too_large: u64,
    /// Messages with a bare CR or LF, or a line beyond any reason.
    pub malformed: u64,
    /// Messages that were put off because the budget was exhausted.
    pub without_room: u64,
    /// Octets of the messages that came in whole.
    pub octets: u64,
    /// Sessions that ended because a client was silent or too slow.
    pub too_slow: u64,
    /// Sessions that ended because of what a client sent: too many errors or commands, lines or
    /// messages without end, another protocol.
    pub misbehaved: u64,
}

/// The counts of a handler, to be read at any time. Clones read the same ones.
#[derive(Clone, Debug, Default)]
pub struct SmtpCounters(Arc<Counters>);

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) open: AtomicU64,
    pub(super) sessions: AtomicU64,
    pub(super) crowded: AtomicU64,
    pub(super) over_tls: AtomicU64,
    pub(super) injected: AtomicU64,
    pub(super) recipients_accepted: AtomicU64,
    pub(super) recipients_refused: AtomicU64,
    pub(super) stored: AtomicU64,
    pub(super) deferred: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) too_large: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) without_room: AtomicU64,
    pub(super) octets: AtomicU64,
    pub(super) too_slow: AtomicU64,
    pub(super) misbehaved: AtomicU64,
}

/// A session counts as open as long as this lives.
pub(super) struct OpenSession(SmtpCounters);

pub(super) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Relaxed);
}

impl SmtpCounters {
    /// The counts at this moment.
    pub fn read(&self) -> SmtpCounts {
        let counters = &*self.0;
        SmtpCounts {
            open: counters.open.load(Relaxed),
            sessions: counters.sessions.load(Relaxed),
            crowded: counters.crowded.load(Relaxed),
            over_tls: counters.over_tls.load(Relaxed),
            injected: counters.injected.load(Relaxed),
            recipients_accepted: counters.recipients_accepted.load(Relaxed),
            recipients_refused: counters.recipients_refused.load(Relaxed),
            stored: counters.stored.load(Relaxed),
            deferred: counters.deferred.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            too_large: counters.too_large.load(Relaxed),
            malformed: counters.malformed.load(Relaxed),
            without_room: counters.without_room.load(Relaxed),
            octets: counters.octets.load(Relaxed),
            too_slow: counters.too_slow.load(Relaxed),
            misbehaved: counters.misbehaved.load(Relaxed),
        }
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.0
    }

    pub(super) fn open(&self) -> OpenSession {
        add(&self.0.open, 1);
        add(&self.0.sessions, 1);
        OpenSession(self.clone())
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Relaxed);
    }
}
