//! The daemon.

mod doors;
mod watched;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealpost_listen::Inherited;
use sealpost_listen::smtp::EhloName;
use sealpost_listen::tls::Identity;
use sealpost_receive::{
    Intake, Limits, Notary, Readers, ReadingRoom, ReceiveMetrics, Section, keep_forgetting,
};
use sealpost_runtime::{AfterPanic, Liveness, ServiceManager, raise_descriptor_limit, supervise};
use sealpost_store::{RawStore, Settings as StoreSettings, Store, StoreError};
use tokio::task::JoinSet;

use self::doors::Doors;
pub(super) use self::watched::{Watched, watch_maildir};
use crate::arguments::ReceiveArguments;
use crate::command::signals::{Cause, Signals};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Between two looks at the files of the certificate.
const FRESH: Duration = Duration::from_secs(60);

/// Takes in reports until it is told to stop.
pub(super) async fn run(
    arguments: &ReceiveArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    raise_descriptor_limit();
    let mut signals = Signals::new()?;
    let manager = Arc::new(ServiceManager::from_environment().map_err(Failure::new)?);
    let configuration = arguments.configuration.load()?;
    let section = arguments.over(configuration.receive);
    let host = host(&section, &configuration.network.ehlo_name)?;
    let identity = load_identity(&section)?;
    let network = arguments.network.open_over(configuration.network)?;
    let clock = arguments.network.clock();

    let path = section.store_file();
    let opened = Store::open(StoreSettings::at(&path)).await;
    let store = opened.map_err(|error| store_failure(&path, &error))?;
    let path = section.raw_file();
    let opened = RawStore::open(StoreSettings::at(&path)).await;
    let raw = opened.map_err(|error| store_failure(&path, &error))?;
    let watched = Watched::new(&section, &network, &store, section.limits.message_octets)?;
    let notary = Notary::new(network);
    let intake =
        Intake::new(raw.clone(), store.reports(), notary, section.ours(), limits(&section), clock)
            .believing(section.beliefs());
    let (room, readers) = ReadingRoom::new(intake, Arc::new(ReceiveMetrics::default()));

    let doors = Doors::open(&section, host, identity.clone(), room.clone(), inherited).await?;
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
    output.say("ready");
    manager.status("ready");
    manager.ready();
    let watched = Arc::clone(&manager);
    // It lives if it comes to do new work.
    let liveness = || async {
        match tokio::spawn(async {}).await {
            Ok(()) => Liveness::Alive,
            Err(_) => Liveness::Stuck,
        }
    };
    tasks.spawn(async move { watched.watch(liveness).await });

    let ended = loop {
        let cause = tokio::select! {
            cause = signals.next() => cause,
            // None of them ends by itself. Another process reads on where this one stops.
            Some(_) = tasks.join_next() => break Err(Failure::new("go on reading reports")),
        };
        match cause {
            Cause::Stop => break Ok(Outcome::Clean),
            Cause::Reload => {
                manager.reloading();
                reload(identity.as_deref(), output);
                manager.ready();
            }
        }
    };
    output.say("stopping");
    manager.stopping();
    doors.close().await;
    // What is not read yet is read after the next start.
    tasks.shutdown().await;
    raw.close().await;
    store.close().await;
    ended
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

fn reload(identity: Option<&Identity>, output: &mut Output) {
    match identity.map(Identity::reload) {
        None => output.say("there is nothing to read again"),
        Some(Ok(())) => output.say("read the certificate again"),
        Some(Err(error)) => {
            let failure = Failure::new(with_source(&error));
            output.say(&failure.hint("the one of before stays in use").to_string());
        }
    }
}

/// What is let in at a door is read too.
fn limits(section: &Section) -> Limits {
    let mut limits = Limits::default();
    let mail = &mut limits.mail;
    mail.octets = mail.octets.max(section.limits.message_octets);
    mail.payload.packed = mail.payload.packed.max(section.limits.post_octets);
    limits
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn store_failure(path: &Path, error: &StoreError) -> Failure {
    let failure = Failure::new(format!("{} ({})", with_source(error), path.display()));
    if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        return failure.hint("make its folder, or name another file with --store");
    }
    failure.hint("no report is acknowledged that cannot be stored; mend the file, or name another")
}
