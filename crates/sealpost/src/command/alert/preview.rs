//! `sealpost alert preview`

use sealpost_alert::{Sources, step};
use sealpost_runtime::Clock;
use sealpost_store::StoreError;
use sealpost_store::incidents::{Change, Deed, Incident, NewNotice};
use serde_json::json;

use super::list::{as_json, line};
use super::{open_to_read, store_failure, time};
use crate::arguments::{AlertPreviewArguments, Format};
use crate::daemon::endings;
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

/// Incidents that are asked for at a time.
const PAGE: u32 = 1_000;

pub(super) async fn run(
    arguments: &AlertPreviewArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let configuration = arguments.configuration.load()?;
    let path = configuration.alert.store_file();
    let store = open_to_read(&path).await?;
    let now = arguments.at.unwrap_or_else(|| Clock::system().now()).as_second();
    let mut sources = Sources::new(store.clone(), endings(&configuration)?);
    let read = async {
        let look = sources.look_at_all(now).await?;
        let mut live: Vec<Incident> = Vec::new();
        loop {
            let behind = live.last().map_or(0, |one| one.number);
            let page = store.incidents().live(behind, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            live.extend(page);
            if is_last {
                break Ok::<_, StoreError>((look, live));
            }
        }
    };
    let (look, live) = read.await.map_err(|error| store_failure(&path, &error))?;
    let changes = step(&live, &look, now, &configuration.alert.terms());
    let is_told = changes.iter().any(|change| !change.notices.is_empty());
    match arguments.format {
        Format::Json => output.json(&changes.iter().map(change_as_json).collect::<Vec<_>>())?,
        Format::Human => show(&changes, now, output)?,
    }
    Ok(if is_told { Outcome::Findings } else { Outcome::Clean })
}

fn show(changes: &[Change], now: i64, output: &mut Output) -> Result<(), Failure> {
    let mut say = |text: &str| output.line(&without_controls(text));
    if changes.is_empty() {
        return say("nothing has changed: nobody would be told");
    }
    for change in changes {
        let what = match change.deed {
            Deed::Add => "new",
            Deed::Change => "changed",
            Deed::Forget => "gone before anybody was told",
        };
        say(&format!("{what}: {}", line(&change.incident, now)))?;
        say(&format!("  {}, {}", change.incident.phase, change.incident.summary))?;
        for NewNotice { kind, receiver, due, .. } in &change.notices {
            let when = if *due > now { format!(" at {}", time(*due)) } else { String::new() };
            say(&format!("  {kind} → {receiver}{when}"))?;
        }
    }
    Ok(())
}

fn change_as_json(change: &Change) -> serde_json::Value {
    let notices = change.notices.iter().map(|notice| {
        json!({
            "kind": notice.kind.as_str(),
            "receiver": notice.receiver,
            "due": time(notice.due),
        })
    });
    json!({ "incident": as_json(&change.incident), "notices": notices.collect::<Vec<_>>() })
}
