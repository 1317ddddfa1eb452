//! The regular work: to look, to decide, to tell.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, sync::Arc, time::Duration};

use sealpost_evidence::incident::Urgency;
use sealpost_runtime::{AfterPanic, Clock, Stopwatch, supervise};
use sealpost_store::{
    Incidents, Store, StoreError,
    incidents::{Batch, Change, Incident, Notice, NoticeClaiming, NoticeKind, Phase, Sending},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    AlertMetrics, Delivered, Ending, Messenger, Section, Sources, Told,
    digest::digests,
    metrics::{Became, OfUrgency, SendOutcome},
    step::step,
    told::time,
};

/// Incidents that are asked for at a time.
const PAGE: u32 = 1_000;
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
/// How long receivers may take to answer when everything stops: as long as a mail may.
const GRACE: Duration = Duration::from_secs(60);
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
    /// They end at once when they are told to.
    tasks: JoinSet<()>,
    /// They end when the receiver that is being told has answered.
    telling: JoinSet<()>,
    incidents: Incidents,
    metrics: Arc<AlertMetrics>,
    owner: String,
    orders: watch::Sender<Orders>,
}

/// What is left of a job that looks and tells no more: receivers that are being told.
pub struct Retired {
    telling: JoinSet<()>,
    incidents: Incidents,
    owner: String,
}

/// What may change while it runs, and whether it goes on.
#[derive(Clone)]
struct Orders {
    endings: Arc<Vec<Ending>>,
    messengers: Arc<Vec<Messenger>>,
    is_over: bool,
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
    orders: watch::Receiver<Orders>,
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
        let names: Vec<String> =
            messengers.iter().map(|messenger| messenger.receiver().name.clone()).collect();
        let (orders, taken) = watch::channel(Orders {
            endings: Arc::new(endings),
            messengers: Arc::new(messengers),
            is_over: false,
        });
        let shared = Shared {
            store,
            incidents: incidents.clone(),
            section: Arc::new(section),
            clock,
            metrics: Arc::clone(&metrics),
            owner: owner.clone(),
            orders: taken,
            news: Arc::new(Notify::new()),
        };
        let mut tasks = JoinSet::new();
        let watching = shared.clone();
        tasks.spawn(until_the_end("the watch over incidents", Arc::clone(&metrics), move || {
            watching.clone().watch()
        }));
        let sweeping = shared.clone();
        tasks.spawn(until_the_end("the end of old incidents", Arc::clone(&metrics), move || {
            sweeping.clone().sweep()
        }));
        let mut telling = JoinSet::new();
        for name in names {
            let tells = shared.clone();
            telling.spawn(until_the_end(
                "the telling of a receiver",
                Arc::clone(&metrics),
                move || tells.clone().tell(name.clone()),
            ));
        }
        Self { tasks, telling, incidents, metrics, owner, orders }
    }

    /// Goes on with these exceptions, and tells the same receivers by these messengers.
    pub fn reload(&self, endings: Vec<Ending>, messengers: Vec<Messenger>) {
        self.orders.send_modify(|orders| {
            orders.endings = Arc::new(endings);
            orders.messengers = Arc::new(messengers);
        });
    }

    /// What is counted.
    pub fn metrics(&self) -> Arc<AlertMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Waits until something ends without being told to, which should not happen. Nothing is lost if
    /// the waiting is given up.
    pub async fn ended(&mut self) {
        tokio::select! {
            Some(_) = self.tasks.join_next() => {}
            Some(_) = self.telling.join_next() => {}
            else => std::future::pending().await,
        }
    }

    /// Begins nothing new, and waits until the receivers that are being told have answered, up to a
    /// minute. Whether one has it that does not answer until then is not known: it is told again,
    /// under the same id.
    pub async fn stop(self) {
        self.retire().await.answered().await;
    }

    /// Makes room for another job on the same store: looks no more and begins to tell nobody. The
    /// receivers that are being told have their time beside it. The other job tells nobody what they
    /// are being told: that is in the hand of this one until they have answered.
    pub async fn retire(mut self) -> Retired {
        self.orders.send_modify(|orders| orders.is_over = true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(GRACE, ended).await.is_err() {
            self.tasks.shutdown().await;
        }
        let Self { telling, incidents, owner, .. } = self;
        Retired { telling, incidents, owner }
    }
}

