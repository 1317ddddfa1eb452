//! Whether our reports would be believed, looked at beside everything else.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealpost_net::Network;
use sealpost_report::{Examined, Reporter, Section, examine};
use sealpost_runtime::Clock;
use sealpost_web::{Examination, ExaminedRow};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::super::ground::{Ground, with_source};
use crate::postconf::Postconf;

/// Seconds after which it is looked again, if somebody asks.
const FRESH: i64 = 600;
/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of it, and what is needed to know it.
pub(crate) struct Doctor {
    section: Section,
    host: String,
    network: Network,
    clock: Clock,
    held: Mutex<Examination>,
}

impl Doctor {
    pub(super) fn new(section: Section, ground: &Ground) -> Arc<Self> {
        let (host, network) = (ground.host.clone(), ground.network.clone());
        Arc::new(Self {
            section,
            host,
            network,
            clock: ground.clock.clone(),
            held: Mutex::default(),
        })
    }

    /// What was found last. If that was long ago, it is looked again, and nobody waits for it.
    pub(crate) fn examination(self: &Arc<Self>) -> Examination {
        let now = self.clock.now().as_second();
        let mut held = self.held();
        let is_fresh = held.at.is_some_and(|at| (at..at + FRESH).contains(&now));
        if !is_fresh && !held.is_under_way {
            held.is_under_way = true;
            tokio::spawn(Arc::clone(self).look());
        }
        held.clone()
    }

    async fn look(self: Arc<Self>) {
        let doctor = Arc::clone(&self);
        // In a task of its own: after a panic it is looked again.
        let looked = tokio::spawn(async move { timeout(PATIENCE, doctor.examine()).await }).await;
        let (trouble, examined) = match looked {
            Ok(Ok(Ok(examined))) => (None, examined.into_iter().map(row).collect()),
            Ok(Ok(Err(why))) => (Some(format!("failed to {why}")), Vec::new()),
            Ok(Err(_)) => (Some("it took longer than a minute".to_owned()), Vec::new()),
            Err(error) => (Some(format!("it ended early: {error}")), Vec::new()),
        };
        let at = Some(self.clock.now().as_second());
        *self.held() = Examination { at, is_under_way: false, trouble, examined };
    }

    async fn examine(&self) -> Result<Vec<Examined>, String> {
        let (section, host) = (self.section.clone(), self.host.clone());
        let reporter = spawn_blocking(move || Reporter::of(&section, &host));
        let reporter = reporter.await.map_err(|error| error.to_string())?;
        let mut reporter = reporter.map_err(|error| with_source(&error))?;
        let postconf = Postconf::new(Path::new("postconf"), None);
        reporter.postfix = postconf.for_reports(&self.section).await;
        Ok(examine(&reporter, &self.network, self.clock.now().as_second()).await)
    }

    fn held(&self) -> MutexGuard<'_, Examination> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row(examined: Examined) -> ExaminedRow {
    let Examined { what, state, found, remedy } = examined;
    ExaminedRow { what: what.to_owned(), state: state.as_str(), found, remedy }
}
