//! `sealpost alert show`

use sealpost_rules::incidents::incident_cause;
use sealpost_runtime::Clock;
use sealpost_store::incidents::{Incident, Notice, NoticeState};
use serde_json::{Value, json};

use super::list::{as_json, line};
use super::{open_to_read, store_failure, time};
use crate::arguments::{AlertShowArguments, Format};
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

pub(super) async fn run(
    arguments: &AlertShowArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let path = arguments.configuration.store_file()?;
    let store = open_to_read(&path).await?;
    let found = store.incidents().incident(arguments.id.clone()).await;
    let found = found.map_err(|error| store_failure(&path, &error))?;
    let Some((incident, notices)) = found else {
        output.say(&format!("there is no incident {}", arguments.id));
        return Ok(Outcome::Findings);
    };
    match arguments.format {
        Format::Json => output.json(&json!({
            "incident": as_json(&incident),
            "notices": notices.iter().map(notice).collect::<Vec<_>>(),
        }))?,
        Format::Human => show(&incident, &notices, output)?,
    }
    Ok(Outcome::Clean)
}

fn show(incident: &Incident, notices: &[Notice], output: &mut Output) -> Result<(), Failure> {
    let mut say = |text: &str| output.line(&without_controls(text));
    say(&line(incident, Clock::system().now().as_second()))?;
    say(&format!("  {}", incident.summary))?;
    say(&format!("  known from {}", incident.basis))?;
    for ground in &incident.grounds {
        say(&format!("  * {ground}"))?;
    }
    if let Some(cause) = incident_cause(&incident.cause) {
        say(&format!("  what follows: {}", cause.why))?;
        say(&format!("  what to do: {}", cause.fix))?;
    }
    if let Some(word) = &incident.acknowledged {
        let (at, until) = (time(word.at), time(word.until));
        say(&format!("  acknowledged at {at} by {} until {until}: {}", word.by, word.reason))?;
    }
    for notice in notices {
        let Notice { receiver, kind, state, made_at, attempts, .. } = notice;
        let answer = notice.answer.as_deref().map(|answer| format!(": {answer}"));
        let when = match (state, notice.settled_at) {
            (NoticeState::Waiting, _) => format!("due {}", time(notice.due)),
            (_, at) => time(at.unwrap_or(*made_at)),
        };
        say(&format!(
            "  {kind} → {receiver}: {state}, {when}, attempts: {attempts}{}",
            answer.unwrap_or_default()
        ))?;
    }
    Ok(())
}

fn notice(notice: &Notice) -> Value {
    json!({
        "key": notice.key,
        "receiver": notice.receiver,
        "kind": notice.kind.as_str(),
        "state": notice.state.as_str(),
        "made_at": time(notice.made_at),
        "due": time(notice.due),
        "attempts": notice.attempts,
        "answer": notice.answer,
        "settled_at": notice.settled_at.map(time),
    })
}
