use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc as threads,
    },
    task::Poll,
};

use tempfile::TempDir;

use super::*;

/// A writer in a folder of its own, with a table `t(v)` whose values must be unique.
struct Fixture {
    writer: Writer,
    settings: Settings,
    commits: Arc<AtomicUsize>,
    _folder: TempDir,
}

impl Fixture {
    async fn new(queue: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let commits = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&commits);
        let mut settings =
            Settings::at(folder.path().join("store.sqlite")).with_witness(move |moment| {
                if moment == Moment::AfterCommit {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            });
        settings.queue = queue;
        let writer = Writer::start(settings.clone(), Readers::new(settings.clone())).await.unwrap();
        writer
            .write(|connection| Ok(connection.execute_batch("CREATE TABLE t (v INTEGER UNIQUE)")?))
            .await
            .unwrap();
        commits.store(0, Ordering::SeqCst);
        Self { writer, settings, commits, _folder: folder }
    }

    /// Occupies the writer until the sender is used or dropped.
    async fn occupy(&self) -> threads::Sender<()> {
        let (release, wait) = threads::channel::<()>();
        let (began, begins) = oneshot::channel();
        let mut began = Some(began);
        let wait = Mutex::new(wait);
        let writer = self.writer.clone();
        tokio::spawn(async move {
            writer
                .write(move |_| {
                    if let Some(began) = began.take() {
                        let _ = began.send(());
                    }
                    let _ = wait.lock().unwrap().recv();
                    Ok(())
                })
                .await
        });
        begins.await.unwrap();
        release
    }

    fn insert(&self, value: i64) -> Pin<Box<dyn Future<Output = Result<usize, StoreError>>>> {
        let writer = self.writer.clone();
        Box::pin(async move { writer.write(move |connection| insert(connection, value)).await })
    }

