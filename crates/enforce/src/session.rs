//! Questions and replies on one connection.

mod pile;
mod socketmap;
mod tcp_tables;
pub use tcp_tables::TcpTables;

use std::{
    cell::RefCell,
    fmt,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use sealpost_listen::{Connection, Stopping, Stream};
use sealpost_runtime::Stopwatch;
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    time::{Sleep, error::Elapsed, sleep, timeout},
};

use crate::Answerer;

use pile::Pile;

/// How much is read at a time, in octets.
const CHUNK_LENGTH: usize = 4_096;
/// Replies that have piled up so far are sent before the next request is read, in octets.
const PILE: usize = 64 * 1024;
/// How long a request may be behind its connection when the server stops.
const MOMENT: Duration = Duration::from_millis(100);

/// How requests and replies look on the wire.
trait Protocol: Send {
    /// Why octets are no request.
    type Error: fmt::Display;
    /// What is asked where no reply is at hand.
    type Question: Send;

    fn push(&mut self, octets: &[u8]);

    fn is_between_requests(&self) -> bool;

    /// Takes the next request that is complete, if there is one, and answers it if the reply is at
    /// hand.
    fn next(
        &mut self,
        answerer: &Answerer,
        replies: &mut Pile,
    ) -> Result<Next<Self::Question>, Self::Error>;

    /// Answers what could not be answered at once.
    fn answer(
        answerer: &Answerer,
        question: Self::Question,
        replies: &mut Vec<u8>,
    ) -> impl Future<Output = ()> + Send;
}

/// What became of the next request.
enum Next<Q> {
    Answered,
    /// Look-ups may be needed.
    Asks(Q),
    /// The rest of it has not arrived.
    Waiting,
}

/// Why a connection is closed.
enum End<E> {
    NoRequest(E),
    CannotWrite,
}

/// Answers one request after the other, until the client closes, is silent for too long, or says
/// something that is no request.
async fn talk<P: Protocol>(answerer: &Answerer, mut requests: P, connection: Connection) {
    let Connection { mut stream, stopping, peer, .. } = connection;
    let mut silence = Silence::new(stopping.clone());
    let mut stopping_since = None;
    let mut replies = Pile::default();
    loop {
        if stopping.is_requested() && requests.is_between_requests() {
            // A client that never pauses would else keep us for ever.
            let since = stopping_since.get_or_insert_with(Stopwatch::start);
            if since.elapsed() >= MOMENT {
                return;
            }
        }
        let patience = if requests.is_between_requests() {
            answerer.settings().idle
        } else {
            answerer.settings().transfer
        };
        let heard = poll_fn(|context| match poll_read(&mut stream, &mut requests, context) {
            Poll::Ready(read) => Poll::Ready(Heard::Octets(read)),
            Poll::Pending => silence.poll(patience, context).map(Heard::Nothing),
        });
        let read = match heard.await {
            Heard::Octets(read) => read,
            Heard::Nothing(Silent::TooLong) => return,
            // A last request may be just behind its connection.
            Heard::Nothing(Silent::Stopping) => {
                let read = poll_fn(|context| poll_read(&mut stream, &mut requests, context));
                match timeout(MOMENT, read).await {
                    Ok(read) => read,
                    Err(_) => return,
                }
            }
        };
        let Ok(1..) = read else { return };
        if let Err(end) = answer_all(answerer, &mut requests, &mut stream, &mut replies).await {
            if let End::NoRequest(error) = end {
                tracing::warn!(%peer, %error, "a client does not speak the protocol of the map");
            }
            return;
        }
        silence.broken();
    }
}

/// What a connection brings.
enum Heard {
    Octets(io::Result<usize>),
    Nothing(Silent),
}

/// Watches a client that says nothing. One timer serves all requests of a connection: to set it anew
/// for each would cost as much as the answer.
struct Silence {
    timer: Pin<Box<Sleep>>,
    /// With which patience the timer was set.
    set_for: Duration,
    /// Since then.
    said_something: bool,
    stopping: Stopping,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The timer and the stop know the task and will wake it.
    is_armed: bool,
}

