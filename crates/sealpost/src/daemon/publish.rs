//! Leading domains from stage to stage.

use std::sync::Arc;

use sealpost_publish::drive::{Driver, writers};
use sealpost_publish::{Domains, Job};
use sealpost_runtime::Liveness;

use super::ground::Ground;
use super::role::{Pulse, Reloaded};
use crate::configuration::Configuration;
use crate::outcome::Failure;
use crate::output::Output;

/// What follows if the store cannot be used.
const WITHOUT: &str = "without what is kept of each domain nobody knows what senders may hold; mend \
                       the file, or name another";

/// The role of the domain owner.
pub(super) struct Publish {
    job: Job,
    /// What a reload cannot change.
    fixed: String,
}

impl Publish {
    /// Leads every domain that is configured from now on.
    pub(super) async fn start(ground: &mut Ground, output: &mut Output) -> Result<Self, Failure> {
        let domains = domains(&ground.configuration)?;
        let section = ground.configuration.publish.clone();
        let store = ground.store(&section.store_file(), WITHOUT).await?;
        let network = ground.network.clone();
        let writers = writers(&section, &network).map_err(Failure::new)?;
        output.say(&format!("leading {} domains", domains.iter().len()));
        let fixed = fixed(&ground.configuration);
        let driver = Driver::new(store, network, writers);
        Ok(Self { job: Job::start(driver, domains, ground.clock.clone()), fixed })
    }

    /// Leads what is configured now. What is wrong is said, and the domains of before go on.
    pub(super) fn reload(
        &mut self,
        configuration: &Configuration,
        output: &mut Output,
    ) -> Reloaded {
        if fixed(configuration) != self.fixed {
            return Reloaded::StartAnew;
        }
        match domains(configuration) {
            Ok(domains) => {
                output.say(&format!("read the domains again: {}", domains.iter().len()));
                self.job.reload(domains);
            }
            Err(failure) => {
                let failure = failure.to_string();
                output.say(&format!("{}\n\nhint: those of before go on", failure.trim_end()));
            }
        }
        Reloaded::Done
    }

    pub(super) async fn failed(&mut self) -> Failure {
        self.job.ended().await;
        Failure::new("go on leading domains")
    }

    /// A pass may take its time; the role is stuck when nothing runs any more, and then it has
    /// failed.
    pub(super) fn pulse() -> Pulse {
        Arc::new(|| Box::pin(async { Liveness::Alive }))
    }

    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.job.stop().await;
        Ok(())
    }
}

fn domains(configuration: &Configuration) -> Result<Domains, Failure> {
    let (name, text) = &configuration.source;
    crate::command::load_domains(&configuration.publish, name, text)
}

/// Where everything is kept, and which servers take updates.
fn fixed(configuration: &Configuration) -> String {
    let section = &configuration.publish;
    format!("{} {:?}", section.store_file().display(), section.dns_servers)
}
