//! Reading what is stored, beside the doors.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    num::NonZero,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sealpost_runtime::{AfterPanic, Stopwatch, supervise};
use sealpost_store::{Digest, RawState, Standing, StoreError};
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Intake, READER, ReceiveMetrics, Taken, metrics};

/// Submissions that wait to be read. What finds no place is found by the next sweep.
const QUEUE: usize = 1024;
/// Between two sweeps.
const SWEEP: Duration = Duration::from_secs(30);
/// The same when something found no place in the queue: readers are not to be idle meanwhile.
const SOON: Duration = Duration::from_secs(1);
/// Submissions of one page of a sweep.
const PAGE: u32 = 256;
/// The first pause before a submission is tried again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// Submissions whose pauses are remembered; more are tried with each sweep.
const MOST_PAUSES: usize = 100_000;
/// Readers that look at mails at a time for each core; most of their time they wait for DNS.
const READERS_PER_CORE: usize = 4;

/// Reads submissions as they come, those that were left behind, and those of which a key could not
/// be looked up. Clones share everything.
#[derive(Clone)]
pub struct ReadingRoom {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Work>,
}

/// What is still to be done: to be run by [`Readers::run`].
pub struct Readers {
    room: ReadingRoom,
    work: mpsc::Receiver<Work>,
}

/// One submission to be read, and who wants to know.
struct Work {
    digest: Digest,
    told: Option<oneshot::Sender<RawState>>,
}

struct Shared {
    intake: Intake,
    metrics: Arc<ReceiveMetrics>,
    /// Those that wait or are being read.
    busy: Mutex<HashSet<Digest>>,
    paused: Mutex<HashMap<Digest, Pause>>,
    /// Something found no place in the queue.
    left_behind: Notify,
    since: Stopwatch,
}

/// When a submission is to be tried again.
struct Pause {
    until: Duration,
    length: Duration,
}

/// A submission counts as busy as long as this lives.
struct Busy {
    shared: Arc<Shared>,
    digest: Digest,
}

impl ReadingRoom {
    /// A room in which nobody reads yet.
    pub fn new(intake: Intake, metrics: Arc<ReceiveMetrics>) -> (Self, Readers) {
        let (queue, work) = mpsc::channel(QUEUE);
        let shared = Shared {
            intake,
            metrics,
            busy: Mutex::default(),
            paused: Mutex::default(),
            left_behind: Notify::new(),
            since: Stopwatch::start(),
        };
        let room = Self { shared: Arc::new(shared), queue };
        (room.clone(), Readers { room, work })
    }

    /// Where submissions are stored.
    pub fn intake(&self) -> &Intake {
        &self.shared.intake
    }

    /// What is counted.
    pub fn metrics(&self) -> &ReceiveMetrics {
        &self.shared.metrics
    }

    /// Has a stored submission read soon. It never waits.
    pub fn submit(&self, digest: Digest) {
        self.enqueue(Work { digest, told: None });
    }

    /// The same, and says what became of it; `None` if there is no place, or reading fails for now.
    pub async fn read(&self, digest: Digest) -> Option<RawState> {
        let (told, answer) = oneshot::channel();
        self.enqueue(Work { digest, told: Some(told) });
        // What found no place is gone with the other end.
        answer.await.ok()
    }

    /// The same, to be kept.
    pub fn metrics_handle(&self) -> Arc<ReceiveMetrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

impl Readers {
    /// Reads until it is dropped. What was begun then is begun anew after the next start.
    pub async fn run(self) {
        let Self { room, mut work } = self;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let places = Arc::new(Semaphore::new(cores.saturating_mul(READERS_PER_CORE)));
        let mut reading = JoinSet::new();
        let sweeper = room.clone();
        reading.spawn(async move { sweeper.keep_sweeping().await });
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            // Panics are told of by the work itself.
            while reading.try_join_next().is_some() {}
            let Some(next) = work.recv().await else { return };
            let shared = Arc::clone(&room.shared);
            reading.spawn(async move {
                shared.work(next).await;
                drop(place);
            });
        }
    }
}

impl ReadingRoom {
    fn enqueue(&self, work: Work) {
        if self.queue.try_send(work).is_err() {
            // The sweep finds it.
            self.shared.left_behind.notify_one();
        }
    }

    async fn keep_sweeping(self) {
        let metrics = Arc::clone(&self.shared.metrics);
        let make = || {
            let room = self.clone();
            async move {
                let never: Infallible = room.sweep_for_ever().await;
                match never {}
            }
        };
        // It gives up never.
        let _ =
            supervise("the search for unread reports", AfterPanic::Restart, &metrics.panics, make)
                .await;
    }