    /// What is in the file, seen through another connection.
    fn stored(&self) -> Vec<i64> {
        let connection = Connection::open(&self.settings.path).unwrap();
        let mut statement = connection.prepare("SELECT v FROM t ORDER BY v").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn insert(connection: &Connection, value: i64) -> Result<usize, StoreError> {
    Ok(connection.execute("INSERT INTO t (v) VALUES ($1)", [value])?)
}

/// Polls once: the value if it is there, and whatever the poll set in motion.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    // Tokio lets a task do only so much at a time.
    tokio::task::yield_now().await;
    poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn what_is_answered_is_seen_by_other_connections() {
    let fixture = Fixture::new(8).await;
    assert_eq!(fixture.insert(1).await.unwrap(), 1);
    assert_eq!(fixture.stored(), [1]);
}

#[tokio::test]
async fn a_failing_command_takes_no_neighbour_with_it() {
    let fixture = Fixture::new(64).await;
    let release = fixture.occupy().await;
    let mut inserts: Vec<_> = [1, 2, 2, 3].map(|value| fixture.insert(value)).into();
    for insert in &mut inserts {
        assert!(poll_once(insert).await.is_none());
    }
    release.send(()).unwrap();
    let mut outcomes = Vec::new();
    for insert in inserts {
        outcomes.push(insert.await);
    }
    assert!(matches!(outcomes[2], Err(StoreError::Refused { .. })), "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3, "{outcomes:?}");
    assert_eq!(fixture.stored(), [1, 2, 3]);
    // One for the occupier, one for all the others together.
    assert_eq!(fixture.commits.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_command_that_fails_half_way_leaves_nothing() {
    let fixture = Fixture::new(64).await;
    let release = fixture.occupy().await;
    let mut sound = fixture.insert(1);
    let writer = fixture.writer.clone();
    let mut half = Box::pin(async move {
        writer.write(|connection| Ok(insert(connection, 2)? + insert(connection, 1)?)).await
    });
    assert!(poll_once(&mut sound).await.is_none());
    assert!(poll_once(&mut half).await.is_none());
    release.send(()).unwrap();
    sound.await.unwrap();
    assert!(matches!(half.await, Err(StoreError::Refused { .. })));
    assert_eq!(fixture.stored(), [1]);
}

/// It has no savepoint.
#[tokio::test]
async fn a_command_alone_that_fails_half_way_leaves_nothing() {
    let fixture = Fixture::new(64).await;
    fixture.insert(1).await.unwrap();
    let half = |connection: &Connection| Ok(insert(connection, 2)? + insert(connection, 1)?);
    let refused = fixture.writer.write(half).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert_eq!(fixture.stored(), [1]);
    fixture.insert(3).await.unwrap();
    assert_eq!(fixture.stored(), [1, 3]);
}

#[tokio::test]
async fn a_command_that_loses_the_transaction_does_not_lose_its_neighbours() {
    let fixture = Fixture::new(64).await;
    let release = fixture.occupy().await;
    let writer = fixture.writer.clone();
    let mut first = fixture.insert(1);
    let mut spoiler = Box::pin(async move {
        writer
            .write(|connection| {
                insert(connection, 100)?;
                // As SQLite does by itself when the disk is full in the middle of a statement.
                connection.execute_batch("ROLLBACK")?;
                let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
                Err::<(), _>(rusqlite::Error::SqliteFailure(full, None).into())
            })
            .await
    });
    let mut last = fixture.insert(2);
    assert!(poll_once(&mut first).await.is_none());
    assert!(poll_once(&mut spoiler).await.is_none());
    assert!(poll_once(&mut last).await.is_none());
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 1);
    assert!(matches!(spoiler.await, Err(StoreError::Full { .. })));
    assert_eq!(last.await.unwrap(), 1);
    assert_eq!(fixture.stored(), [1, 2]);
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait() {
    let fixture = Fixture::new(1).await;
    let release = fixture.occupy().await;
    let mut queued = fixture.insert(1);
    let mut waiting = fixture.insert(2);
    let mut given_up = fixture.insert(3);
    assert!(poll_once(&mut queued).await.is_none());
    assert!(poll_once(&mut waiting).await.is_none());
    assert!(poll_once(&mut given_up).await.is_none());
    // Queued, it is carried out without a listener; still waiting for a place, it is not.
    drop(queued);
    drop(given_up);
    release.send(()).unwrap();
    waiting.await.unwrap();
    assert_eq!(fixture.stored(), [1, 2]);
}

#[tokio::test]
async fn the_thread_survives_a_command_that_panics() {
    let fixture = Fixture::new(8).await;
    let writer = fixture.writer.clone();
    let outcome = writer
        .write(|connection| {
            insert(connection, 1)?;
            if connection.is_autocommit() { Ok(()) } else { panic!("on purpose") }
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Closed)));
    fixture.insert(2).await.unwrap();
    assert_eq!(fixture.stored(), [2]);
}

#[tokio::test]
async fn closing_carries_out_what_is_queued() {
    let fixture = Fixture::new(64).await;
    let release = fixture.occupy().await;
    let mut inserts: Vec<_> = (0..20).map(|value| fixture.insert(value)).collect();
    for insert in &mut inserts {
        assert!(poll_once(insert).await.is_none());
    }
    let mut closing = Box::pin(fixture.writer.close());
    assert!(poll_once(&mut closing).await.is_none());
    release.send(()).unwrap();
    closing.await;
    assert_eq!(fixture.stored(), (0..20).collect::<Vec<_>>());
    assert!(matches!(fixture.insert(99).await, Err(StoreError::Closed)));
    let mut wal = fixture.settings.path.into_os_string();
    wal.push("-wal");
    assert!(!fs_err::exists(wal).unwrap(), "the file is not closed");
}

#[tokio::test]
async fn more_commands_than_a_batch_holds_are_all_answered() {
    let fixture = Fixture::new(4 * BATCH).await;
    let release = fixture.occupy().await;
    let count = i64::try_from(2 * BATCH + 1).unwrap();
    let mut inserts: Vec<_> = (0..count).map(|value| fixture.insert(value)).collect();
    for insert in &mut inserts {
        assert!(poll_once(insert).await.is_none());
    }
    release.send(()).unwrap();
    for insert in inserts {
        insert.await.unwrap();
    }
    assert_eq!(fixture.stored().len(), 2 * BATCH + 1);
    assert_eq!(fixture.commits.load(Ordering::SeqCst), 4);
}
