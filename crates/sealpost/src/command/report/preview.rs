//! `sealpost report preview`

use std::fmt::Write as _;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_report::{CountedDay, domain_day, face_in};
use sealpost_runtime::Clock;
use sealpost_store::{Sessions, sessions::DomainSums};
use serde::Serialize;
use tls_rpt::{BuiltReport, PolicySums, Record, SeenPolicy, SessionFailure};

use super::{open_to_read, store_failure};
use crate::arguments::{Format, PreviewArguments};
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

/// Domains that are asked for at a time.
const PAGE: u32 = 500;
/// The width of a name in the table.
const NAME: usize = 40;

#[derive(Serialize)]
struct Row {
    domain: DomainName,
    successful: u64,
    failed: u64,
}

pub(super) async fn run(
    arguments: &PreviewArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let configuration = arguments.store.load()?;
    let section = arguments.store.over(configuration.report);
    let path = section.store_file();
    let store = open_to_read(&path).await?;
    let sessions = store.sessions();
    let today = Day::of(Clock::system().now().as_second());
    let day = arguments.day.unwrap_or(today);
    let Some(domain) = &arguments.domain else {
        return all(&sessions, day, arguments.format, output)
            .await
            .map_err(|error| error.unwrap_or_else(|error| store_failure(&path, &error)));
    };
    let counted = domain_day(&sessions, day, domain.clone(), 0).await;
    let counted = counted.map_err(|error| store_failure(&path, &error))?;
    if counted.unreadable > 0 {
        let count = counted.unreadable;
        output.say(&format!("warning: {count} counters in the store make no sense"));
    }
    let hosted = sessions.domains_of_host(day, domain.clone(), None, 1).await;
    if !hosted.map_err(|error| store_failure(&path, &error))?.is_empty() {
        output.say(&format!(
            "other domains had sessions with {domain} as their mail host, which are not shown here\n\n\
             hint: once the day is over, `sealpost report send --dry-run --day {day} --domain \
             {domain}` says whether it asks to hear of them"
        ));
    }
    if counted.sessions.is_empty() && !counted.sessions.has_remarks() {
        output.say(&format!("there was no session with {domain} on {day}"));
        return Ok(Outcome::Findings);
    }
    let face = section.face(&configuration.network.ehlo_name);
    let face = face_in(&store.submissions(), face).await;
    let face = face.map_err(|error| store_failure(&path, &error))?;
    let built = counted.sessions.report(&face, 1).map_err(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        Failure::new(format!("{error}{}", source.unwrap_or_default()))
            .hint("see `organization` and `contact` in the section [report]")
    })?;
    let is_marked = !face.origin.is_empty();
    let id = built.report.report_id.as_deref().filter(|_| is_marked);
    match arguments.format {
        Format::Json => {
            if !is_marked {
                output.say(
                    "the report-id will be another one: it has a mark of the store that is made with \
                     the first report that is sent",
                );
            }
            output.line(&built.json)?
        }
        Format::Human => {
            output.text(&without_controls(&text(&counted, &built, day == today, id)))?
        }
    }
    Ok(Outcome::Clean)
}

/// Shows every domain of a day.
async fn all(
    sessions: &Sessions,
    day: Day,
    format: Format,
    output: &mut Output,
) -> Result<Outcome, Result<Failure, sealpost_store::StoreError>> {
    let mut after = None;
    let mut rows = Vec::new();
    let mut is_empty = true;
    loop {
        let page = sessions.domains(day, after, PAGE).await.map_err(Err)?;
        let Some(last) = page.last() else { break };
        after = Some(last.domain.clone());
        for DomainSums { domain, successful, failed, .. } in page {
            match format {
                Format::Json => rows.push(Row { domain, successful, failed }),
                Format::Human => {
                    if is_empty {
                        let head = format!(
                            "{:<NAME$} {:>12} {:>12}",
                            day.to_string(),
                            "successful",
                            "failed"
                        );
                        output.line(&head).map_err(Ok)?;
                    }
                    let line = format!("{:<NAME$} {successful:>12} {failed:>12}", domain.as_str());
                    output.line(&line).map_err(Ok)?;
                }
            }
            is_empty = false;
        }
    }
    if format == Format::Json {
        output.json(&rows).map_err(Ok)?;
    } else if is_empty {
        output.say(&format!("there was no session on {day}"));
    }
    Ok(if is_empty { Outcome::Findings } else { Outcome::Clean })
}

/// The numbers of a domain, and what becomes of them.
fn text(counted: &CountedDay, built: &BuiltReport, is_today: bool, id: Option<&str>) -> String {
    let sessions = &counted.sessions;
    let mut text = format!("{} on {}", sessions.domain(), sessions.date());
    text.push_str(if is_today { ", so far\n" } else { "\n" });
    for (policy, sums) in sessions.policies() {
        push_policy(&mut text, policy, sums);
    }
    text.push('\n');
    match counted.record.as_deref() {
        None => text.push_str("record:  the mail server has shown none\n"),
        Some(record) => {
            let _ = writeln!(text, "record:  {}", record.escape_debug());
            match Record::parse(record.as_bytes()) {
                Ok(record) => {
                    for uri in &record.rua {
                        let _ = writeln!(text, "to:      {}", uri.as_str().escape_debug());
                    }
                }
                Err(error) => {
                    let _ = writeln!(text, "to:      nobody: {error}");
                }
            }
        }
    }
    let size = built.json.len();
    let _ = match id {
        Some(id) => writeln!(text, "report:  {id}, {size} octets unpacked"),
        None => writeln!(
            text,
            "report:  about {size} octets unpacked; it gets its id when the first report is sent"
        ),
    };
    if built.failures_summed_up > 0 {
        let _ = writeln!(text, "         {} failures are summed up", built.failures_summed_up);
    }
    text
}

fn push_policy(text: &mut String, policy: &SeenPolicy, sums: &PolicySums) {
    let _ = writeln!(
        text,
        "\n{} {}: {} successful, {} failed",
        policy.policy_type.as_str(),
        policy.domain,
        sums.successful,
        sums.failed
    );
    for line in &policy.strings {
        let _ = writeln!(text, "    {}", line.escape_debug());
    }
    let mut failures: Vec<_> = sums.failures.iter().collect();
    failures.sort_by_key(|(_, count)| std::cmp::Reverse((count.failed, count.recovered)));
    for (failure, count) in failures {
        if count.failed > 0 {
            let _ = writeln!(text, "  {:>8} {}", count.failed, described(failure));
        }
        if count.recovered > 0 {
            let what = described(failure);
            let _ = writeln!(
                text,
                "  {:>8} {what}; complied all the same, not reported",
                count.recovered
            );
        }
    }
    if sums.is_held {
        text.push_str("         - held beside the policies that decided about the sessions\n");
    }
    push_remarks(text, sums);
}

fn push_remarks(text: &mut String, sums: &PolicySums) {
    for remark in &sums.remarks {
        let _ = writeln!(text, "         - {}, found beside the sessions", described(remark));
    }
}

fn described(failure: &SessionFailure) -> String {
    let mut text = failure.result_type.as_str().to_owned();
    if let Some(host) = &failure.receiving_mx_hostname {
        let _ = write!(text, " {host}");
    }
    if let Some(address) = failure.receiving_ip {
        let _ = write!(text, " [{address}]");
    }
    if let Some(reason) = &failure.failure_reason_code {
        let _ = write!(text, ": {}", reason.escape_debug());
    }
    text
}