    async fn sweep_for_ever(&self) -> Infallible {
        let mut is_upgraded = false;
        loop {
            let swept = self.sweep(&mut is_upgraded).await;
            if let Err(error) = swept {
                self.metrics().store_failures.increment();
                tracing::error!(%error, "what is still to be read cannot be listed");
            }
            if timeout(SWEEP, self.shared.left_behind.notified()).await.is_ok() {
                sleep(SOON).await;
            }
        }
    }

    /// Has everything read that is still new, and whose time has come; and what readers of earlier
    /// versions have put into quarantine, until none is left of it.
    async fn sweep(&self, is_upgraded: &mut bool) -> Result<(), StoreError> {
        let mut found = HashSet::new();
        let unread = self.sweep_standing(Standing::New, &mut found).await?;
        self.metrics().unread.set(i64::try_from(unread).unwrap_or(i64::MAX));
        if !*is_upgraded {
            let again = self.sweep_standing(Standing::Quarantined, &mut found).await?;
            *is_upgraded = again == 0;
        }
        // Those that were read by somebody else, or forgotten.
        self.shared.pauses().retain(|digest, _| found.contains(digest));
        Ok(())
    }

    /// Has read what stands so and was seen by no reader of this version. Says how much it is, and adds
    /// those that have a pause.
    async fn sweep_standing(
        &self,
        standing: Standing,
        found: &mut HashSet<Digest>,
    ) -> Result<u64, StoreError> {
        let (mut after, mut count) = (0, 0_u64);
        loop {
            let page = self.intake().raw().standing(standing, READER, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.id;
            for entry in page {
                count = count.saturating_add(1);
                if self.shared.pauses().contains_key(&entry.digest) {
                    found.insert(entry.digest);
                }
                if self.shared.is_due(entry.digest) {
                    // Here it may wait: the doors come first.
                    let work = Work { digest: entry.digest, told: None };
                    let _ = self.queue.send(work).await;
                }
            }
        }
    }
}

impl Shared {
    async fn work(self: &Arc<Self>, Work { digest, told }: Work) {
        let Some(busy) = self.begin(digest) else { return };
        let mut reading = JoinSet::new();
        let shared = Arc::clone(self);
        reading.spawn(async move { shared.read(digest).await });
        let outcome = match reading.join_next().await {
            Some(Ok(outcome)) => outcome,
            _ => self.set_aside(digest, "reader-failed").await,
        };
        let outcome = match outcome {
            // The octets are not what they were, and will not be again.
            Err(StoreError::Damaged { .. }) => self.set_aside(digest, "damaged").await,
            outcome => outcome,
        };
        match outcome {
            Ok(Some((state, taken))) => {
                if let Some(taken) = &taken {
                    self.count(taken);
                }
                match state {
                    RawState::New => self.pause(digest),
                    _ => drop(self.pauses().remove(&digest)),
                }
                if let Some(told) = told {
                    // Who asked may have gone.
                    let _ = told.send(state);
                }
            }
            // It was forgotten meanwhile.
            Ok(None) => {}
            Err(error) => {
                self.metrics.store_failures.increment();
                tracing::error!(%digest, %error, "a stored report cannot be taken in for now");
                self.pause(digest);
            }
        }
        drop(busy);
    }

    /// What becomes of a submission; `None` if it is not there, and nothing taken if there is nothing
    /// to be read.
    async fn read(&self, digest: Digest) -> Result<Option<(RawState, Option<Taken>)>, StoreError> {
        let Some(entry) = self.intake.raw().entry(digest).await? else { return Ok(None) };
        let watch = Stopwatch::start();
        if !self.intake.is_worth_reading(&entry) {
            return Ok(Some((entry.state, None)));
        }
        let taken = self.intake.read(digest).await?;
        self.metrics.read_seconds.observe(watch.elapsed());
        Ok(taken.map(|taken| (taken.state.clone(), Some(taken))))
    }

    async fn set_aside(
        &self,
        digest: Digest,
        reason: &str,
    ) -> Result<Option<(RawState, Option<Taken>)>, StoreError> {
        self.metrics.panics.increment();
        tracing::error!(%digest, reason, "a submission is put aside: it cannot be read");
        self.intake.quarantine(digest, reason).await?;
        let state = RawState::Quarantined { reason: reason.to_owned() };
        let taken = Taken { state: state.clone(), accepted: Vec::new(), trusts: Vec::new() };
        Ok(Some((state, Some(taken))))
    }

    fn count(&self, taken: &Taken) {
        self.metrics.read.increment(metrics::Outcome::of(&taken.state));
        if let RawState::Quarantined { reason } = &taken.state {
            self.metrics.quarantined.increment(metrics::Reason::of(reason));
        }
        for (accepted, trust) in taken.accepted.iter().zip(&taken.trusts) {
            self.metrics.reports.increment(metrics::Acceptance::of(accepted));
            self.metrics.trust.increment(metrics::TrustLabel::of(trust));
        }
    }

