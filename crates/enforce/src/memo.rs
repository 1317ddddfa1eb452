//! Replies that need not be made again yet.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use sealpost_rules::matrix::SenderDecision;

use crate::enforcer::lock;

/// The longest request whose reply is kept, in octets: a name of 253 and that of a map.
const LONGEST_REQUEST: usize = 300;
/// The longest reply that is kept, in octets. Few policies are as long.
const LONGEST_REPLY: usize = 2_048;
/// How many are kept. When there are more, the keeping begins anew.
const MOST: usize = 2_048;

/// The replies to the questions that are asked most: request in, reply out, octet by octet.
///
/// A reply holds until a moment that was known when it was made, unless its domain changes before
/// (then [`Lasting`] ends), or something that concerns all.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// The hash has a key that nobody knows. Who guessed it could make a few thousand requests fall
    /// into one place, no more: there is an end to them.
    replies: Mutex<HashMap<Box<[u8]>, Kept, RandomState>>,
    /// Counts what concerns all domains: other exceptions, DANE switched.
    turn: AtomicU64,
}

/// How long what is known of a domain lasts: until a moment, unless something changes before. Clones
/// share it.
#[derive(Clone, Debug)]
pub(crate) struct Lasting(Arc<Span>);

#[derive(Debug)]
struct Span {
    /// By the monotonic clock.
    until: Duration,
    unchanged: AtomicBool,
}

impl Lasting {
    pub(crate) fn until(until: Duration) -> Self {
        Self(Arc::new(Span { until, unchanged: AtomicBool::new(true) }))
    }

    /// Something has changed.
    pub(crate) fn end(&self) {
        self.0.unchanged.store(false, Ordering::Release);
    }

    pub(crate) fn holds(&self, now: Duration) -> bool {
        now < self.0.until && self.0.unchanged.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
struct Kept {
    reply: Arc<[u8]>,
    decision: SenderDecision,
    lasting: Lasting,
    turn: u64,
}

impl Memo {
    /// The reply to a request, if there is one that still holds, and what it decides.
    pub(crate) fn recall(
        &self,
        request: &[u8],
        now: Duration,
    ) -> Option<(Arc<[u8]>, SenderDecision)> {
        let replies = lock(&self.replies);
        let kept = replies.get(request)?;
        let holds = kept.turn == self.turn() && kept.lasting.holds(now);
        holds.then(|| (Arc::clone(&kept.reply), kept.decision))
    }

    /// Which turn it is. Ask before what a reply follows from is looked at.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    /// Keeps a reply that was made in this turn.
    pub(crate) fn keep(
        &self,
        request: &[u8],
        reply: &[u8],
        decision: SenderDecision,
        lasting: Lasting,
        turn: u64,
    ) {
        if request.len() > LONGEST_REQUEST || reply.len() > LONGEST_REPLY {
            return;
        }
        let mut replies = lock(&self.replies);
        if replies.len() >= MOST {
            replies.clear();
        }
        replies.insert(request.into(), Kept { reply: reply.into(), decision, lasting, turn });
    }

    /// Something has changed that concerns all.
    pub(crate) fn begin_anew(&self) {
        self.turn.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasting(until: u64) -> Lasting {
        Lasting::until(Duration::from_secs(until))
    }

    fn recalled(memo: &Memo, request: &[u8], now: u64) -> Option<Vec<u8>> {
        let recalled = memo.recall(request, Duration::from_secs(now));
        recalled.map(|(reply, _)| reply.to_vec())
    }

    #[test]
    fn a_reply_holds_until_its_moment_or_a_change() {
        let memo = Memo::default();
        let lasting = lasting(10);
        memo.keep(b"a", b"reply", SenderDecision::Secure, lasting.clone(), memo.turn());
        assert_eq!(recalled(&memo, b"a", 9).unwrap(), b"reply");
        assert_eq!(recalled(&memo, b"a", 10), None);
        assert_eq!(recalled(&memo, b"b", 9), None);
        lasting.end();
        assert_eq!(recalled(&memo, b"a", 9), None);
    }

    #[test]
    fn a_reply_of_an_earlier_turn_is_forgotten() {
        let memo = Memo::default();
        let turn = memo.turn();
        memo.begin_anew();
        memo.keep(b"a", b"reply", SenderDecision::Secure, lasting(10), turn);
        assert_eq!(recalled(&memo, b"a", 1), None);
        memo.keep(b"a", b"reply", SenderDecision::Secure, lasting(10), memo.turn());
        assert!(recalled(&memo, b"a", 1).is_some());
        memo.begin_anew();
        assert_eq!(recalled(&memo, b"a", 1), None);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let memo = Memo::default();
        for index in 0..3 * MOST {
            let request = index.to_string();
            let turn = memo.turn();
            memo.keep(request.as_bytes(), b"r", SenderDecision::NotFound, lasting(10), turn);
        }
        assert!(lock(&memo.replies).len() <= MOST);
        memo.keep(&[b'x'; LONGEST_REQUEST + 1], b"r", SenderDecision::NotFound, lasting(10), 0);
        memo.keep(b"long", &[b'x'; LONGEST_REPLY + 1], SenderDecision::NotFound, lasting(10), 0);
        assert_eq!(recalled(&memo, &[b'x'; LONGEST_REQUEST + 1], 1), None);
        assert_eq!(recalled(&memo, b"long", 1), None);
    }
}
