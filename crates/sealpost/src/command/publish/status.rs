//! `sealpost publish status` and `sealpost publish diff`

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_rollout::{History, Horizon, Outlook, Stage, Time};
use sealpost_store::Rollout;
use serde::Serialize;

use super::history;
use super::known::Known;
use crate::arguments::{Format, PublishStatusArguments, SelectArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, Serialize)]
struct Line {
    domain: String,
    /// Whether anything is kept of it.
    known: bool,
    stage: &'static str,
    /// Seconds since 1970.
    since: Option<Time>,
    /// What is served, such as `enforce 604800`.
    served: Option<String>,
    id: Option<String>,
    /// Until when some sender may hold a policy: seconds since 1970, null if nobody does, `open`
    /// while it can still be fetched.
    held_until: Option<Held>,
    /// Since when it is not in the configuration any more: seconds since 1970, null while it is.
    taken_out_at: Option<Time>,
    /// What a person, or a lagging server, has to do, as the last pass saw it.
    todo: Vec<String>,
    waits: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Held {
    Until(Time),
    Open(&'static str),
}

/// A domain, and what is kept of it.
struct Standing<'a> {
    domain: &'a DomainName,
    stage: Stage,
    rollout: Option<Rollout>,
    /// Since when it is configured no longer.
    taken_out_at: Option<Time>,
}

pub(super) async fn run(
    arguments: &PublishStatusArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let taken_out = known.taken_out().await?;
    let is_all = arguments.domains.is_empty();
    let (gone, named): (Vec<&DomainName>, Vec<&DomainName>) =
        arguments.domains.iter().partition(|domain| taken_out.contains_key(*domain));
    let is_none = match is_all {
        true => known.domains.iter().len() == 0 && !taken_out.is_empty(),
        false => named.is_empty(),
    };
    let named: Vec<DomainName> = named.into_iter().cloned().collect();
    let configured = if is_none { Vec::new() } else { known.select(&named)? };
    for published in configured {
        let wanted = known.wanted(published, None).await?;
        let (domain, stage, rollout) = (&published.domain, wanted.stage, wanted.rollout);
        let standing = Standing { domain, stage, rollout, taken_out_at: None };
        show(&known, standing, arguments, output).await?;
    }
    for (domain, at) in taken_out.iter().filter(|(domain, _)| is_all || gone.contains(domain)) {
        let rollout = known.rollout(domain).await?;
        let stage = rollout.as_ref().map_or(Stage::Nothing, |rollout| rollout.stage);
        let standing = Standing { domain, stage, rollout, taken_out_at: Some(*at) };
        show(&known, standing, arguments, output).await?;
    }
    Ok(Outcome::Clean)
}

async fn show(
    known: &Known,
    standing: Standing<'_>,
    arguments: &PublishStatusArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let Standing { domain, stage, rollout, taken_out_at } = standing;
    let history = rollout.as_ref().map(|rollout| &rollout.history);
    let served = history.and_then(|history| history.live()).map(terms);
    let id = history.and_then(|history| history.live_id()).map(|id| id.id.to_string());
    let since = rollout.as_ref().map(|rollout| rollout.entered_at);
    let horizon = history.map_or(Horizon::Nobody, History::horizon);
    let Outlook { todo, waits, .. } = known.outlook(domain).await?;
    match arguments.format {
        Format::Json => output.json_line(&Line {
            domain: domain.to_string(),
            known: rollout.is_some(),
            stage: stage.as_str(),
            since,
            served,
            id,
            held_until: match horizon {
                Horizon::Nobody => None,
                Horizon::Until(until) => Some(Held::Until(until)),
                Horizon::Open => Some(Held::Open("open")),
            },
            taken_out_at,
            todo,
            waits,
        })?,
        Format::Human => {
            let since = since.map_or(String::new(), |since| format!(" since {since}"));
            let served = served.map_or(String::new(), |terms| format!(", serves {terms}"));
            let gone = taken_out_at
                .map_or(String::new(), |at| format!(", taken out of the configuration at {at}"));
            output.line(&format!("{domain}: {stage}{since}{served}{gone}"))?;
            for todo in todo {
                output.line(&format!("  to do: {}", todo.replace('\n', "\n    ")))?;
            }
            for wait in waits {
                output.line(&format!("  waits: {wait}"))?;
            }
        }
    }
    if arguments.logbook
        && let Some(rollouts) = known.rollouts()
    {
        history::show(rollouts, domain, arguments.format, output).await?;
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Difference {
    domain: String,
    served: Option<String>,
    configured: Option<String>,
}

pub(super) async fn diff(
    arguments: &SelectArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let mut outcome = Outcome::Clean;
    for published in known.select(&arguments.domains)? {
        let domain = &published.domain;
        let wanted = known.wanted(published, arguments.stage).await?;
        let served = wanted.rollout.as_ref().and_then(|rollout| rollout.history.live()).cloned();
        if same(served.as_ref(), wanted.policy.as_ref()) {
            continue;
        }
        outcome = Outcome::Findings;
        let text = |policy: Option<&Policy>| policy.map(ToString::to_string);
        let (old, new) = (text(served.as_ref()), text(wanted.policy.as_ref()));
        match arguments.format {
            Format::Json => {
                let domain = domain.to_string();
                output.json_line(&Difference { domain, served: old, configured: new })?;
            }
            Format::Human => {
                let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                output.line(&format!("--- {domain}, served\n+++ {domain}, configured"))?;
                for line in old.lines().filter(|line| !new.lines().any(|other| other == *line)) {
                    output.line(&format!("-{line}"))?;
                }
                for line in new.lines().filter(|line| !old.lines().any(|other| other == *line)) {
                    output.line(&format!("+{line}"))?;
                }
            }
        }
    }
    Ok(outcome)
}

/// The order of patterns means nothing.
fn same(one: Option<&Policy>, other: Option<&Policy>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            let sorted = |policy: &Policy| {
                let mut lines: Vec<String> =
                    policy.to_string().lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            sorted(one) == sorted(other)
        }
        _ => false,
    }
}

fn terms(policy: &Policy) -> String {
    format!("{} {}", policy.mode(), policy.max_age())
}
