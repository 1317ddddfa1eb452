//! The regular work: every domain that is due is looked at, some at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use mail_domain::DomainName;
use sealpost_evidence::Evidence;
use sealpost_net::{Network, Scope};
use sealpost_rules::{
    Severity,
    changes::{Change, Facts, unannounced},
    incidents::passing_faults,
    judge,
};
use sealpost_runtime::{AfterPanic, Clock, Stopwatch, supervise};
use sealpost_store::{
    Checks, StoreError,
    checks::{Kept, Look, Plan, Sums},
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    metrics::{CheckMetrics, Judged, Kind, LookFailure},
    schedule::{self, Faults},
};
use crate::Checked;

/// How often it is looked which domains are due.
const TICK: Duration = Duration::from_secs(30);
/// How long a domain stays in hand before another process may take it up, in seconds: longer than
/// any look takes.
const IN_HAND: i64 = 600;
/// How long looks that are under way may take when everything stops.
const GRACE: Duration = Duration::from_secs(5);
/// For how long what has changed is kept, in seconds: 400 days.
const KEPT: i64 = 400 * 86_400;
/// Between two times that what is older is forgotten, in seconds.
const FORGET_EVERY: i64 = 86_400;
/// From a start until something is forgotten, in seconds: the clock may not be set yet.
const FORGET_FIRST: i64 = 3_600;
/// Rows that are asked for at a time.
const PAGE: u32 = 10_000;

/// What is looked at, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    domains: Vec<DomainName>,
    every: Duration,
    at_once: usize,
}

/// Looks at our own domains until it is stopped. Several processes may share a store: each domain is
/// in one hand at a time.
pub struct Job {
    watched: watch::Sender<Arc<Watched>>,
    stop: watch::Sender<bool>,
    metrics: Arc<CheckMetrics>,
    task: JoinHandle<()>,
}

impl Watched {
    /// These domains, each once however often it is named. So many are looked at at a time.
    pub fn new(
        domains: impl IntoIterator<Item = DomainName>,
        every: Duration,
        at_once: usize,
    ) -> Self {
        let mut domains: Vec<DomainName> = domains.into_iter().collect();
        domains.sort();
        domains.dedup();
        Self { domains, every, at_once }
    }

    /// How many domains there are.
    pub fn count(&self) -> usize {
        self.domains.len()
    }
}

impl Job {
    /// Begins to look at these. Must be called within a Tokio runtime.
    pub fn start(network: Network, checks: Checks, watched: Watched, clock: Clock) -> Self {
        let (watched, seen) = watch::channel(Arc::new(watched));
        let (stop, stopped) = watch::channel(false);
        let metrics = Arc::new(CheckMetrics::default());
        let counted = Arc::clone(&metrics);
        let task = tokio::spawn(async move {
            let make = || {
                let looker = Looker {
                    network: network.clone(),
                    checks: checks.clone(),
                    clock: clock.clone(),
                    metrics: Arc::clone(&counted),
                };
                let (in_hand, counted, forget_at) = (HashMap::new(), None, None);
                let work = Work { looker, in_hand, counted, forget_at };
                work.run(seen.clone(), stopped.clone())
            };
            // It ends when it is told to, and gives up never.
            let name = "the scheduled checks";
            let _ = supervise(name, AfterPanic::Restart, &counted.job_panics, make).await;
        });
        Self { watched, stop, metrics, task }
    }

    /// Looks at these from now on. Looks that are under way come to their end.
    pub fn reload(&self, watched: Watched) {
        self.watched.send_replace(Arc::new(watched));
    }

    /// Begins no look any more, and waits a moment for those that are under way. The domain of one
    /// that is cut off is due at the next start.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let mut task = self.task;
        if timeout(GRACE.saturating_mul(3), &mut task).await.is_err() {
            task.abort();
        }
    }

    /// Waits until it ends without being told to, which should not happen. Nothing is lost if the
    /// waiting is given up.
    pub async fn ended(&mut self) {
        // Whether it panicked or not, it does not go on.
        let _ = (&mut self.task).await;
    }

    /// What is counted.
    pub fn metrics(&self) -> Arc<CheckMetrics> {
        Arc::clone(&self.metrics)
    }
}

