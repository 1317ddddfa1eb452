//! `sealpost report queue`

use jiff::Timestamp;
use sealpost_evidence::traffic::Day;
use sealpost_runtime::Clock;
use sealpost_store::submissions::{Submission, SubmissionId};
use serde::Serialize;

use super::{open_to_read, open_to_write, store_failure};
use crate::arguments::{Format, QueueCommand};
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

/// Submissions that are asked for at a time.
const PAGE: u32 = 500;

#[derive(Serialize)]
struct Row<'s> {
    number: i64,
    state: &'static str,
    rua: &'s str,
    about: &'s str,
    day: Day,
    report_id: &'s str,
    attempts: u32,
    due: Option<Timestamp>,
    first_try: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    answer: Option<&'s str>,
}

pub(super) async fn run(command: &QueueCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let now = Clock::system().now().as_second();
    match command {
        QueueCommand::List { state, format, store } => {
            let path = store.over(store.load()?.report).store_file();
            let submissions = open_to_read(&path).await?.submissions();
            let mut after = None;
            let mut is_empty = true;
            loop {
                let page = submissions.list((*state).map(Into::into), after, PAGE).await;
                let page = page.map_err(|error| store_failure(&path, &error))?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                for submission in &page {
                    match format {
                        Format::Json => output.json_line(&Row::of(submission))?,
                        Format::Human => show(submission, is_empty, output)?,
                    }
                    is_empty = false;
                }
            }
            if is_empty && *format == Format::Human {
                output.say("there is nothing");
            }
            Ok(Outcome::Clean)
        }
        QueueCommand::Retry { numbers, store } => {
            let path = store.over(store.load()?.report).store_file();
            let opened = open_to_write(&path).await?;
            let changed = opened.submissions().retry(ids(numbers), now).await;
            let changed = changed.map_err(|error| store_failure(&path, &error))?;
            opened.close().await;
            told(changed, numbers, "will be tried again", "is none that has failed", output)
        }
        QueueCommand::Drop { numbers, store } => {
            let path = store.over(store.load()?.report).store_file();
            let opened = open_to_write(&path).await?;
            let changed = opened.submissions().drop_waiting(ids(numbers), now).await;
            let changed = changed.map_err(|error| store_failure(&path, &error))?;
            opened.close().await;
            told(changed, numbers, "dropped", "is none that waits", output)
        }
    }
}

fn ids(numbers: &[i64]) -> Vec<SubmissionId> {
    numbers.iter().copied().map(SubmissionId).collect()
}

fn told(
    changed: usize,
    numbers: &[i64],
    done: &str,
    otherwise: &str,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    output.line(&format!("{changed} {done}"))?;
    if changed == numbers.len() {
        return Ok(Outcome::Clean);
    }
    let others = match (numbers, changed) {
        ([number], _) => number.to_string(),
        (_, 0) => "each of them".to_owned(),
        _ => "each of the others".to_owned(),
    };
    output
        .say(&format!("{others} {otherwise}\n\nhint: `sealpost report queue list` shows them all"));
    Ok(Outcome::Findings)
}

fn show(submission: &Submission, is_first: bool, output: &mut Output) -> Result<(), Failure> {
    if is_first {
        output.line(&format!(
            "{:>8} {:<8} {:<20} {:>8}  {:<10} report",
            "number", "state", "due or settled", "attempts", "day"
        ))?;
    }
    let at = submission.settled_at.unwrap_or(submission.due);
    let at = Timestamp::from_second(at).map(|time| time.to_string()).unwrap_or_default();
    let line = format!(
        "{:>8} {:<8} {at:<20} {:>8}  {:<10} {} to {}",
        submission.id.0,
        submission.state.as_str(),
        submission.attempts,
        submission.day.to_string(),
        submission.about,
        submission.rua,
    );
    output.line(&without_controls(&line))?;
    match submission.answer.as_deref() {
        Some(answer) if !answer.is_empty() => {
            output.line(&without_controls(&format!("{:>18}{answer}", "")))
        }
        _ => Ok(()),
    }
}

impl<'s> Row<'s> {
    fn of(submission: &'s Submission) -> Self {
        let time = |second| Timestamp::from_second(second).ok();
        Self {
            number: submission.id.0,
            state: submission.state.as_str(),
            rua: &submission.rua,
            about: submission.about.as_str(),
            day: submission.day,
            report_id: &submission.report_id,
            attempts: submission.attempts,
            due: time(submission.due),
            first_try: submission.first_try.and_then(time),
            settled_at: submission.settled_at.and_then(time),
            answer: submission.answer.as_deref(),
        }
    }
}
