//! Writing down what has been counted.

use std::{sync::Arc, time::Duration};

use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{Sessions, StoreError, sessions::Epoch};
use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{
    memory::Shared,
    slot::{Generation, Place, Slot},
};

/// Counters in one transaction: so many that places which lie together are written together, and
/// not more than others who write can wait for, some 100 ms.
const CHUNK: usize = 4_000;
/// How long the last write may be tried at a stop; systemd waits for 90 seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries of it.
const RETRY: Duration = Duration::from_millis(500);

/// Writes what has changed, again and again. Clones share everything.
#[derive(Clone)]
pub struct Flusher {
    shared: Arc<Shared>,
    sessions: Sessions,
    node: Arc<str>,
    clock: Clock,
    pause: Duration,
    /// One writes at a time. Who is cut off has put back what it had when this is free.
    turn: Arc<Mutex<()>>,
}

impl Flusher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        sessions: Sessions,
        node: &str,
        clock: Clock,
        pause: Duration,
    ) -> Self {
        Self { shared, sessions, node: node.into(), clock, pause, turn: Arc::default() }
    }

    /// Writes what has changed, every so often. It ends only by being dropped; then
    /// [`Self::finish`] writes the rest.
    pub async fn run(&self) {
        let mut last = Stopwatch::start();
        loop {
            tokio::select! {
                () = sleep(self.pause) => {}
                () = self.shared.wake.notified() => {}
            }
            if self.flush().await.is_ok() {
                last = Stopwatch::start();
            }
            let metrics = &self.shared.metrics;
            let unsaved = self.shared.unsaved();
            metrics.unsaved.set(number(unsaved));
            let age = if unsaved > 0 { last.elapsed().as_secs() } else { 0 };
            metrics.unsaved_seconds.set(i64::try_from(age).unwrap_or(i64::MAX));
            metrics.keys.set(number(self.shared.weight.keys()));
            metrics.memory.set(number(self.shared.weight.octets()));
            metrics.failing.set(number(self.shared.weight.failing()));
        }
    }

    /// Writes the rest when nothing more comes, and says how many counters could not be written.
    pub async fn finish(&self) -> usize {
        let tries = async {
            while self.flush().await.is_err() {
                sleep(RETRY).await
            }
        };
        match timeout(PATIENCE, tries).await {
            Ok(()) => 0,
            Err(_) => self.shared.unsaved(),
        }
    }

    /// Writes what has changed. After an error the rest stays to be written.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let turn = self.turn.lock().await;
        let taken = Stopwatch::start();
        let is_something = self.shared.unsaved() > 0;
        let written = self.write().await;
        if let Err(error) = &written {
            self.shared.metrics.store_failures.increment();
            tracing::error!(%error, "counters of sessions could not be written, and wait");
        }
        if is_something {
            self.shared.metrics.flush_seconds.observe(taken.elapsed());
        }
        let discarded = self.shared.take_discarded();
        if !discarded.is_empty() {
            // An error means that dropping it has panicked.
            let _ = spawn_blocking(move || drop(discarded)).await;
        }
        drop(turn);
        written
    }

    async fn write(&self) -> Result<(), StoreError> {
        let refused = self.shared.take_refused();
        let most = u32::from(self.shared.limits.refused);
        if !refused.is_empty()
            && let Err(error) = self.sessions.refuse(&self.node, refused, most).await
        {
            // They are only to be looked at.
            self.shared.metrics.store_failures.increment();
            tracing::warn!(%error, "unreadable datagrams could not be kept");
        }
        let slots = in_order(self.shared.take_unsaved());
        let mut unsaved = Unsaved { shared: &self.shared, slots };
        // They go with the first counters: a key that is written later than what came with it would let
        // that be counted twice after a crash.
        let posts = self.shared.posted.unsaved();
        let mut first = posts.clone();
        if unsaved.slots.is_empty() && !first.is_empty() {
            self.sessions.note_posts(std::mem::take(&mut first)).await?;
        }
        while let Some(last) = unsaved.slots.last() {
            let generation = Arc::clone(&last.generation);
            let epoch = self.epoch(&generation).await?;
            let mut chunk = Vec::new();
            while chunk.len() < CHUNK
                && let Some(slot) =
                    unsaved.slots.pop_if(|slot| Arc::ptr_eq(&slot.generation, &generation))
            {
                chunk.push(slot);
            }
            let mut taken = Unsaved { shared: &self.shared, slots: chunk };
            let counts = taken.slots.iter().filter_map(|slot| slot.take_changes()).collect();
            self.sessions.save_posted(&epoch, counts, std::mem::take(&mut first)).await?;
            taken.slots.clear();
        }
        self.shared.posted.saved(&posts);
        Ok(())
    }

    async fn epoch(&self, generation: &Generation) -> Result<Epoch, StoreError> {
        if let Some(epoch) = generation.epoch.get() {
            return Ok(epoch.clone());
        }
        let now = self.clock.now().as_microsecond();
        let epoch = self.sessions.begin(&self.node, now).await?;
        self.shared.metrics.epochs.increment();
        Ok(generation.epoch.get_or_init(|| epoch).clone())
    }
}

/// Brings counters into the order in which they are written, from the last one on: those that began
/// together lie together, and among them neighbours in the store, in its order. After an error some
/// stand there twice; what was taken of one the first time is not there the second time.
fn in_order(mut unsaved: Vec<(Place, Arc<Slot>)>) -> Vec<Arc<Slot>> {
    unsaved.sort_unstable_by(|(place, slot), (other_place, other)| {
        // The store orders names as texts, not by their labels.
        let by_name = || other.domain.as_str().cmp(slot.domain.as_str());
        other_place.cmp(place).then_with(by_name)
    });
    unsaved.dedup_by(|(_, one), (_, other)| Arc::ptr_eq(one, other));
    unsaved.into_iter().map(|(_, slot)| slot).collect()
}

/// Counters that go back to what is to be written if they are dropped here, as when an error or the
/// end of the task interrupts. What was written after all is then written again, which changes
/// nothing.
struct Unsaved<'s> {
    shared: &'s Shared,
    slots: Vec<Arc<Slot>>,
}

impl Drop for Unsaved<'_> {
    fn drop(&mut self) {
        for slot in self.slots.drain(..) {
            slot.put_back();
            self.shared.add_unsaved(slot);
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
