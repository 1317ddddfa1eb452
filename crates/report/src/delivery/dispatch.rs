//! The work of each day, for as long as the process runs.

use std::{
    collections::{HashMap, hash_map::RandomState},
    convert::Infallible,
    hash::BuildHasher as _,
    sync::Arc,
    time::Duration,
};

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_net::Network;
use sealpost_runtime::{Age, Clock, Stopwatch};
use sealpost_store::{
    Sessions, StoreError, Submissions,
    submissions::{Claim, Claiming, Outcome, Sending, SubmissionId, SubmissionState, Suppression},
};
use tls_rpt::ReportFace;
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{sleep, timeout},
};

use super::{
    Author, AuthorError, Built, Considered, DayBuilder, Occasion,
    courier::{Attempted, Courier, PATIENCE},
    mark::origin,
};
use crate::{
    ReportMetrics,
    metrics::{Became, Decided},
    section::Delivery,
};

/// How long a submission is held: an attempt, and the note of what came of it.
const LEASE: Duration = Duration::from_mins(12);
/// The longest pause of the builder, so that a step of the clock is noticed.
const BUILDER_PAUSE: Duration = Duration::from_secs(30);
/// Until a day is looked at again of which all is decided: another node may have been late.
const LOOK_AGAIN: Duration = Duration::from_hours(1);
/// The same of a day that is longer ago than [`LATE`].
const LOOK_AGAIN_LATER: Duration = Duration::from_hours(24);
/// Days after which another node may be late.
const LATE: i64 = 3;
/// The same where a record could not be looked up.
const ASK_AGAIN: Duration = Duration::from_mins(15);
/// The same where the store failed.
const TRY_AGAIN: Duration = Duration::from_mins(1);
/// How long after the end of a day a record may stay unknown, in seconds.
const UNKNOWN_UNTIL: i64 = 22 * 3_600;
/// The same after a start, for days that are long over.
const UNKNOWN_AFTER_START: i64 = 2 * 3_600;
/// Between two looks of the sender into the queue, if no attempt ends meanwhile.
const SENDER_PAUSE: Duration = Duration::from_secs(1);
/// Between two counts of what waits, which looks at everything.
const COUNT: Duration = Duration::from_secs(5);
/// Between two sweeps through the queue.
const SWEEP: Duration = Duration::from_hours(1);
/// Between two tries to note something.
const NOTE_AGAIN: Duration = Duration::from_secs(1);
/// How long attempts may take when we stop.
const GRACE: Duration = Duration::from_secs(10);
/// Refusals in turn after which a destination is held back.
const REFUSALS: u64 = 3;
/// Rows that are forgotten at a time.
const ROWS: u32 = 500;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// What a dispatch is made of.
pub struct DispatchParts {
    /// The counters.
    pub sessions: Sessions,
    /// The queue.
    pub submissions: Submissions,
    /// The way out.
    pub network: Network,
    /// Who reports.
    pub face: ReportFace,
    /// How.
    pub delivery: Delivery,
    /// For how many days the counters are kept.
    pub retention_days: u16,
    /// The name of this process among those that share the store.
    pub node: String,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<ReportMetrics>,
}

/// Makes the reports of each day and sends them. Clones share everything.
#[derive(Clone)]
pub struct Dispatch {
    builder: DayBuilder,
    courier: Courier,
    submissions: Submissions,
    delivery: Arc<Delivery>,
    retention_days: u16,
    since: Day,
    started: i64,
    owner: Arc<str>,
    clock: Clock,
    metrics: Arc<ReportMetrics>,
}

/// The attempts that this process is at.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    held: HashMap<task::Id, Held>,
}

/// What an attempt is held by.
struct Held {
    id: SubmissionId,
    attempt: u32,
    lease_until: i64,
}

/// Why reports cannot be sent. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DispatchError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Who writes the mails.
    #[error(transparent)]
    Author(#[from] AuthorError),
}

