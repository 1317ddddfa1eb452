//! What the roles of one process share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sealpost_enforce::LastProof;
use sealpost_listen::Inherited;
use sealpost_net::{Network, NetworkError};
use sealpost_runtime::Clock;
use sealpost_store::{RawStore, Settings, Store, StoreError};

use super::role::RoleName;
use super::run::Setup;
use crate::configuration::Configuration;
use crate::outcome::Failure;
pub(super) use crate::outcome::with_source;

/// What the roles of one process stand on: one network, one clock, and each file opened once.
pub(super) struct Ground {
    pub(super) configuration: Configuration,
    pub(super) network: Network,
    pub(super) clock: Clock,
    /// How this host presents itself.
    pub(super) host: String,
    /// What was proven last of the resolvers: a role that starts anew need not prove it first.
    pub(super) proof: LastProof,
    /// The sockets that were passed to the process.
    pub(super) inherited: Inherited,
    network_settings: sealpost_net::Settings,
    stores: BTreeMap<PathBuf, Store>,
    raw_stores: BTreeMap<PathBuf, RawStore>,
    /// The file that much is written into.
    busy: Option<PathBuf>,
}

impl Ground {
    /// Lays it for these roles. No file is opened yet.
    pub(super) fn new(
        configuration: Configuration,
        setup: &Setup<'_>,
        roles: &[RoleName],
        inherited: Inherited,
    ) -> Result<Self, Failure> {
        let settings = setup.network.settings_over(configuration.network.clone())?;
        let host = settings.ehlo_name.clone();
        let clock = setup.clock.clone();
        let network = Network::new(settings.clone(), clock.clone()).map_err(Failure::new)?;
        let busy = roles.contains(&RoleName::Report).then(|| configuration.report.store_file());
        let (stores, raw_stores) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            configuration,
            network,
            clock,
            host,
            proof: LastProof::default(),
            inherited,
            network_settings: settings,
            stores,
            raw_stores,
            busy,
        })
    }

    /// A network for who looks at many domains: what is seen of a host serves for each that names
    /// it.
    pub(super) fn network_for_lists(&self) -> Result<Network, NetworkError> {
        let settings =
            sealpost_net::Settings { share_hosts: true, ..self.network_settings.clone() };
        Network::new(settings, self.clock.clone())
    }

    /// The store in a file, which is made if it is missing. `without` is what follows if it cannot
    /// be used.
    pub(super) async fn store(&mut self, path: &Path, without: &str) -> Result<Store, Failure> {
        if let Some(store) = self.stores.get(path) {
            return Ok(store.clone());
        }
        let settings = Settings::at(path);
        let is_busy = self.busy.as_deref() == Some(path);
        let settings = if is_busy { settings.for_much_writing() } else { settings };
        let store = Store::open(settings).await.map_err(|error| refused(path, &error, without))?;
        self.stores.insert(path.to_owned(), store.clone());
        Ok(store)
    }

    /// The raw store in a file, likewise.
    pub(super) async fn raw_store(
        &mut self,
        path: &Path,
        without: &str,
    ) -> Result<RawStore, Failure> {
        if let Some(raw) = self.raw_stores.get(path) {
            return Ok(raw.clone());
        }
        let opened = RawStore::open(Settings::at(path)).await;
        let raw = opened.map_err(|error| refused(path, &error, without))?;
        self.raw_stores.insert(path.to_owned(), raw.clone());
        Ok(raw)
    }

    /// Closes every file, when everything that was queued is in it.
    pub(super) async fn close(self) {
        for raw in self.raw_stores.into_values() {
            raw.close().await;
        }
        for store in self.stores.into_values() {
            store.close().await;
        }
    }
}

fn refused(path: &Path, error: &StoreError, without: &str) -> Failure {
    let failure = Failure::new(format!("{} ({})", with_source(error), path.display()));
    if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        return failure.hint("make its folder, or name another file with --store");
    }
    failure.hint(without)
}
