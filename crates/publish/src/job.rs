//! The regular work: every domain that is due is passed over, some at a time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use mail_domain::DomainName;
use sealpost_rollout::{Event, Stage, Step, Time, logbook};
use sealpost_runtime::{AfterPanic, Clock, Stopwatch, supervise};
use sealpost_store::{Rollouts, read_clock};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::{
    Domains, DriveMetrics, PassFailure, PolicyHost,
    drive::{Doing, DriveError, Driver, Enrolment, Order, Pass, Statement},
    host::Held,
    metrics::{Gate, InStage},
};

/// A pass that begins so long after it was due is late.
const LATE: Duration = Duration::from_secs(3_600);
/// How often it is looked which domains are due.
const LOOK: Duration = Duration::from_secs(30);
/// How long passes that are under way may take when everything stops.
const GRACE: Duration = Duration::from_secs(20);

/// Leads domains on until it is stopped. Several processes may share a store: each domain is in one
/// hand at a time.
pub struct Job {
    domains: watch::Sender<Arc<Domains>>,
    stop: watch::Sender<bool>,
    metrics: Arc<DriveMetrics>,
    leader: Leader,
    task: JoinHandle<()>,
}

/// What a person asks for between the regular passes, with the domains that are led now.
#[derive(Clone)]
pub struct Leader {
    driver: Driver,
    domains: watch::Receiver<Arc<Domains>>,
    clock: Clock,
}

impl Job {
    /// Begins to lead these domains on, `at_once` of them at a time. Must be called within a Tokio
    /// runtime.
    ///
    /// Of what `host` serves, it looks at once at the policies that wait for a look.
    pub fn start(
        driver: Driver,
        domains: Domains,
        clock: Clock,
        at_once: usize,
        host: Option<&PolicyHost>,
    ) -> Self {
        let domains = Arc::new(domains);
        let driver = driver.with_configured(Arc::clone(&domains));
        let held = host.map_or_else(Arc::default, PolicyHost::held);
        let (domains, seen) = watch::channel(domains);
        let (stop, stopped) = watch::channel(false);
        let metrics = Arc::new(DriveMetrics::default());
        let leader = Leader { driver: driver.clone(), domains: seen.clone(), clock: clock.clone() };
        let counted = Arc::clone(&metrics);
        let task = tokio::spawn(async move {
            let make = || {
                let work = Work {
                    driver: driver.clone(),
                    clock: clock.clone(),
                    at_once: at_once.max(1),
                    begun_at: Time::at(clock.now().as_second()),
                    late: 0,
                    metrics: Arc::clone(&counted),
                    held: Arc::clone(&held),
                    gates: HashMap::new(),
                };
                work.run(seen.clone(), stopped.clone())
            };
            let name = "the leading of domains";
            // It ends when it is told to, and gives up never.
            let _ = supervise(name, AfterPanic::Restart, &counted.job_panics, make).await;
        });
        Self { domains, stop, metrics, leader, task }
    }

    /// Leads these on from now on, in place of those before. Passes that are under way with the
    /// configuration that they began with write down nothing more that follows from it. To be called
    /// before the policy host serves by these.
    pub async fn reload(&self, domains: Domains) {
        let domains = Arc::new(domains);
        self.leader.driver.configure(Arc::clone(&domains)).await;
        self.domains.send_replace(domains);
    }