impl Dispatch {
    /// Reads the keys, and notes that reports are sent from today on, unless they have been before.
    ///
    /// # Errors
    ///
    /// If the keys cannot be read, or the store cannot be written.
    pub async fn new(parts: DispatchParts) -> Result<Self, DispatchError> {
        let now = parts.clock.now().as_second();
        let random = || RandomState::new().hash_one(now);
        let begin =
            Sending { since: Day::of(now), secret: format!("{:016x}{:016x}", random(), random()) };
        let sending = parts.submissions.begin_sending(begin).await?;
        let face = ReportFace { origin: origin(&sending), ..parts.face };
        let Sending { since, secret } = sending;
        let author = Author::new(&parts.delivery, &face.contact_info, secret)?;
        let delivery = Arc::new(parts.delivery);
        Ok(Self {
            builder: DayBuilder::new(
                parts.sessions,
                parts.submissions.clone(),
                parts.network.clone(),
                face,
                Arc::clone(&delivery),
            ),
            courier: Courier::new(parts.network, &delivery, Arc::new(author)),
            submissions: parts.submissions,
            delivery,
            retention_days: parts.retention_days,
            since,
            started: now,
            owner: parts.node.chars().take(128).collect::<String>().into(),
            clock: parts.clock,
            metrics: parts.metrics,
        })
    }

    /// What makes the reports.
    pub fn builder(&self) -> &DayBuilder {
        &self.builder
    }

    /// Makes the reports of each day that is over. It ends only by being dropped; what it was at is
    /// done by the next one.
    pub async fn build(&self) -> Infallible {
        let mut looked: HashMap<Day, (Age, Duration)> = HashMap::new();
        loop {
            let now = self.now();
            let settle = i64::from(self.delivery.settle_minutes) * 60;
            // The first day that is not over and settled.
            let open = Day::of(now.saturating_sub(settle));
            let late = self.delivery.late_days.unwrap_or(self.retention_days).max(1);
            let first = open.plus(-i64::from(late)).max(self.since);
            looked.retain(|day, _| *day >= first);
            for day in (0..).map(|days| first.plus(days)).take_while(|day| *day < open) {
                let is_early = |(since, pause): &(Age, Duration)| since.elapsed() < *pause;
                if looked.get(&day).is_some_and(is_early) {
                    continue;
                }
                let mut pause = self.build_day(day).await;
                // Nobody is so late; and there may be many days with many domains.
                if pause == LOOK_AGAIN && day.plus(LATE) < open {
                    pause = LOOK_AGAIN_LATER;
                }
                looked.insert(day, (self.clock.age(), pause));
            }
            let next = open.plus(1).begins_at().saturating_add(settle);
            let pause = seconds(next.saturating_sub(self.now())).min(BUILDER_PAUSE);
            self.clock.sleep(pause).await;
        }
    }

    /// Makes the reports of one day; says how long to leave it.
    async fn build_day(&self, day: Day) -> Duration {
        let now = self.now();
        let end = day.plus(1).begins_at().saturating_add(UNKNOWN_UNTIL);
        let is_last = now >= end.max(self.started.saturating_add(UNKNOWN_AFTER_START));
        let occasion = Occasion { now, is_at_once: false, is_last };
        let told = |_: &DomainName, considered: &Considered| {
            if let Some(decided) = Decided::of(considered) {
                self.metrics.decided.increment(decided);
            }
        };
        let built = self.builder.build(day, occasion, told).await;
        if built.is_ok()
            && let Err(error) = self.note_late(day).await
        {
            self.metrics.store_failures.increment();
            tracing::error!(%day, %error, "it could not be told what came too late for its report");
        }
        match built {
            Ok(Built { queued, without, later }) => {
                if queued + without + later > 0 {
                    tracing::info!(%day, queued, without, later, "made the reports of a day");
                }
                if later > 0 { ASK_AGAIN } else { LOOK_AGAIN }
            }
            Err(error) => {
                self.metrics.store_failures.increment();
                tracing::error!(%day, %error, "the reports of a day could not be made");
                TRY_AGAIN
            }
        }
    }

