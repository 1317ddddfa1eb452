//! The daemon.

use sealpost_enforce::{Answerer, Enforcer, Settings};
use sealpost_listen::{Inherited, Limits, Listener, Server};
use sealpost_store::{Settings as StoreSettings, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::arguments::EnforceArguments;
use crate::command::signals::Signals;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Answers until it is told to stop.
pub(super) async fn run(
    arguments: &EnforceArguments,
    mut inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let mut signals = Signals::new()?;
    let network = arguments.network.open()?;
    let clock = arguments.network.clock();
    let path = arguments.store.as_ref().ok_or_else(|| Failure::new("find the store"))?;
    let opened = Store::open(StoreSettings::at(path)).await;
    let store = opened.map_err(|error| store_failure(path, &error))?;
    let settings = Settings { deadline: arguments.deadline.into(), ..Settings::default() };
    let started = Enforcer::start(settings, network.clone(), &store, clock).await;
    let enforcer = started.map_err(|error| store_failure(path, &error))?;
    let answerer = Answerer::new(enforcer.clone(), network, settings);

    let mut listeners = Vec::new();
    for address in &arguments.listen {
        let made = address.listen(&mut inherited).await;
        listeners.extend(made.map_err(|error| Failure::new(with_source(&error)))?);
    }
    let loaded = enforcer.sizes().0;
    for listener in &listeners {
        output.say(&format!("listening at {listener}"));
    }
    output.say(&format!("ready, with {loaded} policies"));

    serve_all(answerer, listeners, &mut signals).await;
    output.say("stopping");
    enforcer.stop().await;
    store.close().await;
    Ok(Outcome::Clean)
}

/// Serves all listeners until a signal comes, and then ends their connections decently.
async fn serve_all(answerer: Answerer, listeners: Vec<Listener>, signals: &mut Signals) {
    let server = Server::new(answerer, Limits::default());
    let (stop, stopping) = watch::channel(false);
    let mut running = JoinSet::new();
    for listener in listeners {
        let (server, mut stopping) = (server.clone(), stopping.clone());
        running.spawn(async move {
            let stopped = async {
                // An error means that nobody is left to tell it.
                let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
            };
            server.serve(listener, stopped).await
        });
    }
    signals.any().await;
    stop.send_replace(true);
    running.join_all().await;
}

fn store_failure(path: &std::path::Path, error: &StoreError) -> Failure {
    Failure::new(format!("{} ({})", with_source(error), path.display())).hint(
        "without its policies a sender is easy to downgrade, so none is answered; mend the file, \
         or move it away to begin anew",
    )
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