    /// Begins no pass any more, and waits a while for those that are under way. One that takes too
    /// long is cut off: the next goes on from where it was.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let mut task = self.task;
        if timeout(GRACE, &mut task).await.is_err() {
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
    pub fn metrics(&self) -> Arc<DriveMetrics> {
        Arc::clone(&self.metrics)
    }

    /// For who has a word of a person to pass on.
    pub fn leader(&self) -> Leader {
        self.leader.clone()
    }
}

impl Leader {
    /// A pass over a domain, due or not, that carries out an order; `None` if it is not configured.
    ///
    /// # Errors
    ///
    /// As [`Driver::pass`].
    pub async fn carry_out(
        &self,
        domain: &DomainName,
        order: &Order,
    ) -> Result<Option<Pass>, DriveError> {
        let domains = Arc::clone(&self.domains.borrow());
        match domains.of(domain) {
            Some(published) => {
                let reading = read_clock(&self.clock);
                self.driver.pass(published, &reading, Doing::All, Some(order)).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// What a person says of a domain now.
    pub fn statement(&self, domain: DomainName, by: String, reason: String) -> Statement {
        Statement { domain, by, reason, at: self.now() }
    }

    /// Where it is kept.
    pub fn rollouts(&self) -> Rollouts {
        self.driver.rollouts()
    }

    fn now(&self) -> Time {
        Time::at(self.clock.now().as_second())
    }
}

/// The work through all domains.
struct Work {
    driver: Driver,
    clock: Clock,
    /// How many domains are passed over at the same time.
    at_once: usize,
    /// What was due before could not be done in time.
    begun_at: Time,
    /// How many passes of this round began late.
    late: usize,
    metrics: Arc<DriveMetrics>,
    /// What waits for a look of ours, due or not.
    held: Arc<Held>,
    /// How the gate of each stood in its last pass.
    gates: HashMap<DomainName, Gate>,
}

/// Why a domain is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    /// Its time has come, or had come then.
    Due(Time),
    /// A policy waits for it.
    Held,
}

/// A domain, and what a pass over it came to; none if another process had it in hand.
type Passed = (DomainName, Result<Option<Pass>, DriveError>);

impl Work {
    async fn run(
        mut self,
        mut domains: watch::Receiver<Arc<Domains>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let all = Arc::clone(&domains.borrow_and_update());
            self.gates.retain(|domain, _| all.of(domain).is_some());
            match self.driver.due(&all, self.now()).await {
                Err(error) => {
                    self.metrics.pass_failures.increment(PassFailure::Store);
                    tracing::error!(%error, "could not find the domains that are due");
                }
                Ok(due) => {
                    self.count(&all, due.len()).await;
                    let due = due.into_iter().map(|(domain, at)| (domain, Occasion::Due(at)));
                    let is_over = || *stopped.borrow() || domains.has_changed().unwrap_or(true);
                    self.pass_over(&all, due.collect(), is_over).await;
                    self.tell_of_late();
                    self.count(&all, 0).await;
                }
            }
            if *stopped.borrow() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep(LOOK) => {}
                () = self.held.news() => {}
                changed = domains.changed() => if changed.is_err() { return },
                changed = stopped.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Passes over these, until it is to stop; and first over what waits for a look, also if that comes
    /// meanwhile.
    async fn pass_over(
        &mut self,
        all: &Arc<Domains>,
        mut domains: VecDeque<(DomainName, Occasion)>,
        is_over: impl Fn() -> bool,
    ) {
        let mut running = JoinSet::new();
        self.late = 0;
        loop {
            while running.len() >= self.at_once {
                self.ended(running.join_next().await);
            }
            if is_over() {
                break;
            }
            for domain in self.held.take_fresh() {
                domains.push_front((domain, Occasion::Held));
            }
            let Some((domain, occasion)) = domains.pop_front() else { break };
            self.note_late(occasion);
            let (driver, all, at) = (self.driver.clone(), Arc::clone(all), read_clock(&self.clock));
            let metrics = Arc::clone(&self.metrics);
            running.spawn(async move {
                let watch = Stopwatch::start();
                let passed = match (all.of(&domain), occasion) {
                    (Some(published), Occasion::Due(_)) => driver.pass_if_due(published, &at).await,
                    (Some(published), Occasion::Held) => {
                        driver.pass(published, &at, Doing::All, None).await.map(Some)
                    }
                    (None, _) => Ok(None),
                };
                if matches!(passed, Ok(Some(_))) {
                    metrics.pass_time.observe(watch.elapsed());
                }
                (domain, passed)
            });
        }
        while !running.is_empty() {
            self.ended(running.join_next().await);
        }
    }

    /// A pass that begins now: is it late?
    fn note_late(&mut self, occasion: Occasion) {
        if is_late(occasion, self.now(), self.begun_at) {
            self.late += 1;
        }
        self.metrics.late.set(i64::try_from(self.late).unwrap_or(i64::MAX));
    }

    fn tell_of_late(&self) {
        if self.late > 0 {
            tracing::warn!(
                "{} domains were passed over an hour late or more: raise `passes_at_once` in \
                 [publish], of {} now",
                self.late,
                self.at_once
            );
        }
    }

    /// A pass that panicked ends no other; its domain is due again when it is out of hand.
    fn ended(&mut self, joined: Option<Result<Passed, tokio::task::JoinError>>) {
        let metrics = Arc::clone(&self.metrics);
        match joined {
            None | Some(Ok((_, Ok(None)))) => {}
            Some(Ok((_, Ok(Some(pass))))) => self.take(&pass),
            Some(Ok((domain, Err(error)))) => {
                metrics.pass_failures.increment(error.cause());
                tracing::error!(%domain, %error, "a pass failed");
            }
            Some(Err(error)) => {
                metrics.pass_failures.increment(PassFailure::Panic);
                tracing::error!(%error, "a pass ended early");
            }
        }
    }

    fn take(&mut self, pass: &Pass) {
        self.metrics.passes.increment();
        for row in &pass.rows {
            match row.event {
                Event::Moved { to, .. } => self.metrics.moves.increment(InStage(to)),
                Event::Proposed { .. } => self.metrics.proposals.increment(),
                _ => {}
            }
        }
        for failure in &pass.failures {
            self.metrics.pass_failures.increment(*failure);
        }
        match pass.enrolment {
            Enrolment::Refused => self.gates.remove(&pass.domain),
            Enrolment::Known | Enrolment::New => {
                self.gates.insert(pass.domain.clone(), Gate::of(pass.stage, &pass.decision))
            }
        };
        tell(pass);
    }

    async fn count(&self, all: &Domains, due: usize) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.due.set(gauge(due));
        for gate in Gate::ALL {
            let count = self.gates.values().filter(|one| **one == gate).count();
            self.metrics.gates.set(gate, gauge(count));
        }
        match self.driver.stages(all).await {
            Err(error) => tracing::error!(%error, "could not count the domains of each stage"),
            Ok(counts) => {
                for (stage, count) in Stage::ALL.into_iter().zip(counts) {
                    self.metrics.domains.set(InStage(stage), gauge(count));
                }
            }
        }
    }

    fn now(&self) -> Time {
        Time::at(self.clock.now().as_second())
    }
}

/// Whether a pass that begins now is late. Whose look was wanted at once may come at any time, and
/// nothing could be done before the process began.
fn is_late(occasion: Occasion, now: Time, begun_at: Time) -> bool {
    match occasion {
        Occasion::Due(at) => at > Time::at(0) && now >= at.max(begun_at).plus(LATE),
        Occasion::Held => false,
    }
}

fn tell(pass: &Pass) {
    for line in logbook(&pass.rows).lines() {
        tracing::info!("{}: {line}", pass.domain);
    }
    if let Some(remains) = &pass.remains {
        tracing::warn!("{}: {} → {}: {remains}", pass.domain, pass.before, pass.stage);
    }
    for todo in pass.todo.iter().chain(&pass.untold) {
        tracing::warn!("{}: {todo}", pass.domain);
    }
    if let Step::Propose(to) = &pass.decision.step {
        tracing::warn!("{}: proposed: {} → {}: {}", pass.domain, to.from, to.to, to.cause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_late_after_an_hour_in_which_it_could_have_been_made() {
        let at = Time::at;
        for (occasion, now, begun_at, late) in [
            (Occasion::Due(at(10_000)), 13_599, 0, false),
            (Occasion::Due(at(10_000)), 13_600, 0, true),
            (Occasion::Due(at(10_000)), 15_000, 12_000, false),
            (Occasion::Due(at(10_000)), 15_600, 12_000, true),
            (Occasion::Due(at(0)), 15_600, 1_000, false),
            (Occasion::Held, 15_600, 1_000, false),
        ] {
            assert_eq!(is_late(occasion, at(now), at(begun_at)), late, "{occasion:?} at {now}");
        }
    }
}
