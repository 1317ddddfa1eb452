//! `sealpost publish run`

use sealpost_publish::drive::{Doing, Enrolment, Pass};
use sealpost_rollout::{Decision, Entry, Stage, Step, Time, logbook};
use serde::Serialize;

use super::driver::{Access, Lead, drive_failure};
use crate::arguments::{Format, RunArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, Serialize)]
struct Line<'a> {
    domain: String,
    stage: Stage,
    decision: &'a Decision,
    rows: &'a [Entry],
    /// As lines of a zone file, `-` for what goes and `+` for what comes.
    changes: Vec<String>,
    todo: &'a [String],
    untold: &'a [String],
    due: Time,
}

pub(super) async fn run(arguments: &RunArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let access = if arguments.apply { Access::Write } else { Access::Read };
    let lead = Lead::open(&arguments.configuration, &arguments.network, access).await?;
    let doing = if arguments.apply { Doing::All } else { Doing::Nothing };
    let mut outcome = Outcome::Clean;
    let named = !arguments.domains.is_empty();
    let domains = match named {
        true => {
            arguments.domains.iter().map(|name| lead.of(name)).collect::<Result<Vec<_>, _>>()?
        }
        false => lead.domains.iter().collect(),
    };
    if domains.is_empty() {
        return Err(Failure::new("find a domain: none is configured")
            .hint("name the configuration with --config; `sealpost publish new` writes a first"));
    }
    for published in domains {
        output.progress(&format!("looking at {}", published.domain));
        let passed = match arguments.apply && !named {
            true => lead.driver.pass_if_due(published, &lead.reading).await,
            false => lead.driver.pass(published, &lead.reading, doing, None).await.map(Some),
        };
        output.progress("");
        let Some(pass) = passed.map_err(|error| drive_failure(&error))? else { continue };
        if !is_done(&pass) {
            outcome = Outcome::Findings;
        }
        match arguments.format {
            Format::Json => output.json_line(&Line {
                domain: pass.domain.to_string(),
                stage: pass.stage,
                decision: &pass.decision,
                rows: &pass.rows,
                changes: pass.changes.iter().map(ToString::to_string).collect(),
                todo: &pass.todo,
                untold: &pass.untold,
                due: pass.due,
            })?,
            Format::Human => show(&pass, doing, output)?,
        }
    }
    lead.store.close().await;
    Ok(outcome)
}

/// Is nothing left to do for a person or a server?
fn is_done(pass: &Pass) -> bool {
    pass.todo.is_empty()
        && pass.untold.is_empty()
        && pass.refused.is_none()
        && !matches!(pass.decision.step, Step::Propose(_))
        && pass.enrolment != Enrolment::Refused
}

/// A domain, and what became of it.
pub(super) fn show(pass: &Pass, doing: Doing, output: &mut Output) -> Result<(), Failure> {
    let domain = &pass.domain;
    output.line(&format!("{domain}: {}", pass.stage))?;
    if !pass.rows.is_empty() && doing == Doing::Nothing {
        output.line("  would write into the logbook:")?;
    }
    for line in logbook(&pass.rows).lines() {
        output.line(&format!("  {line}"))?;
    }
    if !pass.changes.is_empty() {
        let head = match doing {
            Doing::All => "changed in the zone:",
            Doing::Nothing => "would change in the zone:",
        };
        output.line(&format!("  {head}"))?;
        for change in &pass.changes {
            for line in change.to_string().lines() {
                output.line(&format!("    {line}"))?;
            }
        }
    }
    for todo in &pass.todo {
        output.line(&format!("  to do: {}", todo.replace('\n', "\n    ")))?;
    }
    if let Step::Propose(to) = &pass.decision.step {
        let mark = to.mark.map_or(String::new(), |mark| format!(" ({mark})"));
        output.line(&format!("  proposed: to {}: {}{mark}", to.to, to.cause))?;
        for ground in &to.grounds {
            output.line(&format!("    {ground}"))?;
        }
        output.line(&format!(
            "  to do it: sealpost publish move {domain} {} --reason REASON",
            to.to
        ))?;
    } else {
        for wait in pass.waits().chain(pass.untold.iter().map(String::as_str)) {
            output.line(&format!("  waits: {wait}"))?;
        }
    }
    Ok(())
}
