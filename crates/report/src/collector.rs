//! The threads that take datagrams and count them.
//!
//! One for each socket only takes them: it is as quick as the kernel, and nothing that is done with
//! them holds it up. Another one counts. Between them lies a [`Ring`].

use std::{future::poll_fn, io, sync::Arc, task::Poll, thread, time::Duration};

use sealpost_listen::{DatagramReceiver, DatagramSocket};
use sealpost_runtime::{
    Clock, DedicatedThread, Liveness, Panicked, StopRequest, Stopwatch, run_ahead, run_beside,
    stand_back,
};
use sealpost_store::Sessions;
use tokio::{runtime::Handle, sync::oneshot, task::yield_now, time::sleep};

use crate::{
    Flusher, Intake, QUEUE_WANTED, ReportMetrics, Section,
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
/// How long datagrams may gather in the kernel's queue, where that is long. Less than a fifth of it comes
/// meanwhile at the rate at which one sender can send at all, and it has no room for more of its own.
const GATHERING_IN_QUEUE: Duration = Duration::from_micros(150);
/// From one look whether the socket file is still there to the next.
const LOOK: Duration = Duration::from_secs(1);
/// How long a thread may take datagrams before it answers whether it does.
const ROUND: Duration = Duration::from_millis(100);

/// Takes the datagrams of mail servers and counts them. Dropping it stops it.
pub struct Collector {
    takes: Vec<DedicatedThread<()>>,
    counts: DedicatedThread<()>,
    left: oneshot::Receiver<Memory>,
    intake: Intake,
    shared: Arc<Shared>,
}

/// The counters of a [`Collector`] that has stopped. [`Flusher::finish`] writes what is not written.
///
/// To free a hundred thousand of them takes as long as to count them has taken: who ends the process
/// with them forgets them.
pub struct Leftover(#[expect(dead_code, reason = "it is freed or forgotten")] Option<Memory>);

/// Tells whether a [`Collector`] takes up work.
#[derive(Clone)]
pub struct Pulse(Vec<Handle>);

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
        let (leave, left) = oneshot::channel();
        let counts = {
            let ring = Arc::clone(&ring);
            DedicatedThread::start(COUNTS, async move |stop| {
                // An error means that nobody wants it.
                let _ = leave.send(count(ring, deliveries, memory, stop).await);
            })?
        };
        let of_threads = Arc::clone(&shared);
        let takes = sockets.into_iter().map(move |socket| {
            let (ring, clock, shared) = (Arc::clone(&ring), clock.clone(), Arc::clone(&of_threads));
            DedicatedThread::start(TAKES, move |stop| take(socket, ring, clock, shared, stop))
        });
        let takes = takes.collect::<io::Result<_>>()?;
        Ok((Self { takes, counts, left, intake, shared }, flusher))
    }

    /// What hands over sessions that come by other ways than a socket.
    pub fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// What tells whether datagrams are being taken and counted.
    pub fn pulse(&self) -> Pulse {
        let threads = self.takes.iter().chain([&self.counts]);
        Pulse(threads.map(|thread| thread.handle().clone()).collect())
    }

    /// Waits until one of the threads ends, which they do by themselves only if they panic.
    ///
    /// # Errors
    ///
    /// [`Panicked`], if it did.
    pub async fn ended(&mut self) -> Result<(), Panicked> {
        let threads = self.takes.iter_mut().chain([&mut self.counts]);
        let mut ends: Vec<_> = threads.map(|thread| Box::pin(thread.ended())).collect();
        poll_fn(|context| {
            let mut polls = ends.iter_mut().map(|end| end.as_mut().poll(context));
            polls.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Closes the sockets, after it has taken what is in their queues, and counts all of it. Then
    /// [`Flusher::finish`] writes the rest.
    ///
    /// # Errors
    ///
    /// [`Panicked`], if a thread has panicked before.
    pub async fn stop(mut self) -> Result<Leftover, Panicked> {
        self.takes.iter().for_each(DedicatedThread::stop);
        let mut taken = Ok(());
        for thread in &mut self.takes {
            taken = thread.ended().await.and(taken);
        }
        self.counts.stop();
        self.counts.ended().await.and(taken)?;
        Ok(Leftover(self.left.try_recv().ok()))
    }

    /// What it counts about itself.
    pub fn metrics(&self) -> &Arc<ReportMetrics> {
        &self.shared.metrics
    }
}

/// Takes what comes to a socket until it is told to stop.
async fn take(
    socket: DatagramSocket,
    ring: Arc<Ring>,
    clock: Clock,
    shared: Arc<Shared>,
    mut stop: StopRequest,
) {
    let _counted = CountedPanic(Arc::clone(&shared));
    // What finds the kernel's queue full is lost.
    if let Err(error) = run_ahead() {
        tracing::debug!(%error, "the thread that takes datagrams waits for its turn as others do");
    }
    // A short one is full in no time. Where it is long, the thread need not wake for each datagram: to
    // take several at a time costs a fraction.
    let may_gather = queue_length().is_some_and(|length| length >= QUEUE_WANTED);
    let mut receiver = match socket.into_receiver() {
        Ok(receiver) => receiver,
        Err(error) => {
            shared.metrics.receive_failures.increment();
            tracing::error!(%error, "a socket cannot be read");
            return stop.made().await;
        }
    };
    let (mut round, mut look, mut is_lost) = (Stopwatch::start(), Stopwatch::start(), false);
    while !stop.is_made() {
        if look.elapsed() >= LOOK {
            is_lost = reappear(&mut receiver, &ring, &clock, &shared, is_lost);
            look = Stopwatch::start();
        }
        let wait = Stopwatch::start();
        let taken = {
            let mut filling = None;
            receiver.take(|datagram| {
                let begin = || (ring.fill(), clock.now().as_second());
                let (filling, now) = filling.get_or_insert_with(begin);
                filling.add(datagram, *now);
            })
        };
        if let Err(error) = taken {
            shared.metrics.receive_failures.increment();
            tracing::error!(%error, "datagrams could not be taken");
            sleep(PAUSE).await;
        }
        // Only while they come fast: to sleep costs as much as to wake for one. The thread is there for
        // nothing else, and a timer of the runtime has milliseconds.
        if may_gather && receiver.has_taken_all() && wait.elapsed() < GATHERING_IN_QUEUE {
            thread::sleep(GATHERING_IN_QUEUE);
        }
        if round.elapsed() >= ROUND {
            yield_now().await;
            round = Stopwatch::start();
        }
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

/// Sees to it that mail servers find the socket, and says whether they do not. That is told once.
fn reappear(
    receiver: &mut DatagramReceiver,
    ring: &Ring,
    clock: &Clock,
    shared: &Shared,
    was_lost: bool,
) -> bool {
    let now = clock.now().as_second();
    match receiver.reappear(|rest| ring.fill().add(rest, now)) {
        Ok(None) => false,
        Ok(Some(path)) => {
            shared.metrics.receive_failures.increment();
            tracing::warn!("{} was removed by somebody, and has been made again", path.display());
            false
        }
        Err(error) => {
            if !was_lost {
                shared.metrics.receive_failures.increment();
                tracing::error!(%error, "a socket file is gone: no mail server finds it");
            }
            true
        }
    }
}

/// Tells of a panic of the thread on which it is dropped.
struct CountedPanic(Arc<Shared>);

impl Drop for CountedPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.metrics.panics.increment();
        }
    }
}

/// Whether the thread that counts lets others go first. What it has to do can wait in the ring, what is
/// to be taken cannot; but where a busy machine lets it hardly run, the ring becomes full.
#[derive(Default)]
struct Turn {
    stands_back: Option<bool>,
}

impl Turn {
    /// Takes the place that is fit for what has come.
    fn take(&mut self, waiting: &Waiting) {
        let stands_back = !waiting.are_many();
        if self.stands_back.replace(stands_back) == Some(stands_back) {
            return;
        }
        let turned = if stands_back { stand_back() } else { run_beside() };
        if let Err(error) = turned {
            tracing::debug!(%error, stands_back, "the thread that counts keeps its place");
        }
    }
}

/// Counts what comes through the ring, and by other ways, until it is told to stop, and then the
/// rest. Gives all that it has counted.
async fn count(
    ring: Arc<Ring>,
    mut deliveries: Deliveries,
    mut memory: Memory,
    mut stop: StopRequest,
) -> Memory {
    let mut turn = Turn::default();
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
        turn.take(&waiting);
        memory.take_all(&waiting);
        yield_now().await;
    }
    while let Some(delivery) = deliveries.rest() {
        delivery.answer(|sessions| memory.deliver(sessions));
    }
    // Who takes datagrams has ended before.
    ring.exchange(&mut waiting);
    memory.take_all(&waiting);
    memory
}
