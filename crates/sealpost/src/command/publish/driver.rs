//! What leads domains on, set up from flags and configuration.

use mail_domain::DomainName;
use sealpost_net::Network;
use sealpost_publish::drive::{DriveError, Driver, writers};
use sealpost_publish::{Domains, PublishedDomain};
use sealpost_rollout::ClockReading;
use sealpost_store::{Settings, Store, read_clock};

use super::known::failure;
use crate::arguments::{NetworkArguments, PublishPaths};
use crate::configuration::Configuration;
use crate::outcome::Failure;

/// What leads domains on, and what is configured.
pub(super) struct Lead {
    pub(super) domains: Domains,
    pub(super) driver: Driver,
    pub(super) store: Store,
    pub(super) reading: ClockReading,
}

/// How the store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// To be written, and made if it is missing.
    Write,
    /// To be read.
    Read,
}

impl Lead {
    pub(super) async fn open(
        paths: &PublishPaths,
        network: &NetworkArguments,
        access: Access,
    ) -> Result<Self, Failure> {
        let mut configuration = Configuration::load(paths.config.as_deref())?;
        if let Some(store) = &paths.store {
            configuration.publish.store = Some(store.clone());
        }
        let domains = configuration.domains()?;
        let section = configuration.publish;
        let clock = network.clock();
        let reading = read_clock(&clock);
        let network = network.open_over(configuration.network)?;
        let writers = writers(&section, &network).map_err(Failure::new)?;
        let path = section.store_file();
        let store = match access {
            Access::Write => Store::open(Settings::at(&path)).await,
            Access::Read if fs_err::exists(&path)? => {
                Store::open_to_read(Settings::at(&path)).await
            }
            Access::Read => {
                return Err(Failure::new(format!("open {}: it is not there", path.display()))
                    .hint(
                        "`sealpost publish run --once --apply` makes it, and takes up every \
                           domain that is configured",
                    ));
            }
        };
        let store = store.map_err(|error| failure(&error))?;
        let driver = Driver::new(store.clone(), network, writers);
        Ok(Self { domains, driver, store, reading })
    }

    /// What is configured, and the network, where the store does not matter.
    pub(super) fn without_store(
        paths: &PublishPaths,
        network: &NetworkArguments,
    ) -> Result<(Domains, Network), Failure> {
        let configuration = Configuration::load(paths.config.as_deref())?;
        Ok((configuration.domains()?, network.open_over(configuration.network)?))
    }

    /// A domain that is configured.
    pub(super) fn of(&self, domain: &DomainName) -> Result<&PublishedDomain, Failure> {
        self.domains.of(domain).ok_or_else(|| {
            Failure::new(format!("find {domain}: it is not configured"))
                .hint(format!("`sealpost publish new {domain}` prints what to add"))
        })
    }
}

pub(super) fn drive_failure(error: &DriveError) -> Failure {
    match error {
        DriveError::Store(error) => failure(error),
        error => Failure::new(error.to_string()),
    }
}
