//! `sealpost publish adopt`

use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_publish::drive::{AdoptError, stage_of};
use sealpost_rollout::{Actor, Entry, Event};

use super::driver::{Access, Lead};
use super::known::failure;
use crate::arguments::{AdoptArguments, PastWord};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Larger bodies are no policy, RFC 8461 §3.3.
const LARGEST_BODY: u64 = 65_536;

pub(in crate::command) async fn run(
    arguments: AdoptArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let lead = Lead::open(&arguments.configuration, &arguments.network, Access::Write).await?;
    let (Some(file), Some(id)) = (&arguments.body, arguments.id.clone()) else {
        return live(&arguments, lead, output).await;
    };
    let Lead { store, reading, .. } = lead;
    let at = reading.now;
    let domain = arguments.domain;
    let body = input::read(file, LARGEST_BODY)?;
    let policy = Policy::parse(&body)
        .map_err(|error| Failure::new(format!("take {domain} over: {error}")))?;
    let stage = stage_of(&policy);
    let PastWord(past) = arguments.past;

    let rollouts = store.rollouts();
    let failed = |error| failure(&error);
    let is_new = rollouts.enrol(domain.clone(), stage, at, past).await.map_err(failed)?;
    if !is_new {
        store.close().await;
        return Err(Failure::new(format!("take {domain} over: it is in the store already"))
            .hint(known(&domain)));
    }
    let none = Duration::ZERO;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    rollouts.serve(domain.clone(), Some(body), at, none).await.map_err(failed)?;
    let (id, ttl) = (Some(id), seconds(arguments.txt_ttl));
    rollouts.announce(domain.clone(), id, ttl, at, none).await.map_err(failed)?;
    let ttl = seconds(arguments.mx_ttl);
    rollouts.set_mx(domain.clone(), arguments.mx, ttl, at, none).await.map_err(failed)?;
    let entry = Entry {
        at,
        by: Actor::Person(arguments.by),
        event: Event::Adopted { stage },
        grounds: vec![format!("served: {} {}", policy.mode(), policy.max_age()), past.to_string()],
    };
    rollouts.note(domain.clone(), entry).await.map_err(failed)?;
    store.close().await;
    output.say(&format!("{domain} taken over as it is, at the stage {stage}"));
    Ok(Outcome::Clean)
}

fn known(domain: &DomainName) -> String {
    format!(
        "`sealpost publish history {domain}` shows what is kept of it; `sealpost publish past \
         {domain} nothing|SECONDS --reason WHY` states what was served before"
    )
}

/// Takes over what is live.
async fn live(
    arguments: &AdoptArguments,
    lead: Lead,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let (PastWord(past), domain) = (arguments.past, &arguments.domain);
    let adopted = lead.driver.adopt(domain, past, &arguments.by, &lead.reading).await;
    lead.store.close().await;
    let adopted = adopted.map_err(|error| match &error {
        AdoptError::Store(error) => failure(error),
        AdoptError::Known(_) => Failure::new(error.to_string()).hint(known(domain)),
        _ => Failure::new(error.to_string()),
    })?;
    output.say(&format!("{domain} taken over as it is, at the stage {}", adopted.stage));
    if let (Some(policy), Some(id)) = (&adopted.policy, &adopted.id) {
        output.say(&format!("served: {} {}, id {id}", policy.mode(), policy.max_age()));
    }
    Ok(Outcome::Clean)
}
