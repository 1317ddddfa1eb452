//! `sealpost publish adopt`

use std::time::Duration;

use mta_sts::{Mode, Policy};
use sealpost_rollout::{Actor, Entry, Event, Past, Stage};
use sealpost_store::{Settings, Store};

use super::known::{failure, now, section};
use crate::arguments::{AdoptArguments, PastWord};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Larger bodies are no policy, RFC 8461 §3.3.
const LARGEST_BODY: u64 = 65_536;
const WEEK: u32 = 604_800;

pub(super) async fn run(
    arguments: AdoptArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let (section, _) = section(&arguments.configuration)?;
    let at = now(&arguments.configuration);
    let domain = arguments.domain;
    let body = input::read(&arguments.body, LARGEST_BODY)?;
    let policy = Policy::parse(&body)
        .map_err(|error| Failure::new(format!("take {domain} over: {error}")))?;
    let stage = stage_of(&policy);
    let PastWord(past) = arguments.past;

    let store = Store::open(Settings::at(section.store_file())).await;
    let store = store.map_err(|error| failure(&error))?;
    let rollouts = store.rollouts();
    let failed = |error| failure(&error);
    let is_new = rollouts.enrol(domain.clone(), stage, at, past).await.map_err(failed)?;
    if !is_new {
        store.close().await;
        return Err(Failure::new(format!("take {domain} over: it is in the store already"))
            .hint("`sealpost publish status` shows what is kept of it"));
    }
    let none = Duration::ZERO;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    rollouts.serve(domain.clone(), Some(body), at, none).await.map_err(failed)?;
    let (id, ttl) = (Some(arguments.id), seconds(arguments.txt_ttl));
    rollouts.announce(domain.clone(), id, ttl, at, none).await.map_err(failed)?;
    let ttl = seconds(arguments.mx_ttl);
    rollouts.set_mx(domain.clone(), arguments.mx, ttl, at, none).await.map_err(failed)?;
    let entry = Entry {
        at,
        by: Actor::Person(arguments.by),
        event: Event::Adopted { stage },
        grounds: vec![
            format!("served: {} {}", policy.mode(), policy.max_age()),
            match past {
                Past::Unknown => {
                    "nobody knows what was served before: it counts as a year".to_owned()
                }
                Past::AtMost(max_age) => {
                    format!("stated: no policy before had a longer max_age than {max_age}")
                }
                Past::Nothing => "stated: no policy was served before".to_owned(),
            },
        ],
    };
    rollouts.note(domain.clone(), entry).await.map_err(failed)?;
    store.close().await;
    output.say(&format!("{domain} taken over as it is, at the stage {stage}"));
    Ok(Outcome::Clean)
}

/// The stage that a policy fits.
fn stage_of(policy: &Policy) -> Stage {
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
