//! What is configured, and what is kept of it.

use std::collections::BTreeMap;

use mail_domain::DomainName;
use mta_sts::{Policy, PolicyId};
use sealpost_publish::{Domains, PublishedDomain};
use sealpost_rollout::{ClockReading, Outlook, Stage, Time};
use sealpost_runtime::Clock;
use sealpost_store::{Rollout, Rollouts, Settings, Store, StoreError, read_clock};

use crate::arguments::PublishConfiguration;
use crate::configuration::Configuration;
use crate::outcome::Failure;

/// Domains that are read together.
const PAGE: u32 = 10_000;

/// What is configured, and the store if there is one.
pub(super) struct Known {
    pub(super) domains: Domains,
    pub(super) now: Time,
    reading: ClockReading,
    /// How the policy host is called.
    host: String,
    rollouts: Option<Rollouts>,
}

impl Known {
    /// Reads the configuration, and opens the store if it is there.
    pub(super) async fn open(arguments: &PublishConfiguration) -> Result<Self, Failure> {
        let configuration = configuration(arguments)?;
        let domains = configuration.domains()?;
        let path = configuration.publish.store_file();
        let rollouts = match fs_err::exists(&path)? {
            true => {
                let store = Store::open_to_read(Settings::at(&path)).await;
                Some(store.map_err(|error| failure(&error))?.rollouts())
            }
            false => None,
        };
        let reading = reading(arguments);
        let host = configuration.publish.host.name;
        Ok(Self { domains, now: reading.now, reading, host, rollouts })
    }

    /// The domains that are named, or all.
    pub(super) fn select(&self, named: &[DomainName]) -> Result<Vec<&PublishedDomain>, Failure> {
        if self.domains.iter().len() == 0 {
            return Err(Failure::new("find a domain: none is configured").hint(
                "name the configuration with --config; `sealpost publish new` writes a first",
            ));
        }
        if named.is_empty() {
            return Ok(self.domains.iter().collect());
        }
        named.iter().map(|domain| self.of(domain)).collect()
    }

    /// A domain that is configured.
    pub(super) fn of(&self, domain: &DomainName) -> Result<&PublishedDomain, Failure> {
        self.domains.of(domain).ok_or_else(|| {
            Failure::new(format!("find {domain}: it is not configured"))
                .hint(format!("`sealpost publish new {domain}` prints what to add"))
        })
    }

    /// What is kept of a domain.
    pub(super) async fn rollout(&self, domain: &DomainName) -> Result<Option<Rollout>, Failure> {
        match &self.rollouts {
            None => Ok(None),
            Some(rollouts) => rollouts.load(domain.clone()).await.map_err(|error| failure(&error)),
        }
    }

    /// The same, with what was served as long ago as was witnessed.
    pub(super) async fn witnessed(&self, domain: &DomainName) -> Result<Option<Rollout>, Failure> {
        let (Some(rollouts), Some(rollout)) = (&self.rollouts, self.rollout(domain).await?) else {
            return Ok(None);
        };
        let left = rollouts.watch_state(domain.clone()).await.map_err(|error| failure(&error))?;
        Ok(Some(rollout.as_witnessed(left.as_deref(), &self.reading)))
    }

    /// What has to be done for a domain, and what is waited for, as the last pass saw it.
    pub(super) async fn outlook(&self, domain: &DomainName) -> Result<Outlook, Failure> {
        let Some(rollouts) = &self.rollouts else { return Ok(Outlook::default()) };
        let left = rollouts.watch_state(domain.clone()).await.map_err(|error| failure(&error))?;
        // What cannot be read is told by the next look.
        let outlook: Option<Outlook> = left.and_then(|left| serde_json::from_str(&left).ok());
        Ok(outlook.unwrap_or_default())
    }

    /// The domains that were taken out of the configuration, and are served on because senders may
    /// hold their policy; with when that was.
    pub(super) async fn taken_out(&self) -> Result<BTreeMap<DomainName, Time>, Failure> {
        let mut taken_out = BTreeMap::new();
        let Some(rollouts) = &self.rollouts else { return Ok(taken_out) };
        let mut behind = None;
        loop {
            let page =
                rollouts.hosted(&self.host, behind, PAGE).await.map_err(|error| failure(&error))?;
            let Some(last) = page.last() else { return Ok(taken_out) };
            behind = Some(last.domain.clone());
            let gone = page.into_iter().filter(|one| self.domains.of(&one.domain).is_none());
            taken_out.extend(gone.filter_map(|one| Some((one.domain, one.taken_out_at?))));
        }
    }

    pub(super) fn rollouts(&self) -> Option<&Rollouts> {
        self.rollouts.as_ref()
    }

    /// The stage of a domain, the policy that it asks for, and the id that belongs to it.
    pub(super) async fn wanted(
        &self,
        published: &PublishedDomain,
        stage: Option<Stage>,
    ) -> Result<Wanted, Failure> {
        let rollout = self.rollout(&published.domain).await?;
        let kept = rollout.as_ref().map_or(Stage::Nothing, |rollout| rollout.stage);
        let stage = stage.unwrap_or(kept);
        let live = rollout.as_ref().and_then(|rollout| rollout.history.live());
        let policy = published.policy_after(stage, live).map_err(|error| {
            Failure::new(format!("make the policy of {}: {error}", published.domain))
        })?;
        let id = policy.as_ref().map(|policy| {
            let history = rollout.as_ref().map(|rollout| &rollout.history);
            match history {
                Some(history) => published.id_after(history, policy, self.now),
                None => published.id(policy, self.now),
            }
        });
        Ok(Wanted { stage, policy, id, rollout })
    }
}

/// What a domain should have.
pub(super) struct Wanted {
    pub(super) stage: Stage,
    pub(super) policy: Option<Policy>,
    pub(super) id: Option<PolicyId>,
    pub(super) rollout: Option<Rollout>,
}

/// The configuration, with the flags over it.
pub(super) fn configuration(arguments: &PublishConfiguration) -> Result<Configuration, Failure> {
    let mut configuration = Configuration::load(arguments.config.as_deref())?;
    if let Some(store) = &arguments.store {
        configuration.publish.store = Some(store.clone());
    }
    Ok(configuration)
}

/// The time that the flags want.
pub(super) fn now(arguments: &PublishConfiguration) -> Time {
    reading(arguments).now
}

fn reading(arguments: &PublishConfiguration) -> ClockReading {
    let clock = arguments.at.map_or_else(Clock::system, Clock::simulated);
    read_clock(&clock)
}

pub(super) fn failure(error: &StoreError) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    Failure::new(format!("{error}{}", source.unwrap_or_default()))
}
