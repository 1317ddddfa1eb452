//! What a domain owner publishes: the policy host, and the leading of domains from stage to stage.

mod doors;
mod hosting;

use std::path::PathBuf;
use std::sync::Arc;

use sealpost_publish::drive::{Driver, writers};
use sealpost_publish::{
    AcmeSection, DnsServer, Domains, HostSection, HostWay, Job, Leader, PublishApi, Section,
};

pub(crate) use self::hosting::{Hosting, UNCHANGED};
use super::ground::Ground;
use super::role::{Pulse, Reloaded, takes_up_work};
use crate::configuration::Configuration;
use crate::outcome::Failure;
use crate::output::Output;

/// What follows if the store cannot be used.
const WITHOUT: &str = "no policy is served that cannot be written down, and without the history \
                       nobody knows what senders hold; mend the file, or name another";

/// The role of the domain owner.
pub(super) struct Publish {
    fixed: Fixed,
    /// None if no address is named for it.
    hosting: Option<Hosting>,
    job: Job,
    api: Arc<PublishApi>,
    domains: usize,
}

/// What holds for as long as the role runs.
#[derive(PartialEq)]
struct Fixed {
    store: PathBuf,
    host: HostSection,
    acme: Option<AcmeSection>,
    dns_servers: Vec<(String, DnsServer)>,
    at_once: usize,
}

impl Publish {
    /// Serves and leads on what is configured, from now on.
    pub(super) async fn start(ground: &mut Ground, output: &mut Output) -> Result<Self, Failure> {
        let domains = load_domains(&ground.configuration).await?;
        let section = ground.configuration.publish.clone();
        let store = ground.store(&section.store_file(), WITHOUT).await?;
        let (network, clock) = (ground.network.clone(), ground.clock.clone());
        let writers = writers(&section, &network).map_err(Failure::new)?;
        let count = domains.iter().len();
        let hosting = match has_door(&section.host) {
            true => {
                let means = (network.clone(), clock.clone());
                let inherited = ground.inherited.clone();
                let served = domains.clone();
                Some(Hosting::start(&section, served, &store, means, inherited, output).await?)
            }
            false => {
                warn_of_no_door(&domains, output);
                None
            }
        };
        let host = hosting.as_ref().map(|hosting| hosting.host().clone());
        let driver = Driver::new(store, network, writers);
        let job = Job::start(driver, domains, clock, at_once(&section), host.as_ref());
        let api = Arc::new(PublishApi::new(host, job.metrics()));
        Ok(Self { fixed: Fixed::of(&section), hosting, job, api, domains: count })
    }

    pub(super) fn greeting(&self) -> String {
        match self.domains {
            1 => "with 1 domain".to_owned(),
            count => format!("with {count} domains"),
        }
    }

    /// Takes up other domains while requests are answered. What is wrong is said, and the domains of
    /// before go on.
    pub(super) async fn reload(
        &mut self,
        configuration: &Configuration,
        output: &mut Output,
    ) -> Reloaded {
        let section = &configuration.publish;
        if Fixed::of(section) != self.fixed {
            return Reloaded::StartAnew;
        }
        let domains = match load_domains(configuration).await {
            Ok(domains) => domains,
            Err(failure) => {
                output.say(&failure.hint(UNCHANGED).to_string());
                return Reloaded::Refused;
            }
        };
        self.domains = domains.iter().len();
        // First, so that no pass writes down what is not configured any more.
        self.job.reload(domains.clone()).await;
        match &self.hosting {
            Some(hosting) => hosting.reload(section, domains, output).await,
            None => {
                output.say(&format!("read the configuration again: {} domains", self.domains));
                warn_of_no_door(&domains, output);
            }
        }
        Reloaded::Done
    }

    pub(super) async fn failed(&mut self) -> Failure {
        let leading = async |job: &mut Job| {
            job.ended().await;
            Failure::new("go on leading domains")
        };
        match &mut self.hosting {
            None => leading(&mut self.job).await,
            Some(hosting) => tokio::select! {
                failure = hosting.failed() => failure,
                failure = leading(&mut self.job) => failure,
            },
        }
    }

    #[expect(clippy::unused_self, reason = "each role has a pulse")]
    pub(super) fn pulse(&self) -> Pulse {
        takes_up_work()
    }

    pub(super) fn leader(&self) -> Leader {
        self.job.leader()
    }

    pub(super) fn api(&self) -> Arc<PublishApi> {
        Arc::clone(&self.api)
    }

    pub(super) async fn stop(self) -> Result<(), Failure> {
        // Passes first: the body that one has written down is still served.
        self.job.stop().await;
        if let Some(hosting) = self.hosting {
            hosting.stop().await;
        }
        Ok(())
    }
}

impl Fixed {
    fn of(section: &Section) -> Self {
        // At which addresses hosts must be can change at any time.
        let host = HostSection { addresses: Vec::new(), ..section.host.clone() };
        let servers = section.dns_servers.iter();
        Self {
            store: section.store_file(),
            host,
            acme: section.acme.clone(),
            dns_servers: servers.map(|(name, server)| (name.clone(), server.clone())).collect(),
            at_once: at_once(section),
        }
    }
}

/// How many domains are passed over at the same time.
fn at_once(section: &Section) -> usize {
    section.passes_at_once.map_or(16, |count| usize::from(count.get()))
}

/// Everything that is configured.
pub(crate) async fn load_domains(configuration: &Configuration) -> Result<Domains, Failure> {
    let configuration = configuration.clone();
    // Requests are answered while many files are read.
    tokio::task::spawn_blocking(move || configuration.domains()).await.map_err(Failure::new)?
}

/// Whether policies can be asked for anywhere.
pub(crate) fn has_door(section: &HostSection) -> bool {
    !section.https.is_empty() || !section.proxied.is_empty()
}

fn warn_of_no_door(domains: &Domains, output: &mut Output) {
    let own = domains.iter().filter(|published| published.host == HostWay::Own).count();
    if own > 0 {
        output.say(&format!(
            "warning: nothing is served here for the {own} domains with host = \"own\"\n\nhint: \
             name an address with `https` or `proxied` in [publish.host], unless `sealpost publish \
             serve` runs on this store"
        ));
    }
}
