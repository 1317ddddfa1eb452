//! `sealpost alert list`

use sealpost_rules::incidents::incident_cause;
use sealpost_runtime::Clock;
use sealpost_store::incidents::{Incident, Phase};
use serde_json::{Value, json};

use super::{open_to_read, store_failure, time};
use crate::arguments::{AlertListArguments, Format, WhichPhase};
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

pub(super) async fn run(
    arguments: &AlertListArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let path = arguments.configuration.store_file()?;
    let store = open_to_read(&path).await?;
    let phase = match arguments.phase {
        WhichPhase::Pending => Phase::Pending,
        WhichPhase::Open => Phase::Open,
        WhichPhase::Resolved => Phase::Resolved,
    };
    let incidents = store.incidents();
    let domain = arguments.domain.clone();
    let found = incidents.list(phase, domain, None, arguments.limit).await;
    let found = found.map_err(|error| store_failure(&path, &error))?;
    match arguments.format {
        Format::Json => output.json(&found.iter().map(as_json).collect::<Vec<_>>())?,
        Format::Human if found.is_empty() => output.line(&format!("no incident is {phase}"))?,
        Format::Human => {
            let now = Clock::system().now().as_second();
            for incident in &found {
                output.line(&without_controls(&line(incident, now)))?;
            }
        }
    }
    let is_open = phase == Phase::Open && !found.is_empty();
    Ok(if is_open { Outcome::Findings } else { Outcome::Clean })
}

/// One line of it.
pub(super) fn line(incident: &Incident, now: i64) -> String {
    let Incident { id, urgency, domain, subject, since, .. } = incident;
    let title = incident_cause(&incident.cause).map_or("", |cause| cause.title);
    let about = if subject.is_empty() { String::new() } else { format!(" ({subject})") };
    let held = match (&incident.acknowledged, incident.silent_until) {
        (Some(word), Some(until)) if until > now => {
            format!(", {} has it in hand until {}", word.by, time(until))
        }
        _ => String::new(),
    };
    let over = incident.resolved_at.map(|at| format!(", over since {}", time(at)));
    let over = over.unwrap_or_default();
    format!("{id}  {urgency:<8}  {domain}{about}: {title}, since {}{over}{held}", time(*since))
}

pub(super) fn as_json(incident: &Incident) -> Value {
    let moment = |at: Option<i64>| at.map(time);
    let cause = incident_cause(&incident.cause);
    json!({
        "id": incident.id.as_str(),
        "code": incident.cause,
        "name": cause.map(|cause| cause.name),
        "title": cause.map(|cause| cause.title),
        "domain": incident.domain.as_str(),
        "subject": incident.subject,
        "phase": incident.phase.as_str(),
        "urgency": incident.urgency.as_str(),
        "basis": incident.basis.as_str(),
        "since": time(incident.since),
        "opened_at": moment(incident.opened_at),
        "gone_since": moment(incident.gone_since),
        "resolved_at": moment(incident.resolved_at),
        "summary": incident.summary,
        "grounds": incident.grounds,
        "why": cause.map(|cause| cause.why),
        "fix": cause.map(|cause| cause.fix),
        "told_to": incident.told_to,
        "silent_until": moment(incident.silent_until),
        "acknowledged": incident.acknowledged.as_ref().map(|word| json!({
            "by": word.by,
            "at": time(word.at),
            "until": time(word.until),
            "reason": word.reason,
        })),
    })
}
