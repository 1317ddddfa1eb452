//! The regular work: to look, to decide, to tell.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, sync::Arc, time::Duration};

use jiff::civil::Weekday;
use sealpost_evidence::incident::Urgency;
use sealpost_runtime::{AfterPanic, Clock, Stopwatch, supervise};
use sealpost_store::{
    Incidents, Store, StoreError,
    incidents::{
        Batch, Change, Incident, NewNotice, Notice, NoticeClaiming, NoticeKind, Phase, Sending,
    },
};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    AlertMetrics, Delivered, Digest, Ending, Messenger, Section, Sources, Told,
    metrics::{Became, OfUrgency, SendOutcome},
    step::step,
    told::time,
};

/// Incidents that are asked for at a time.
const PAGE: u32 = 1_000;
/// Incidents in a digest: as many as somebody reads.
const IN_DIGEST: usize = 100;
/// Notices that are sent together.
const TOGETHER: u32 = 100;
/// Between two looks into the queue, if nothing new is known to be in it.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Between two times that a receiver which forgets is told what is still open.
const REMIND: Duration = Duration::from_secs(60);
/// The longest pause before a receiver is tried again, in seconds.
const LONGEST_PAUSE: i64 = 3_600;
/// Between two sweeps.
const SWEEP: Duration = Duration::from_hours(1);
/// Rows that are forgotten at a time.
const ROWS: u32 = 500;
/// How long it may take to note what came of an attempt.
const NOTING: Duration = Duration::from_secs(10);
/// Seconds of a day.
const DAY: i64 = 86_400;

/// What the work is made of.
pub struct JobParts {
    /// What is known, and where incidents are kept.
    pub store: Store,
    /// The exceptions of the operator.
    pub endings: Vec<Ending>,
    /// How.
    pub section: Section,
    /// Who is told.
    pub messengers: Vec<Messenger>,
    /// The name of this machine.
    pub host: String,
    /// The time.
    pub clock: Clock,
}

/// Looks, decides and tells until it is stopped. Several processes may share a store: each notice is
/// in one hand at a time.
pub struct Job {
    tasks: JoinSet<()>,
    incidents: Incidents,
    metrics: Arc<AlertMetrics>,
    owner: String,
}

/// What all tasks share.
#[derive(Clone)]
struct Shared {
    store: Store,
    incidents: Incidents,
    section: Arc<Section>,
    clock: Clock,
    metrics: Arc<AlertMetrics>,
    owner: String,
    /// There is something new to send.
    news: Arc<Notify>,
}

impl Job {
    /// Begins. Must be called within a Tokio runtime.
    pub fn start(parts: JobParts) -> Self {
        let JobParts { store, endings, section, messengers, host, clock } = parts;
        let metrics = Arc::new(AlertMetrics::default());
        // Another one for each process: what a process that was killed has held comes back when its
        // lease is over, and never before.
        let random = RandomState::new().hash_one(std::process::id());
        let host: String = host.chars().take(64).collect();
        let owner = format!("{host} {} {random:016x}", std::process::id());
        let incidents = store.incidents();
        let shared = Shared {
            store,
            incidents: incidents.clone(),
            section: Arc::new(section),
            clock,
            metrics: Arc::clone(&metrics),
            owner: owner.clone(),
            news: Arc::new(Notify::new()),
        };
        let mut tasks = JoinSet::new();
        let watching = shared.clone();
        tasks.spawn(forever("the watch over incidents", Arc::clone(&metrics), move || {
            watching.clone().watch(endings.clone())
        }));
        let sweeping = shared.clone();
        tasks.spawn(forever("the end of old incidents", Arc::clone(&metrics), move || {
            sweeping.clone().sweep()
        }));
        for messenger in messengers {
            let telling = shared.clone();
            tasks.spawn(forever("the telling of a receiver", Arc::clone(&metrics), move || {
                telling.clone().tell(messenger.clone())
            }));
        }
        Self { tasks, incidents, metrics, owner }
    }

    /// What is counted.
    pub fn metrics(&self) -> Arc<AlertMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Waits until something ends without being told to, which should not happen. Nothing is lost if
    /// the waiting is given up.
    pub async fn ended(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends everything, and gives back what is under way: whether a receiver has it is not known, so
    /// it is told again, under the same id.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        if let Err(error) = self.incidents.release(self.owner).await {
            tracing::warn!(%error, "notices under way are held until their leases are over");
        }
    }
}

/// Runs what never ends, over panics.
async fn forever<F>(name: &'static str, metrics: Arc<AlertMetrics>, make: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    // It gives up never.
    let _ = supervise(name, AfterPanic::Restart, &metrics.panics, make).await;
}

impl Shared {
    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    fn failed(&self, error: &StoreError, what: &'static str) {
        self.metrics.store_failures.increment();
        tracing::error!(%error, "{what}");
    }

