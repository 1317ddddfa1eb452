//! A thread for one piece of work, with a runtime of its own.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::{oneshot, watch},
};

use super::Panicked;
use crate::systemd::Liveness;

/// How long blocking calls of the work may still take after it has ended.
const BLOCKING: Duration = Duration::from_secs(1);

/// How nice a thread is that runs ahead: halfway to what the system allows at most.
const AHEAD: i32 = -10;
/// And how nice one that stands back.
const BACK: i32 = 10;
/// And one that does neither.
const BESIDE: i32 = 0;

/// Work on a thread of its own, which nothing else can delay. Dropping this asks it to stop and
/// does not wait.
#[derive(Debug)]
pub struct DedicatedThread<T> {
    runtime: Handle,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<Result<T, Panicked>>,
    name: String,
}

/// Tells the work when to come to an end.
#[derive(Clone, Debug)]
pub struct StopRequest(watch::Receiver<bool>);

impl<T: Send + 'static> DedicatedThread<T> {
    /// Starts a thread of this name and runs there what `work` makes, which need not be `Send`.
    /// Tools show 15 characters of the name.
    ///
    /// # Errors
    ///
    /// What the system says, if it gives no thread or no descriptors for its runtime.
    pub fn start<F: Future<Output = T>>(
        name: &str,
        work: impl FnOnce(StopRequest) -> F + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, request) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let called = name.to_owned();
        let run = move || {
            let work = AssertUnwindSafe(|| runtime.block_on(work(StopRequest(request))));
            let result = catch_unwind(work).map_err(|panic| Panicked::new(&called, &*panic));
            if let Err(panicked) = &result {
                tracing::error!(name = called, said = ?panicked.said, "a thread panicked");
            }
            runtime.shutdown_timeout(BLOCKING);
            // An error means that nobody waits for it.
            let _ = end.send(result);
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { runtime: handle, stop, ended, name: name.to_owned() })
    }

    /// Where to spawn what shall run on the thread too, as long as its work runs.
    pub fn handle(&self) -> &Handle {
        &self.runtime
    }

    /// Whether the thread takes up new tasks; it waits for that as long as it must.
    pub async fn liveness(&self) -> Liveness {
        match self.runtime.spawn(async {}).await {
            Ok(()) => Liveness::Alive,
            Err(_) => Liveness::Stuck,
        }
    }

    /// Asks the work to come to an end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the work to end, and gives what it gave. Nothing is lost if the waiting is given
    /// up. Once it has given something, it gives an error.
    ///
    /// # Errors
    ///
    /// [`Panicked`], if it did. It has been logged.
    pub async fn ended(&mut self) -> Result<T, Panicked> {
        if self.ended.is_terminated() {
            return Err(Panicked { name: self.name.clone(), said: "ended before".to_owned() });
        }
        match (&mut self.ended).await {
            Ok(result) => result,
            Err(_) => Err(Panicked { name: self.name.clone(), said: String::new() }),
        }
    }
}

/// Asks the system to run this thread before others, from now on: for one that does little each time
/// and must not be late.
///
/// # Errors
///
/// What the system says if it is not allowed. A service needs `LimitNICE=` for it.
pub fn run_ahead() -> io::Result<()> {
    // Of the thread, not of the process: Linux keeps it for each thread.
    Ok(rustix::process::setpriority_process(None, AHEAD)?)
}

/// Asks the system to let others go before this thread, from now on: for one that can wait for them.
///
/// # Errors
///
/// What the system says.
pub fn stand_back() -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, BACK)?)
}

/// Takes back what [`stand_back`] or [`run_ahead`] asked for this thread.
///
/// # Errors
///
/// What the system says if it is not allowed: who has stood back needs `LimitNICE=` for it as well.
pub fn run_beside() -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, BESIDE)?)
}

impl StopRequest {
    /// Shall the work end?
    pub fn is_made(&self) -> bool {
        // An error means that the caller is gone, which is as good as its request.
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it shall. Nothing is lost if the waiting is given up.
    pub async fn made(&mut self) {
        // An error means the same.
        let _ = self.0.wait_for(|is_made| *is_made).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, sync::mpsc};

    use tokio::time::{sleep, timeout};

    use super::*;

    #[test]
    fn only_the_thread_that_asks_runs_ahead_or_stands_back() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let (allowed, of_thread) = thread::spawn(move || (run_ahead(), nice())).join().unwrap();
        match allowed {
            Ok(()) => assert_eq!(of_thread, AHEAD),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
        let (back, of_thread, beside) = thread::spawn(move || {
            let back = (stand_back().is_ok(), nice());
            (back.0, back.1, run_beside().map(|()| nice()))
        })
        .join()
        .unwrap();
        assert!(back && of_thread >= BACK);
        match beside {
            Ok(of_thread) => assert_eq!(of_thread, BESIDE),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
        assert_eq!(nice(), before);
    }

    #[tokio::test]
    async fn work_runs_on_its_thread_until_it_is_told_to_stop() {
        let mut thread = DedicatedThread::start("sealpost-test", |mut stop| async move {
            // Not `Send`, and a timer of its own runtime.
            let local = Rc::new(7);
            sleep(Duration::from_millis(1)).await;
            assert!(!stop.is_made());
            stop.made().await;
            (*local, std::thread::current().name().map(str::to_owned))
        })
        .unwrap();
        assert_eq!(thread.liveness().await, Liveness::Alive);
        let early = timeout(Duration::from_millis(30), thread.ended()).await;
        assert!(early.is_err(), "it ended before it was told");
        thread.stop();
        assert_eq!(thread.ended().await, Ok((7, Some("sealpost-test".to_owned()))));
        assert!(thread.ended().await.is_err());
        assert_eq!(thread.liveness().await, Liveness::Stuck);
    }

    #[tokio::test]
    async fn a_panic_is_told_to_the_caller() {
        let mut thread = DedicatedThread::start("test", |_| async { panic!("as asked") }).unwrap();
        let ended: Result<(), Panicked> = thread.ended().await;
        assert_eq!(ended.unwrap_err().said, "as asked");
    }

    #[tokio::test]
    async fn a_thread_that_is_held_up_is_noticed() {
        let (release, held) = mpsc::channel::<()>();
        let mut thread = DedicatedThread::start("test", |_| async move {
            // An endless loop would look the same.
            let _ = held.recv();
        })
        .unwrap();
        assert!(timeout(Duration::from_millis(50), thread.liveness()).await.is_err());
        drop(release);
        assert_eq!(thread.ended().await, Ok(()));
    }

    #[tokio::test]
    async fn dropping_asks_it_to_stop() {
        let (done, ended) = oneshot::channel();
        let thread = DedicatedThread::start("test", |mut stop| async move {
            stop.made().await;
            let _ = done.send(());
        })
        .unwrap();
        drop(thread);
        assert_eq!(timeout(Duration::from_secs(20), ended).await.unwrap(), Ok(()));
    }
}
