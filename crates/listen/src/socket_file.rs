//! Socket files: made whole, and removed only if they are ours.

use std::{
    fs::Permissions,
    io,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixSocket, UnixStream},
    time::timeout,
};

use crate::{ListenError, SocketMode, SocketOwner, listener::QUEUE};

/// Longest path of a socket, by `unix(7)`.
const LONGEST: usize = 107;
/// How long another process may take to show that it lives. The kernel answers for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A socket file that we made. Dropping it removes the file, unless somebody has replaced it.
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens at `path`.
    ///
    /// The socket is made beside it, and renamed when it has its permissions and a queue: nobody
    /// ever finds it half made, and there is no moment without any.
    pub(crate) async fn listen(
        path: &Path,
        mode: SocketMode,
    ) -> Result<(UnixListener, Self), ListenError> {
        let fault = |source| ListenError::Unix { path: path.to_owned(), source };
        is_short(path).map_err(fault)?;
        make_way(path).await?;
        let beside = neighbour(path);
        let socket = UnixSocket::new_stream().map_err(fault)?;
        socket.bind(&beside).map_err(fault)?;
        let finish = || {
            fs_err::set_permissions(&beside, Permissions::from_mode(mode.bits()))?;
            let identity = identity(&beside)?;
            let listener = socket.listen(QUEUE)?;
            fs_err::rename(&beside, path)?;
            Ok((listener, Self { path: path.to_owned(), identity }))
        };
        finish().map_err(|source| {
            // What matters is why it failed, not whether the rest can be removed.
            let _ = fs_err::remove_file(&beside);
            fault(source)
        })
    }

    /// Takes datagrams at `path`; else as [`Self::listen`].
    pub(crate) fn bind(
        path: &Path,
        mode: SocketMode,
        owner: &SocketOwner,
    ) -> Result<(UnixDatagram, Self), ListenError> {
        let fault = |source| ListenError::Unix { path: path.to_owned(), source };
        is_short(path).map_err(fault)?;
        if is_there(path)? {
            let probe = UnixDatagram::unbound().map_err(fault)?;
            match probe.connect(path) {
                Ok(()) => return Err(ListenError::InUse { path: path.to_owned() }),
                Err(error) => match error.kind() {
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {}
                    _ => return Err(fault(error)),
                },
            }
        }
        let beside = neighbour(path);
        let socket = UnixDatagram::bind(&beside).map_err(fault)?;
        let finish = || {
            owner.apply(&beside)?;
            fs_err::set_permissions(&beside, Permissions::from_mode(mode.bits()))?;
            let identity = identity(&beside)?;
            fs_err::rename(&beside, path)?;
            Ok((socket, Self { path: path.to_owned(), identity }))
        };
        finish().map_err(|source| {
            // What matters is why it failed, not whether the rest can be removed.
            let _ = fs_err::remove_file(&beside);
            fault(source)
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether who looks for us finds us: the file may have been removed, or replaced.
    pub(crate) fn is_ours(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_ours()
            && let Err(error) = fs_err::remove_file(&self.path)
        {
            tracing::warn!(%error, "failed to remove our socket file");
        }
    }
}

/// A rename would make a longer one, and nobody could connect to it.
fn is_short(path: &Path) -> io::Result<()> {
    if path.as_os_str().len() <= LONGEST {
        return Ok(());
    }
    let text = format!("the path is longer than {LONGEST} octets");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// Whether there is a socket. Anything else that is there is an error.
fn is_there(path: &Path) -> Result<bool, ListenError> {
    match fs_err::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(ListenError::Unix { path: path.to_owned(), source }),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(ListenError::NotASocket { path: path.to_owned() })
        }
        Ok(_) => Ok(true),
    }
}

/// Makes sure that only nothing, or the socket of a dead process, is replaced.
async fn make_way(path: &Path) -> Result<(), ListenError> {
    let fault = |source| ListenError::Unix { path: path.to_owned(), source };
    if !is_there(path)? {
        return Ok(());
    }
    match timeout(PATIENCE, UnixStream::connect(path)).await {
        Ok(Err(error)) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Ok(()),
            // Its queue is full: it is busy, not dead.
            io::ErrorKind::WouldBlock => Err(ListenError::InUse { path: path.to_owned() }),
            _ => Err(fault(error)),
        },
        Ok(Ok(_)) | Err(_) => Err(ListenError::InUse { path: path.to_owned() }),
    }
}

/// A name in the same folder that nobody else uses.
fn neighbour(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_file_name(format!(".{}.{count}", process::id()));
    // Left by a process that had our number, if it is there at all.
    if fs_err::symlink_metadata(&beside).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        let _ = fs_err::remove_file(&beside);
    }
    beside
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs_err::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
