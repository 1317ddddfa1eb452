//! Our own domains, looked at again and again.

use std::path::PathBuf;
use std::sync::Arc;

use sealpost_check::scheduled::{CheckMetrics, Job, Watched};

use super::ground::Ground;
use super::publish::load_domains;
use super::role::{Reloaded, RoleName};
use crate::configuration::Configuration;
use crate::outcome::Failure;
use crate::output::Output;

/// What follows if the store cannot be used.
const WITHOUT: &str =
    "what was seen and what has changed is kept there; mend the file, or name another";

/// The role that keeps an eye on our own domains.
pub(super) struct Check {
    /// Where it keeps what it sees.
    store: PathBuf,
    job: Job,
    domains: usize,
}

impl Check {
    /// Looks at what is configured, from now on.
    pub(super) async fn start(ground: &mut Ground) -> Result<Self, Failure> {
        let watched = watched(&ground.configuration).await?;
        let path = ground.configuration.store_of(RoleName::Check);
        let store = ground.store(&path, WITHOUT).await?;
        let network = ground.network_for_lists().map_err(Failure::new)?;
        let domains = watched.count();
        let job = Job::start(network, store.checks(), watched, ground.clock.clone());
        Ok(Self { store: path, job, domains })
    }

    pub(super) fn greeting(&self) -> String {
        match self.domains {
            1 => "with 1 domain".to_owned(),
            count => format!("with {count} domains"),
        }
    }

    /// Looks at other domains, or as often as it says now. What cannot be read changes nothing.
    pub(super) async fn reload(
        &mut self,
        configuration: &Configuration,
        output: &mut Output,
    ) -> Reloaded {
        if configuration.store_of(RoleName::Check) != self.store {
            return Reloaded::StartAnew;
        }
        match watched(configuration).await {
            Ok(watched) => {
                self.domains = watched.count();
                self.job.reload(watched);
                output.say(&format!("looks at {} domains", self.domains));
            }
            Err(failure) => {
                let hint = "the domains of before are looked at";
                output.say(&failure.hint(hint).to_string());
                return Reloaded::Refused;
            }
        }
        Reloaded::Done
    }

    pub(super) async fn failed(&mut self) -> Failure {
        self.job.ended().await;
        Failure::new("go on looking at domains")
    }

    pub(super) fn metrics(&self) -> Arc<CheckMetrics> {
        self.job.metrics()
    }

    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.job.stop().await;
        Ok(())
    }
}

/// The domains that are ours: those that its own section names, and those of the roles that run
/// beside it.
async fn watched(configuration: &Configuration) -> Result<Watched, Failure> {
    let section = &configuration.check;
    let runs = |name| configuration.serve.roles.contains(&name);
    let mut domains = section.domains.clone();
    if runs(RoleName::Receive) {
        domains.extend(configuration.receive.domains.iter().cloned());
    }
    if runs(RoleName::Publish) {
        let published = load_domains(configuration).await?;
        domains.extend(published.iter().map(|published| published.domain.clone()));
    }
    // Without an interval the role does not run.
    let every = section.interval().unwrap_or_default();
    Ok(Watched::new(domains, every, section.at_once()))
}
