//! The daemon.

mod doors;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealpost_enforce::{Answerer, Enforcer, Exceptions, Proof, Prover, Section, Switch};
use sealpost_listen::Inherited;
use sealpost_runtime::{AfterPanic, Clock, ServiceManager, raise_descriptor_limit, supervise};
use sealpost_store::{Settings as StoreSettings, Store, StoreError};
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::doors::Doors;
use super::stored;
use crate::arguments::EnforceArguments;
use crate::command::signals::{Cause, Signals};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// How long the start may take for the proof that resolvers validate; it is tried on afterwards.
const FIRST_PROOF: Duration = Duration::from_secs(8);

/// Answers until it is told to stop.
pub(super) async fn run(
    arguments: &EnforceArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    raise_descriptor_limit();
    let mut signals = Signals::new()?;
    let manager = Arc::new(ServiceManager::from_environment().map_err(Failure::new)?);
    let configuration = arguments.configuration.load()?;
    let section = arguments.over(configuration.enforce);
    let exceptions = load_exceptions(&section)?;
    let network = arguments.network.open_over(configuration.network)?;
    let clock = arguments.network.clock();

    let path = section.store_file();
    let opened = Store::open(StoreSettings::at(&path)).await;
    let store = opened.map_err(|error| store_failure(&path, &error))?;
    let settings = section.settings();
    let started = Enforcer::start(settings, network.clone(), &store, clock.clone()).await;
    let enforcer = started.map_err(|error| store_failure(&path, &error))?;
    let answerer = Answerer::new(enforcer.clone(), network.clone(), settings);
    take_over(exceptions, &answerer, &clock);

    let mut tasks = JoinSet::new();
    if section.dane == Switch::On {
        let prover = Prover {
            answerer: answerer.clone(),
            network,
            resolvers: section.mta_resolvers.clone(),
            probes: section.probes(),
        };
        // Mail servers wait meanwhile, so not for long.
        let proof = timeout(FIRST_PROOF, prover.test()).await.unwrap_or_else(|_| {
            Proof::Unknown("the resolvers have not answered in time".to_owned())
        });
        match &proof {
            Proof::Proven => output.say("the resolvers validate: answers follow DANE"),
            Proof::Refuted(why) | Proof::Unknown(why) => {
                output.say(&format!("warning: answers do not follow DANE: {why}"));
            }
        }
        tasks.spawn(keep_proving(prover, proof));
    }

    let mut doors = Doors::open(section.clone(), answerer.clone(), inherited).await?;
    for place in doors.places() {
        output.say(&format!("listening at {place}"));
    }
    let ready = format!("ready, with {} policies", enforcer.sizes().0);
    output.say(&ready);
    manager.status(&ready);
    manager.ready();
    let (watched, liveness) = (Arc::clone(&manager), doors.liveness());
    tasks.spawn(async move { watched.watch(liveness).await });

    let ended = loop {
        let cause = tokio::select! {
            cause = signals.next() => cause,
            panicked = doors.failed() => break Err(Failure::new(panicked)),
        };
        match cause {
            Cause::Stop => break Ok(Outcome::Clean),
            Cause::Reload => {
                manager.reloading();
                reload(&section, &answerer, &clock, output);
                manager.ready();
            }
        }
    };
    output.say("stopping");
    manager.stopping();
    doors.close().await;
    tasks.shutdown().await;
    enforcer.stop().await;
    store.close().await;
    ended
}

/// A panic is no reason to go on without proof, or with an old one.
async fn keep_proving(prover: Prover, proof: Proof) {
    let answerer = prover.answerer.clone();
    let panics = &answerer.metrics().panics;
    let make = || prover.clone().run(proof.clone());
    // It gives up never.
    let _ = supervise("the proof of resolvers", AfterPanic::Restart, panics, make).await;
}

fn reload(section: &Section, answerer: &Answerer, clock: &Clock, output: &mut Output) {
    match load_exceptions(section) {
        Ok(exceptions) => {
            let count = exceptions.len();
            take_over(exceptions, answerer, clock);
            output.say(&format!("read the exceptions again: {count}"));
        }
        Err(failure) => {
            output
                .say(&format!("{}\n\nhint: those of before go on", failure.to_string().trim_end()));
        }
    }
}

fn load_exceptions(section: &Section) -> Result<Exceptions, Failure> {
    match &section.exceptions {
        Some(path) => Exceptions::load(path).map_err(Failure::new),
        None => Ok(Exceptions::default()),
    }
}

/// Lets exceptions hold, and reminds of those that have ended.
fn take_over(exceptions: Exceptions, answerer: &Answerer, clock: &Clock) {
    for (domain, exception) in exceptions.ended(clock.now().as_second()) {
        tracing::warn!(domain, %exception, "an exception has ended: remove it, or give it another end");
    }
    answerer.set_exceptions(exceptions);
}

fn store_failure(path: &Path, error: &StoreError) -> Failure {
    let failure = stored::failure(path, error);
    if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        return failure.hint("make its folder, or name another file with --store");
    }
    failure.hint(
        "without its policies a sender is easy to downgrade, so none is answered; mend the file, \
         or move it away to begin anew",
    )
}
