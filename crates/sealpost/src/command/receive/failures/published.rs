//! The policies that are known to have been published: `publish` keeps every body that was served.

use mail_domain::DomainName;
use sealpost_rules::diagnosis::PublishedPolicy;
use sealpost_store::{Rollouts, Settings, Store};

use crate::arguments::ReceiveConfiguration;
use crate::command::receive::stored::Stored;
use crate::outcome::Failure;
use crate::output::Output;

/// Where `publish` keeps what was served, if it does.
pub(super) struct Publications(Option<Rollouts>);

impl Publications {
    /// Finds the file: that of `[publish]` in the configuration, else the one with the reports. One
    /// that cannot be used is said, and costs no more than what it would have told.
    pub(super) async fn open(
        arguments: &ReceiveConfiguration,
        stored: &Stored,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let path = match &arguments.config {
            Some(_) => arguments.load()?.publish.store_file(),
            None => return Ok(Self(Some(stored.rollouts()))),
        };
        if path == stored.path() {
            return Ok(Self(Some(stored.rollouts())));
        }
        if !fs_err::exists(&path).unwrap_or(false) {
            return Ok(Self(None));
        }
        match Store::open_to_read(Settings::at(&path)).await {
            Ok(store) => Ok(Self(Some(store.rollouts()))),
            Err(error) => {
                let path = path.display();
                output.say(&format!("policies published earlier are not known: {error} ({path})"));
                Ok(Self(None))
            }
        }
    }

    /// The policies of a domain, as [`Rollout::published`](sealpost_store::Rollout::published).
    pub(super) async fn of(
        &self,
        domain: &DomainName,
        output: &mut Output,
    ) -> Vec<PublishedPolicy> {
        let Some(rollouts) = &self.0 else { return Vec::new() };
        let known = match rollouts.load(domain.clone()).await {
            Ok(known) => known,
            Err(error) => {
                output
                    .say(&format!("policies of {domain} published earlier are not known: {error}"));
                None
            }
        };
        known.map(|rollout| rollout.published()).unwrap_or_default()
    }
}
