//! Taking a domain over as it is.

use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::{Mode, Policy, PolicyId};
use sealpost_net::{Part, Scope};
use sealpost_rollout::{Actor, ClockReading, Entry, Event, Past, Reckoning, Stage, Time};
use sealpost_store::{Rollouts, StoreError};

use super::Driver;
use super::pass::recorded;
use super::seen::{HostSeen, IdSeen, Seen};
use super::state::State;

const WEEK: u32 = 604_800;

/// A domain as it was found and taken over.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The stage that fits it.
    pub stage: Stage,
    /// Its policy; `None` if there is nothing live.
    pub policy: Option<Policy>,
    /// Its id, which stays.
    pub id: Option<PolicyId>,
    /// Its MX hosts.
    pub mail_hosts: Vec<DomainName>,
}

/// Why a domain was not taken over. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// It is known.
    #[error("take {0} over: it is in the store already")]
    Known(DomainName),
    /// It could not be told what is live.
    #[error("take {domain} over: could not tell what is live: {why}")]
    Unknown {
        /// The domain.
        domain: DomainName,
        /// Why.
        why: String,
    },
    /// What is live does not fit together.
    #[error("take {domain} over: {what}")]
    Unfit {
        /// The domain.
        domain: DomainName,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Driver {
    /// Looks at a domain and takes it over as it is: what is served, its id, its MX records.
    ///
    /// # Errors
    ///
    /// [`AdoptError`]; then nothing is kept.
    pub async fn adopt(
        &self,
        domain: &DomainName,
        past: Past,
        by: &str,
        reading: &ClockReading,
    ) -> Result<Adopted, AdoptError> {
        let now = reading.now;
        let evidence = self.network.gather(domain, Scope::of(&[Part::Sts, Part::MxRecords])).await;
        let mut seen = Seen::of(&evidence);
        self.ask_zones(domain, &mut seen, true, &[]).await;
        let unknown = |why: String| AdoptError::Unknown { domain: domain.clone(), why };
        let unfit = |what| AdoptError::Unfit { domain: domain.clone(), what };
        let found = match (seen.host, seen.id) {
            (HostSeen::Nothing, IdSeen::Nothing) => None,
            (HostSeen::Unknown { why, .. }, _) | (_, IdSeen::Unknown(why)) => {
                return Err(unknown(why));
            }
            (HostSeen::Nothing, IdSeen::Id(..)) => {
                return Err(unfit("there is a record and no policy; mend or remove it first"));
            }
            (HostSeen::Bodies { .. }, IdSeen::Nothing) => {
                return Err(unfit(
                    "a policy is served and no record announces it; set one, or take \
                                  the policy away first",
                ));
            }
            (HostSeen::Bodies { bodies, everywhere }, IdSeen::Id(id, ttl)) => {
                let [body] = bodies.as_slice() else {
                    return Err(unfit("its addresses serve different policies"));
                };
                if !everywhere {
                    return Err(unfit("not every address of its policy host serves the policy"));
                }
                let policy = Policy::parse(body).map_err(|error| unknown(error.to_string()))?;
                Some((body.clone(), policy, id, ttl.longest(None)))
            }
        };
        let Some((hosts, mx_ttl)) = seen.mail_hosts.map(|(hosts, ttl)| (hosts, ttl.longest(None)))
        else {
            return Err(unknown("its MX records".to_owned()));
        };
        let rollouts = self.store.rollouts();
        let stage = found.as_ref().map_or(Stage::Nothing, |(_, policy, ..)| stage_of(policy));
        if !rollouts.enrol(domain.clone(), stage, now, past).await? {
            return Err(AdoptError::Known(domain.clone()));
        }
        let none = Duration::ZERO;
        let (policy, id) = match found {
            None => (None, None),
            Some((body, policy, id, ttl)) => {
                rollouts.serve(domain.clone(), Some(body), now, none).await?;
                rollouts.announce(domain.clone(), Some(id.clone()), ttl, now, none).await?;
                (Some(policy), Some(id))
            }
        };
        rollouts.set_mx(domain.clone(), hosts.clone(), mx_ttl, now, none).await?;
        note(&rollouts, domain, stage, (policy.as_ref(), past), by, now).await?;
        // From now on time counts, and not only from the first pass.
        if let Some(known) = rollouts.load(domain.clone()).await? {
            let (reckoning, _) = Reckoning::resume(None, reading, recorded(&known));
            let state = State { reckoning: Some(reckoning), ..State::default() };
            rollouts.keep_watch(domain.clone(), now, state.write()).await?;
        }
        Ok(Adopted { stage, policy, id, mail_hosts: hosts })
    }
}

/// Why a domain is not taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// What is live is of others: a person has to take it over.
    Theirs(String),
    /// It could not be told what is live. It is looked at again.
    Untold(String),
}

/// Tells people why domains are not taken up, where the next pass, at `due`, tells them of others.
pub(crate) async fn turn_away(
    rollouts: &Rollouts,
    domains: impl IntoIterator<Item = (DomainName, Refusal)>,
    (now, due): (Time, Time),
) -> Result<(), StoreError> {
    let domains =
        domains.into_iter().map(|(domain, why)| (domain, State::of_refusal(&why, now).write()));
    rollouts.turn_away(domains.collect(), due).await
}

/// Writes the row of it.
async fn note(
    rollouts: &Rollouts,
    domain: &DomainName,
    stage: Stage,
    (policy, past): (Option<&Policy>, Past),
    by: &str,
    now: Time,
) -> Result<(), StoreError> {
    let served = policy.map_or("nothing is live".to_owned(), |policy| {
        format!("served: {} {}", policy.mode(), policy.max_age())
    });
    let entry = Entry {
        at: now,
        by: Actor::Person(by.to_owned()),
        event: Event::Adopted { stage },
        grounds: vec![served, past.to_string()],
    };
    rollouts.note(domain.clone(), entry).await
}

/// The stage that a policy fits.
pub fn stage_of(policy: &Policy) -> Stage {
    match policy.mode() {
        Mode::Testing => Stage::Testing,
        Mode::None => Stage::Leaving,
        Mode::Enforce => match policy.max_age().as_secs() {
            ..WEEK => Stage::EnforceDay,
            WEEK => Stage::EnforceWeek,
            _ => Stage::EnforceLong,
        },
    }
}
