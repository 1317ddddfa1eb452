//! Domains whose mode is fixed, and of which the store knows nothing.
//!
//! Senders may hold a policy that somebody else serves for such a domain: whoever configures it need
//! not know of that. So nothing is served here before a look at the live record. Where there is none,
//! or that of the very policy which is configured, the domain is taken up; with another one, and for
//! as long as that cannot be told, it waits.

use std::{collections::HashMap, time::Duration};

use mail_domain::DomainName;
use mta_sts::PolicyId;
use sealpost_net::{Freshness, Network};
use sealpost_runtime::Stopwatch;

use crate::drive::{IdSeen, Refusal, id_seen};

/// From one look to the next, where a domain waits.
pub(super) const AGAIN: Duration = Duration::from_secs(60);

/// Those that wait for a look or for a person, and those that may be taken up now.
#[derive(Debug, Default)]
pub(super) struct Newcomers(HashMap<DomainName, Option<Looked>>);

#[derive(Debug)]
struct Looked {
    since: Stopwatch,
    found: Result<(), Obstacle>,
}

/// Why a domain is not taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Obstacle {
    /// Somebody else publishes a policy for it, or did.
    #[error(
        "its policy is not served: the record _mta-sts.{domain} has the id {id}, which is not that \
         of the policy that is configured: take the domain over as it is, with `sealpost publish \
         adopt {domain}`, or remove the record, if no policy goes with it"
    )]
    Live {
        /// The domain.
        domain: DomainName,
        /// What its record says.
        id: PolicyId,
    },
    /// It could not be told.
    #[error(
        "its policy is not served: could not tell what is live at _mta-sts.{domain}: {why}; it is \
         asked again every minute"
    )]
    Unknown {
        /// The domain.
        domain: DomainName,
        /// Why not.
        why: String,
    },
}

impl From<&Obstacle> for Refusal {
    fn from(obstacle: &Obstacle) -> Self {
        match obstacle {
            Obstacle::Live { .. } => Self::Theirs(obstacle.to_string()),
            Obstacle::Unknown { .. } => Self::Untold(obstacle.to_string()),
        }
    }
}

impl Newcomers {
    /// Whether this newcomer may be taken up; else it waits from now on, for a look first.
    pub(super) fn may_begin(&mut self, domain: &DomainName) -> bool {
        match self.0.get(domain) {
            Some(looked) => looked.as_ref().is_some_and(|looked| looked.found.is_ok()),
            None => {
                self.0.insert(domain.clone(), None);
                false
            }
        }
    }

    /// Those of which this is not so are no newcomers any more.
    pub(super) fn retain(&mut self, is_new: impl Fn(&DomainName) -> bool) {
        self.0.retain(|domain, _| is_new(domain));
    }

    /// Nobody has looked at any with what is configured now.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// How many wait.
    pub(super) fn count(&self) -> usize {
        let waits = |looked: &Option<Looked>| looked.as_ref().is_none_or(|one| one.found.is_err());
        self.0.values().filter(|looked| waits(looked)).count()
    }

    /// Those whose look is due.
    pub(super) fn due(&self) -> impl Iterator<Item = &DomainName> {
        let is_due = |looked: &Option<Looked>| {
            let Some(looked) = looked else { return true };
            looked.found.is_err() && looked.since.elapsed() >= AGAIN
        };
        self.0.iter().filter(move |(_, looked)| is_due(looked)).map(|(domain, _)| domain)
    }

    /// Takes down what a look has found; gives the obstacle, if it is another than before.
    pub(super) fn take(
        &mut self,
        domain: &DomainName,
        found: Result<(), Obstacle>,
    ) -> Option<Obstacle> {
        let known = self.0.get_mut(domain)?;
        let is_same = known.as_ref().is_some_and(|known| match (&known.found, &found) {
            // How a resolver fails may change from one time to the next.
            (Err(Obstacle::Unknown { .. }), Err(Obstacle::Unknown { .. })) => true,
            (before, now) => before == now,
        });
        let news = found.clone().err().filter(|_| !is_same);
        *known = Some(Looked { since: Stopwatch::start(), found });
        news
    }
}

/// Looks at what is live of a domain. `own` is the id of the policy that is configured for it.
pub(super) async fn look(
    network: &Network,
    domain: &DomainName,
    own: Option<&PolicyId>,
) -> Result<(), Obstacle> {
    let records = network.sts_records(domain, Freshness::Now).await;
    let domain = || domain.clone();
    match id_seen(Some(&records)) {
        IdSeen::Nothing => Ok(()),
        IdSeen::Id(id, _) if own == Some(&id) => Ok(()),
        IdSeen::Id(id, _) => Err(Obstacle::Live { domain: domain(), id }),
        IdSeen::Unknown(why) => Err(Obstacle::Unknown { domain: domain(), why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_why_once() {
        let domain: DomainName = "a.test".parse().unwrap();
        let live = |id: &str| {
            let id = id.parse().unwrap();
            Err(Obstacle::Live { domain: domain.clone(), id })
        };
        let unknown = |why: &str| {
            let why = why.to_owned();
            Err(Obstacle::Unknown { domain: domain.clone(), why })
        };
        let mut newcomers = Newcomers::default();
        assert_eq!(newcomers.take(&domain, live("1")), None, "it is none");
        assert!(!newcomers.may_begin(&domain));
        assert_eq!((newcomers.due().count(), newcomers.count()), (1, 1));
        for (found, is_news) in [
            (live("1"), true),
            (live("1"), false),
            (live("2"), true),
            (unknown("no answer"), true),
            (unknown("refused"), false),
        ] {
            assert_eq!(newcomers.take(&domain, found.clone()).is_some(), is_news, "{found:?}");
            assert!(!newcomers.may_begin(&domain));
            assert_eq!((newcomers.due().count(), newcomers.count()), (0, 1), "not at once");
        }
        assert_eq!(newcomers.take(&domain, Ok(())), None);
        assert!(newcomers.may_begin(&domain));
        assert_eq!((newcomers.due().count(), newcomers.count()), (0, 0));
        newcomers.forget();
        assert!(!newcomers.may_begin(&domain), "with another policy it is looked at again");
    }
}
