//! Sockets that questions share.
//!
//! A question to a resolver elsewhere has a port of its own, which whoever forges an answer must
//! guess beside the identifier (RFC 5452 §9.2). On loopback there is nothing to guess: the kernel
//! lets in no datagram from outside that claims to come from there, and nobody on this machine can
//! send from the port of the resolver, to which a socket is connected, but who holds it. To open and
//! close a socket takes longer than all the rest of a question, so there they are shared.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::message::Question;

/// How many questions share a socket. So many answers fit into its buffer, 208 KiB unless Linux is
/// told otherwise, if nobody reads for a while.
const MOST_QUESTIONS: usize = 64;

/// How many sockets there are for each upstream. Further questions have one of their own.
const MOST_SOCKETS: usize = 32;

/// Room for the largest datagram.
const LARGEST: usize = 65_535;

/// How many datagrams in a row that belong to nobody are passed over.
const MOST_STRAYS: usize = 64;

/// Codes of answers that are no faults.
const NO_ERROR: u8 = 0;
const NO_SUCH_NAME: u8 = 3;

/// The sockets that are shared, by upstream.
#[derive(Debug)]
pub(super) struct SharedSockets {
    /// Where answers are read, whoever asks.
    runtime: Handle,
    sockets: Mutex<HashMap<SocketAddr, Vec<Shared>>>,
}

#[derive(Debug)]
struct Shared {
    line: Arc<Line>,
    /// What reads the answers; it ends with this.
    reader: JoinSet<()>,
}

/// A socket, and the questions whose answers it will bring, by their identifiers.
#[derive(Debug)]
struct Line {
    socket: UdpSocket,
    waiting: Mutex<HashMap<u16, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    /// The section of the question, as it was sent.
    section: Box<[u8]>,
    tell: oneshot::Sender<Vec<u8>>,
}

/// A question waits on a line as long as this lives.
struct Place {
    line: Arc<Line>,
    id: u16,
}

impl SharedSockets {
    /// None yet. `None` outside a Tokio runtime: there is nobody to read answers.
    pub(super) fn new() -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        Some(Self { runtime, sockets: Mutex::default() })
    }

    /// The octets that answer a question at an upstream on loopback; `None` if it needs a socket of
    /// its own, since there is no room, or the upstream cannot be reached.
    pub(super) async fn ask(&self, upstream: SocketAddr, question: &Question) -> Option<Vec<u8>> {
        let (tell, told) = oneshot::channel();
        let place = self.place(upstream, question, tell)?;
        place.line.socket.send(question.octets()).await.ok()?;
        told.await.ok()
    }

    /// A place on a line that has one, or on a new line.
    fn place(
        &self,
        upstream: SocketAddr,
        question: &Question,
        tell: oneshot::Sender<Vec<u8>>,
    ) -> Option<Place> {
        let id = question.id();
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = sockets.entry(upstream).or_default();
        sockets.retain_mut(Shared::is_read);
        let line = match sockets.iter().find(|shared| shared.line.has_room(id)) {
            Some(shared) => Arc::clone(&shared.line),
            None if sockets.len() < MOST_SOCKETS => {
                let shared = Shared::open(upstream, &self.runtime)?;
                let line = Arc::clone(&shared.line);
                sockets.push(shared);
                line
            }
            None => return None,
        };
        let section = section(question.octets())?.into();
        line.waiting().insert(id, Waiting { section, tell });
        Some(Place { line, id })
    }
}

impl Shared {
    fn open(upstream: SocketAddr, runtime: &Handle) -> Option<Self> {
        let any: IpAddr = match upstream {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = std::net::UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(upstream).ok()?;
        let socket = {
            let _context = runtime.enter();
            UdpSocket::from_std(socket).ok()?
        };
        let line = Arc::new(Line { socket, waiting: Mutex::default() });
        let mut reader = JoinSet::new();
        reader.spawn_on(Arc::clone(&line).read(), runtime);
        Some(Self { line, reader })
    }

    /// Whether answers are still read. Its runtime may have ended.
    fn is_read(&mut self) -> bool {
        self.reader.try_join_next().is_none() && !self.reader.is_empty()
    }
}

impl Line {
    /// Reads answers for ever.
    async fn read(self: Arc<Self>) {
        // Not filled with anything: memory that nobody touches costs nothing.
        let mut answer = Vec::with_capacity(LARGEST);
        let mut strays = 0;
        loop {
            answer.clear();
            strays = match self.socket.recv_buf(&mut answer).await {
                Ok(_) if self.tell(&answer) => 0,
                Ok(_) => strays + 1,
                // Nobody listens there.
                Err(_) => MOST_STRAYS,
            };
            if strays == MOST_STRAYS {
                // Each who waits finds out for himself what is wrong, with a socket of his own.
                self.waiting().clear();
                strays = 0;
            }
        }
    }

    /// Tells an answer to who waits for it; false if it belongs to nobody.
    fn tell(&self, answer: &[u8]) -> bool {
        let Some([id_high, id_low]) = answer.first_chunk::<2>() else { return false };
        let id = u16::from_be_bytes([*id_high, *id_low]);
        let mut waiting = self.waiting();
        if !waiting.get(&id).is_some_and(|waiting| waiting.is_answered_by(answer)) {
            return false;
        }
        let told = waiting.remove(&id);
        drop(waiting);
        // Who gave up does not need it any more.
        told.is_some_and(|Waiting { tell, .. }| tell.send(answer.to_vec()).is_ok())
    }

    fn has_room(&self, id: u16) -> bool {
        let waiting = self.waiting();
        waiting.len() < MOST_QUESTIONS && !waiting.contains_key(&id)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u16, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whether this is the answer to the question, not to an earlier one that had its identifier. What
    /// tells of a fault need not repeat the question.
    fn is_answered_by(&self, answer: &[u8]) -> bool {
        let Some([_, _, flags, code, counts @ ..]) = answer.first_chunk::<6>() else {
            return false;
        };
        let is_response = flags & 0x80 != 0;
        let tells_of_a_fault = !matches!(code & 0x0f, NO_ERROR | NO_SUCH_NAME);
        let repeats = || {
            let section = section(answer).unwrap_or_default();
            section.eq_ignore_ascii_case(&self.section)
        };
        is_response && (tells_of_a_fault && *counts == [0, 0] || repeats())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.waiting().remove(&self.id);
    }
}

/// The name, type and class that a message asks about first.
fn section(message: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 12;
    const TYPE_AND_CLASS: usize = 4;
    let mut end = HEADER;
    loop {
        match usize::from(*message.get(end)?) {
            0 => return message.get(HEADER..end.checked_add(1 + TYPE_AND_CLASS)?),
            length @ 1..64 => end = end.checked_add(1 + length)?,
            // Nothing lies before it that could be pointed to.
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests;