impl Retired {
    /// Waits until all have answered, up to a minute, as [`Job::stop`] does.
    pub async fn answered(mut self) {
        let answered = async { while self.telling.join_next().await.is_some() {} };
        if timeout(GRACE, answered).await.is_ok() {
            return;
        }
        self.telling.shutdown().await;
        if let Err(error) = self.incidents.release(self.owner).await {
            tracing::warn!(%error, "notices under way are held until their leases are over");
        }
    }
}

/// Runs what ends when it is told to, over panics.
async fn until_the_end<F>(name: &'static str, metrics: Arc<AlertMetrics>, make: impl Fn() -> F)
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

    /// Waits until there are other orders.
    async fn other_orders(&mut self) {
        if self.orders.changed().await.is_err() {
            // Who gave them is gone without a word.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it is over.
    async fn end(&self) {
        let mut orders = self.orders.clone();
        let is_told = orders.wait_for(|orders| orders.is_over).await.is_ok();
        if !is_told {
            std::future::pending::<()>().await;
        }
    }

    async fn watch(mut self) {
        let mut sources = Sources::new(self.store.clone(), Vec::new());
        loop {
            let orders = self.orders.borrow_and_update().clone();
            if orders.is_over {
                return;
            }
            sources.except(&orders.endings);
            let watch = Stopwatch::start();
            // What was decided is stored in one piece, or not at all.
            let passed = tokio::select! {
                passed = self.pass(&mut sources) => passed,
                () = self.end() => return,
            };
            if let Err(error) = passed {
                self.failed(&error, "incidents could not be written down");
            }
            self.metrics.pass_time.observe(watch.elapsed());
            self.count().await;
            let pause = self.section.look_pause();
            let clock = self.clock.clone();
            tokio::select! {
                () = clock.sleep(pause) => {}
                () = self.other_orders() => {}
            }
        }
    }

    async fn pass(&self, sources: &mut Sources) -> Result<(), StoreError> {
        let set_right = self.incidents.set_right(self.now()).await?;
        if set_right > 0 {
            tracing::warn!(set_right, "a clock was ahead: notices waited for a time far away");
        }
        let look = sources.look(self.now(), &self.metrics).await;
        let live = live(&self.incidents).await?;
        // After everything was read: what is told has the time of the telling.
        let now = self.now();
        let terms = self.section.terms();
        let changes = step(&live, &look, now, &terms);
        for part in changes.chunks(PAGE as usize) {
            self.incidents.apply(part.to_vec()).await?;
            part.iter().for_each(|change| self.note(change));
        }
        // Also of what has opened or ended just now.
        let live = if changes.is_empty() { live } else { self::live(&self.incidents).await? };
        let digests = digests(&live, now, &terms);
        // Of one that was queued before nothing comes.
        let new = match digests.is_empty() {
            true => 0,
            false => self.incidents.queue(digests).await?,
        };
        if new > 0 || !changes.is_empty() {
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

    /// Tells one receiver what there is for it, and again what is still open, if it forgets. What is
    /// under way at the end is not broken off.
    async fn tell(mut self, name: String) {
        let mut reminded: Option<Stopwatch> = None;
        let news = Arc::clone(&self.news);
        loop {
            let orders = self.orders.borrow_and_update().clone();
            let is_this = |one: &&Messenger| one.receiver().name == name;
            let Some(messenger) = orders.messengers.iter().find(is_this) else { return };
            if orders.is_over {
                return;
            }
            let news = news.notified();
            match self.tell_next(messenger).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => self.failed(&error, "the queue of notices could not be read"),
            }
            let is_time = reminded.is_none_or(|since| since.elapsed() >= REMIND);
            if messenger.forgets() && is_time {
                reminded = Some(Stopwatch::start());
                let told = tokio::select! {
                    told = self.remind(messenger) => told,
                    () = self.end() => return,
                };
                if let Err(error) = told {
                    self.failed(&error, "open incidents could not be read");
                }
            }
            tokio::select! {
                _ = timeout(LOOK_AGAIN, news) => {}
                () = self.other_orders() => {}
            }
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
                    tracing::warn!(receiver, key, ?answer, due = %time(due), "a receiver is told later");
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
            tokio::select! {
                () = self.clock.sleep(SWEEP) => {}
                () = self.end() => return,
            }
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
