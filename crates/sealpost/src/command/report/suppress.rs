//! `sealpost report suppress`

use std::net::IpAddr;

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_runtime::Clock;
use sealpost_store::submissions::Suppression;
use serde::Serialize;
use tls_rpt::ReportUri;

use super::{open_to_read, open_to_write, store_failure};
use crate::arguments::{Format, SuppressCommand};
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

/// Destinations that are asked for at a time.
const PAGE: u32 = 500;
/// Seconds of a day.
const DAY: i64 = 86_400;

#[derive(Serialize)]
struct Row<'s> {
    destination: &'s str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    reason: &'s str,
}

pub(super) async fn run(
    command: &SuppressCommand,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let now = Clock::system().now().as_second();
    match command {
        SuppressCommand::Add { destination, days, reason, store } => {
            let destination = destination_of(destination)?;
            let path = store.over(store.load()?.report).store_file();
            let opened = open_to_write(&path).await?;
            let until = now.saturating_add(i64::from(*days) * DAY);
            let line = format!("{destination}: nothing is sent there until {}", shown(until));
            let reason = reason.clone();
            let suppression = Suppression { destination, since: now, until, reason };
            let added = opened.submissions().suppress(suppression).await;
            added.map_err(|error| store_failure(&path, &error))?;
            opened.close().await;
            output.line(&line)?;
            Ok(Outcome::Clean)
        }
        SuppressCommand::List { format, store } => {
            let path = store.over(store.load()?.report).store_file();
            let submissions = open_to_read(&path).await?.submissions();
            let (mut after, mut is_empty) = (None, true);
            loop {
                let page = submissions.suppressed(now, after, PAGE).await;
                let page = page.map_err(|error| store_failure(&path, &error))?;
                let Some(last) = page.last() else { break };
                after = Some(last.destination.clone());
                for one in &page {
                    is_empty = false;
                    show(one, *format, output)?;
                }
            }
            if is_empty && *format == Format::Human {
                output.say("no destination is suppressed");
            }
            Ok(Outcome::Clean)
        }
        SuppressCommand::Remove { destination, store } => {
            let path = store.over(store.load()?.report).store_file();
            let opened = open_to_write(&path).await?;
            // As it is listed, or else as it would be suppressed.
            let mut forms = vec![destination.clone()];
            forms.extend(destination_of(destination).ok().filter(|form| form != destination));
            let mut lifted = false;
            for form in forms {
                let done = opened.submissions().lift(form).await;
                lifted |= done.map_err(|error| store_failure(&path, &error))?;
            }
            opened.close().await;
            if lifted {
                output.line(&without_controls(&format!("{destination}: gets reports again")))?;
                return Ok(Outcome::Clean);
            }
            output.say(&without_controls(&format!("{destination} was not suppressed")));
            Ok(Outcome::Findings)
        }
    }
}

/// A URI, or a host in the form in which the queue knows it.
fn destination_of(text: &str) -> Result<String, Failure> {
    if let Ok(uri) = ReportUri::parse(text) {
        return Ok(uri.to_string());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    DomainName::parse(text).map(|name| name.to_string()).map_err(|_| {
        Failure::new(format!("suppress {text:?}: it is neither a URI nor a host"))
            .hint("write it as published, such as mailto:tls@example.com, or example.com for all")
    })
}

fn show(one: &Suppression, format: Format, output: &mut Output) -> Result<(), Failure> {
    if format == Format::Json {
        let time = |second| Timestamp::from_second(second).ok();
        return output.json_line(&Row {
            destination: &one.destination,
            since: time(one.since),
            until: time(one.until),
            reason: &one.reason,
        });
    }
    let line = format!("{} until {}: {}", one.destination, shown(one.until), one.reason);
    output.line(&without_controls(&line))
}

fn shown(second: i64) -> String {
    Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}
