//! The policy host: what is served, to whom, and since when.
//!
//! Answers come from memory. A body is written into the store, with the time from which it is served,
//! before it is served for the first time; so the history of what senders may hold has no gap, and a
//! store that cannot be written keeps the old body in service.

mod api;
mod held;
mod newcomers;
mod section;
mod service;
mod shelf;
mod source;

pub use api::HostApi;
pub(crate) use held::{Held, wants_a_look};
pub use section::HostSection;
pub use service::{Door, PolicyService};
pub(crate) use shelf::{Shelf, Tokens};
pub use source::Refreshed;

use std::{
    collections::HashSet,
    convert::Infallible,
    error::Error as _,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use mail_domain::DomainName;
use sealpost_listen::tls::NamedCertificates;
use sealpost_net::Network;
use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{Store, StoreError};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use self::source::Source;
use crate::{
    Domains, HostWay, PublishMetrics, SealError, Section,
    acme::Zone,
    certificates::{Files, Keeper},
};

/// Between two looks at the stages of the store.
const LOOK: Duration = Duration::from_secs(5);
/// A look that is so late does not come.
const LATE: Duration = Duration::from_secs(60);
/// Between two looks at the files of certificates.
const FILES: Duration = Duration::from_secs(60);
/// How long a start waits for the looks at domains that are new.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// A policy host. Clones share it.
#[derive(Clone)]
pub struct PolicyHost {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    source: Source,
    held: Arc<Held>,
    /// What came of the last look at the stages, and when that was.
    looked: Mutex<Looked>,
    shelf: Shelf,
    tokens: Tokens,
    named: Arc<NamedCertificates>,
    files: Option<Files>,
    keeper: Option<Keeper>,
    /// The policy hosts that are configured as ours, and all that are served.
    own: RwLock<Arc<[DomainName]>>,
    hosts: RwLock<Arc<[DomainName]>>,
    metrics: Arc<PublishMetrics>,
    reloaded: Notify,
    has_newcomers: Notify,
}

/// What came of a look at the stages.
struct Looked {
    since: Stopwatch,
    failure: Option<String>,
}

/// Why the policy host cannot begin. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The store.
    #[error("use the store")]
    Store(#[from] StoreError),
    /// What is kept in it is encrypted, or the key file is at fault.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The settings make no sense.
    #[error("{0}")]
    Settings(String),
    /// TLS cannot be set up.
    #[error("set up TLS: {0}")]
    Tls(String),
}

impl PolicyHost {
    /// Takes up what is configured and kept: after this, all that can be served is in memory.
    ///
    /// # Errors
    ///
    /// [`HostError`]; a certificate that is missing is none.
    pub async fn prepare(
        section: &Section,
        domains: Domains,
        store: &Store,
        network: Network,
        clock: Clock,
    ) -> Result<Self, HostError> {
        let named = NamedCertificates::new().map_err(|error| HostError::Tls(error.to_string()))?;
        let named = Arc::new(named);
        let (shelf, tokens) = (Shelf::default(), Tokens::default());
        let metrics = Arc::new(PublishMetrics::default());
        let files = section.host.certificates.clone().map(Files::new);
        let keeper = match &section.acme {
            None => None,
            Some(acme) => {
                let writers = crate::drive::writers(section, &network)
                    .map_err(|error| HostError::Settings(error.to_string()))?;
                let parts = crate::certificates::Parts {
                    zone: Zone::new(writers, network.clone()),
                    network: network.clone(),
                    store: store.certificates(),
                    clock: clock.clone(),
                    named: Arc::clone(&named),
                    tokens: tokens.clone(),
                    metrics: Arc::clone(&metrics),
                };
                Some(Keeper::new(acme, parts)?)
            }
        };
        let held = Arc::new(Held::default());
        let inner = Inner {
            source: Source::new(
                section.host.name.clone(),
                store.rollouts(),
                (clock.clone(), network),
                Arc::clone(&held),
            ),
            clock,
            held,
            looked: Mutex::new(Looked { since: Stopwatch::start(), failure: None }),
            shelf,
            tokens,
            named,
            files,
            keeper,
            own: RwLock::new(Vec::new().into()),
            hosts: RwLock::new(Vec::new().into()),
            metrics,
            reloaded: Notify::new(),
            has_newcomers: Notify::new(),
        };
        let host = Self { inner: Arc::new(inner) };
        if let Some(keeper) = &host.inner.keeper {
            keeper.load().await?;
        }
        host.reload(section, domains).await?;
        // Whoever is not seen by then waits, and holds nobody up.
        let _ = timeout(FIRST_LOOK, host.look_at_newcomers()).await;
        Ok(host)
    }

    /// Takes up another configuration of domains. Requests are answered all the while, each from the
    /// old or the new one.
    ///
    /// # Errors
    ///
    /// [`HostError::Store`]: what could not be recorded is served as before, and tried again.
    pub async fn reload(
        &self,
        section: &Section,
        domains: Domains,
    ) -> Result<Refreshed, HostError> {
        let inner = &self.inner;
        let own = || domains.iter().filter(|published| published.host == HostWay::Own);
        let hosts = own().filter_map(|published| policy_host(&published.domain));
        *inner.own.write().unwrap_or_else(PoisonError::into_inner) = hosts.collect();
        if let Some(keeper) = &inner.keeper {
            keeper.configure(&section.host.addresses, own());
        }
        let refreshed = inner.source.replace(domains, &inner.shelf).await;
        self.follow_hosts().await;
        self.look_at_files().await;
        inner.count();
        inner.reloaded.notify_one();
        inner.has_newcomers.notify_one();
        self.counted(refreshed)
    }

    /// Serves what the stages in the store ask for now.
    ///
    /// # Errors
    ///
    /// [`HostError::Store`]: what could not be recorded is served as before.
    pub async fn refresh(&self) -> Result<Refreshed, HostError> {
        let refreshed = self.inner.source.refresh(&self.inner.shelf).await;
        if self.inner.source.has_parted() {
            self.follow_hosts().await;
        }
        self.inner.count();
        self.counted(refreshed)
    }

    /// Looks at what is live of domains that are new, and serves those that nobody else publishes for.
    async fn look_at_newcomers(&self) {
        let inner = &self.inner;
        if let Err(error) = inner.source.look_at_newcomers(&inner.shelf).await {
            inner.metrics.store_failures.increment();
            tracing::error!(%error, "domains that are new wait");
        }
        inner.count();
    }

    /// Looks at the domains that were taken out of the configuration while senders may hold their
    /// policy.
    async fn look_at_gone(&self) {
        let inner = &self.inner;
        if let Err(error) = inner.source.look_at_gone(&inner.shelf).await {
            inner.metrics.store_failures.increment();
            tracing::error!(%error, "domains that were taken out are served on");
        }
        if inner.source.has_parted() {
            self.follow_hosts().await;
        }
        inner.count();
    }

    /// Keeps certificates for all policies that are served, also those of domains that were taken out
    /// of the configuration, which are found where they were.
    async fn follow_hosts(&self) {
        let inner = &self.inner;
        let gone = inner.source.gone().await;
        let own = Arc::clone(&inner.own.read().unwrap_or_else(PoisonError::into_inner));
        let mut hosts = inner.hosts.write().unwrap_or_else(PoisonError::into_inner);
        let is_known = gone.is_some();
        let gone = gone.into_iter().flatten();
        let gone: Vec<_> = gone.filter_map(|(one, at)| Some((policy_host(&one)?, at))).collect();
        // As long as that cannot be told, any may be.
        let others = if is_known { &[] } else { &**hosts };
        let gone_hosts = gone.iter().map(|(host, _)| host);
        let mut all: Vec<DomainName> =
            own.iter().chain(gone_hosts).chain(others).cloned().collect();
        all.sort();
        all.dedup();
        *hosts = all.into();
        if let Some(keeper) = &inner.keeper {
            keeper.follow(&hosts, gone);
        }
        let wanted: HashSet<&str> = hosts.iter().map(DomainName::as_str).collect();
        inner.named.retain(|name| wanted.contains(name));
    }

    /// Whether what is configured is served: stages can be read, and no body waits for the store. It
    /// is what the last look at them said; nothing is asked for it.
    ///
    /// # Errors
    ///
    /// Why not, for people; what was served is served on.
    pub fn readiness(&self) -> Result<(), String> {
        let looked = self.inner.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = looked.since.elapsed();
        match &looked.failure {
            Some(failure) => Err(format!("failed to {failure}")),
            None if waited > LATE => {
                Err(format!("nobody has looked at the stages for {} s", waited.as_secs()))
            }
            None => Ok(()),
        }
    }

    /// What is served at this host.
    #[cfg(test)]
    pub(crate) fn served(&self, host: &str) -> Option<Arc<[u8]>> {
        self.inner.shelf.body(host)
    }

    /// The policies that wait to be seen to cover every MX host.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.inner.held)
    }

    /// Follows the stages, renews certificates and takes up those that have changed. It ends only by
    /// being dropped; whatever it was doing then goes on after the next start.
    pub async fn run(self) -> Infallible {
        let stages = async {
            loop {
                self.inner.clock.sleep(LOOK).await;
                if let Err(error) = self.refresh().await {
                    tracing::error!(%error, "policies stay as they are");
                }
            }
        };
        let newcomers = async {
            loop {
                self.look_at_newcomers().await;
                // In both cases there may be some whose look is due.
                let _ = timeout(newcomers::AGAIN, self.inner.has_newcomers.notified()).await;
            }
        };
        let gone = async {
            loop {
                self.look_at_gone().await;
                sleep(newcomers::AGAIN).await;
            }
        };
        let files = async {
            loop {
                sleep(FILES).await;
                self.look_at_files().await;
                self.inner.count();
            }
        };
        let certificates = async {
            match &self.inner.keeper {
                None => std::future::pending::<Infallible>().await,
                Some(keeper) => {
                    let hosts = || {
                        let all = self.inner.hosts.read().unwrap_or_else(PoisonError::into_inner);
                        Arc::clone(&all)
                    };
                    let skip = |host: &DomainName| {
                        let now = self.inner.clock.now().as_second();
                        self.inner.files.as_ref().is_some_and(|files| files.has(host, now))
                    };
                    keeper.run(hosts, skip, &self.inner.reloaded).await
                }
            }
        };
        tokio::select! {
            never = stages => never,
            never = newcomers => never,
            never = gone => never,
            never = files => never,
            never = certificates => never,
        }
    }

    /// What answers requests that come in by this door.
    pub fn service(&self, door: Door) -> PolicyService {
        let inner = &self.inner;
        let (shelf, tokens) = (inner.shelf.clone(), inner.tokens.clone());
        PolicyService::new(door, shelf, tokens, Arc::clone(&inner.metrics))
    }

    /// The certificates, for the door that speaks TLS.
    pub fn certificates(&self) -> Arc<NamedCertificates> {
        Arc::clone(&self.inner.named)
    }

    /// What is counted.
    pub fn metrics(&self) -> Arc<PublishMetrics> {
        Arc::clone(&self.inner.metrics)
    }

    async fn look_at_files(&self) {
        if self.inner.files.is_none() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        // Two files for each of many hosts.
        let looked = tokio::task::spawn_blocking(move || {
            let hosts = Arc::clone(&inner.hosts.read().unwrap_or_else(PoisonError::into_inner));
            if let Some(files) = &inner.files {
                files.look(&hosts, &inner.named, inner.clock.now().as_second());
            }
        });
        // An error means that the runtime is going down.
        let _ = looked.await;
    }

    fn counted(&self, refreshed: Result<Refreshed, StoreError>) -> Result<Refreshed, HostError> {
        let failure = refreshed.as_ref().err().map(|error| {
            self.inner.metrics.store_failures.increment();
            let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
            format!("{error}{cause}")
        });
        let mut looked = self.inner.looked.lock().unwrap_or_else(PoisonError::into_inner);
        *looked = Looked { since: Stopwatch::start(), failure };
        drop(looked);
        Ok(refreshed?)
    }
}

impl Inner {
    fn count(&self) {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner).len();
        let certificates = self.named.count();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.policies.set(count(self.shelf.count()));
        self.metrics.held.set(count(self.held.count().saturating_add(self.source.waiting())));
        self.metrics.gone.set(count(self.source.parted()));
        self.metrics.certificates.set(count(certificates));
        self.metrics.missing.set(count(hosts.saturating_sub(certificates)));
    }
}

/// `mta-sts.` and the domain; none if that is too long to be a name.
pub(crate) fn policy_host(domain: &DomainName) -> Option<DomainName> {
    DomainName::parse(&format!("mta-sts.{domain}")).ok()
}
