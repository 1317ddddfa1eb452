//! Sockets that questions to a resolver on this machine share.
//!
//! A question to a resolver elsewhere has a port of its own, which whoever forges an answer must
//! guess beside the identifier (RFC 5452 §9.2). On loopback there is nothing to guess: the kernel lets
//! in no datagram from outside that claims to come from there, and nobody on this machine can send from
//! the port of the resolver, to which these sockets are connected, but who holds it. And there it takes
//! longer to open, connect and close a socket than to ask.
//!
//! All the same an answer must have the identifier and repeat the question, as on a socket of its own;
//! identifiers are random, and each waits once only on a line. A line that has brought many answers, or
//! on which something went wrong, is replaced, which is another port.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::message::{Question, Reading};
use super::upstream::{LARGEST, MOST_STRAYS, any_port};

/// How many questions wait on a line at a time. So many answers fit into the buffer of its socket, 208
/// KiB unless Linux is told otherwise, if nobody reads for a while.
const MOST_WAITING: usize = 64;

/// How many questions a line takes in its life.
const MOST_QUESTIONS: usize = 10_000;

/// How many lines there are. Further questions have a socket of their own.
const MOST_LINES: usize = 32;

/// The lines to one resolver.
#[derive(Debug)]
pub(super) struct Lines {
    upstream: SocketAddr,
    open: Mutex<Vec<Open>>,
}

/// A line that is read. It is closed with this.
#[derive(Debug)]
struct Open {
    line: Arc<Line>,
    reader: AbortHandle,
}

/// A socket, and those who wait for what it will bring.
#[derive(Debug)]
struct Line {
    socket: UdpSocket,
    state: Mutex<State>,
    /// How many wait, for a look without the lock; [`FULL`] if nobody can any more.
    waiting: AtomicUsize,
}

const FULL: usize = usize::MAX;

#[derive(Debug)]
struct State {
    /// By the identifiers of their questions.
    waiting: HashMap<u16, Waiting>,
    /// How many questions the line takes yet; none if it is no longer read.
    left: usize,
}

#[derive(Debug)]
struct Waiting {
    question: Arc<Question>,
    tell: oneshot::Sender<Reading>,
}

/// A question waits on a line for as long as this lives.
struct Place {
    line: Arc<Line>,
    question: Arc<Question>,
}

/// Reads a line. When it ends, whoever waits there knows.
struct Reader(Arc<Line>);

impl Lines {
    /// None yet. `None` for a resolver that is not on this machine.
    pub(super) fn new(upstream: SocketAddr) -> Option<Self> {
        let is_here = upstream.ip().to_canonical().is_loopback();
        is_here.then(|| Self { upstream, open: Mutex::default() })
    }

    /// What comes in answer to a question. `None` if it needs a socket of its own: there is no room, or
    /// something is wrong with the line, and whoever waits there should find out by himself what.
    pub(super) async fn ask(&self, question: &Arc<Question>) -> Option<Reading> {
        let (tell, told) = oneshot::channel();
        let place = self.place(question, tell)?;
        if place.line.socket.send(question.octets()).await.is_err() {
            place.line.close();
            return None;
        }
        told.await.ok()
    }

    /// A place on a line that has one, or on a new line.
    fn place(&self, question: &Arc<Question>, tell: oneshot::Sender<Reading>) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = Waiting { question: Arc::clone(question), tell };
        for Open { line, .. } in &*open {
            waiting = match Line::wait(line, waiting) {
                Ok(place) => return Some(place),
                Err(waiting) => waiting,
            };
        }
        open.retain(|open| !open.line.is_done());
        if open.len() >= MOST_LINES {
            return None;
        }
        let new = Open::new(self.upstream)?;
        let place = Line::wait(&new.line, waiting).ok();
        open.push(new);
        place
    }
}

impl Open {
    fn new(upstream: SocketAddr) -> Option<Self> {
        let socket = std::net::UdpSocket::bind(any_port(upstream)).ok()?;
        socket.connect(upstream).ok()?;
        socket.set_nonblocking(true).ok()?;
        let socket = UdpSocket::from_std(socket).ok()?;
        let state = State { waiting: HashMap::new(), left: MOST_QUESTIONS };
        let waiting = AtomicUsize::new(0);
        let line = Arc::new(Line { socket, state: Mutex::new(state), waiting });
        let reader = tokio::spawn(Reader(Arc::clone(&line)).read()).abort_handle();
        Some(Self { line, reader })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Line {
    /// A place for who waits, if there is one.
    fn wait(self: &Arc<Self>, waiting: Waiting) -> Result<Place, Waiting> {
        if self.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
            return Err(waiting);
        }
        let question = Arc::clone(&waiting.question);
        let mut state = self.state();
        let has_room = state.waiting.len() < MOST_WAITING && state.left > 0;
        if !has_room || state.waiting.contains_key(&question.id()) {
            return Err(waiting);
        }
        state.left -= 1;
        state.waiting.insert(question.id(), waiting);
        self.show(&state);
        drop(state);
        Ok(Place { line: Arc::clone(self), question })
    }

    /// Tells what has come to who waits for it. False if nobody does.
    fn tell(&self, octets: &[u8]) -> bool {
        let Some([id_high, id_low]) = octets.first_chunk::<2>() else { return false };
        let id = u16::from_be_bytes([*id_high, *id_low]);
        let question = self.state().waiting.get(&id).map(|waiting| Arc::clone(&waiting.question));
        let Some(question) = question else { return false };
        // Not under the lock: it takes longer than all the rest.
        let reading = question.read(octets);
        if matches!(reading, Reading::Stray) {
            return false;
        }
        // Who gave up does not need it any more.
        self.leave(&question).is_some_and(|tell| tell.send(reading).is_ok())
    }

    /// Takes out who waits with this question, and nobody who has come to wait with its identifier.
    fn leave(&self, question: &Arc<Question>) -> Option<oneshot::Sender<Reading>> {
        let mut state = self.state();
        let waiting = state.waiting.get(&question.id())?;
        if !Arc::ptr_eq(&waiting.question, question) {
            return None;
        }
        let waiting = state.waiting.remove(&question.id())?;
        self.show(&state);
        Some(waiting.tell)
    }

    /// Takes no further questions, and sends away who waits.
    fn close(&self) {
        let mut state = self.state();
        state.left = 0;
        let waiting = std::mem::take(&mut state.waiting);
        self.show(&state);
        drop(state);
        drop(waiting);
    }

    /// Whether it has done its work.
    fn is_done(&self) -> bool {
        let state = self.state();
        state.left == 0 && state.waiting.is_empty()
    }

    fn show(&self, state: &State) {
        let waiting = if state.left == 0 { FULL } else { state.waiting.len() };
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.leave(&self.question);
    }
}

impl Reader {
    /// Reads until something is wrong: the resolver is not there, or much comes that nobody has asked
    /// for.
    async fn read(self) {
        // Not filled with anything: memory that nobody touches costs nothing.
        let mut octets = Vec::with_capacity(LARGEST);
        let mut strays = 0;
        while strays < MOST_STRAYS {
            octets.clear();
            if self.0.socket.recv_buf(&mut octets).await.is_err() {
                break;
            }
            strays = if self.0.tell(&octets) { 0 } else { strays + 1 };
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests;