    /// Counts the sessions of a day that were written after its reports were made, unless they have been
    /// counted before, and says how many it were. They are in no report, and it is told that they are
    /// not:
    ///
    /// A second report on the day would have another report-id, and RFC 8460 has nothing that ties it to
    /// the first: who takes it for a correction counts less than there was, and who keys by domain and
    /// day drops one of the two. And it cannot be the difference of two reports: the later sessions
    /// change what the earlier ones are judged by, and which failures are named.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says. What was counted until then stays counted.
    pub async fn note_late(&self, day: Day) -> Result<u64, StoreError> {
        let (mut all, mut domains, mut after) = (0_u64, 0_u64, None);
        loop {
            let page = self.submissions.late(day, after, ROWS).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.domain.clone());
            let new: u64 = page.iter().map(|one| one.all.saturating_sub(one.noted)).sum();
            domains += page.len() as u64;
            self.submissions.note_late(day, page).await?;
            self.metrics.late.add(new);
            all = all.saturating_add(new);
        }
        if all > 0 {
            tracing::warn!(
                %day,
                domains,
                sessions = all,
                "sessions were written after the reports of their day were made, and are in none"
            );
        }
        Ok(all)
    }

    /// Sends what is due, until `stopped` ends; then what is under way has a few seconds. What is cut
    /// off then is begun anew by the next one.
    pub async fn send(&self, stopped: impl Future<Output = ()>) {
        tokio::pin!(stopped);
        let mut under_way = UnderWay::default();
        let (mut swept, mut counted): (Option<Age>, Option<Stopwatch>) = (None, None);
        // Nobody else has our name: what it holds is left from before.
        let mut is_released = false;
        loop {
            if swept.as_ref().is_none_or(|swept| swept.elapsed() >= SWEEP) {
                self.sweep().await;
                swept = Some(self.clock.age());
            }
            if !is_released {
                is_released = self.submissions.release(self.owner.to_string()).await.is_ok();
            }
            if let Err(error) = self.begin(&mut under_way).await {
                self.metrics.store_failures.increment();
                tracing::error!(%error, "the queue of reports could not be read");
            }
            if counted.is_none_or(|counted| counted.elapsed() >= COUNT)
                && let Ok(counts) = self.submissions.counts().await
            {
                let waiting = counts.of(SubmissionState::Waiting);
                self.metrics.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
                if let Ok(failing) = self.submissions.failing_destinations().await {
                    let failing = i64::try_from(failing).unwrap_or(i64::MAX);
                    self.metrics.failing_destinations.set(failing);
                }
                counted = Some(Stopwatch::start());
            }
            tokio::select! {
                () = &mut stopped => break,
                Some(ended) = under_way.ended() => self.note(&ended),
                () = self.clock.sleep(SENDER_PAUSE) => {}
            }
        }
        // Whoever is not done by then is cut off.
        let _ = timeout(GRACE, async { while under_way.ended().await.is_some() {} }).await;
    }

    /// Sends what is due now, of all, until nothing is due; says how many attempts there were.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says; what was begun is ended nonetheless.
    pub async fn send_due(&self) -> Result<u64, StoreError> {
        let (mut under_way, mut attempts) = (UnderWay::default(), 0);
        loop {
            let before = under_way.tasks.len();
            let begun = self.begin(&mut under_way).await;
            attempts += under_way.tasks.len().saturating_sub(before) as u64;
            if under_way.ended().await.is_none() {
                return begun.map(|()| attempts);
            }
        }
    }

    /// An attempt that panicked is begun again when its lease is over.
    fn note(&self, ended: &Result<(), JoinError>) {
        if ended.as_ref().is_err_and(JoinError::is_panic) {
            self.metrics.panics.increment();
            tracing::error!("an attempt to send a report panicked");
        }
    }

    /// Begins as many attempts as may be.
    async fn begin(&self, under_way: &mut UnderWay) -> Result<(), StoreError> {
        let room = usize::from(self.delivery.at_once.max(1)).saturating_sub(under_way.tasks.len());
        if room == 0 {
            return Ok(());
        }
        let now = self.now();
        let lease_until = now.saturating_add(whole(LEASE));
        let claiming = Claiming {
            owner: self.owner.to_string(),
            now,
            lease_until,
            under_way: under_way.hold_on(now, lease_until),
            limit: u32::try_from(room).unwrap_or(1),
            per_host: u32::from(self.delivery.at_once_per_host.max(1)),
            per_host_a_day: self.delivery.per_host_a_day.max(1),
        };
        for claim in self.submissions.claim(claiming).await? {
            let dispatch = self.clone();
            let held = Held { id: claim.id, attempt: claim.attempt, lease_until };
            let task = under_way.tasks.spawn(async move { dispatch.attempt(claim).await });
            under_way.held.insert(task.id(), held);
        }
        Ok(())
    }

    /// Tries one, and notes what came of it.
    async fn attempt(&self, claim: Claim) {
        let lasted = Stopwatch::start();
        let attempted = self.courier.attempt(claim, || self.now()).await;
        self.tell(&attempted);
        let Attempted { settlement, is_refused_there } = attempted;
        let rua = settlement.claim.rua.clone();
        // What cannot be noted would be sent again.
        while let Err(error) = self.submissions.settle(vec![settlement.clone()]).await {
            self.metrics.store_failures.increment();
            tracing::error!(%error, rua = ?rua, "what became of a report could not be noted");
            if lasted.elapsed() >= LEASE.max(PATIENCE) {
                return;
            }
            sleep(NOTE_AGAIN).await;
        }
        if is_refused_there && let Err(error) = self.hold_back(rua).await {
            self.metrics.store_failures.increment();
            tracing::error!(%error, "a destination that refuses could not be held back");
        }
    }

    fn tell(&self, attempted: &Attempted) {
        let settlement = &attempted.settlement;
        let (rua, id) = (&settlement.claim.rua, &settlement.claim.report_id);
        let answer = &settlement.answer;
        let became = match settlement.outcome {
            Outcome::Accepted => {
                tracing::debug!(?rua, ?id, ?answer, "a report was accepted");
                Became::Accepted
            }
            Outcome::Later { due } => {
                tracing::debug!(?rua, ?id, ?answer, due, "a report is tried again later");
                Became::Later
            }
            Outcome::Refused => {
                tracing::warn!(?rua, ?id, ?answer, "a report was refused");
                Became::Refused
            }
            Outcome::Expired => {
                tracing::warn!(?rua, ?id, ?answer, "a report has expired: nobody took it in time");
                Became::Expired
            }
        };
        self.metrics.attempts.increment(became);
    }

    /// Holds a destination back that has refused several reports in turn.
    async fn hold_back(&self, rua: String) -> Result<(), StoreError> {
        let (now, days) = (self.now(), i64::from(self.delivery.suppress_days));
        let since = now.saturating_sub(days.max(1) * DAY);
        if self.submissions.refusals(rua.clone(), since).await? < REFUSALS {
            return Ok(());
        }
        tracing::warn!(?rua, days, "a destination that refuses reports is held back");
        self.metrics.suppressed.increment();
        let suppression = Suppression {
            destination: rua,
            since: now,
            until: now.saturating_add(days * DAY),
            reason: format!("it refused {REFUSALS} reports in turn"),
        };
        self.submissions.suppress(suppression).await
    }

    /// Ends what is held back for too long, and forgets what is old.
    async fn sweep(&self) {
        if let Err(error) = self.forget().await {
            self.metrics.store_failures.increment();
            tracing::error!(%error, "the queue of reports could not be cleaned up");
        }
    }

    async fn forget(&self) -> Result<(), StoreError> {
        let now = self.now();
        let expired = self.submissions.expire_held_back(now).await?;
        if expired > 0 {
            tracing::warn!(expired, "reports have expired: their destinations are suppressed");
        }
        // Two days at least: the mails of a day are counted when it is over.
        let kept = i64::from(self.delivery.keep_days.max(2)) * DAY;
        while self.submissions.prune(now.saturating_sub(kept), ROWS).await? == ROWS {}
        // As long as there are counters, it is known what became of them.
        let first = Day::of(now).plus(-i64::from(self.retention_days) - 1);
        while self.submissions.prune_decisions(first, ROWS).await? > 0 {}
        Ok(())
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }
}

impl UnderWay {
    /// The end of an attempt, if any is under way.
    async fn ended(&mut self) -> Option<Result<(), JoinError>> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        self.held.remove(&id);
        Some(ended.map(|(_, ())| ()))
    }

    /// Those whose leases are over by the clock, which lasts no attempt: the clock was set, or the
    /// machine slept. They are not begun a second time beside themselves.
    fn hold_on(&mut self, now: i64, lease_until: i64) -> Vec<(SubmissionId, u32)> {
        let over = self.held.values_mut().filter(|held| held.lease_until <= now);
        over.map(|held| {
            held.lease_until = lease_until;
            (held.id, held.attempt)
        })
        .collect()
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