/// Why a connection need not be listened to any more.
enum Silent {
    TooLong,
    Stopping,
}

impl Silence {
    fn new(stopping: Stopping) -> Self {
        let mut requested = stopping.clone();
        Self {
            said_something: false,
            timer: Box::pin(sleep(Duration::ZERO)),
            set_for: Duration::ZERO,
            stopping,
            stop: Box::pin(async move { requested.requested().await }),
            is_armed: false,
        }
    }

    /// The client has said something.
    fn broken(&mut self) {
        self.said_something = true;
    }

    /// Ready when the silence has lasted for so long and twice as long at most, or the server is to
    /// stop.
    fn poll(&mut self, patience: Duration, context: &mut Context<'_>) -> Poll<Silent> {
        // Within a request there is less of it than between two.
        if patience < self.set_for {
            self.set(patience);
        }
        // To look is cheaper than to ask to be woken once more. Always the same task asks.
        if self.is_armed && !self.timer.is_elapsed() && !self.stopping.is_requested() {
            return Poll::Pending;
        }
        loop {
            if self.stop.as_mut().poll(context).is_ready() {
                // Once it is to stop, it stays so.
                self.stop = Box::pin(std::future::ready(()));
                return Poll::Ready(Silent::Stopping);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                self.is_armed = true;
                return Poll::Pending;
            }
            if self.set_for.is_zero() || std::mem::take(&mut self.said_something) {
                self.set(patience);
            } else {
                return Poll::Ready(Silent::TooLong);
            }
        }
    }

    fn set(&mut self, patience: Duration) {
        self.timer.set(sleep(patience));
        self.set_for = patience;
        self.said_something = false;
        self.is_armed = false;
    }
}

thread_local! {
    /// All connections of a thread read into the same place: it stays near the processor, and those
    /// that are idle need none.
    static CHUNK: RefCell<[u8; CHUNK_LENGTH]> = const { RefCell::new([0; CHUNK_LENGTH]) };
}

/// Reads what there is of requests, and says how many octets.
fn poll_read(
    stream: &mut Stream,
    requests: &mut impl Protocol,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    CHUNK.with_borrow_mut(|chunk| {
        let mut chunk = ReadBuf::new(chunk);
        ready!(Pin::new(stream).poll_read(context, &mut chunk))?;
        requests.push(chunk.filled());
        Poll::Ready(Ok(chunk.filled().len()))
    })
}

/// Answers every request that is complete.
async fn answer_all<P: Protocol>(
    answerer: &Answerer,
    requests: &mut P,
    stream: &mut Stream,
    replies: &mut Pile,
) -> Result<(), End<P::Error>> {
    loop {
        match requests.next(answerer, replies) {
            Ok(Next::Answered) => {}
            // Boxed: the many that are answered at once would else carry its room around, some
            // kilobytes for each.
            Ok(Next::Asks(question)) => {
                Box::pin(P::answer(answerer, question, replies.end())).await;
            }
            Ok(Next::Waiting) => return send(answerer, replies, stream).await,
            Err(error) => {
                send(answerer, replies, stream).await?;
                return Err(End::NoRequest(error));
            }
        }
        if replies.octets().len() > PILE {
            send(answerer, replies, stream).await?;
        }
    }
}

/// Sends the replies; nothing of them is left.
async fn send<E>(
    answerer: &Answerer,
    replies: &mut Pile,
    stream: &mut Stream,
) -> Result<(), End<E>> {
    let sent = patiently(answerer.settings().transfer, stream.write_all(replies.octets())).await;
    replies.clear();
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::CannotWrite),
    }
}

/// [`timeout`] whose timer is set only if the future is not ready at once, as nearly every write is.
async fn patiently<F: Future>(patience: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Box::pin(timeout(patience, future)).await,
    }
}
