//! The threads that take datagrams and count them.
//!
//! One only takes them: it is as quick as the kernel, and nothing that is done with them holds it
//! up. The other one counts. Between them lies a [`Ring`].

use std::{io, sync::Arc, time::Duration};

use sealpost_listen::{DatagramReceiver, DatagramSocket};
use sealpost_runtime::{Clock, DedicatedThread, Liveness, Panicked, StopRequest, run_ahead};
use sealpost_store::Sessions;
use tokio::{
    runtime::Handle,
    task::{JoinSet, LocalSet, yield_now},
    time::sleep,
};

use crate::{
    Flusher, Intake, ReportMetrics, Section,
    intake::Deliveries,
    memory::{Memory, Shared},
    queue_length,
    ring::{Ring, Waiting},
};

/// What tools show of the threads.
const TAKES: &str = "report-take";
const COUNTS: &str = "report-count";
/// Between two tries after the system has failed to give datagrams.
const PAUSE: Duration = Duration::from_millis(100);
/// How long datagrams gather before they are counted: to count many at once costs less, and the
/// thread that takes them is not kept from the processor by one that wakes for each of them.
const GATHERING: Duration = Duration::from_millis(2);
/// Batches of one socket before the others have their turn.
const ROUNDS: usize = 16;

/// Takes the datagrams of mail servers and counts them. Dropping it stops it.
pub struct Collector {
    takes: DedicatedThread<()>,
    counts: DedicatedThread<()>,
    intake: Intake,
    shared: Arc<Shared>,
}

/// Tells whether a [`Collector`] takes up work.
#[derive(Clone)]
pub struct Pulse([Handle; 2]);

impl Pulse {
    /// Asks the threads; it takes as long as they need to answer.
    pub async fn liveness(&self) -> Liveness {
        for thread in &self.0 {
            if thread.spawn(async {}).await.is_err() {
                return Liveness::Stuck;
            }
        }
        Liveness::Alive
    }
}

impl Collector {
    /// Begins to take datagrams, on threads of its own. What is counted is written only while
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
        let shared = Arc::new(Shared::new(section, metrics));
        let flusher =
            Flusher::new(Arc::clone(&shared), sessions, node, clock.clone(), section.flush_pause());
        let memory = Memory::new(Arc::clone(&shared), clock.now().as_second());
        let ring = Arc::new(Ring::default());
        let (intake, deliveries) = Intake::new(Arc::clone(&shared.posted));
        let counts = {
            let ring = Arc::clone(&ring);
            DedicatedThread::start(COUNTS, move |stop| count(ring, deliveries, memory, stop))?
        };
        let of_thread = Arc::clone(&shared);
        let takes = DedicatedThread::start(TAKES, move |stop| {
            take_all(sockets, ring, clock, of_thread, stop)
        })?;
        Ok((Self { takes, counts, intake, shared }, flusher))
    }

    /// What hands over sessions that come by other ways than a socket.
    pub fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// What tells whether datagrams are being taken and counted.
    pub fn pulse(&self) -> Pulse {
        Pulse([self.takes.handle().clone(), self.counts.handle().clone()])
    }

    /// Waits until one of the threads ends, which they do by themselves only if they panic.
    ///
    /// # Errors
    ///
    /// [`Panicked`], if it did.
    pub async fn ended(&mut self) -> Result<(), Panicked> {
        tokio::select! {
            ended = self.takes.ended() => ended,
            ended = self.counts.ended() => ended,
        }
    }

    /// Closes the sockets, after it has taken what is in their queues, and counts all of it. Then
    /// [`Flusher::finish`] writes the rest.
    ///
    /// # Errors
    ///
    /// [`Panicked`], if a thread has panicked before.
    pub async fn stop(mut self) -> Result<(), Panicked> {
        self.takes.stop();
        let taken = self.takes.ended().await;
        self.counts.stop();
        self.counts.ended().await.and(taken)
    }

    /// What it counts about itself.
    pub fn metrics(&self) -> &Arc<ReportMetrics> {
        &self.shared.metrics
    }
}

/// Takes what comes to any of the sockets until it is told to stop.
async fn take_all(
    sockets: Vec<DatagramSocket>,
    ring: Arc<Ring>,
    clock: Clock,
    shared: Arc<Shared>,
    stop: StopRequest,
) {
    // What finds the kernel's queue full is lost, and it is full in no time: even 10 datagrams.
    if let Err(error) = run_ahead() {
        tracing::debug!(%error, "the thread that takes datagrams waits for its turn as others do");
    }
    let receivers = sockets.into_iter().map(DatagramSocket::into_receiver);
    LocalSet::new()
        .run_until(async {
            let mut tasks = JoinSet::new();
            for receiver in receivers {
                match receiver {
                    Ok(receiver) => {
                        let (ring, clock) = (Arc::clone(&ring), clock.clone());
                        let shared = Arc::clone(&shared);
                        tasks.spawn_local(take(receiver, ring, clock, shared, stop.clone()));
                    }
                    Err(error) => {
                        shared.metrics.receive_failures.increment();
                        tracing::error!(%error, "a socket cannot be read");
                    }
                }
            }
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    shared.metrics.panics.increment();
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        })
        .await;
}

/// Takes what comes to one socket until it is told to stop.
async fn take(
    mut receiver: DatagramReceiver,
    ring: Arc<Ring>,
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
            taken = taken.and_then(|_| {
                let now = clock.now().as_second();
                let mut filling = None;
                receiver.take(|datagram| {
                    filling.get_or_insert_with(|| ring.fill()).add(datagram, now);
                })
            });
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
        let mut filling = ring.fill();
        if !receiver.take_rest(|rest| filling.add(rest, now)).is_ok_and(|taken| taken > 0) {
            break;
        }
    }
}

/// Counts what comes through the ring, and by other ways, until it is told to stop, and then the
/// rest.
async fn count(
    ring: Arc<Ring>,
    mut deliveries: Deliveries,
    mut memory: Memory,
    mut stop: StopRequest,
) {
    let mut waiting = Waiting::default();
    while !stop.is_made() {
        let mut delivery = tokio::select! {
            biased;
            () = stop.made() => None,
            delivery = deliveries.next() => Some(delivery),
            () = ring.filled() => {
                sleep(GATHERING).await;
                None
            }
        };
        // All that is there, so that neither way waits for the other to be empty.
        while let Some(next) = delivery {
            next.answer(|sessions| memory.deliver(sessions));
            delivery = deliveries.waiting();
        }
        ring.exchange(&mut waiting);
        memory.take_all(&waiting);
        yield_now().await;
    }
    while let Some(delivery) = deliveries.rest() {
        delivery.answer(|sessions| memory.deliver(sessions));
    }
    // Who takes datagrams has ended before.
    ring.exchange(&mut waiting);
    memory.take_all(&waiting);
}
