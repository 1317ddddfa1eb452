//! Writing: one thread, one connection, many commands to a commit.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
    thread::Builder,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Moment, Settings, StoreError,
    connection::{create_file, open_reader, open_writer},
    readers::Readers,
};

/// Commands in one transaction, at most: what one commit answers, and what one crash undoes.
const BATCH: usize = 256;

/// The way to the thread that writes. Clones share it. There is none if the store was opened to be
/// read.
#[derive(Clone)]
pub(crate) struct Writer(Option<mpsc::Sender<Message>>);

enum Message {
    Work(Box<dyn Command>),
    /// Finish what is queued, close the file, and then drop the sender.
    Close(oneshot::Sender<()>),
}

/// Something to write, and who waits for it.
trait Command: Send {
    /// Does it once more, and keeps the outcome. May be called again after the transaction is lost.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Gives the outcome, or what befell the transaction as a whole.
    fn answer(self: Box<Self>, lost: Option<StoreError>);
}

struct Job<T, F> {
    work: F,
    outcome: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// The state of the thread.
struct Thread {
    settings: Settings,
    /// None while the file cannot be written.
    connection: Option<Connection>,
    readers: Readers,
}

/// Why a transaction came to nothing.
enum Lost {
    /// It did not begin: no command was tried.
    Unbegun(StoreError),
    /// It was undone as a whole, perhaps because of one command.
    Undone(StoreError),
}

impl Writer {
    /// Opens the file on a new thread, which lives until all clones are gone or one is closed.
    pub(crate) async fn start(settings: Settings, readers: Readers) -> Result<Self, StoreError> {
        let (sender, queue) = mpsc::channel(settings.queue.max(1));
        let (opened, opening) = oneshot::channel();
        let thread = Builder::new().name("store-writer".into());
        thread
            .spawn(move || match Thread::open(settings, readers) {
                Ok(thread) => {
                    if opened.send(Ok(())).is_ok() {
                        thread.drain(queue);
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(StoreError::unavailable)?;
        opening.await.unwrap_or(Err(StoreError::Closed))?;
        Ok(Self(Some(sender)))
    }

    /// One that refuses all there is to write.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Queues `work`, waiting while the queue is full, and waits for the commit.
    ///
    /// Once it is queued, it is carried out even if the caller stops waiting. `work` must do the
    /// same when it runs again after its effects were undone.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Some(sender) = &self.0 else {
            let cause = io::Error::other("it was opened to be read");
            return Err(StoreError::read_only(cause));
        };
        let (reply, answer) = oneshot::channel();
        let job = Job { work, outcome: Err(StoreError::Closed), reply };
        let queued = sender.send(Message::Work(Box::new(job))).await;
        queued.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until all that was queued is committed and the file is closed.
    pub(crate) async fn close(&self) {
        let Some(sender) = &self.0 else { return };
        let (done, closed) = oneshot::channel();
        if sender.send(Message::Close(done)).await.is_ok() {
            // The sender is dropped without a value.
            let _ = closed.await;
        }
    }
}

impl<T, F> Command for Job<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.outcome = (self.work)(connection);
        self.outcome.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn answer(self: Box<Self>, lost: Option<StoreError>) {
        let outcome = lost.map_or(self.outcome, Err);
        // Nobody may be waiting any more.
        let _ = self.reply.send(outcome);
    }
}

impl Thread {
    /// Opens the file. One that can be read and not written will do.
    fn open(settings: Settings, readers: Readers) -> Result<Self, StoreError> {
        let opened = create_file(&settings.path).and_then(|()| open_writer(&settings));
        let connection = match opened {
            Ok(connection) => Some(connection),
            Err(
                error @ (StoreError::ReadOnly { .. }
                | StoreError::Unavailable { .. }
                | StoreError::Full { .. }),
            ) => {
                if let Err(reason) = open_reader(&settings) {
                    let is_reason = matches!(
                        reason,
                        StoreError::Newer { .. } | StoreError::Foreign | StoreError::Damaged { .. }
                    );
                    return Err(if is_reason { reason } else { error });
                }
                tracing::error!(
                    path = %settings.path.display(),
                    error = describe(&error),
                    "the store can be read but not written: what is new will be forgotten at the \
                     next start",
                );
                None
            }
            Err(error) => return Err(error),
        };
        if connection.is_some() {
            readers.keep_idle();
        }
        Ok(Self { settings, connection, readers })
    }

    fn drain(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut closers = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Work(command) => batch.push(command),
                    Message::Close(done) => {
                        // What is queued behind this is still drained.
                        queue.close();
                        closers.push(done);
                    }
                }
                next = if batch.len() < BATCH { queue.try_recv().ok() } else { None };
            }
            if batch.is_empty() {
                continue;
            }
            let processed = catch_unwind(AssertUnwindSafe(|| self.process(batch)));
            if processed.is_err() {
                tracing::error!("a command of the store panicked: its batch is undone");
                self.close();
            }
        }
        drop(self.connection.take());
        drop(closers);
    }

