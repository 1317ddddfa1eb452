//! Sockets that systemd passes on (socket activation, `sd_listen_fds(3)`).

use std::{
    env, io,
    net::TcpListener as StdTcpListener,
    os::unix::net::{UnixDatagram, UnixListener as StdUnixListener},
    sync::{Arc, Mutex, PoisonError},
};

use listenfd::ListenFd;
use tokio::net::{TcpListener, UnixListener};

use crate::{
    ListenError, Listener,
    listener::{Origin, Socket},
};

/// More sockets than anybody passes.
const MOST: usize = 1024;
/// What a socket without a name is called, by the protocol.
const NAMELESS: &str = "unknown";

/// The sockets that were passed to this process. Clones share what has been taken.
#[derive(Clone)]
pub struct Inherited {
    passed: Arc<Vec<Passed>>,
    taken: Arc<Mutex<Vec<bool>>>,
    names: Vec<String>,
}

/// A socket stays open here after it was taken, as it does with the service manager, so that
/// whoever ends and begins again can take it again.
enum Passed {
    Unix(StdUnixListener),
    Tcp(StdTcpListener),
    Datagrams(UnixDatagram),
    /// Nothing that is of use.
    Other(io::Error),
}

impl Inherited {
    /// Those that the environment speaks of: `LISTEN_FDS`, for the process `LISTEN_PID`, named by
    /// `LISTEN_FDNAMES`.
    ///
    /// Call it once and first thing in `main`: it removes the first two, so that no child process
    /// takes the sockets for its own, and the environment is not made for several threads.
    pub fn from_environment() -> Self {
        let count = env::var("LISTEN_FDS").ok().and_then(|text| text.parse::<usize>().ok());
        if count.is_none_or(|count| count > MOST) {
            return Self::none();
        }
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut sockets = ListenFd::from_env();
        let mut names: Vec<String> =
            names.split(':').take(sockets.len()).map(str::to_owned).collect();
        names.resize(sockets.len(), NAMELESS.to_owned());
        for name in &mut names {
            if name.is_empty() {
                NAMELESS.clone_into(name);
            }
        }
        let passed = (0..sockets.len()).map(|index| Passed::of(&mut sockets, index)).collect();
        Self::of(passed, names)
    }

    /// None, for a process that shall not look.
    pub fn none() -> Self {
        Self::of(Vec::new(), Vec::new())
    }

    fn of(passed: Vec<Passed>, names: Vec<String>) -> Self {
        let taken = Arc::new(Mutex::new(vec![false; passed.len()]));
        Self { passed: Arc::new(passed), taken, names }
    }

    /// The same, with nothing taken: for who begins again after all that had taken sockets has
    /// ended.
    #[must_use]
    pub fn anew(&self) -> Self {
        let taken = Arc::new(Mutex::new(vec![false; self.passed.len()]));
        Self { taken, ..self.clone() }
    }

    /// The names, in the order in which the sockets were passed; taken ones are still in it.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Takes all sockets of a name; there may be several, IPv4 and IPv6 for example. Call this in a
    /// Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ListenError::NotPassed`] if there is none left, [`ListenError::Unfit`] if one of them does
    /// not accept connections.
    pub fn take(&mut self, name: &str) -> Result<Vec<Listener>, ListenError> {
        let fault = |source| ListenError::Unfit { name: name.to_owned(), source };
        let mut listeners = Vec::new();
        for passed in self.take_all(name, usize::MAX) {
            listeners.push(passed.listener().map_err(fault)?);
        }
        if listeners.is_empty() {
            return Err(ListenError::NotPassed { name: name.to_owned() });
        }
        Ok(listeners)
    }

    /// Takes the datagram socket of a name (`ListenDatagram=` in the unit).
    ///
    /// # Errors
    ///
    /// [`ListenError::NotPassed`] if there is none left, [`ListenError::Unfit`] if it takes no
    /// datagrams.
    pub(crate) fn take_datagram(&mut self, name: &str) -> Result<UnixDatagram, ListenError> {
        let fault = |source| ListenError::Unfit { name: name.to_owned(), source };
        match self.take_all(name, 1).as_slice() {
            [passed, ..] => passed.datagrams().map_err(fault),
            [] => Err(ListenError::NotPassed { name: name.to_owned() }),
        }
    }

    /// Up to `most` of the sockets of a name that are left; from now on they are taken.
    fn take_all(&self, name: &str, most: usize) -> Vec<&Passed> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.passed.iter().zip(&self.names).zip(taken.iter_mut());
        all.filter(|((_, held), is_taken)| *held == name && !**is_taken)
            .take(most)
            .map(|((passed, _), is_taken)| {
                *is_taken = true;
                passed
            })
            .collect()
    }
}

impl Passed {
    fn of(sockets: &mut ListenFd, index: usize) -> Self {
        fn missing<T>(taken: Option<T>) -> io::Result<T> {
            taken.ok_or_else(|| io::ErrorKind::NotFound.into())
        }
        // A socket of another kind stays where it is.
        if let Ok(socket) = sockets.take_unix_listener(index).and_then(missing) {
            return Self::Unix(socket);
        }
        if let Ok(socket) = sockets.take_unix_datagram(index).and_then(missing) {
            return Self::Datagrams(socket);
        }
        match sockets.take_tcp_listener(index).and_then(missing) {
            Ok(socket) => Self::Tcp(socket),
            Err(error) => Self::Other(error),
        }
    }

    fn listener(&self) -> io::Result<Listener> {
        let socket = match self {
            Self::Unix(socket) => {
                let socket = socket.try_clone()?;
                socket.set_nonblocking(true)?;
                Socket::Unix(UnixListener::from_std(socket)?)
            }
            Self::Tcp(socket) => {
                let socket = socket.try_clone()?;
                socket.set_nonblocking(true)?;
                Socket::Tcp(TcpListener::from_std(socket)?)
            }
            Self::Datagrams(_) => {
                return Err(io::Error::other("it takes datagrams and accepts no connections"));
            }
            Self::Other(error) => return Err(io::Error::new(error.kind(), error.to_string())),
        };
        Ok(Listener::new(socket, Origin::Inherited))
    }

    fn datagrams(&self) -> io::Result<UnixDatagram> {
        match self {
            Self::Datagrams(socket) => socket.try_clone(),
            Self::Unix(_) | Self::Tcp(_) => {
                Err(io::Error::other("it accepts connections and takes no datagrams"))
            }
            Self::Other(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}
