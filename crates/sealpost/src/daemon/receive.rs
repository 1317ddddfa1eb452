//! Reports that others send.

mod doors;
mod watched;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_listen::smtp::EhloName;
use sealpost_listen::tls::Identity;
use sealpost_receive::{
    Intake, Notary, OurDomains, Readers, ReadingRoom, ReceiveApi, ReceiveMetrics, Section,
    keep_forgetting,
};
use sealpost_runtime::{AfterPanic, supervise};
use tokio::task::JoinSet;

pub(crate) use self::watched::{Watched, watch_maildir};
use super::doors::Doors;
use super::ground::{Ground, with_source};
use super::role::{Pulse, Reloaded, takes_up_work};
use crate::configuration::Configuration;
use crate::outcome::Failure;
use crate::output::Output;

/// Between two looks at the files of the certificate.
const FRESH: Duration = Duration::from_secs(60);
/// What follows if a store cannot be used.
const WITHOUT: &str =
    "no report is acknowledged that cannot be stored; mend the file, or name another";

/// The role beside the inbox.
pub(super) struct Receive {
    section: Section,
    ours: OurDomains,
    identity: Option<Arc<Identity>>,
    api: Arc<ReceiveApi>,
    doors: Doors,
    tasks: JoinSet<()>,
}

impl Receive {
    /// Takes in reports from now on.
    pub(super) async fn start(ground: &mut Ground, output: &mut Output) -> Result<Self, Failure> {
        let section = ground.configuration.receive.clone();
        let host = host(&section, &ground.host)?;
        let identity = load_identity(&section)?;
        let (network, clock) = (ground.network.clone(), ground.clock.clone());
        let store = ground.store(&section.store_file(), WITHOUT).await?;
        let raw = ground.raw_store(&section.raw_file(), WITHOUT).await?;
        let raw = raw.with_room(section.limits.storing());
        let watched = Watched::new(&section, &network, &store, section.limits.message_octets)?;
        let notary = Notary::new(network);
        let ours: OurDomains = domains(&ground.configuration).await?.into_iter().collect();
        let limits = section.reading_limits();
        let intake = Intake::new(raw, store.reports(), notary, ours.clone(), limits, clock)
            .believing(section.beliefs())
            .within(section.limits.memory());
        let (room, readers) = ReadingRoom::new(intake, Arc::new(ReceiveMetrics::default()));

        let inherited = ground.inherited.clone();
        let (doors, api) =
            doors::open(&section, host, identity.clone(), room.clone(), inherited).await?;
        for place in doors.places() {
            output.say(&format!("listening at {place}"));
        }
        for place in watched.places() {
            output.say(&format!("watching {place}"));
        }
        let mut tasks = JoinSet::new();
        watched.watch(&room, &mut tasks);
        tasks.spawn(read(room.clone(), readers));
        tasks.spawn(forget(room, section.clone()));
        if let Some(identity) = &identity {
            let identity = Arc::clone(identity);
            tasks.spawn(async move {
                let never: Infallible = identity.keep_fresh(FRESH).await;
                match never {}
            });
        }
        Ok(Self { section, ours, identity, api, doors, tasks })
    }

    /// Reads the certificate again, and takes up the domains that are published now.
    pub(super) async fn reload(
        &mut self,
        configuration: &Configuration,
        output: &mut Output,
    ) -> Reloaded {
        if configuration.receive != self.section {
            return Reloaded::StartAnew;
        }
        let count = match domains(configuration).await {
            Ok(domains) => {
                let count = domains.len();
                self.ours.replace(domains);
                count
            }
            Err(failure) => {
                output.say(&failure.hint("reports count of the domains of before").to_string());
                return Reloaded::Refused;
            }
        };
        match self.identity.as_deref().map(Identity::reload) {
            None if count == 0 => output.say("there is nothing to read again"),
            None => {}
            Some(Ok(())) => output.say("read the certificate again"),
            Some(Err(error)) => {
                let failure = Failure::new(with_source(&error));
                output.say(&failure.hint("the one of before stays in use").to_string());
            }
        }
        if count > 0 {
            output.say(&format!("domains whose reports count: {count}"));
        }
        Reloaded::Done
    }

    pub(super) async fn failed(&mut self) -> Failure {
        // None of them ends by itself. Another start reads on where this one stops.
        self.tasks.join_next().await;
        Failure::new("go on reading reports")
    }

    #[expect(clippy::unused_self, reason = "each role has a pulse")]
    pub(super) fn pulse(&self) -> Pulse {
        takes_up_work()
    }

    pub(super) fn api(&self) -> Arc<ReceiveApi> {
        Arc::clone(&self.api)
    }

    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.doors.close().await;
        // What is not read yet is read after the next start.
        self.tasks.shutdown().await;
        Ok(())
    }
}

/// Reads what is stored, whatever happens.
async fn read(room: ReadingRoom, readers: Readers) {
    // The readers look after panics of what they read.
    let mut readers = Some(readers);
    let metrics = room.metrics_handle();
    let make = || {
        let readers = readers.take();
        async move {
            if let Some(readers) = readers {
                readers.run().await;
            }
        }
    };
    let _ = supervise("the readers of reports", AfterPanic::GiveUp, &metrics.panics, make).await;
}

async fn forget(room: ReadingRoom, section: Section) {
    let metrics = room.metrics_handle();
    let make = || {
        let room = room.clone();
        let retention = section.retention;
        async move {
            let never: Infallible = keep_forgetting(room, retention).await;
            match never {}
        }
    };
    // It gives up never.
    let _ = supervise("the end of old reports", AfterPanic::Restart, &metrics.panics, make).await;
}

/// Whose reports count: none stands for all.
async fn domains(configuration: &Configuration) -> Result<BTreeSet<DomainName>, Failure> {
    let configuration = configuration.clone();
    // Reports are taken in while many files are read.
    let domains = tokio::task::spawn_blocking(move || configuration.reported_domains());
    Ok(domains.await.map_err(Failure::new)??.into_iter().collect())
}

fn host(section: &Section, otherwise: &str) -> Result<EhloName, Failure> {
    let name = section.host.as_deref().unwrap_or(otherwise);
    EhloName::parse(name)
        .map_err(|error| Failure::new(format!("read the name of this host: {error}")))
}

fn load_identity(section: &Section) -> Result<Option<Arc<Identity>>, Failure> {
    let Some(files) = section.identity().map_err(Failure::new)? else { return Ok(None) };
    let identity = Identity::load(files).map_err(|error| Failure::new(with_source(&error)))?;
    Ok(Some(Arc::new(identity)))
}
