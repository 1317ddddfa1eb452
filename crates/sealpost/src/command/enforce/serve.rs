//! The daemon.

mod doors;

use std::path::Path;

use sealpost_enforce::{Answerer, Enforcer, Exceptions, Proof, Prover, Section, Switch};
use sealpost_listen::Inherited;
use sealpost_runtime::Clock;
use sealpost_store::{Settings as StoreSettings, Store, StoreError};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use self::doors::Doors;
use super::stored;
use crate::arguments::EnforceArguments;
use crate::command::signals::{Cause, Signals};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Answers until it is told to stop.
pub(super) async fn run(
    arguments: &EnforceArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let mut signals = Signals::new()?;
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
        match prover.test().await {
            Proof::Proven => output.say("the resolvers validate: answers follow DANE"),
            Proof::Refuted(why) | Proof::Unknown(why) => {
                output.say(&format!("warning: answers do not follow DANE: {why}"));
            }
        }
        tasks.spawn(prover.run());
    }

    let (stop, stopping) = watch::channel(false);
    let (opened, opening) = oneshot::channel();
    let doors = Doors { section: section.clone(), answerer: answerer.clone(), stopping };
    let serving = tokio::spawn(doors.serve(inherited, opened));
    // Whoever opens them tells before it goes.
    let places = opening.await.map_err(|_| Failure::new("listen"))??;
    for place in places {
        output.say(&format!("listening at {place}"));
    }
    output.say(&format!("ready, with {} policies", enforcer.sizes().0));

    while let Cause::Reload = signals.next().await {
        match load_exceptions(&section) {
            Ok(exceptions) => {
                let count = exceptions.len();
                take_over(exceptions, &answerer, &clock);
                output.say(&format!("read the exceptions again: {count}"));
            }
            Err(failure) => output.say(&format!("{failure}\n\nhint: those of before go on")),
        }
    }
    output.say("stopping");
    stop.send_replace(true);
    if serving.await.is_err() {
        output.say("error: the listeners have ended early");
    }
    tasks.shutdown().await;
    enforcer.stop().await;
    store.close().await;
    Ok(Outcome::Clean)
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
    stored::failure(path, error).hint(
        "without its policies a sender is easy to downgrade, so none is answered; mend the file, \
         or move it away to begin anew",
    )
}
