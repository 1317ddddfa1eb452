//! A policy host that runs.

use std::convert::Infallible;

use sealpost_listen::Inherited;
use sealpost_net::Network;
use sealpost_publish::{Domains, HostError, PolicyHost, Section};
use sealpost_runtime::{AfterPanic, Clock, supervise};
use sealpost_store::Store;
use tokio::task::JoinSet;

use super::doors;
use crate::daemon::doors::Doors;
use crate::outcome::{Failure, with_source};
use crate::output::Output;

/// A policy host that runs: its doors, and what keeps its certificates.
pub(crate) struct Hosting {
    host: PolicyHost,
    doors: Doors,
    tasks: JoinSet<()>,
}

impl Hosting {
    /// Takes everything up, and serves from now on.
    pub(crate) async fn start(
        section: &Section,
        domains: Domains,
        store: &Store,
        (network, clock): (Network, Clock),
        inherited: Inherited,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let prepared = PolicyHost::prepare(section, domains, store, network, clock).await;
        let host = prepared.map_err(|error| failure(&error))?;
        let doors = doors::open(&section.host, &host, inherited).await?;
        for place in doors.places() {
            output.say(&format!("listening at {place}"));
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(keep(host.clone()));
        Ok(Self { host, doors, tasks })
    }

    /// Serves these domains from now on, or, if that cannot be written down, those of before; says
    /// which.
    pub(crate) async fn reload(&self, section: &Section, domains: Domains, output: &mut Output) {
        match self.host.reload(section, domains).await {
            Ok(done) => {
                let held = match done.held {
                    0 => String::new(),
                    held => {
                        format!(", {held} wait until a look has shown that no MX host is left out")
                    }
                };
                let new = match done.new {
                    0 => String::new(),
                    new => format!(", {new} are new and not served before a look at their records"),
                };
                output.say(&format!(
                    "read the configuration again: {} domains, {} policies changed{held}{new}",
                    done.domains, done.changed
                ));
            }
            Err(error) => output.say(&failure(&error).hint(UNCHANGED).to_string()),
        }
    }

    /// The host, for who tells of it.
    pub(crate) fn host(&self) -> &PolicyHost {
        &self.host
    }

    /// Waits until it cannot go on, which should not happen, and says why. Nothing is lost if the
    /// waiting is given up.
    pub(crate) async fn failed(&mut self) -> Failure {
        // None of them ends by itself.
        self.tasks.join_next().await;
        Failure::new("go on keeping certificates")
    }

    /// Answers what is under way, and closes everything. An order of a certificate goes on after
    /// the next start.
    pub(crate) async fn stop(mut self) {
        self.doors.close().await;
        self.tasks.shutdown().await;
    }
}

/// What follows if a configuration cannot be taken up.
pub(crate) const UNCHANGED: &str = "what was served is served on";

async fn keep(host: PolicyHost) {
    let metrics = host.metrics();
    let make = || {
        let host = host.clone();
        async move {
            let never: Infallible = host.run().await;
            match never {}
        }
    };
    // It gives up never.
    let _ = supervise("the policy host", AfterPanic::Restart, &metrics.panics, make).await;
}

fn failure(error: &HostError) -> Failure {
    Failure::new(with_source(error))
}
