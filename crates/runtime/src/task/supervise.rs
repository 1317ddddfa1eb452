//! Tasks that may not end unnoticed.

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};

use super::Panicked;
use crate::{Stopwatch, metrics::Counter};

/// The first pause before a new try, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// Who ran for so long has recovered: the next pause is the first again.
const RECOVERED: Duration = Duration::from_secs(60);

/// What follows a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPanic {
    /// The task is made anew, after a pause that grows from 0.1 s to 30 s.
    Restart,
    /// The panic is reported to the caller, who ends the process.
    GiveUp,
}

/// Runs a task, each time made by `make`, until it ends by itself. Panics are logged and counted.
/// Dropping this cancels the task.
///
/// # Errors
///
/// [`Panicked`], with [`AfterPanic::GiveUp`] only.
pub async fn supervise<F>(
    name: &str,
    after: AfterPanic,
    panics: &Counter,
    mut make: impl FnMut() -> F,
) -> Result<(), Panicked>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut pause = PAUSES.0;
    loop {
        let ran = Stopwatch::start();
        // A set, because it cancels what is in it when it is dropped.
        let mut task = JoinSet::new();
        task.spawn(make());
        let panic = match task.join_next().await {
            Some(Err(error)) if error.is_panic() => error.into_panic(),
            _ => return Ok(()),
        };
        let panicked = Panicked::new(name, &*panic);
        panics.increment();
        tracing::error!(name, said = ?panicked.said, ?after, "a task panicked");
        if after == AfterPanic::GiveUp {
            return Err(panicked);
        }
        if ran.elapsed() >= RECOVERED {
            pause = PAUSES.0;
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(PAUSES.1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_made_anew_until_it_ends() {
        let panics = Counter::default();
        let tries = Arc::new(AtomicU32::new(0));
        let ran = Stopwatch::start();
        let ended = supervise("test", AfterPanic::Restart, &panics, || {
            let tries = Arc::clone(&tries);
            async move {
                assert!(tries.fetch_add(1, Ordering::Relaxed) == 2, "not yet");
            }
        });
        assert_eq!(ended.await, Ok(()));
        assert_eq!((tries.load(Ordering::Relaxed), panics.value()), (3, 2));
        assert!(ran.elapsed() >= PAUSES.0 * 3, "one pause, and one of twice its length");
    }

    #[tokio::test]
    async fn a_panic_can_be_the_end() {
        let panics = Counter::default();
        let ended = supervise("test", AfterPanic::GiveUp, &panics, || async { panic!("no {}", 1) });
        let error = ended.await.unwrap_err();
        assert_eq!(error, Panicked { name: "test".to_owned(), said: "no 1".to_owned() });
        assert_eq!(error.to_string(), "go on with test: it panicked: \"no 1\"");
        assert_eq!(panics.value(), 1);
    }

    #[tokio::test]
    async fn dropping_cancels() {
        let held = Arc::new(());
        let panics = Counter::default();
        let task = supervise("test", AfterPanic::Restart, &panics, || {
            let held = Arc::clone(&held);
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), task).await.is_err());
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1, "the task lives on");
    }
}
