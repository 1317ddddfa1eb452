//! Changes of mail hosts, and the way out, as dated steps that strand no sender.
//!
//! A sender is *stranded* if it holds a policy of mode enforce that we served, and the MX records
//! that it sees name a host which that policy does not cover: there it does not deliver, however good
//! the host is. The rules that follow from it:
//!
//! 1. first serve a policy that covers the old hosts and the new ones (a superset), then its id;
//! 2. change the MX records only when nobody can hold a policy any more that does not cover the new
//!    hosts: the cache horizon;
//! 3. drop the old patterns only when nobody can see the old MX records any more: their TTL;
//! 4. leave through mode none, and remove nothing before the horizon of everything served.
//!
//! A plan is made from what is. Made again after some of its steps are done it has the rest of them,
//! with dates that count what really happened.

use std::{fmt, time::Duration};

use mail_domain::DomainName;
use mta_sts::{MaxAge, Mode, MxPattern, Policy, PolicyError, PolicyId};

use crate::{History, Horizon, MARGIN, MxSet, Time, time::span};

mod change;
mod removal;
pub use change::plan_change;
pub use removal::plan_removal;

/// What a plan starts from.
#[derive(Clone, Debug)]
pub struct Situation {
    /// Now.
    pub now: Time,
    /// What was served.
    pub history: History,
    /// The MX records that are published, and those before them that somebody may still see.
    pub mx: Vec<MxSet>,
    /// How long things take.
    pub timing: Timing,
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The TTL of the STS record.
    pub txt_ttl: Duration,
    /// From a change of the zone until every server of it has the change.
    pub zone_spread: Duration,
    /// From the upload of a body until no server and no cache before it serves the old one.
    pub body_spread: Duration,
}

/// A change of mail hosts. Hosts are given as exact patterns; where the new ones have no names yet,
/// the patterns of their provider do.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What comes into the MX records.
    pub add: Vec<MxPattern>,
    /// What goes: every host that one of these allows, and these patterns themselves.
    pub remove: Vec<MxPattern>,
    /// When the MX records are to be switched; as early as is safe, if it is left open.
    pub switch_at: Option<Time>,
    /// What is refused otherwise is planned all the same.
    pub force: Option<Force>,
}

/// The way out.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The `max_age` of the policy of mode none.
    pub max_age: MaxAge,
    /// When record and policy host are to go; as early as is safe, if it is left open.
    pub remove_at: Option<Time>,
    /// What is refused otherwise is planned all the same.
    pub force: Option<Force>,
}

/// A person takes the risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Force {
    /// Why.
    pub reason: String,
}

/// Steps in the order in which they are to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// The steps.
    pub steps: Vec<PlanStep>,
    /// What a person has taken upon himself with force.
    pub risks: Vec<Risk>,
}

/// A step. If one before it is done later than planned, the plan has to be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// Not earlier than then.
    pub not_before: Time,
    /// What is to be done.
    pub action: Action,
    /// Why then, for people.
    pub why: String,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Serve this policy in the place of the one before, on every server.
    Serve(Policy),
    /// Announce this id, in the STS record.
    Announce(PolicyId),
    /// Change the MX records.
    SwitchMx {
        /// What they name afterwards: hosts, or patterns of a provider.
        to: Vec<MxPattern>,
    },
    /// Switch these hosts off. Until then they take mail.
    RetireHosts(Vec<DomainName>),
    /// Remove the STS record.
    RemoveRecord,
    /// Switch the policy host off.
    RemovePolicyHost,
}

/// What a forced plan may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// Until when senders may hold back mail because of it; `None` if no end is known.
    pub until: Option<Time>,
    /// What, for people.
    pub text: String,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No host would be left.
    NoHostLeft,
    /// Nothing would change: everything to be added is there, and nothing to be removed.
    NothingToDo,
    /// It is known of no MX record whether it exists.
    MxUnknown,
    /// Senders would be stranded.
    TooEarly {
        /// What would be too early.
        what: &'static str,
        /// The time that was asked for.
        asked: Time,
        /// The earliest that is safe.
        earliest: Time,
    },
    /// A policy stays alive for as long as something is not done, which is none of the plan's steps.
    NoEnd,
    /// Force needs a reason.
    NoReason,
    /// The policy of the plan cannot be made.
    Policy(PolicyError),
}

impl Plan {
    /// When the last step may be done.
    pub fn ends_at(&self) -> Option<Time> {
        self.steps.last().map(|step| step.not_before)
    }
}

