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
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::PathBuf,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, recvmmsg},
};

use crate::{Address, Inherited, ListenError, SocketMode, SocketOwner, socket_file::SocketFile};

/// Datagrams that one system call takes out of the queue.
const BATCH: usize = 64;
/// Room for one. By default the kernel passes 212,960 octets; pages that are not used are not there.
const ROOM: usize = 256 << 10;
/// How long to wait for the first one, before whoever takes them can look after something else.
const PATIENCE: Duration = Duration::from_millis(200);
/// How much further behind the beginning of its buffer each begins than the one before. If all began
/// at the same place of a page, they would have the same few places in the processor's caches and push
/// each other out.
const STEP: usize = 17 * 64;
/// What is beyond [`ROOM`] in a buffer, for that.
const PAGE: usize = 4 << 10;
/// Datagrams for which a call makes room when few come at a time: to make it costs more than to take
/// one.
const FEW: usize = 8;

/// A socket to which datagrams can be sent. Dropping it removes its socket file, if it made one.
pub struct DatagramSocket {
    /// Goes first: as long as the socket is open, nobody else's file has its identity.
    file: Option<OwnFile>,
    socket: UnixDatagram,
}

/// A socket file that we made, and what it takes to make it again.
struct OwnFile {
    file: SocketFile,
    mode: SocketMode,
    owner: SocketOwner,
}

/// Takes datagrams out of a [`DatagramSocket`]. It stays on one thread.
pub struct DatagramReceiver {
    file: Option<OwnFile>,
    socket: UnixDatagram,
    headers: MultiHeaders<()>,
    buffers: Vec<Box<[u8]>>,
    /// For how many the next call makes room.
    most: usize,
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
                let file = OwnFile { file, mode: *mode, owner: owner.clone() };
                Ok(Self { file: Some(file), socket })
            }
            Address::Inherited { name } => {
                let socket = inherited.take_datagram(name)?;
                Ok(Self { file: None, socket })
            }
            Address::Tcp(address) => Err(ListenError::NoFile { address: *address }),
        }
    }

    /// What takes the datagrams. Call this on the thread that does.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_receiver(self) -> io::Result<DatagramReceiver> {
        let Self { file, socket } = self;
        let buffers = (0..BATCH).map(|_| vec![0; ROOM + PAGE].into_boxed_slice()).collect();
        set_patience(&socket)?;
        Ok(DatagramReceiver {
            file,
            socket,
            headers: MultiHeaders::preallocate(BATCH, None),
            buffers,
            most: FEW,
            received: Vec::with_capacity(BATCH),
        })
    }
}

impl DatagramReceiver {
    /// Waits for the first one, a fifth of a second at most, takes what is there then, up to 64
    /// datagrams, and says how many it was; 0 if none has come. The thread waits with it: to be told
    /// that there is something, to ask for it, and to be told that there is no more would be three calls
    /// of the system in place of one, and mostly for a single datagram.
    ///
    /// # Errors
    ///
    /// What the system says. Datagrams that follow are not lost by that.
    pub fn take(&mut self, each: impl FnMut(Datagram<'_>)) -> io::Result<usize> {
        self.receive(MsgFlags::MSG_WAITFORONE, each)
    }

    /// The same without waiting: for what is left at the end.
    ///
    /// # Errors
    ///
    /// As with [`Self::take`].
    pub fn take_rest(&mut self, each: impl FnMut(Datagram<'_>)) -> io::Result<usize> {
        self.receive(MsgFlags::MSG_DONTWAIT, each)
    }

    fn receive(
        &mut self,
        flags: MsgFlags,
        mut each: impl FnMut(Datagram<'_>),
    ) -> io::Result<usize> {
        let Self { socket, headers, buffers, most, received, .. } = self;
        match receive(socket.as_raw_fd(), headers, rooms(buffers).take(*most), received, flags) {
            Ok(()) => {}
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        *most = if received.len() < *most { FEW } else { BATCH };
        for (&(length, wholeness), room) in received.iter().zip(rooms(buffers)) {
            let octets = room.get(..length.min(ROOM)).unwrap_or_default();
            each(Datagram { octets, wholeness });
        }
        Ok(received.len())
    }

    /// Whether the last call has left nothing behind.
    pub fn has_taken_all(&self) -> bool {
        self.most == FEW
    }

    /// Makes the socket file again if it is gone, as when somebody has tidied up, and says where it
    /// did. Who sends would find nobody and tell nobody. What was sent before is taken first.
    ///
    /// # Errors
    ///
    /// [`ListenError`], if that cannot be done, as when somebody else listens there now.
    pub fn reappear(
        &mut self,
        mut each: impl FnMut(Datagram<'_>),
    ) -> Result<Option<PathBuf>, ListenError> {
        let Some(OwnFile { file, mode, owner }) = &self.file else { return Ok(None) };
        if file.is_ours() {
            return Ok(None);
        }
        let (mode, owner, path) = (*mode, owner.clone(), file.path().to_owned());
        let (socket, file) = SocketFile::bind(&path, mode, &owner)?;
        let fault = |source| ListenError::Unix { path: path.clone(), source };
        set_patience(&socket).map_err(fault)?;
        while self.take_rest(&mut each).map_err(fault)? > 0 {}
        // Both or neither: a file whose socket nobody reads would look as if all was well.
        self.file = Some(OwnFile { file, mode, owner });
        self.socket = socket;
        Ok(Some(path))
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

/// Who takes waits for the first one, and not for ever.
fn set_patience(socket: &UnixDatagram) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(PATIENCE))
}

/// Puts what comes into rooms.
fn receive<'r>(
    descriptor: RawFd,
    headers: &mut MultiHeaders<()>,
    rooms: impl Iterator<Item = &'r mut [u8]>,
    received: &mut Vec<(usize, Wholeness)>,
    flags: MsgFlags,
) -> nix::Result<()> {
    received.clear();
    let mut slices = Vec::with_capacity(BATCH);
    slices.extend(rooms.map(|room| [IoSliceMut::new(room)]));
    let results = recvmmsg(descriptor, headers, slices.iter_mut(), flags, None)?;
    received.extend(results.map(|message| {
        let is_cut = message.flags.contains(MsgFlags::MSG_TRUNC);
        (message.bytes, if is_cut { Wholeness::Cut } else { Wholeness::Whole })
    }));
    Ok(())
}

/// Where each datagram of a batch goes.
fn rooms(buffers: &mut [Box<[u8]>]) -> impl Iterator<Item = &mut [u8]> {
    (0..).step_by(STEP).zip(buffers).filter_map(|(begin, buffer)| {
        let begin = begin % PAGE;
        buffer.get_mut(begin..begin + ROOM)
    })
}

impl fmt::Display for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(OwnFile { file, .. }) = &self.file {
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
