//! Reading: a small pool of connections, used on threads that may block.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::Connection;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::{
    Settings, StoreError,
    connection::{Reader, open_reader},
};

/// Connections that only read. Clones share them.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Pool>);

struct Pool {
    settings: Settings,
    idle: Mutex<Vec<Connection>>,
    /// Are connections kept between reads?
    is_keeping: AtomicBool,
    permits: Arc<Semaphore>,
}

/// The right to use one connection.
pub(crate) struct Turn {
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(settings: Settings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.readers.max(1)));
        let (idle, is_keeping) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Pool { settings, idle, is_keeping, permits }))
    }

    /// Keeps connections between reads, from now on.
    pub(crate) fn keep_idle(&self) {
        self.0.is_keeping.store(true, Ordering::SeqCst);
    }

    /// Closes idle connections and keeps none from now on.
    ///
    /// SQLite lets all connections of a process share one view of the index beside the file. One
    /// that was opened while the file system was read-only would hinder the writer afterwards.
    pub(crate) fn drop_idle(&self) {
        self.0.is_keeping.store(false, Ordering::SeqCst);
        self.0.idle().clear();
    }

    /// Runs `read` on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turn().await?;
        spawn_blocking(move || turn.read(read)).await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until a connection is free.
    pub(crate) async fn turn(&self) -> Result<Turn, StoreError> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        Ok(Turn { pool: Arc::clone(&self.0), _permit: permit })
    }

    /// Refuses further reads, and closes what is idle. Reads that run go on to their end.
    pub(crate) fn close(&self) {
        self.0.permits.close();
        self.drop_idle();
    }
}

impl Turn {
    /// Runs `read` here; this blocks.
    pub(crate) fn read<T>(
        self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.pool.idle().pop();
        let reader = match idle {
            Some(connection) => Reader { connection, is_lasting: true },
            None => {
                let is_keeping = self.pool.is_keeping();
                let mut reader = open_reader(&self.pool.settings)?;
                reader.is_lasting &= is_keeping;
                reader
            }
        };
        let value = read(&reader.connection)?;
        // A connection that saw an error is closed: the fault may lie with it.
        if reader.is_lasting && self.pool.is_keeping() {
            self.pool.idle().push(reader.connection);
        }
        Ok(value)
    }
}

impl Pool {
    fn is_keeping(&self) -> bool {
        self.is_keeping.load(Ordering::SeqCst)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
