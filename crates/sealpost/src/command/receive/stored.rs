//! The store of reports, and the raw file beside it.

use std::path::{Path, PathBuf};

use sealpost_net::Network;
use sealpost_receive::{Intake, Limits, Notary, Section};
use sealpost_runtime::Clock;
use sealpost_store::{Checks, RawStore, Reports, Rollouts, Settings, Store, StoreError};

use crate::arguments::{JudgementArguments, ReceiveConfiguration};
use crate::daemon::Watched;
use crate::outcome::Failure;

/// What the writer may keep of the file of reports in memory while many are taken in, in KiB.
const CACHE: u32 = 4 * 1024;
/// How long its log may become before it is written into the file, in KiB.
const LOG: u32 = 32 * 1024;

/// Both files, and what takes reports into them.
pub(super) struct Stored {
    section: Section,
    path: PathBuf,
    store: Store,
    raw: RawStore,
}

impl Stored {
    /// Opens both files, and makes them if they are missing.
    pub(super) async fn open_or_make(arguments: &ReceiveConfiguration) -> Result<Self, Failure> {
        let section = arguments.section_of_intake()?;
        let path = section.store_file();
        let mut settings = Settings::at(&path);
        let mut raw = Settings::at(section.raw_file());
        raw.log_kib = LOG;
        let raw = RawStore::open(raw).await;
        settings.cache_kib = CACHE;
        settings.log_kib = LOG;
        let store = Store::open(settings).await;
        let failed = |error: StoreError| failure(&path, &error);
        let raw = raw.map_err(failed)?.with_room(section.limits.storing());
        Ok(Self { store: store.map_err(failed)?, raw, section, path })
    }

    /// Opens both files, which are there, to read them.
    pub(super) async fn open_to_read(arguments: &ReceiveConfiguration) -> Result<Self, Failure> {
        let section = arguments.section()?;
        let path = section.store_file();
        let raw = RawStore::open_to_read(Settings::at(section.raw_file())).await;
        let store = Store::open_to_read(Settings::at(&path)).await;
        let failed = |error: StoreError| {
            failure(&path, &error).hint("give the file into which reports were imported")
        };
        Ok(Self { store: store.map_err(failed)?, raw: raw.map_err(failed)?, section, path })
    }

    /// What came in, as it came.
    pub(super) fn raw(&self) -> &RawStore {
        &self.raw
    }

    /// What the reports say.
    pub(super) fn reports(&self) -> Reports {
        self.store.reports()
    }

    /// What was published, if `publish` keeps it in the same file.
    pub(super) fn rollouts(&self) -> Rollouts {
        self.store.rollouts()
    }

    /// What was seen of our domains, if `serve` keeps it in the same file.
    pub(super) fn checks(&self) -> Checks {
        self.store.checks()
    }

    /// The file with the reports.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How much of a submission is read.
    pub(super) fn limits(&self) -> Limits {
        self.section.reading_limits()
    }

    /// Octets of submissions that may be in memory to be read, as they came.
    pub(super) fn fetched(&self) -> usize {
        self.section.limits.fetched()
    }

    pub(super) fn intake(&self, arguments: &JudgementArguments) -> Result<Intake, Failure> {
        let notary = if arguments.no_dns {
            Notary::offline()
        } else {
            Notary::new(arguments.network.open()?)
        };
        Ok(self.intake_of(arguments, notary))
    }

    fn intake_of(&self, arguments: &JudgementArguments, notary: Notary) -> Intake {
        let ours = match arguments.domains.as_slice() {
            [] => &self.section.domains,
            domains => domains,
        };
        let ours = ours.iter().cloned().collect();
        let (raw, reports) = (self.raw.clone(), self.store.reports());
        let intake = Intake::new(raw, reports, notary, ours, self.limits(), Clock::system());
        intake.believing(self.section.beliefs()).within(self.section.limits.memory())
    }

    /// The same over a network that is open, unless nobody is to be asked.
    pub(super) fn intake_over(&self, arguments: &JudgementArguments, network: &Network) -> Intake {
        let notary =
            if arguments.no_dns { Notary::offline() } else { Notary::new(network.clone()) };
        self.intake_of(arguments, notary)
    }

    /// The mailboxes and Maildirs of the configuration.
    pub(super) fn watched(
        &self,
        network: &Network,
        most_octets: usize,
    ) -> Result<Watched, Failure> {
        Watched::new(&self.section, network, &self.store, most_octets)
    }

    pub(super) fn failure(&self, error: &StoreError) -> Failure {
        failure(&self.path, error)
    }

    pub(super) async fn close(self) {
        // Each writes what is in its log into its file first.
        tokio::join!(self.raw.close(), self.store.close());
    }
}

/// Why the files cannot be used.
fn failure(path: &Path, error: &StoreError) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    Failure::new(format!("{error}{} ({})", source.unwrap_or_default(), path.display()))
}
