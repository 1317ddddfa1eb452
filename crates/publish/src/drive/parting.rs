//! Domains that were taken out of the configuration while senders may hold their policy.
//!
//! Nobody leads them any more, and their policy stays as it is. It is only asked whether senders can
//! still come by it, and reckoned until when some may hold it: what was in the zone stays there until
//! somebody removes it, and as long as it is there the policy is fetched, and kept alive.

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_net::{Network, Part, Scope};
use sealpost_rollout::{Actor, ClockReading, Entry, Event, History, Horizon, Reckoning, Time};
use sealpost_store::{Rollout, Rollouts, StoreError};

use super::pass::recorded;
use super::seen::{HostSeen, IdSeen, Seen};
use super::state::State;
use super::{USUAL, due};

/// What senders may hold of such a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parting {
    /// Until when.
    pub(crate) horizon: Horizon,
    /// For people.
    pub(crate) words: String,
}

/// Looks whether senders can still come by the policy of a domain, and reckons until when some may
/// hold it.
pub(crate) async fn look_at_parting(
    network: &Network,
    rollouts: &Rollouts,
    domain: &DomainName,
    reading: &ClockReading,
) -> Result<Parting, StoreError> {
    let evidence = network.gather(domain, Scope::of(&[Part::Sts])).await;
    let seen = Seen::of(&evidence);
    let known = rollouts.load(domain.clone()).await?;
    if let Some(history) = known.as_ref().map(|known| &known.history)
        && let Some(id) = history.live_id()
        && is_withdrawn(history, &seen)
    {
        let (at, none) = (reading.now, Duration::ZERO);
        rollouts.announce(domain.clone(), None, id.ttl, at, none).await?;
        let event = Event::IdAnnounced { id: "none".to_owned() };
        let entry = Entry { at, by: Actor::Observed, event, grounds: Vec::new() };
        rollouts.note(domain.clone(), entry).await?;
    }
    reckon_parting(rollouts, domain, false, reading).await
}

/// Reckons until when senders may hold the policy of a domain, by what is known, and leaves that for
/// people to read. `is_new` says that it was configured until now.
pub(crate) async fn reckon_parting(
    rollouts: &Rollouts,
    domain: &DomainName,
    is_new: bool,
    reading: &ClockReading,
) -> Result<Parting, StoreError> {
    let Some(known) = rollouts.load(domain.clone()).await? else {
        return Ok(Parting { horizon: Horizon::Nobody, words: String::new() });
    };
    let kept = rollouts.watch_state(domain.clone()).await?;
    let mut state = State::read(kept.as_deref());
    let kept = state.reckoning.take();
    let (mut reckoning, _) = Reckoning::resume(kept, reading, recorded(&known));
    let now = reading.now;
    // Of an earlier time, if no pass was made since it came back.
    state.parted_at.take_if(|_| is_new);
    // Counted from the first look on: what a clock showed before may be anything.
    let parted_at = *state.parted_at.get_or_insert(reckoning.now());
    let history = reckoning.history(&known.history, now);
    let horizon = held_until(&history, reckoning.shown(parted_at, now));
    let words = in_words(domain, &known, horizon);
    reckoning.keep(recorded(&known));
    state.reckoning = Some(reckoning);
    state.outlook.proposed = None;
    state.outlook.waits = Vec::new();
    state.outlook.todo = vec![format!("it is not in the configuration any more; {words}")];
    rollouts.keep_watch(domain.clone(), due(now, USUAL, domain), state.write()).await?;
    Ok(Parting { horizon, words })
}

/// Can no sender come by the policy any more that is served here? Where that cannot be told, some
/// can.
fn is_withdrawn(history: &History, seen: &Seen) -> bool {
    match (&seen.id, history.live_id(), history.live()) {
        (IdSeen::Unknown(_), ..) => false,
        (IdSeen::Nothing, ..) => true,
        // Who holds the policy under this id keeps it for as long as the id stays.
        (IdSeen::Id(id, _), Some(live), _) if *id == live.id => false,
        // Whose id it is now, his policy is fetched, if that is not still ours.
        (IdSeen::Id(..), _, None) => true,
        (IdSeen::Id(..), _, Some(policy)) => match &seen.host {
            HostSeen::Unknown { .. } => false,
            HostSeen::Nothing => true,
            HostSeen::Bodies { bodies, .. } => bodies
                .iter()
                .all(|body| mta_sts::Policy::parse(body).ok().is_none_or(|found| found != *policy)),
        },
    }
}

