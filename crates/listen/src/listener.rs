//! A bound socket, whatever its kind.

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::{Address, Inherited, Peer, SocketMode, Stream, socket_file::SocketFile};

/// Connections that the kernel keeps until they are accepted.
pub(crate) const QUEUE: u32 = 1024;
/// Connections taken from that queue at the end: the kernel lets in one more than it was told.
const QUEUED: usize = QUEUE as usize + 1;

/// A socket that is ready to accept. Dropping it removes its socket file, if it made one.
pub struct Listener {
    /// Goes first: as long as the socket is open, nobody else's file has its identity.
    file: Option<SocketFile>,
    socket: Socket,
    origin: Origin,
}

pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Who holds the socket open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// We alone: it ends with us.
    Own,
    /// Somebody who will give it to the next process.
    Inherited,
}

/// Why a place cannot be listened at. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The system refuses the TCP address.
    #[error("listen at {address}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system refuses the socket file.
    #[error("listen at {}", .path.display())]
    Unix {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process answers at the socket file. It was left alone.
    #[error("listen at {}: another process listens there", .path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// There is a file that is no socket. It was left alone.
    #[error("listen at {}: there is a file that is no socket", .path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// systemd passed no socket of this name.
    #[error("take over the socket `{name}`: systemd passed none of this name")]
    NotPassed {
        /// The name.
        name: String,
    },
    /// Datagrams come to a socket file only.
    #[error(
        "take datagrams at {address}: name a socket file, as in `unix:/run/sealpost/tlsrpt.sock`"
    )]
    NoFile {
        /// The address.
        address: SocketAddr,
    },
    /// What systemd passed is not a socket of the kind that is needed.
    #[error("take over the socket `{name}`")]
    Unfit {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Address {
    /// Listens here: one listener, or all that systemd passed under the name.
    ///
    /// # Errors
    ///
    /// [`ListenError`] says what the administrator can do.
    pub async fn listen(&self, inherited: &mut Inherited) -> Result<Vec<Listener>, ListenError> {
        match self {
            Self::Tcp(address) => Ok(vec![Listener::tcp(*address)?]),
            Self::Unix { path, mode } => Ok(vec![Listener::unix(path, *mode).await?]),
            Self::Inherited { name } => inherited.take(name),
        }
    }
}

impl Listener {
    /// Listens at a TCP address. Call this in a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ListenError::Tcp`]
    pub fn tcp(address: SocketAddr) -> Result<Self, ListenError> {
        let listen = || {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            // After a restart, connections of the old process may still be in TIME-WAIT.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(QUEUE)
        };
        match listen() {
            Ok(socket) => Ok(Self::new(Socket::Tcp(socket), Origin::Own)),
            Err(source) => Err(ListenError::Tcp { address, source }),
        }
    }

    /// Listens at a socket file. One that was left behind by a dead process is replaced.
    ///
    /// The file appears with its permissions set and ready to be connected to. Its path may have at
    /// most 107 octets, and its folder's some twenty less: we need a neighbour for a moment.
    ///
    /// # Errors
    ///
    /// [`ListenError::InUse`] and [`ListenError::NotASocket`] leave what is there alone;
    /// [`ListenError::Unix`] for the rest.
    pub async fn unix(path: &Path, mode: SocketMode) -> Result<Self, ListenError> {
        let (socket, file) = SocketFile::listen(path, mode).await?;
        Ok(Self { socket: Socket::Unix(socket), file: Some(file), origin: Origin::Own })
    }

    pub(crate) fn new(socket: Socket, origin: Origin) -> Self {
        Self { socket, file: None, origin }
    }

    /// The address, if it is a TCP one; the port is the real one.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    /// Waits for the next connection. Nothing is lost if the waiting is given up.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                // Answers are small, and each is waited for.
                stream.set_nodelay(true)?;
                Ok((Stream::from(stream), Peer::Tcp(address)))
            }
            Socket::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                Ok((Stream::from(stream), Peer::Unix))
            }
        }
    }

    /// Closes the socket and gives the connections that waited to be accepted.
    ///
    /// Those of an inherited socket stay there for the next process.
    pub(crate) fn close(self) -> Vec<(Stream, Peer)> {
        let Self { socket, file, origin } = self;
        // From here on, new clients do not find us. The others are in the queue.
        drop(file);
        if origin == Origin::Inherited {
            return Vec::new();
        }
        // Tokio may not have noticed yet what the kernel has.
        let accept: Box<dyn Fn() -> io::Result<(Stream, Peer)>> = match socket {
            Socket::Tcp(socket) => {
                let Ok(socket) = socket.into_std() else { return Vec::new() };
                Box::new(move || {
                    let (stream, address) = socket.accept()?;
                    stream.set_nodelay(true)?;
                    stream.set_nonblocking(true)?;
                    let stream = tokio::net::TcpStream::from_std(stream)?;
                    Ok((Stream::from(stream), Peer::Tcp(address)))
                })
            }
            Socket::Unix(socket) => {
                let Ok(socket) = socket.into_std() else { return Vec::new() };
                Box::new(move || {
                    let (stream, _) = socket.accept()?;
                    stream.set_nonblocking(true)?;
                    let stream = tokio::net::UnixStream::from_std(stream)?;
                    Ok((Stream::from(stream), Peer::Unix))
                })
            }
        };
        std::iter::from_fn(|| accept().ok()).take(QUEUED).collect()
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.tcp_address(), &self.socket) {
            (Some(file), ..) => write!(f, "unix:{}", file.path().display()),
            (None, Some(address), _) => address.fmt(f),
            (None, None, Socket::Unix(socket)) => {
                let address = socket.local_addr().ok();
                match address.as_ref().and_then(|address| address.as_pathname()) {
                    Some(path) => write!(f, "unix:{}", path.display()),
                    None => f.write_str("unix:"),
                }
            }
            (None, None, Socket::Tcp(_)) => f.write_str("a TCP socket"),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({self})")
    }
}
