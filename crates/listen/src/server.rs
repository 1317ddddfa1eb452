//! The accept loop.

mod counts;
pub use counts::Counts;
mod seldom;

use std::{
    any::Any,
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    pin, select,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};

use self::{counts::Counters, seldom::Seldom};
use crate::{Listener, Peer, Stream};

/// The first pause after accepting has failed, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// At most one log line of a kind in this time.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// What is done with a connection.
pub trait Handler: Send + Sync + 'static {
    /// Talks on a connection until it is over; returning closes it.
    ///
    /// It bounds how long a client may be silent and how much it may send. When
    /// [`Connection::stopping`] says so, it answers what has arrived and returns. A connection that
    /// is handed over while the server stops has its request just behind it: wait for that for a
    /// moment, some tens of milliseconds.
    fn serve(&self, connection: Connection) -> impl Future<Output = ()> + Send;
}

/// An accepted connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection {
    /// The octets.
    pub stream: Stream,
    /// Who has connected.
    pub peer: Peer,
    /// When to come to an end.
    pub stopping: Stopping,
}

/// Says when the server wants to stop.
#[derive(Clone, Debug)]
pub struct Stopping {
    request: watch::Receiver<bool>,
    /// The same, for who looks before each request: the channel would take a lock for it.
    is_requested: Arc<AtomicBool>,
}

/// The bounds of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are served at a time, over all listeners: 10,000. Each listener may hold
    /// one more that waits; the rest waits in the kernel.
    pub connections: usize,
    /// How long handlers have to end when the server stops: 5 seconds.
    pub grace: Duration,
}

/// How the connections of a listener ended after it was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// By themselves, within the time.
    pub finished: usize,
    /// Cut off when the time was over.
    pub cut: usize,
}

/// Runs a handler on the connections of any number of listeners. Clones share limits and counts.
pub struct Server<H> {
    handler: Arc<H>,
    limits: Limits,
    slots: Arc<Semaphore>,
    counters: Arc<Counters>,
}

/// What happens at one listener.
struct Running<'a, H> {
    server: &'a Server<H>,
    tasks: JoinSet<()>,
    stopping: Stopping,
    /// Accepted, and no place yet.
    waiting: Option<(Stream, Peer)>,
    /// Before the next try to accept.
    pause: Duration,
    full: Seldom,
    failing: Seldom,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, grace: Duration::from_secs(5) }
    }
}

impl<H: Handler> Server<H> {
    /// A server that serves nobody yet.
    pub fn new(handler: H, limits: Limits) -> Self {
        let slots = limits.connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            handler: Arc::new(handler),
            limits,
            slots: Arc::new(Semaphore::new(slots)),
            counters: Arc::default(),
        }
    }

    /// Serves the connections of `listener` until `shutdown` is ready, and then brings them to an
    /// end as the crate's documentation says.
    pub async fn serve(&self, listener: Listener, shutdown: impl Future<Output = ()>) -> Ended {
        let (stop, request) = watch::channel(false);
        let is_requested = Arc::new(AtomicBool::new(false));
        let stopping = Stopping { request, is_requested: Arc::clone(&is_requested) };
        let mut running = Running::new(self, stopping);
        pin!(shutdown);
        loop {
            let permit = Arc::clone(&self.slots).acquire_owned();
            select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = running.tasks.join_next() => running.ended(ended),
                Ok(permit) = permit, if running.waiting.is_some() => running.place(permit),
                accepted = accept(&listener, running.pause), if running.waiting.is_none() => {
                    running.accepted(accepted, &listener);
                }
            }
        }
        // Before those who wait are woken, for they look.
        is_requested.store(true, Ordering::Release);
        stop.send_replace(true);
        running.finish(listener, self.limits.grace).await
    }

    /// What has happened so far, over all listeners.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }
}

impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
            limits: self.limits,
            slots: Arc::clone(&self.slots),
            counters: Arc::clone(&self.counters),
        }
    }
}

