//! Turns: one after the other, in the order in which they were given out.

use tokio::sync::oneshot;

/// The right to do something after those before have done it. To drop one lets the next begin, so it
/// is dropped only where everything fails.
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    /// Dropped when it is over, which lets the next one begin.
    over: oneshot::Sender<()>,
    next: Option<oneshot::Receiver<()>>,
}

impl Turn {
    /// The first, which waits for nobody.
    pub(super) fn first() -> Self {
        Self::after(None)
    }

    /// The one after this. There is only one; it waits for nobody if it is asked for again.
    pub(super) fn next(&mut self) -> Self {
        Self::after(self.next.take())
    }

    /// Waits until it is its turn, and does `work`.
    pub(super) async fn take<T>(self, work: impl Future<Output = T>) -> T {
        let Self { before, over, .. } = self;
        if let Some(before) = before {
            // It is dropped without a value.
            let _ = before.await;
        }
        let done = work.await;
        drop(over);
        done
    }

    fn after(before: Option<oneshot::Receiver<()>>) -> Self {
        let (over, next) = oneshot::channel();
        Self { before, over, next: Some(next) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn turns_are_taken_in_the_order_in_which_they_were_given_out() {
        let mut turns = vec![Turn::first()];
        for _ in 1..6 {
            let next = turns.last_mut().unwrap().next();
            turns.push(next);
        }
        let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
        let mut tasks = JoinSet::new();
        // The last one is ready first.
        for (number, turn) in turns.into_iter().enumerate().rev() {
            let seen = Arc::clone(&seen);
            tasks.spawn(turn.take(async move {
                // Whoever could go first would do it here.
                tokio::task::yield_now().await;
                seen.lock().unwrap().push(number);
            }));
        }
        tasks.join_all().await;
        assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    }
}
