//! How many things are done at a time, and how those that take long make way.

use std::{pin::Pin, time::Duration};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// What takes longer than this makes way for others.
const QUICK: Duration = Duration::from_secs(1);

/// A bound on what is done at a time.
///
/// Most of it is done in a moment. What is not, a look-up at a name server that says nothing above
/// all, would soon hold every turn: anybody can have such servers. So it goes over to a second,
/// larger number of turns, and waits there. Only when these are all held as well, it stays where it
/// is, and others wait.
#[derive(Debug)]
pub(crate) struct Turns {
    quick: Semaphore,
    slow: Semaphore,
}

impl Turns {
    /// So many at a time, and so many more of those that take long.
    pub(crate) fn new(quick: usize, slow: usize) -> Self {
        let semaphore = |permits: usize| Semaphore::new(permits.min(Semaphore::MAX_PERMITS));
        Self { quick: semaphore(quick.max(1)), slow: semaphore(slow) }
    }

    /// Waits for a turn, and then for the result.
    ///
    /// The work is pinned by the caller: it would else be moved, and held, several times.
    pub(crate) async fn take<F: Future>(&self, work: Pin<&mut F>) -> F::Output {
        // The semaphore is never closed; without a turn, too many would go at once at worst.
        let turn = self.quick.acquire().await.ok();
        self.hold(turn, work).await
    }

    /// Waits so long for a turn, and then for the result; `None` without a turn.
    pub(crate) async fn take_within<F: Future>(
        &self,
        patience: Duration,
        work: Pin<&mut F>,
    ) -> Option<F::Output> {
        let turn = timeout(patience, self.quick.acquire()).await.ok()?.ok();
        Some(self.hold(turn, work).await)
    }

    async fn hold<'a, F: Future>(
        &'a self,
        turn: Option<SemaphorePermit<'a>>,
        mut work: Pin<&mut F>,
    ) -> F::Output {
        match timeout(QUICK, work.as_mut()).await {
            Ok(result) => result,
            Err(_) => {
                let _turn = self.make_way(turn);
                work.await
            }
        }
    }

    /// How many turns are free.
    pub(crate) fn free(&self) -> usize {
        self.quick.available_permits()
    }

    fn make_way<'a>(&'a self, turn: Option<SemaphorePermit<'a>>) -> Option<SemaphorePermit<'a>> {
        match self.slow.try_acquire() {
            Ok(slow) => Some(slow),
            Err(_) => turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

    use tokio::time::{advance, pause};

    use super::*;

    #[tokio::test]
    async fn what_takes_long_makes_way() {
        pause();
        let turns = Turns::new(2, 3);
        let mut silent: Vec<_> = (0..2).map(|_| Box::pin(forever(&turns))).collect();
        for one in &mut silent {
            assert!(is_pending(one).await);
        }
        assert_eq!(turns.free(), 0);
        advance(QUICK + Duration::from_millis(1)).await;
        for one in &mut silent {
            assert!(is_pending(one).await);
        }
        assert_eq!(turns.free(), 2);
        assert_eq!(turns.take(pin!(async { 7 })).await, 7);
    }

    #[tokio::test]
    async fn there_is_an_end_to_those_that_take_long() {
        pause();
        let turns = Turns::new(2, 1);
        let mut silent: Vec<_> = (0..2).map(|_| Box::pin(forever(&turns))).collect();
        for one in &mut silent {
            assert!(is_pending(one).await);
        }
        advance(QUICK + Duration::from_millis(1)).await;
        for one in &mut silent {
            assert!(is_pending(one).await);
        }
        assert_eq!(turns.free(), 1, "one has made way, the other stays");
        // Who gives up gives both back.
        drop(silent);
        assert_eq!((turns.free(), turns.slow.available_permits()), (2, 1));
    }

    #[tokio::test]
    async fn who_gets_no_turn_in_time_does_nothing() {
        pause();
        let turns = Turns::new(1, 0);
        let mut silent = Box::pin(forever(&turns));
        assert!(is_pending(&mut silent).await);
        let begun = std::cell::Cell::new(false);
        let patience = Duration::from_secs(30);
        assert_eq!(turns.take_within(patience, pin!(async { begun.set(true) })).await, None);
        assert!(!begun.get());
        drop(silent);
        assert_eq!(turns.take_within(patience, pin!(async { 7 })).await, Some(7));
    }

    async fn forever(turns: &Turns) {
        turns.take(pin!(pending())).await
    }

    /// Polls once; true if it is not done.
    async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        use std::{future::poll_fn, pin::Pin, task::Poll};
        poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
    }
}