async fn accept(listener: &Listener, pause: Duration) -> io::Result<(Stream, Peer)> {
    if !pause.is_zero() {
        sleep(pause).await;
    }
    listener.accept().await
}

impl<'a, H: Handler> Running<'a, H> {
    fn new(server: &'a Server<H>, stopping: Stopping) -> Self {
        Self {
            server,
            tasks: JoinSet::new(),
            stopping,
            waiting: None,
            pause: Duration::ZERO,
            full: Seldom::new(LOG_PAUSE),
            failing: Seldom::new(LOG_PAUSE),
        }
    }

    fn accepted(&mut self, accepted: io::Result<(Stream, Peer)>, listener: &Listener) {
        match accepted {
            Ok(connection) => {
                self.pause = Duration::ZERO;
                match Arc::clone(&self.server.slots).try_acquire_owned() {
                    Ok(permit) => self.spawn(connection, permit),
                    Err(_) => {
                        self.server.counters.waited();
                        if self.full.is_time() {
                            tracing::warn!(
                                %listener,
                                limit = self.server.limits.connections,
                                "all places are taken, new connections wait"
                            );
                        }
                        self.waiting = Some(connection);
                    }
                }
            }
            // The client has gone before we came to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of descriptors or memory, most likely: trying at once would fail at once.
                self.server.counters.failed();
                self.pause = (self.pause * 2).clamp(PAUSES.0, PAUSES.1);
                if self.failing.is_time() {
                    tracing::error!(%listener, %error, "failed to accept a connection");
                }
            }
        }
    }

    /// A place is free for the connection that waits.
    fn place(&mut self, permit: OwnedSemaphorePermit) {
        if let Some(connection) = self.waiting.take() {
            self.spawn(connection, permit);
        }
    }

    fn spawn(&mut self, (stream, peer): (Stream, Peer), permit: OwnedSemaphorePermit) {
        let handler = Arc::clone(&self.server.handler);
        let connection = Connection { stream, peer, stopping: self.stopping.clone() };
        let open = self.server.counters.open();
        self.tasks.spawn(async move {
            handler.serve(connection).await;
            // Both are given back even if the handler panics.
            drop((permit, open));
        });
    }

    fn ended(&mut self, ended: Result<(), JoinError>) {
        // What it held, a descriptor above all, is free.
        self.pause = Duration::ZERO;
        if let Err(error) = ended
            && error.is_panic()
        {
            self.server.counters.panicked();
            let panic = error.into_panic();
            tracing::error!(said = said(&*panic), "a handler panicked, its connection is closed");
        }
    }

    /// Closes the listener, serves what waited in its queue, and ends all connections in time.
    async fn finish(mut self, listener: Listener, grace: Duration) -> Ended {
        let waiting = self.waiting.take();
        let mut queued: VecDeque<_> = waiting.into_iter().chain(listener.close()).collect();
        let mut finished = 0;
        let end = async {
            loop {
                let permit = Arc::clone(&self.server.slots).acquire_owned();
                select! {
                    Some(ended) = self.tasks.join_next() => {
                        self.ended(ended);
                        finished += 1;
                    }
                    Ok(permit) = permit, if !queued.is_empty() => {
                        if let Some(connection) = queued.pop_front() {
                            self.spawn(connection, permit);
                        }
                    }
                    else => return,
                }
            }
        };
        // What is left, if the time is over, is still there to be counted.
        let _ = timeout(grace, end).await;
        let cut = self.tasks.len() + queued.len();
        if cut > 0 {
            tracing::warn!(connections = cut, "connections are cut off: their time is over");
        }
        self.tasks.shutdown().await;
        Ended { finished, cut }
    }
}

/// What a panic said, if it said something.
fn said(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "",
    }
}

impl Stopping {
    /// Does the server want to stop?
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Acquire)
    }

    /// Waits until it does. Nothing is lost if the waiting is given up.
    pub async fn requested(&mut self) {
        // An error means that the server is gone, which is as good as its request.
        let _ = self.request.wait_for(|is_requested| *is_requested).await;
    }
}