    /// Commits a batch; if that fails, each command by itself.
    fn process(&mut self, mut batch: Vec<Box<dyn Command>>) {
        let lost = match self.commit(&mut batch) {
            Ok(()) => None,
            Err(Lost::Undone(error)) if batch.len() > 1 => {
                tracing::warn!(
                    error = describe(&error),
                    commands = batch.len(),
                    "a transaction was undone, its commands are tried one by one"
                );
                for mut command in batch {
                    let lost = self.commit(slice::from_mut(&mut command)).err();
                    command.answer(lost.map(Lost::into_error));
                }
                return;
            }
            Err(lost) => Some(lost.into_error()),
        };
        for command in batch {
            command.answer(lost.clone());
        }
    }

    /// Runs commands in one transaction. On success each holds its own outcome.
    fn commit(&mut self, commands: &mut [Box<dyn Command>]) -> Result<(), Lost> {
        let connection = match &self.connection {
            Some(connection) => connection,
            None => {
                let opened = open_writer(&self.settings).map_err(Lost::Unbegun)?;
                tracing::warn!(path = %self.settings.path.display(), "the store is open again");
                self.readers.keep_idle();
                self.connection.insert(opened)
            }
        };
        let result = transact(connection, &self.settings, commands);
        let Err(lost) = result else { return Ok(()) };
        let is_stuck = !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err();
        if is_stuck || lost.error().concerns_file() {
            self.close();
        } else if matches!(lost.error(), StoreError::Full { .. }) {
            // What the log holds may have room in the file already, and then the log has room.
            let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        Err(lost)
    }

    fn close(&mut self) {
        self.connection = None;
        self.readers.drop_idle();
    }
}

fn transact(
    connection: &Connection,
    settings: &Settings,
    commands: &mut [Box<dyn Command>],
) -> Result<(), Lost> {
    let undone = |error: rusqlite::Error| Lost::Undone(error.into());
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    begun.map_err(|error| Lost::Unbegun(error.into()))?;
    // These run so often that it pays to parse them once.
    let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(|_| ());
    // After some errors SQLite undoes the whole transaction by itself; after an error of the file it
    // must not be committed.
    let is_lost = |error: &StoreError| connection.is_autocommit() || error.concerns_file();
    if let [only] = commands {
        // A savepoint would keep a copy of every page that it changes, and there is nothing to keep
        // if it fails.
        if let Err(error) = only.run(connection) {
            if is_lost(&error) {
                return Err(Lost::Undone(error));
            }
            return connection.execute_batch("ROLLBACK").map_err(undone);
        }
    } else {
        for command in commands {
            run("SAVEPOINT command").map_err(undone)?;
            if let Err(error) = command.run(connection) {
                if is_lost(&error) {
                    return Err(Lost::Undone(error));
                }
                run("ROLLBACK TO command").map_err(undone)?;
            }
            run("RELEASE command").map_err(undone)?;
        }
    }
    settings.tell(Moment::BeforeCommit);
    connection.execute_batch("COMMIT").map_err(undone)?;
    settings.tell(Moment::AfterCommit);
    Ok(())
}

impl Lost {
    fn error(&self) -> &StoreError {
        match self {
            Self::Unbegun(error) | Self::Undone(error) => error,
        }
    }

    fn into_error(self) -> StoreError {
        match self {
            Self::Unbegun(error) | Self::Undone(error) => error,
        }
    }
}

/// The error and its cause in one line.
fn describe(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("failed to {error}: {cause}"),
        None => format!("failed to {error}"),
    }
}

#[cfg(test)]
mod tests;