/// Until when some sender may hold what was served here: nobody comes by it once the domain is taken
/// out and no resolver remembers its record.
fn held_until(history: &History, parted_at: Time) -> Horizon {
    let forgotten_at = history.records_forgotten_at();
    let mut history = history.clone();
    history.stop_serving(forgotten_at.map_or(parted_at, |at| at.max(parted_at)));
    // What was served elsewhere before is not kept alive here.
    history.known_horizon()
}

fn in_words(domain: &DomainName, known: &Rollout, horizon: Horizon) -> String {
    let terms = known
        .history
        .live()
        .map_or_else(String::new, |policy| format!(" ({} {})", policy.mode(), policy.max_age()));
    match horizon {
        Horizon::Nobody => "no sender holds its policy".to_owned(),
        Horizon::Until(until) => format!(
            "senders may hold its policy{terms} until {until}: it is served on until then, as it is"
        ),
        Horizon::Open => format!(
            "senders come by its policy{terms} for as long as the record _mta-sts.{domain} is there, \
             and hold it for its max_age after that: it is served on until then, as it is; remove \
             the record, or configure the domain again and lead it out of MTA-STS first"
        ),
    }
}

#[cfg(test)]
mod tests {
    use mta_sts::{Policy, PolicyId};
    use sealpost_rollout::{MARGIN, Past};

    use super::super::seen::Ttl;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(days: u32) -> Time {
        Time::at(1_793_491_200).plus(DAY * days)
    }

    fn policy(mode: &str) -> Policy {
        let text = format!("version: STSv1\nmode: {mode}\nmx: mx.a.test\nmax_age: 604800\n");
        Policy::parse(text.as_bytes()).unwrap()
    }

    fn history() -> History {
        // The past of others is not ours to keep alive.
        let mut history = History::new(at(0), Past::Unknown);
        history.serve(Some(policy("enforce")), at(0), Duration::ZERO);
        history
    }

    #[test]
    fn it_is_held_for_as_long_as_senders_come_by_it_and_its_max_age_after_that() {
        let mut history = history();
        // Nothing ever announced it.
        assert_eq!(held_until(&history, at(10)), Horizon::Until(at(17).plus(MARGIN)));
        let id: PolicyId = "1".parse().unwrap();
        history.announce(id, at(1), HOUR, Duration::ZERO);
        assert_eq!(held_until(&history, at(10)), Horizon::Open);
        history.stop_announcing(at(12));
        let forgotten = at(12).plus(HOUR).plus(MARGIN);
        let until = forgotten.plus(DAY * 7).plus(MARGIN);
        assert_eq!(held_until(&history, at(10)), Horizon::Until(until));
        // One that weighs on nobody holds up nothing.
        let mut history = History::new(at(0), Past::Unknown);
        history.serve(Some(policy("none")), at(0), Duration::ZERO);
        assert_eq!(held_until(&history, at(10)), Horizon::Nobody);
    }

    #[test]
    fn senders_come_by_it_until_its_record_is_gone_or_leads_to_the_policy_of_another() {
        let mut history = history();
        history.announce("1".parse().unwrap(), at(1), HOUR, Duration::ZERO);
        let ours = policy("enforce").to_string().into_bytes();
        let bodies =
            |body: &[u8]| HostSeen::Bodies { bodies: vec![body.to_vec()], everywhere: true };
        let unknown = || HostSeen::Unknown { why: "no answer".to_owned(), some: Vec::new() };
        let id = |id: &str| IdSeen::Id(id.parse().unwrap(), Ttl::Published(HOUR));
        for (id, host, is_gone) in [
            (IdSeen::Nothing, bodies(&ours), true),
            (IdSeen::Unknown("no answer".to_owned()), HostSeen::Nothing, false),
            (id("1"), HostSeen::Nothing, false),
            (id("2"), bodies(&ours), false),
            (id("2"), unknown(), false),
            (id("2"), bodies(policy("testing").to_string().as_bytes()), true),
            (id("2"), HostSeen::Nothing, true),
        ] {
            let rua = super::super::seen::RuaSeen::Nothing;
            let seen = Seen { host, addresses: Vec::new(), id, rua, mail_hosts: None };
            assert_eq!(is_withdrawn(&history, &seen), is_gone, "{seen:?}");
        }
    }
}
