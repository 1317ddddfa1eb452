//! The certificate in use.

use std::{
    convert::Infallible,
    error::Error as _,
    io,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::{
    IdentityFiles, TlsError,
    load::{Loaded, Stamp},
};
use crate::Stream;

/// A certificate with its key, as we present it. Handshakes under way end with the one that they
/// began with.
#[derive(Debug)]
pub struct Identity {
    files: IdentityFiles,
    loaded: RwLock<Loaded>,
    /// The state of the files that was looked at last, whether it could be used or not.
    seen: Mutex<Option<Stamp>>,
    established: AtomicU64,
    failed: AtomicU64,
}

/// What a look at the files has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// New handshakes use what is in the files now.
    Changed,
    /// The files are as they were.
    Unchanged,
}

/// Handshakes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsCounts {
    /// Those that came to their end.
    pub established: u64,
    /// Those that did not.
    pub failed: u64,
}

/// What is spoken inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    Mail,
    Http,
}

impl Identity {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which file is at fault.
    pub fn load(files: IdentityFiles) -> Result<Self, TlsError> {
        // The stamp comes first: if the files change in between, the next look sees it.
        let seen = Mutex::new(Some(files.stamp()?));
        let loaded = RwLock::new(files.load()?);
        Ok(Self { files, loaded, seen, established: AtomicU64::new(0), failed: AtomicU64::new(0) })
    }

    /// Reads the files again. This blocks for as long as two small files take.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; what was in use stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.remember(self.files.stamp()?);
        let loaded = self.files.load()?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    /// Reads the files again if one of them was written or replaced since the last look.
    ///
    /// # Errors
    ///
    /// [`TlsError`], once for each state of the files; what was in use stays in use. While a renewal
    /// has replaced one file and not yet the other, the two do not fit: the next look finds both.
    pub fn reload_if_changed(&self) -> Result<Reloaded, TlsError> {
        let stamp = self.files.stamp()?;
        if !self.remember(stamp) {
            return Ok(Reloaded::Unchanged);
        }
        let loaded = self.files.load()?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(Reloaded::Changed)
    }

    /// Looks at the files after each pause, takes up what has changed, and logs that. It ends only by
    /// being dropped.
    pub async fn keep_fresh(self: Arc<Self>, pause: Duration) -> Infallible {
        // A file that is missing is missed again and again, and told once.
        let mut told = String::new();
        loop {
            sleep(pause).await;
            let identity = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || identity.reload_if_changed()).await;
            let certificates = self.files.certificates.display();
            match looked {
                Ok(Ok(Reloaded::Changed)) => {
                    tracing::info!(%certificates, "the certificate was taken up again");
                    told.clear();
                }
                Ok(Ok(Reloaded::Unchanged)) => {}
                Ok(Err(error)) => {
                    let text = match error.source() {
                        Some(source) => format!("{error}: {source}"),
                        None => error.to_string(),
                    };
                    if text != told {
                        tracing::error!(
                            %certificates,
                            error = text,
                            "the changed certificate cannot be used, the old one stays in use"
                        );
                        told = text;
                    }
                }
                // The runtime is going down.
                Err(_) => {}
            }
        }
    }

    /// Handshakes so far.
    pub fn counts(&self) -> TlsCounts {
        TlsCounts {
            established: self.established.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    /// The handshake, on a connection of which nothing was read that belongs to it.
    pub(crate) async fn accept(
        &self,
        stream: Stream,
        inside: Inside,
        limit: Duration,
    ) -> io::Result<Stream> {
        let acceptor = TlsAcceptor::from(self.config(inside));
        let accepted = match timeout(limit, acceptor.accept(stream)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let counter = if accepted.is_ok() { &self.established } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        accepted.map(Stream::from)
    }

    fn config(&self, inside: Inside) -> Arc<ServerConfig> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(match inside {
            Inside::Mail => &loaded.mail,
            Inside::Http => &loaded.http,
        })
    }

    /// Whether this state is a new one.
    fn remember(&self, stamp: Stamp) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.replace(stamp) != Some(stamp)
    }
}