impl Force {
    /// Is a reason given?
    pub(crate) fn checked(force: Option<&Self>) -> Result<Option<&Self>, Refusal> {
        match force {
            Some(force) if force.reason.trim().is_empty() => Err(Refusal::NoReason),
            force => Ok(force),
        }
    }
}

/// The first moment at which nobody holds it; `None` if there is no such moment yet.
pub(crate) fn over_at(horizon: Horizon, now: Time) -> Option<Time> {
    match horizon {
        Horizon::Nobody => Some(now),
        Horizon::Until(until) => Some(until.max(now)),
        Horizon::Open => None,
    }
}

/// The time of a step that somebody may have asked for: as early as is safe, unless forced.
pub(crate) fn dated(
    what: &'static str,
    asked: Option<Time>,
    earliest: Option<Time>,
    force: Option<&Force>,
    now: Time,
) -> Result<(Time, Option<Risk>), Refusal> {
    let earliest_known = || earliest.ok_or(Refusal::NoEnd);
    match (asked, force) {
        (None, _) => Ok((earliest_known()?, None)),
        (Some(asked), _) if earliest.is_some_and(|earliest| earliest <= asked) => {
            Ok((asked.max(now), None))
        }
        (Some(asked), None) => Err(Refusal::TooEarly { what, asked, earliest: earliest_known()? }),
        (Some(asked), Some(force)) => {
            let text = format!("{what} before its time: {}", force.reason);
            Ok((asked.max(now), Some(Risk { until: earliest, text })))
        }
    }
}

/// Serves a policy and then its id, in the history and in the plan.
pub(crate) fn publish(
    plan: &mut Plan,
    history: &mut History,
    policy: &Policy,
    at: Time,
    timing: &Timing,
    why: &str,
) {
    history.serve(Some(policy.clone()), at, timing.body_spread);
    plan.steps.push(PlanStep {
        not_before: at,
        action: Action::Serve(policy.clone()),
        why: why.to_owned(),
    });
    announce(plan, history, at, timing);
}

/// Announces the id of the live body if it is due.
pub(crate) fn announce(plan: &mut Plan, history: &mut History, now: Time, timing: &Timing) {
    let Some(body) = history.live_body().filter(|_| history.is_id_due()) else { return };
    let Some(policy) = body.policy.clone() else { return };
    //= https://www.rfc-editor.org/rfc/rfc8461#section-8.1
    //# Recipients SHOULD also update the HTTPS policy body before updating
    //# the TXT record; this ordering avoids the risk that senders, seeing a
    //# new TXT record, mistakenly cache the old policy from HTTPS.
    let at = body.since.plus(timing.body_spread).plus(MARGIN).max(now);
    let id = history.id_for(&policy, at);
    history.announce(id.clone(), at, timing.txt_ttl, timing.zone_spread);
    plan.steps.push(PlanStep {
        not_before: at,
        action: Action::Announce(id),
        why: format!(
            "when every server has served the policy for {}: never the id before the policy",
            span(timing.body_spread.saturating_add(MARGIN))
        ),
    });
}

/// The mode of the live policy, where there is one that binds anybody.
pub(crate) fn binding(history: &History) -> Option<&Policy> {
    history.live().filter(|policy| policy.mode() != Mode::None)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, names: &[String]| f.write_str(&names.join(", "));
        match self {
            Self::Serve(policy) => {
                write!(f, "serve the policy: {} {}, ", policy.mode(), policy.max_age())?;
                let names: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
                list(f, &names)
            }
            Self::Announce(id) => write!(f, "set the STS record to id={id}"),
            Self::SwitchMx { to } => {
                f.write_str("point the MX records to ")?;
                list(f, &to.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
            Self::RetireHosts(hosts) => {
                f.write_str("switch off ")?;
                list(f, &hosts.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
            Self::RemoveRecord => f.write_str("remove the STS record"),
            Self::RemovePolicyHost => f.write_str("switch the policy host off"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHostLeft => f.write_str("no mail host would be left"),
            Self::NothingToDo => f.write_str("nothing would change"),
            Self::MxUnknown => f.write_str("it is not known which MX records there are"),
            Self::TooEarly { what, asked, earliest } => write!(
                f,
                "{what} at {asked} would strand senders that hold a policy of ours; the earliest \
                 that is safe is {earliest}"
            ),
            Self::NoEnd => f.write_str(
                "a policy that does not cover the new hosts is kept alive by what is still served \
                 or announced",
            ),
            Self::NoReason => f.write_str("whoever forces a step has to give a reason"),
            Self::Policy(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<PolicyError> for Refusal {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}
