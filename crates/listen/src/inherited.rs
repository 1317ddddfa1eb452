//! Sockets that systemd passes on (socket activation, `sd_listen_fds(3)`).

use std::{env, os::unix::net::UnixDatagram};

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

/// The sockets that were passed to this process and not yet taken.
pub struct Inherited {
    sockets: ListenFd,
    names: Vec<String>,
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
        let sockets = ListenFd::from_env();
        let mut names: Vec<String> =
            names.split(':').take(sockets.len()).map(str::to_owned).collect();
        names.resize(sockets.len(), NAMELESS.to_owned());
        for name in &mut names {
            if name.is_empty() {
                NAMELESS.clone_into(name);
            }
        }
        Self { sockets, names }
    }

    /// None, for a process that shall not look.
    pub fn none() -> Self {
        Self { sockets: ListenFd::empty(), names: Vec::new() }
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
        let mut listeners = Vec::new();
        for index in 0..self.names.len() {
            if self.names.get(index).is_some_and(|held| held == name) {
                let taken = self.take_one(index);
                let fault = |source| ListenError::Unfit { name: name.to_owned(), source };
                listeners.extend(taken.map_err(fault)?);
            }
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
        for index in 0..self.names.len() {
            if self.names.get(index).is_some_and(|held| held == name) {
                let taken = self.sockets.take_unix_datagram(index);
                let fault = |source| ListenError::Unfit { name: name.to_owned(), source };
                if let Some(socket) = taken.map_err(fault)? {
                    return Ok(socket);
                }
            }
        }
        Err(ListenError::NotPassed { name: name.to_owned() })
    }

    /// `None` if it was taken before.
    fn take_one(&mut self, index: usize) -> std::io::Result<Option<Listener>> {
        // A socket of the other kind stays where it is.
        if let Ok(taken) = self.sockets.take_unix_listener(index) {
            let Some(socket) = taken else { return Ok(None) };
            socket.set_nonblocking(true)?;
            let socket = Socket::Unix(UnixListener::from_std(socket)?);
            return Ok(Some(Listener::new(socket, Origin::Inherited)));
        }
        let Some(socket) = self.sockets.take_tcp_listener(index)? else { return Ok(None) };
        socket.set_nonblocking(true)?;
        let socket = Socket::Tcp(TcpListener::from_std(socket)?);
        Ok(Some(Listener::new(socket, Origin::Inherited)))
    }
}