    async fn watch(self, endings: Vec<Ending>) {
        let mut sources = Sources::new(self.store.clone(), endings);
        loop {
            let watch = Stopwatch::start();
            if let Err(error) = self.pass(&mut sources).await {
                self.failed(&error, "incidents could not be written down");
            }
            self.metrics.pass_time.observe(watch.elapsed());
            self.count().await;
            self.clock.sleep(self.section.look_pause()).await;
        }
    }

    async fn pass(&self, sources: &mut Sources) -> Result<(), StoreError> {
        let look = sources.look(self.now(), &self.metrics).await;
        let live = live(&self.incidents).await?;
        // After everything was read: what is told has the time of the telling.
        let now = self.now();
        let changes = step(&live, &look, now, &self.section.terms());
        for part in changes.chunks(PAGE as usize) {
            self.incidents.apply(part.to_vec()).await?;
            part.iter().for_each(|change| self.note(change));
        }
        self.queue_digests(&live, now).await?;
        if !changes.is_empty() {
            self.news.notify_waiters();
        }
        Ok(())
    }

    fn note(&self, change: &Change) {
        let Some(notice) = change.notices.first() else { return };
        let Incident { id, cause, domain, subject, urgency, summary, .. } = &change.incident;
        let became = match notice.kind {
            NoticeKind::Resolved => Became::Resolved,
            NoticeKind::Worsened => Became::Worsened,
            NoticeKind::StillOpen => Became::StillOpen,
            _ => Became::Opened,
        };
        self.metrics.changes.increment(became);
        tracing::info!(%id, cause, %domain, ?subject, %urgency, ?summary, "incident {}", notice.kind);
    }

    /// Queues for each receiver that wants one what is open; once for each day or week.
    async fn queue_digests(&self, live: &[Incident], now: i64) -> Result<(), StoreError> {
        let here = time(now).to_zoned(self.section.zone());
        for receiver in &self.section.receiver {
            let Some((digest, at)) = receiver.digest else { continue };
            let is_day = digest == Digest::Daily || here.weekday() == Weekday::Monday;
            if !is_day || here.time() < at {
                continue;
            }
            let mut open: Vec<Incident> = live
                .iter()
                .filter(|one| one.phase == Phase::Open && one.urgency >= receiver.least)
                .cloned()
                .collect();
            open.sort_by_key(|one| std::cmp::Reverse((one.urgency, one.number)));
            let shown = open.get(..IN_DIGEST).unwrap_or(&open);
            let told = Told::digest(shown, now, self.section.link.as_deref());
            let notice = NewNotice {
                key: format!("digest.{}", here.date()),
                receiver: receiver.name.clone(),
                kind: NoticeKind::Digest,
                content: told.to_json(),
                made_at: now,
                due: now,
            };
            if self.incidents.queue(vec![notice]).await? > 0 {
                self.news.notify_waiters();
            }
        }
        Ok(())
    }

    async fn count(&self) {
        let now = self.now();
        let counted = async {
            let counts = self.incidents.open_counts().await?;
            for (urgency, count) in Urgency::ALL.into_iter().zip(counts) {
                self.metrics.open.set(OfUrgency(urgency), gauge(count));
            }
            let state = self.incidents.queue_state(now).await?;
            self.metrics.due.set(gauge(state.due));
            self.metrics.oldest.set(state.oldest.map_or(0, |at| now.saturating_sub(at).max(0)));
            Ok::<(), StoreError>(())
        };
        if let Err(error) = counted.await {
            self.failed(&error, "incidents could not be counted");
        }
    }

