//! Datagrams that come to a socket file.
//!
//! Who sends them hears no answer, and with libtlsrpt does not wait: what finds the kernel's queue
//! full is lost. So they are taken out in batches, and whoever takes them must not wait for anything
//! else.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::Shutdown,
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::net::{SocketAddr, UnixDatagram as StdDatagram},
    },
};

use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};
use tokio::{io::Interest, net::UnixDatagram};

use crate::{Address, Inherited, ListenError, SocketOwner, socket_file::SocketFile};

/// Datagrams that one system call takes out of the queue.
const BATCH: usize = 64;
/// Room for one. By default the kernel passes 212,960 octets; pages that are not used are not there.
const ROOM: usize = 256 << 10;
/// How far apart the beginnings of two are. With a power of two, all would have the same few places in
/// the processor's caches and push each other out.
const APART: usize = ROOM + 17 * 64;

/// A socket to which datagrams can be sent. Dropping it removes its socket file, if it made one.
pub struct DatagramSocket {
    /// Goes first: as long as the socket is open, nobody else's file has its identity.
    file: Option<SocketFile>,
    socket: StdDatagram,
}

/// Takes datagrams out of a [`DatagramSocket`]. It stays on one thread.
pub struct DatagramReceiver {
    file: Option<SocketFile>,
    socket: UnixDatagram,
    headers: MultiHeaders<()>,
    /// Room for [`BATCH`] of them, [`APART`].
    room: Box<[u8]>,
    /// What came in a batch: length, and whether it is whole.
    received: Vec<(usize, Wholeness)>,
}

/// A datagram as it came.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'t> {
    /// Its octets.
    pub octets: &'t [u8],
    /// Whether these are all.
    pub wholeness: Wholeness,
}

/// Whether a datagram had room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wholeness {
    /// It had.
    Whole,
    /// It is longer than 256 KiB, and its rest is lost.
    Cut,
}

impl DatagramSocket {
    /// Binds to an address, which must be a socket file or inherited. A file of a dead process is
    /// replaced; ours appears with its mode and owner set.
    ///
    /// # Errors
    ///
    /// [`ListenError`] says what the administrator can do.
    pub fn bind(
        address: &Address,
        owner: &SocketOwner,
        inherited: &mut Inherited,
    ) -> Result<Self, ListenError> {
        match address {
            Address::Unix { path, mode } => {
                let (socket, file) = SocketFile::bind(path, *mode, owner)?;
                Ok(Self { file: Some(file), socket })
            }
            Address::Inherited { name } => {
                let socket = inherited.take_datagram(name)?;
                Ok(Self { file: None, socket })
            }
            Address::Tcp(address) => Err(ListenError::NoFile { address: *address }),
        }
    }

    /// What takes the datagrams. Call this on the thread that does, in a Tokio runtime.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_receiver(self) -> io::Result<DatagramReceiver> {
        let Self { file, socket } = self;
        socket.set_nonblocking(true)?;
        Ok(DatagramReceiver {
            file,
            socket: UnixDatagram::from_std(socket)?,
            headers: MultiHeaders::preallocate(BATCH, None),
            room: vec![0; BATCH * APART].into_boxed_slice(),
            received: Vec::with_capacity(BATCH),
        })
    }
}

impl DatagramReceiver {
    /// Waits until there is something to take. Nothing is lost if the waiting is given up.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn ready(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Takes what is there, up to 64 datagrams, without waiting, and says how many it was; 0 if the
    /// queue is empty.
    ///
    /// # Errors
    ///
    /// What the system says. Datagrams that follow are not lost by that.
    pub fn take(&mut self, each: impl FnMut(Datagram<'_>)) -> io::Result<usize> {
        let Self { socket, headers, room, received, .. } = self;
        let receive = || receive(socket.as_raw_fd(), headers, room, received);
        let taken = socket.try_io(Interest::READABLE, receive);
        self.hand_over(taken, each)
    }

    /// The same without asking whether anything was announced: for what is left at the end.
    ///
    /// # Errors
    ///
    /// As with [`Self::take`].
    pub fn take_rest(&mut self, each: impl FnMut(Datagram<'_>)) -> io::Result<usize> {
        let Self { socket, headers, room, received, .. } = self;
        let taken = receive(socket.as_raw_fd(), headers, room, received);
        self.hand_over(taken, each)
    }

    fn hand_over(
        &self,
        taken: io::Result<()>,
        mut each: impl FnMut(Datagram<'_>),
    ) -> io::Result<usize> {
        match taken {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        }
        for (&(length, wholeness), buffer) in self.received.iter().zip(self.room.chunks(APART)) {
            let octets = buffer.get(..length.min(ROOM)).unwrap_or_default();
            each(Datagram { octets, wholeness });
        }
        Ok(self.received.len())
    }

    /// Removes the socket file and takes nothing in any more, if we made it: from now on whoever
    /// sends hears of an error, and all that was sent before can still be taken. A socket that
    /// systemd holds stays as it is, for the next process.
    pub fn close_door(&mut self) {
        if self.file.take().is_some()
            && let Err(error) = self.socket.shutdown(Shutdown::Read)
        {
            tracing::warn!(%error, "failed to close a datagram socket to senders");
        }
    }
}

/// Takes what is in the queue.
fn receive(
    descriptor: RawFd,
    headers: &mut MultiHeaders<()>,
    room: &mut [u8],
    received: &mut Vec<(usize, Wholeness)>,
) -> io::Result<()> {
    received.clear();
    let rooms = room.chunks_mut(APART).filter_map(|room| room.get_mut(..ROOM));
    let mut slices: Vec<_> = rooms.map(|room| [IoSliceMut::new(room)]).collect();
    let results = recvmmsg(descriptor, headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
    received.extend(results.map(|message| {
        let is_cut = message.flags.contains(MsgFlags::MSG_TRUNC);
        (message.bytes, if is_cut { Wholeness::Cut } else { Wholeness::Whole })
    }));
    Ok(())
}

impl fmt::Display for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            return write!(f, "unix:{}", file.path().display());
        }
        let address = self.socket.local_addr().ok();
        match address.as_ref().and_then(SocketAddr::as_pathname) {
            Some(path) => write!(f, "unix:{}", path.display()),
            None => f.write_str("unix:"),
        }
    }
}

impl fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatagramSocket({self})")
    }
}