/// The work through all domains.
struct Work {
    looker: Looker,
    /// The domains in hand, each until when.
    in_hand: HashMap<DomainName, i64>,
    /// Whose domains were counted last.
    counted: Option<Arc<Watched>>,
    /// When what is old is forgotten next.
    forget_at: Option<i64>,
}

/// Looks at one domain.
#[derive(Clone)]
struct Looker {
    network: Network,
    checks: Checks,
    clock: Clock,
    metrics: Arc<CheckMetrics>,
}

/// A domain that is due, with its last look.
struct Due {
    domain: DomainName,
    looked_at: Option<i64>,
    now: i64,
    /// Until when it is in hand.
    until: i64,
}

/// A domain, and what a look at it came to; none if another process had it in hand.
type Ended = (DomainName, Result<Option<Kept>, StoreError>);

impl Work {
    async fn run(
        mut self,
        mut watched: watch::Receiver<Arc<Watched>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let all = Arc::clone(&watched.borrow_and_update());
            if let Err(error) = self.round(&all, &watched, &mut stopped).await {
                self.looker.metrics.failures.increment(LookFailure::Store);
                tracing::error!(%error, "could not find the domains that are to be looked at");
            }
            if *stopped.borrow() {
                return;
            }
            tokio::select! {
                () = self.looker.clock.sleep(TICK) => {}
                changed = watched.changed() => if changed.is_err() { return },
                changed = stopped.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Looks at every domain that is due.
    async fn round(
        &mut self,
        all: &Arc<Watched>,
        watched: &watch::Receiver<Arc<Watched>>,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), StoreError> {
        let due = self.due(all).await?;
        let metrics = Arc::clone(&self.looker.metrics);
        metrics.due.set(gauge(due.len()));
        let any = !due.is_empty();
        let mut running = JoinSet::new();
        for (domain, looked_at) in due {
            while running.len() >= all.at_once && !*stopped.borrow() {
                tokio::select! {
                    ended = running.join_next() => self.ended(ended),
                    () = told_to_stop(stopped) => {}
                }
            }
            if *stopped.borrow() || watched.has_changed().unwrap_or(true) {
                break;
            }
            let now = self.looker.now();
            let due = Due { domain, looked_at, now, until: now.saturating_add(IN_HAND) };
            self.in_hand.insert(due.domain.clone(), due.until);
            let (looker, every) = (self.looker.clone(), all.every);
            running.spawn(async move {
                let looked = looker.look(&due, every).await;
                (due.domain, looked)
            });
        }
        self.await_all(running, stopped).await;
        metrics.due.set(0);
        self.forget().await?;
        let is_counted = self.counted.as_ref().is_some_and(|counted| Arc::ptr_eq(counted, all));
        if any || !is_counted {
            self.count(all).await?;
            self.counted = Some(Arc::clone(all));
        }
        Ok(())
    }

    /// Waits for the looks that are under way; when everything stops, only a moment.
    async fn await_all(
        &mut self,
        mut running: JoinSet<Ended>,
        stopped: &mut watch::Receiver<bool>,
    ) {
        while !running.is_empty() {
            tokio::select! {
                ended = running.join_next() => self.ended(ended),
                () = told_to_stop(stopped) => {
                    let rest = async {
                        while let Some(ended) = running.join_next().await {
                            self.ended(Some(ended));
                        }
                    };
                    // What is not there yet is cut off: nothing is written of it.
                    let _ = timeout(GRACE, rest).await;
                    running.shutdown().await;
                }
            }
        }
        for (domain, until) in std::mem::take(&mut self.in_hand) {
            if let Err(error) = self.looker.checks.release(domain, until).await {
                tracing::debug!(%error, "a domain stays in hand for a while");
            }
        }
    }

    /// A look that panicked ends no other; its domain is given out of hand.
    fn ended(&mut self, joined: Option<Result<Ended, tokio::task::JoinError>>) {
        let metrics = &self.looker.metrics;
        match joined {
            None => {}
            Some(Ok((domain, looked))) => {
                match looked {
                    Ok(Some(Kept::Done)) => metrics.looks.increment(),
                    Ok(Some(Kept::Outdated)) => metrics.failures.increment(LookFailure::Outdated),
                    Ok(None) => {}
                    Err(error) => {
                        metrics.failures.increment(LookFailure::Store);
                        tracing::error!(%domain, %error, "a look could not be kept");
                        return;
                    }
                }
                self.in_hand.remove(&domain);
            }
            Some(Err(error)) => {
                metrics.failures.increment(LookFailure::Panic);
                tracing::error!(%error, "a look ended early");
            }
        }
    }

    /// The domains that are due: those never looked at, and those whose time has come, by what was
    /// planned or by the interval of now.
    async fn due(&self, all: &Watched) -> Result<Vec<(DomainName, Option<i64>)>, StoreError> {
        let now = self.looker.now();
        let mut plans: HashMap<DomainName, Plan> = HashMap::new();
        let mut behind = None;
        loop {
            let page = self.looker.checks.plans(behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.domain.clone());
            plans.extend(page.into_iter().map(|plan| (plan.domain.clone(), plan)));
        }
        let due = all.domains.iter().filter_map(|domain| {
            let plan = plans.get(domain);
            let looked_at = plan.and_then(|plan| plan.looked_at);
            let is_due = plan.zip(looked_at).is_none_or(|(plan, looked_at)| {
                // A look from the future tells of a clock that was set back.
                plan.due <= now
                    || looked_at > now
                    || schedule::next(domain, looked_at, all.every) <= now
            });
            is_due.then(|| (domain.clone(), looked_at))
        });
        Ok(due.collect())
    }

    async fn forget(&mut self) -> Result<(), StoreError> {
        let now = self.looker.now();
        if is_time_to_forget(&mut self.forget_at, now) {
            self.looker.checks.forget(now.saturating_sub(KEPT)).await?;
        }
        Ok(())
    }

    /// Counts how the domains stood at the last look at each.
    async fn count(&self, all: &Watched) -> Result<(), StoreError> {
        let mut verdicts: HashMap<&DomainName, Sums> = HashMap::new();
        let mut behind = None;
        loop {
            let page = self.looker.checks.summaries(behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.domain.clone());
            for summary in page {
                if let Ok(place) = all.domains.binary_search(&summary.domain)
                    && let Some(domain) = all.domains.get(place)
                {
                    verdicts.insert(domain, summary.findings);
                }
            }
        }
        let metrics = &self.looker.metrics;
        for judged in Judged::all() {
            let of = |domain: &DomainName| verdicts.get(domain).and_then(|sums| sums.verdict);
            let count = all.domains.iter().filter(|domain| of(domain) == judged.0).count();
            metrics.domains.set(judged, gauge(count));
        }
        let errors = verdicts.values().filter(|sums| sums.errors > 0).count();
        metrics.errors.set(gauge(errors));
        let soonest = verdicts.values().filter_map(|sums| sums.certificate_end).min();
        metrics.soonest.set(soonest.unwrap_or(0));
        Ok(())
    }
}

impl Looker {
    /// Looks at a domain, holds what is seen beside what was known, and keeps it. `None` if another
    /// process has it in hand, or has looked already.
    async fn look(&self, due: &Due, every: Duration) -> Result<Option<Kept>, StoreError> {
        let domain = &due.domain;
        if !self.checks.claim(domain.clone(), due.looked_at, due.now, due.until).await? {
            return Ok(None);
        }
        let watch = Stopwatch::start();
        let checked = Checked::new(self.network.gather(domain, Scope::all()).await);
        self.metrics.look_time.observe(watch.elapsed());
        let before = self.checks.before(domain.clone()).await?;
        let seen = Facts::of(&checked.evidence);
        let known = before.as_ref().and_then(|before| before.facts.as_ref());
        let (facts, changes) = match known {
            Some(known) => (seen.clone().carried_from(known), known.changes_to(&seen)),
            None => (seen, Vec::new()),
        };
        let faults = self.faults(&checked, &changes).await?;
        let at = checked.evidence.observed.as_second();
        let look = Look {
            findings: sums(&checked),
            due: schedule::next_if(faults, domain, at, every),
            evidence: Arc::new(checked.evidence),
            facts,
            changes: changes.clone(),
        };
        let kept = self.checks.keep(look, before.map(|before| before.at)).await?;
        if kept == Kept::Done {
            self.tell(domain, &changes);
        }
        Ok(Some(kept))
    }

    /// What has become of the faults that the look before found.
    async fn faults(&self, checked: &Checked, changes: &[Change]) -> Result<Faults, StoreError> {
        /// Earlier changes that are looked through.
        const EARLIER: u32 = 100;
        let domain = checked.evidence.domain.clone();
        let now = passing_faults(&checked.judgement.findings);
        let earlier = self.checks.events_of(domain.clone(), EARLIER).await?;
        let earlier = || earlier.iter().map(|event| &event.change);
        let was_unannounced = unannounced(earlier()).is_some();
        let is_unannounced = unannounced(changes.iter().rev().chain(earlier())).is_some();
        let last = self.checks.latest(domain).await?;
        let before = match &last {
            Some(last) => passing_faults(&judge(&last.evidence).findings),
            None => Default::default(),
        };
        let came = !now.is_subset(&before) || (is_unannounced && !was_unannounced);
        let is_any = !now.is_empty() || is_unannounced;
        let was_any = !before.is_empty() || was_unannounced;
        Ok(match (came, is_any, last) {
            (true, ..) => Faults::Came,
            (false, true, Some(last)) => Faults::Stay { since: last.at },
            (false, true, None) => Faults::Came,
            (false, false, _) if was_any => Faults::Went,
            (false, false, _) => Faults::None,
        })
    }

    fn tell(&self, domain: &DomainName, changes: &[Change]) {
        for change in changes {
            self.metrics.events.increment(Kind::of(change));
            tracing::info!("{domain}: {change}");
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }
}

/// Plans the next time if it is.
fn is_time_to_forget(at: &mut Option<i64>, now: i64) -> bool {
    // One that is further away was planned by a clock that was ahead.
    let planned = at.filter(|at| *at <= now.saturating_add(FORGET_EVERY));
    let is_time = planned.is_some_and(|at| at <= now);
    *at = match planned {
        Some(at) if !is_time => Some(at),
        Some(_) => Some(now.saturating_add(FORGET_EVERY)),
        None => Some(now.saturating_add(FORGET_FIRST)),
    };
    is_time
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // Whoever has dropped the other end wants nothing more.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

fn sums(checked: &Checked) -> Sums {
    let count = |severity| {
        let findings = checked.judgement.findings.iter();
        let count = findings.filter(|finding| finding.rule.severity == severity).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    Sums {
        verdict: checked.judgement.verdict,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        certificate_end: first_end(&checked.evidence),
    }
}

/// When the first of the certificates ends that hosts have shown.
fn first_end(evidence: &Evidence) -> Option<i64> {
    let fetches = evidence.policy_host.iter().flat_map(|host| &host.fetches);
    let hosts = evidence.mail_hosts.iter().flat_map(|mail| &mail.hosts);
    let sessions = hosts.flat_map(|host| &host.sessions);
    let shown = fetches.map(|fetch| &fetch.tls).chain(sessions.map(|session| &session.tls));
    let leaves = shown.filter_map(|session| session.as_ref()?.leaf());
    leaves.map(|leaf| leaf.not_after.as_second()).min()
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten_at_once_and_a_clock_that_was_ahead_stops_nothing() {
        let mut at = None;
        let mut is_time = |now| is_time_to_forget(&mut at, now);
        assert!(!is_time(1_000), "the clock may not be set yet");
        assert!(!is_time(1_000 + FORGET_FIRST - 1));
        assert!(is_time(1_000 + FORGET_FIRST));
        assert!(!is_time(1_000 + FORGET_FIRST + FORGET_EVERY - 1));
        assert!(is_time(100_000_000));
        // It was ahead.
        assert!(!is_time(200_000));
        assert!(is_time(200_000 + FORGET_FIRST));
        assert!(!is_time(200_000 + FORGET_FIRST));
    }
}