    /// `None` if it is being read already.
    fn begin(self: &Arc<Self>, digest: Digest) -> Option<Busy> {
        let is_first = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        is_first.then(|| Busy { shared: Arc::clone(self), digest })
    }

    fn is_due(&self, digest: Digest) -> bool {
        let now = self.since.elapsed();
        let is_busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest);
        !is_busy && self.pauses().get(&digest).is_none_or(|pause| pause.until <= now)
    }

    fn pause(&self, digest: Digest) {
        let mut paused = self.pauses();
        if paused.len() >= MOST_PAUSES && !paused.contains_key(&digest) {
            return;
        }
        let next = |pause: &Pause| pause.length.saturating_mul(2).min(PAUSES.1);
        let length = paused.get(&digest).map_or(PAUSES.0, next);
        paused.insert(digest, Pause { until: self.since.elapsed() + length, length });
    }

    fn pauses(&self) -> MutexGuard<'_, HashMap<Digest, Pause>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.digest);
    }
}

#[cfg(test)]
mod tests {
    use sealpost_runtime::Clock;
    use sealpost_store::{Arrival, Incoming, Origin, RawStore, Settings, Store};

    use super::*;
    use crate::{Limits, Notary, OurDomains};

    fn incoming(number: usize) -> Incoming {
        let arrival =
            Arrival { origin: Origin::Smtp, at: 1_795_000_000, peer: None, recipient: None };
        Incoming { octets: Arc::new(format!("no report {number}").into_bytes()), arrival }
    }

    /// A room in a folder, and where what came in is stored.
    async fn room(folder: &tempfile::TempDir) -> (RawStore, ReadingRoom, Readers) {
        let settings = Settings::at(folder.path().join("store.sqlite"));
        let raw = RawStore::open(settings.raw_beside()).await.unwrap();
        let store = Store::open(settings).await.unwrap();
        let intake = Intake::new(
            raw.clone(),
            store.reports(),
            Notary::offline(),
            OurDomains::default(),
            Limits::default(),
            Clock::system(),
        );
        let (room, readers) = ReadingRoom::new(intake, Arc::new(ReceiveMetrics::default()));
        (raw, room, readers)
    }

    /// Until somebody thought of `reparse`, it lay there.
    #[tokio::test]
    async fn what_lies_in_quarantine_is_read_again_by_a_later_version() {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (raw, room, readers) = room(&folder).await;
        let report = |id: u32| {
            let text = format!(
                r#"{{"organization-name":"R","report-id":"{id}","date-range":{{"start-datetime":
                "2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}},"policies":[]}}"#
            );
            Incoming { octets: Arc::new(text.into_bytes()), ..incoming(0) }
        };
        let all = vec![report(1), report(2), incoming(3)];
        let stored = raw.put_all(all).await.unwrap();
        let states = async || {
            let all = raw.list(0, 10).await.unwrap().into_iter();
            all.map(|entry| (entry.state, entry.reader)).collect::<Vec<_>>()
        };
        let of_before = || RawState::Quarantined { reason: "not-yet-known".to_owned() };
        let named = |place: usize| stored.get(place).unwrap().digest;
        // What this version cannot read it has tried.
        raw.settle(vec![(named(0), of_before()), (named(2), of_before())], READER - 1)
            .await
            .unwrap();
        raw.settle(vec![(named(1), of_before())], READER).await.unwrap();
        let reading = tokio::spawn(readers.run());
        let watch = Stopwatch::start();
        while states().await.iter().any(|(_, reader)| *reader < READER) {
            assert!(watch.elapsed() < SWEEP, "{:?}", states().await);
            sleep(Duration::from_millis(20)).await;
        }
        let reason = "no-report".to_owned();
        let expected = [RawState::Read, of_before(), RawState::Quarantined { reason }];
        assert_eq!(states().await, expected.map(|state| (state, READER)));
        assert_eq!(room.metrics().unread.value(), 0);
        reading.abort();
    }

    /// Readers have been idle until the next sweep, for up to half a minute.
    #[tokio::test]
    async fn what_finds_no_place_in_the_queue_is_read_soon() {
        // There is much to write, and nothing here is about the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (raw, room, readers) = room(&folder).await;
        let reading = tokio::spawn(readers.run());
        // The first sweep has nothing to find.
        assert_eq!(room.read(Digest::of(b"")).await, None);
        let all = (0..QUEUE + 50).map(incoming).collect();
        let stored = raw.put_all(all).await.unwrap();
        // Nobody reads meanwhile: there is one thread.
        stored.iter().for_each(|stored| room.submit(stored.digest));
        assert_eq!(room.waiting(), QUEUE);
        let watch = Stopwatch::start();
        while raw.counts().await.unwrap().new > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        assert!(watch.elapsed() < SWEEP / 2, "{:?}", watch.elapsed());
        reading.abort();
    }
}