    /// Tells one receiver what there is for it, and again what is still open, if it forgets.
    async fn tell(self, messenger: Messenger) {
        let mut reminded: Option<Stopwatch> = None;
        loop {
            let news = self.news.notified();
            match self.tell_next(&messenger).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => self.failed(&error, "the queue of notices could not be read"),
            }
            let is_time = reminded.is_none_or(|since| since.elapsed() >= REMIND);
            if messenger.forgets() && is_time {
                reminded = Some(Stopwatch::start());
                if let Err(error) = self.remind(&messenger).await {
                    self.failed(&error, "open incidents could not be read");
                }
            }
            let _ = timeout(LOOK_AGAIN, news).await;
        }
    }

    /// Whether there was something.
    async fn tell_next(&self, messenger: &Messenger) -> Result<bool, StoreError> {
        let now = self.now();
        // This is cheap, and a claim is not.
        if self.incidents.next_due().await?.is_none_or(|due| due > now) {
            return Ok(false);
        }
        let receiver = messenger.receiver();
        let patience = i64::try_from(receiver.patience.as_secs()).unwrap_or(600);
        let claiming = NoticeClaiming {
            owner: self.owner.clone(),
            receiver: receiver.name.clone(),
            now,
            lease_until: now.saturating_add(patience).saturating_add(lease_margin()),
            most: TOGETHER,
        };
        let Some(batch) = self.incidents.claim(claiming).await? else { return Ok(false) };
        let told: Vec<Told> = batch.notices.iter().filter_map(told).collect();
        let key = batch.notices.first().map(|notice| notice.key.clone()).unwrap_or_default();
        let delivered = match told.is_empty() {
            true => Delivered::Yes("there was nothing to tell".to_owned()),
            false => messenger.tell(&key, &told, now).await,
        };
        self.settle(&batch, &key, delivered).await;
        Ok(true)
    }

    async fn settle(&self, batch: &Batch, key: &str, delivered: Delivered) {
        let now = self.now();
        let receiver = &batch.receiver;
        let (sending, answer) = match delivered {
            Delivered::Yes(answer) => {
                self.metrics.sent.increment(SendOutcome::Sent);
                tracing::info!(receiver, key, notices = batch.notices.len(), ?answer, "told");
                (Sending::Sent, answer)
            }
            Delivered::Not(answer) => {
                let made_at = batch.notices.iter().map(|notice| notice.made_at).min();
                let tried_for = now.saturating_sub(made_at.unwrap_or(now));
                if tried_for >= i64::from(self.section.retry_days.max(1)) * DAY {
                    self.metrics.sent.increment(SendOutcome::Expired);
                    tracing::error!(receiver, key, ?answer, "a receiver was not told");
                    (Sending::Expired, answer)
                } else {
                    self.metrics.sent.increment(SendOutcome::Failed);
                    let due = now.saturating_add(pause(self.section.retry_seconds, batch.attempt));
                    tracing::warn!(receiver, key, ?answer, due, "a receiver is told later");
                    (Sending::Later(due), answer)
                }
            }
        };
        // The receiver has it: this is noted as long as it is ours.
        let noted = Stopwatch::start();
        while let Err(error) = self.incidents.settle(batch, sending, &answer, now).await {
            self.failed(&error, "it could not be noted that a receiver was told");
            if noted.elapsed() >= NOTING {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn remind(&self, messenger: &Messenger) -> Result<(), StoreError> {
        let name = &messenger.receiver().name;
        let open: Vec<Incident> = live(&self.incidents)
            .await?
            .into_iter()
            .filter(|one| one.phase == Phase::Open && one.told_to.contains(name))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        // What it was not told yet, it is told by the notice.
        let waiting = self.incidents.waiting(PAGE).await?;
        let is_told = |one: &Incident| {
            !waiting
                .iter()
                .any(|notice| notice.receiver == *name && notice.incident.as_ref() == Some(&one.id))
        };
        let open: Vec<Incident> = open.into_iter().filter(is_told).collect();
        let link = self.section.link.as_deref();
        for part in open.chunks(TOGETHER as usize) {
            if let Delivered::Not(answer) = messenger.remind(part, link, self.now()).await {
                tracing::debug!(receiver = name, ?answer, "a receiver could not be reminded");
                break;
            }
        }
        Ok(())
    }

    async fn sweep(self) {
        loop {
            // Who is not configured any more is not told.
            let tried = i64::from(self.section.retry_days.max(1)).saturating_add(1) * DAY;
            let now = self.now();
            if let Err(error) = self.incidents.expire(now, now.saturating_sub(tried)).await {
                self.failed(&error, "notices for nobody could not be ended");
            }
            let before = self.now().saturating_sub(i64::from(self.section.keep_days.max(1)) * DAY);
            loop {
                match self.incidents.prune(before, ROWS).await {
                    Ok(ROWS) => {}
                    Ok(_) => break,
                    Err(error) => {
                        self.failed(&error, "old incidents could not be forgotten");
                        break;
                    }
                }
            }
            sleep(SWEEP).await;
        }
    }
}

/// All that are not over.
pub(crate) async fn live(incidents: &Incidents) -> Result<Vec<Incident>, StoreError> {
    let mut live = Vec::new();
    loop {
        let behind = live.last().map_or(0, |one: &Incident| one.number);
        let page = incidents.live(behind, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        live.extend(page);
        if is_last {
            return Ok(live);
        }
    }
}

fn told(notice: &Notice) -> Option<Told> {
    let told = Told::from_json(&notice.content);
    if told.is_none() {
        tracing::error!(key = notice.key, "a notice of another version cannot be read");
    }
    told
}

/// Seconds that a lease is longer than an attempt: the note of what came of it, and a margin.
fn lease_margin() -> i64 {
    i64::try_from(NOTING.as_secs()).unwrap_or(10).saturating_add(5)
}

/// How long to wait after this attempt, in seconds.
fn pause(first: u16, attempt: u32) -> i64 {
    let doublings = attempt.saturating_sub(1).min(16);
    (i64::from(first.max(1)) << doublings).min(LONGEST_PAUSE)
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<i64> = (1..=10).map(|attempt| pause(15, attempt)).collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(pause(0, u32::MAX), 3_600);
    }
}
