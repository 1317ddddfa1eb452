//! The thread that takes datagrams.

use std::{cell::RefCell, io, rc::Rc, sync::Arc, time::Duration};

use sealpost_listen::{DatagramReceiver, DatagramSocket};
use sealpost_runtime::{Clock, DedicatedThread, Liveness, Panicked, StopRequest};
use sealpost_store::Sessions;
use tokio::{
    runtime::Handle,
    task::{JoinSet, LocalSet, yield_now},
    time::sleep,
};

use crate::{
    Flusher, ReportMetrics, Section,
    memory::{Memory, Shared},
    queue_length,
};

/// What tools show of the thread.
const NAME: &str = "report-collect";
/// Between two tries after the system has failed to give datagrams.
const PAUSE: Duration = Duration::from_millis(100);
/// Batches of one socket before the others have their turn.
const ROUNDS: usize = 16;

/// Takes the datagrams of mail servers and counts them. Dropping it stops it.
pub struct Collector {
    thread: DedicatedThread<()>,
    shared: Arc<Shared>,
}

/// Tells whether a [`Collector`] takes up work.
#[derive(Clone)]
pub struct Pulse(Handle);

impl Pulse {
    /// Asks the thread; it takes as long as that needs to answer.
    pub async fn liveness(&self) -> Liveness {
        match self.0.spawn(async {}).await {
            Ok(()) => Liveness::Alive,
            Err(_) => Liveness::Stuck,
        }
    }
}

impl Collector {
    /// Begins to take datagrams, on a thread of its own. What is counted is written only while
    /// [`Flusher::run`] runs. `node` is the name under which this process counts.
    ///
    /// # Errors
    ///
    /// What the system says, if it gives no thread or no descriptors.
    pub fn start(
        sockets: Vec<DatagramSocket>,
        section: &Section,
        node: &str,
        sessions: Sessions,
        clock: Clock,
        metrics: Arc<ReportMetrics>,
    ) -> io::Result<(Self, Flusher)> {
        if let Some(length) = queue_length() {
            metrics.queue.set(length.into());
        }
        let shared = Arc::new(Shared::new(section.limits, metrics));
        let flusher =
            Flusher::new(Arc::clone(&shared), sessions, node, clock.clone(), section.flush_pause());
        let memory = Memory::new(Arc::clone(&shared), clock.now().as_second());
        let of_thread = Arc::clone(&shared);
        let work = move |stop: StopRequest| async move {
            let memory = Rc::new(RefCell::new(memory));
            let receivers: Vec<_> =
                sockets.into_iter().map(DatagramSocket::into_receiver).collect();
            LocalSet::new()
                .run_until(async move {
                    let mut tasks = JoinSet::new();
                    for receiver in receivers {
                        match receiver {
                            Ok(receiver) => {
                                let (memory, clock) = (Rc::clone(&memory), clock.clone());
                                let shared = Arc::clone(&of_thread);
                                let collect =
                                    collect(receiver, memory, clock, shared, stop.clone());
                                tasks.spawn_local(collect);
                            }
                            Err(error) => {
                                of_thread.metrics.receive_failures.increment();
                                tracing::error!(%error, "a socket cannot be read");
                            }
                        }
                    }
                    while let Some(ended) = tasks.join_next().await {
                        if let Err(error) = ended
                            && error.is_panic()
                        {
                            of_thread.metrics.panics.increment();
                            std::panic::resume_unwind(error.into_panic());
                        }
                    }
                })
                .await;
        };
        Ok((Self { thread: DedicatedThread::start(NAME, work)?, shared }, flusher))
    }

    /// What tells whether datagrams are being taken.
    pub fn pulse(&self) -> Pulse {
        Pulse(self.thread.handle().clone())
    }

    /// Waits until the thread ends, which it does by itself only if it panics.
    ///
    /// # Errors
    ///
    /// [`Panicked`], if it did.
    pub async fn ended(&mut self) -> Result<(), Panicked> {
        self.thread.ended().await
    }

    /// Closes the sockets, after it has taken what is in their queues. Then [`Flusher::finish`]
    /// writes the rest.
    ///
    /// # Errors
    ///
    /// [`Panicked`], if the thread has panicked before.
    pub async fn stop(mut self) -> Result<(), Panicked> {
        self.thread.stop();
        self.thread.ended().await
    }

    /// What it counts about itself.
    pub fn metrics(&self) -> &Arc<ReportMetrics> {
        &self.shared.metrics
    }
}

/// Takes what comes to one socket until it is told to stop.
async fn collect(
    mut receiver: DatagramReceiver,
    memory: Rc<RefCell<Memory>>,
    clock: Clock,
    shared: Arc<Shared>,
    mut stop: StopRequest,
) {
    loop {
        let ready = tokio::select! {
            biased;
            () = stop.made() => break,
            ready = receiver.ready() => ready,
        };
        let mut taken = ready.map(|()| 0);
        for _ in 0..ROUNDS {
            taken = taken.and_then(|_| take(&mut receiver, &memory, &clock));
            if !matches!(taken, Ok(more) if more > 0) {
                break;
            }
        }
        if let Err(error) = taken {
            shared.metrics.receive_failures.increment();
            tracing::error!(%error, "datagrams could not be taken");
            sleep(PAUSE).await;
        }
        yield_now().await;
    }
    // Nobody finds us any more, and what was sent before is counted.
    receiver.close_door();
    loop {
        let now = clock.now().as_second();
        let mut memory = memory.borrow_mut();
        if !receiver.take_rest(|rest| memory.take(rest, now)).is_ok_and(|taken| taken > 0) {
            break;
        }
    }
}

fn take(
    receiver: &mut DatagramReceiver,
    memory: &RefCell<Memory>,
    clock: &Clock,
) -> io::Result<usize> {
    let now = clock.now().as_second();
    let mut memory = memory.borrow_mut();
    receiver.take(|datagram| memory.take(datagram, now))
}
