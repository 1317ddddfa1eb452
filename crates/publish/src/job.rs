//! The regular work: every domain that is due is passed over, some at a time.

use std::{sync::Arc, time::Duration};

use sealpost_rollout::{Step, Time, logbook};
use sealpost_runtime::Clock;
use tokio::{sync::watch, task::JoinHandle, task::JoinSet, time::timeout};

use crate::{
    Domains,
    drive::{Driver, Pass},
};

/// How many domains are passed over at the same time.
const AT_ONCE: usize = 16;
/// How often it is looked which domains are due.
const LOOK: Duration = Duration::from_secs(30);
/// How long passes that are under way may take when everything stops.
const GRACE: Duration = Duration::from_secs(20);

/// Leads domains on until it is stopped. Several processes may share a store: each domain is in one
/// hand at a time.
pub struct Job {
    domains: watch::Sender<Arc<Domains>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Job {
    /// Begins to lead these domains on. Must be called within a Tokio runtime.
    pub fn start(driver: Driver, domains: Domains, clock: Clock) -> Self {
        let (domains, seen) = watch::channel(Arc::new(domains));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(work(driver, seen, stopped, clock));
        Self { domains, stop, task }
    }

    /// Leads these on from now on, in place of those before. Passes that are under way end with the
    /// configuration that they began with.
    pub fn reload(&self, domains: Domains) {
        self.domains.send_replace(Arc::new(domains));
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

    /// Has it ended without being told to?
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }
}

async fn work(
    driver: Driver,
    mut domains: watch::Receiver<Arc<Domains>>,
    mut stopped: watch::Receiver<bool>,
    clock: Clock,
) {
    let now = || Time::at(clock.now().as_second());
    loop {
        let all = Arc::clone(&domains.borrow_and_update());
        match driver.due(&all, now()).await {
            Err(error) => tracing::error!("could not find the domains that are due: {error}"),
            Ok(due) => {
                let mut running = JoinSet::new();
                for domain in due {
                    if *stopped.borrow() || domains.has_changed().unwrap_or(true) {
                        break;
                    }
                    while running.len() >= AT_ONCE {
                        ended(running.join_next().await);
                    }
                    let (driver, all, at) = (driver.clone(), Arc::clone(&all), now());
                    running.spawn(async move {
                        let Some(published) = all.of(&domain) else { return };
                        match driver.pass_if_due(published, at).await {
                            Ok(Some(pass)) => tell(&pass),
                            Ok(None) => {}
                            Err(error) => tracing::error!("{domain}: {error}"),
                        }
                    });
                }
                while !running.is_empty() {
                    ended(running.join_next().await);
                }
            }
        }
        if *stopped.borrow() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            changed = domains.changed() => if changed.is_err() { return },
            changed = stopped.changed() => if changed.is_err() { return },
        }
    }
}

/// A pass that panicked ends no other; its domain is due again when it is out of hand.
fn ended(joined: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = joined {
        tracing::error!("a pass ended early: {error}");
    }
}

fn tell(pass: &Pass) {
    for line in logbook(&pass.rows).lines() {
        tracing::info!("{}: {line}", pass.domain);
    }
    for todo in &pass.todo {
        tracing::warn!("{}: {todo}", pass.domain);
    }
    if let Step::Propose(to) = &pass.decision.step {
        tracing::warn!("{}: proposed: {} → {}: {}", pass.domain, to.from, to.to, to.cause);
    }
}
