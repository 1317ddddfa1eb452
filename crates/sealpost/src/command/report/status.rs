//! `sealpost report status`

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_runtime::Clock;
use sealpost_store::{
    Sessions, StoreError, Submissions,
    submissions::{SubmissionState, Verdict},
};
use serde::Serialize;

use super::{open_to_read, store_failure};
use crate::arguments::{Format, StatusArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Domains that are asked for at a time.
const PAGE: u32 = 500;
/// Domains with failed sessions that are named.
const FAILING: usize = 20;
/// Datagrams that could not be read and are shown.
const REFUSED: u32 = 100;
/// Days of which it is shown what was decided.
const DECIDED: u16 = 35;
/// Characters of one that are shown.
const SHOWN: usize = 400;

#[derive(Serialize)]
struct Status {
    /// The newest first.
    days: Vec<DayStatus>,
    /// The domains with the most failed sessions on the newest day.
    failing: Vec<Failing>,
    /// Further ones.
    failing_more: usize,
    /// The newest first.
    refused: Vec<Refused>,
    /// Reports on their way, and what became of them.
    queue: Queue,
}

#[derive(Serialize)]
struct Queue {
    /// The first day that is reported by itself; null if no report has ever been sent.
    since: Option<Day>,
    waiting: u64,
    accepted: u64,
    refused: u64,
    expired: u64,
    /// What became of the domains of the last days that are over, the newest first.
    days: Vec<DecidedDay>,
}

#[derive(Serialize)]
struct DecidedDay {
    day: Day,
    queued: u64,
    not_wanted: u64,
    unknown: u64,
    only_reports: u64,
    suppressed: u64,
    unfit: u64,
    told_elsewhere: u64,
    /// Sessions that were written after the report of their day was made, for each policy.
    late_sessions: u64,
}

#[derive(Serialize)]
struct DayStatus {
    day: Day,
    domains: u64,
    successful: u64,
    failed: u64,
    last_session: Option<Timestamp>,
}

#[derive(Serialize)]
struct Failing {
    domain: DomainName,
    successful: u64,
    failed: u64,
}

#[derive(Serialize)]
struct Refused {
    at: Option<Timestamp>,
    cause: String,
    octets: usize,
    /// Escaped.
    beginning: String,
}

pub(super) async fn run(
    arguments: &StatusArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let section = arguments.store.over(arguments.store.load()?.report);
    let path = section.store_file();
    let store = open_to_read(&path).await?;
    let today = Day::of(Clock::system().now().as_second());
    let queue = queue(&store.submissions(), today, arguments.days).await;
    let queue = queue.map_err(|error| store_failure(&path, &error))?;
    let status = status(&store.sessions(), queue, today, arguments.days).await;
    let status = status.map_err(|error| store_failure(&path, &error))?;
    match arguments.format {
        Format::Json => output.json(&status)?,
        Format::Human => show(&status, arguments.refused, output)?,
    }
    Ok(Outcome::Clean)
}

async fn queue(submissions: &Submissions, today: Day, days: u16) -> Result<Queue, StoreError> {
    let counts = submissions.counts().await?;
    let mut decided = Vec::new();
    for day in (1..=i64::from(days.min(DECIDED))).map(|back| today.plus(-back)) {
        let counts = submissions.verdicts(day).await?;
        let day = DecidedDay {
            day,
            queued: counts.of(Verdict::Queued),
            not_wanted: counts.of(Verdict::NotWanted),
            unknown: counts.of(Verdict::Unknown),
            only_reports: counts.of(Verdict::OnlyReports),
            suppressed: counts.of(Verdict::Suppressed),
            unfit: counts.of(Verdict::Unfit),
            told_elsewhere: counts.of(Verdict::ToldElsewhere),
            late_sessions: counts.late(),
        };
        if Verdict::ALL.iter().any(|verdict| counts.of(*verdict) > 0) {
            decided.push(day);
        }
    }
    Ok(Queue {
        since: submissions.sending().await?.map(|sending| sending.since),
        waiting: counts.of(SubmissionState::Waiting),
        accepted: counts.of(SubmissionState::Accepted),
        refused: counts.of(SubmissionState::Refused),
        expired: counts.of(SubmissionState::Expired),
        days: decided,
    })
}

async fn status(
    sessions: &Sessions,
    queue: Queue,
    today: Day,
    days: u16,
) -> Result<Status, StoreError> {
    let first = today.plus(1 - i64::from(days));
    let found = sessions.days(first, u32::from(days) + 1).await?;
    let mut failing = Vec::new();
    let mut after = None;
    if let Some(newest) = found.first() {
        loop {
            let page = sessions.domains(newest.day, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.domain.clone());
            failing.extend(page.into_iter().filter(|sums| sums.failed > 0).map(|sums| Failing {
                domain: sums.domain,
                successful: sums.successful,
                failed: sums.failed,
            }));
        }
    }
    failing.sort_by_key(|one| std::cmp::Reverse(one.failed));
    let failing_more = failing.len().saturating_sub(FAILING);
    failing.truncate(FAILING);
    let refused = sessions.refused(REFUSED).await?;
    Ok(Status {
        queue,
        days: found
            .into_iter()
            .map(|day| DayStatus {
                day: day.day,
                domains: day.domains,
                successful: day.successful,
                failed: day.failed,
                last_session: Timestamp::from_second(day.seen_at).ok(),
            })
            .collect(),
        failing,
        failing_more,
        refused: refused
            .into_iter()
            .map(|datagram| Refused {
                at: Timestamp::from_second(datagram.refused_at).ok(),
                cause: datagram.cause,
                octets: datagram.length,
                beginning: datagram.octets.escape_ascii().to_string().chars().take(SHOWN).collect(),
            })
            .collect(),
    })
}

fn show(status: &Status, with_refused: bool, output: &mut Output) -> Result<(), Failure> {
    if status.days.is_empty() {
        output.line("there was no session in these days")?;
    } else {
        output.line(&format!(
            "{:<12} {:>9} {:>12} {:>12}  last session",
            "day", "domains", "successful", "failed"
        ))?;
    }
    for day in &status.days {
        let last = day.last_session.map(|time| time.to_string()).unwrap_or_default();
        output.line(&format!(
            "{:<12} {:>9} {:>12} {:>12}  {last}",
            day.day.to_string(),
            day.domains,
            day.successful,
            day.failed
        ))?;
    }
    if let Some(newest) = status.days.first().filter(|_| !status.failing.is_empty()) {
        output.line(&format!("\nfailed on {}", newest.day))?;
        for one in &status.failing {
            let sessions = one.successful.saturating_add(one.failed);
            output.line(&format!("{:>9} of {sessions:<9} {}", one.failed, one.domain))?;
        }
        if status.failing_more > 0 {
            output.line(&format!("and {} domains more", status.failing_more))?;
        }
    }
    show_queue(&status.queue, output)?;
    if !status.refused.is_empty() {
        output.line(&format!("\n{} datagrams could not be read", status.refused.len()))?;
        for one in status.refused.iter().filter(|_| with_refused) {
            let at = one.at.map(|time| time.to_string()).unwrap_or_default();
            output
                .line(&format!("{at} {}, {} octets: {}", one.cause, one.octets, one.beginning))?;
        }
        if !with_refused {
            output.line("--refused shows them")?;
        }
    }
    Ok(())
}

fn show_queue(queue: &Queue, output: &mut Output) -> Result<(), Failure> {
    if queue.since.is_none() {
        return output.line("\nno report is sent: there is no [report.delivery], or no daemon yet");
    }
    output.line(&format!(
        "\nreports: {} waiting, {} accepted, {} refused, {} expired",
        queue.waiting, queue.accepted, queue.refused, queue.expired
    ))?;
    for day in &queue.days {
        output.line(&format!(
            "{:<12} {:>9} queued; none: {} not wanted, {} unknown, {} only reports, \
             {} suppressed, {} unfit, {} told elsewhere",
            day.day.to_string(),
            day.queued,
            day.not_wanted,
            day.unknown,
            day.only_reports,
            day.suppressed,
            day.unfit,
            day.told_elsewhere
        ))?;
        if day.late_sessions > 0 {
            output.line(&format!(
                "{:<12} {:>9} sessions came after that, and are in no report",
                "", day.late_sessions
            ))?;
        }
    }
    Ok(())
}
