//! `sealpost publish serve`: the policy host.

mod doors;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use sealpost_listen::Inherited;
use sealpost_publish::{ConfigurationError, Domains, HostError, PolicyHost, Section};
use sealpost_runtime::{AfterPanic, Liveness, ServiceManager, raise_descriptor_limit, supervise};
use sealpost_store::{Settings as StoreSettings, Store};
use tokio::task::JoinSet;

use self::doors::Doors;
use crate::arguments::PublishServeArguments;
use crate::configuration::Configuration;
use crate::daemon::{Cause, Signals};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Serves policies until it is told to stop.
pub(super) async fn run(
    arguments: &PublishServeArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    raise_descriptor_limit();
    let mut signals = Signals::new()?;
    let manager = Arc::new(ServiceManager::from_environment().map_err(Failure::new)?);
    let (configuration, section, domains) = load(arguments).await?;
    if section.host.https.is_empty() && section.host.proxied.is_empty() {
        return Err(Failure::new("serve policies: there is no address to listen at").hint(
            "set `https = [\"192.0.2.80:443\"]` in [publish.host], or `proxied` for plain HTTP \
             behind a web server",
        ));
    }
    let network = arguments.network.open_over(configuration.network)?;
    let path = section.store_file();
    let opened = Store::open(StoreSettings::at(&path)).await;
    let store = opened.map_err(|error| {
        Failure::new(format!("{} ({})", with_source(&error), path.display()))
            .hint("no policy is served that cannot be written down; mend the file, or name another")
    })?;
    let clock = arguments.network.clock();
    let prepared = PolicyHost::prepare(&section, domains, &store, network, clock).await;
    let host = prepared.map_err(|error| failure(&error))?;
    let doors = Doors::open(&section.host, &host, inherited).await?;
    for place in doors.places() {
        output.say(&format!("listening at {place}"));
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(keep(host.clone()));
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
            // None of them ends by itself.
            Some(_) = tasks.join_next() => break Err(Failure::new("go on keeping certificates")),
        };
        match cause {
            Cause::Stop => break Ok(Outcome::Clean),
            Cause::Reload => {
                manager.reloading();
                reload(arguments, &host, output).await;
                manager.ready();
            }
        }
    };
    output.say("stopping");
    manager.stopping();
    doors.close().await;
    // An order that is under way goes on after the next start.
    tasks.shutdown().await;
    store.close().await;
    ended
}

/// Takes the configuration up again. One that cannot be used changes nothing.
async fn reload(arguments: &PublishServeArguments, host: &PolicyHost, output: &mut Output) {
    let reloaded = match load(arguments).await {
        Ok((_, section, domains)) => {
            host.reload(&section, domains).await.map_err(|error| failure(&error))
        }
        Err(failure) => Err(failure),
    };
    match reloaded {
        Ok(done) => output.say(&format!(
            "read the configuration again: {} domains, {} policies changed",
            done.domains, done.changed
        )),
        Err(failure) => output.say(&failure.hint("what was served is served on").to_string()),
    }
}

async fn load(
    arguments: &PublishServeArguments,
) -> Result<(Configuration, Section, Domains), Failure> {
    let (configuration, text) = Configuration::load_with_text(arguments.config.as_deref())?;
    let mut section = configuration.publish.clone();
    if let Some(store) = &arguments.store {
        section.store = Some(store.clone());
    }
    let name = arguments.config.as_ref().map_or(String::new(), |path| path.display().to_string());
    // Requests are answered while many files are read.
    let read = tokio::task::spawn_blocking({
        let section = section.clone();
        move || Domains::load(&section, &name, &text)
    });
    let domains = read.await.map_err(Failure::new)?.map_err(|error| match error {
        ConfigurationError::File(error) => Failure::from(error),
        error => Failure::new(format!("read the configuration: {error}")),
    })?;
    Ok((configuration, section, domains))
}

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

fn with_source(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
