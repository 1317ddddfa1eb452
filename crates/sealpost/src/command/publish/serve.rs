//! `sealpost publish serve`: the policy host.

use std::sync::Arc;

use sealpost_listen::Inherited;
use sealpost_publish::Domains;
use sealpost_runtime::{ServiceManager, raise_descriptor_limit};
use sealpost_store::{Settings as StoreSettings, Store};
use tokio::task::JoinSet;

use crate::arguments::PublishServeArguments;
use crate::configuration::Configuration;
use crate::daemon::{Cause, Hosting, Signals, UNCHANGED, has_door, load_domains, takes_up_work};
use crate::outcome::{Failure, Outcome, with_source};
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
    let (configuration, domains) = load(arguments).await?;
    let section = &configuration.publish;
    if !has_door(&section.host) {
        return Err(Failure::new("serve policies: there is no address to listen at").hint(
            "set `https = [\"192.0.2.80:443\"]` in [publish.host], or `proxied` for plain HTTP \
             behind a web server",
        ));
    }
    let network = arguments.network.open_over(configuration.network.clone())?;
    let path = section.store_file();
    let opened = Store::open(StoreSettings::at(&path)).await;
    let store = opened.map_err(|error| {
        Failure::new(format!("{} ({})", with_source(&error), path.display()))
            .hint("no policy is served that cannot be written down; mend the file, or name another")
    })?;
    let means = (network, arguments.network.clock());
    let mut hosting = Hosting::start(section, domains, &store, means, inherited, output).await?;
    output.say("ready");
    manager.status("ready");
    manager.ready();
    let mut tasks = JoinSet::new();
    let (watched, pulse) = (Arc::clone(&manager), takes_up_work());
    tasks.spawn(async move { watched.watch(|| pulse()).await });

    let ended = loop {
        let cause = tokio::select! {
            cause = signals.next() => cause,
            failure = hosting.failed() => break Err(failure),
        };
        match cause {
            Cause::Stop => break Ok(Outcome::Clean),
            Cause::Reload => {
                manager.reloading();
                match load(arguments).await {
                    Ok((configuration, domains)) => {
                        hosting.reload(&configuration.publish, domains, output).await;
                    }
                    // A configuration that cannot be used changes nothing.
                    Err(failure) => output.say(&failure.hint(UNCHANGED).to_string()),
                }
                manager.ready();
            }
        }
    };
    output.say("stopping");
    manager.stopping();
    hosting.stop().await;
    tasks.shutdown().await;
    store.close().await;
    ended
}

async fn load(arguments: &PublishServeArguments) -> Result<(Configuration, Domains), Failure> {
    let mut configuration = Configuration::load(arguments.config.as_deref())?;
    if let Some(store) = &arguments.store {
        configuration.publish.store = Some(store.clone());
    }
    let domains = load_domains(&configuration).await?;
    Ok((configuration, domains))
}
