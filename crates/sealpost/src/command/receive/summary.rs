//! `sealpost receive summary`

use std::collections::BTreeMap;

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, Day};
use sealpost_runtime::Clock;
use sealpost_store::StoreError;
use sealpost_store::reports::{
    Content, DayRange, DomainTraffic, Echo, ReportFilter, Reports, Scope, Subject, Validity,
};
use serde::Serialize;

use super::list::ECHO;
use super::stored::Stored;
use super::text::{bounds, number, shown};
use crate::arguments::{ListFormat, SummaryArguments};
use crate::csv;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Domains that are asked for at a time.
const PAGE: u32 = 500;
/// The days that the store sums up at a time.
const MOST_DAYS: u32 = 4000;
/// The newest reports among which echoes are looked for, and those that are asked for at a time.
const MOST_HEARD: usize = 5000;
const HEARD: u32 = 1000;
/// The columns of a row for other programs.
const HEAD: [&str; 8] = [
    "scope",
    "domain",
    "reports",
    "successful_lower",
    "successful_upper",
    "failed_lower",
    "failed_upper",
    "echoes",
];
/// The width of a name in the table.
const NAME: usize = 32;

#[derive(Serialize)]
struct Summary {
    /// What counts first; they are never added up.
    scopes: Vec<ScopeTotal>,
    /// Of the scope that was asked for.
    domains: Vec<DomainTotal>,
    /// Of the same scope.
    echoes: EchoTotal,
}

/// Reports that tell of nothing but the mails that bring reports.
#[derive(Default, Serialize)]
struct EchoTotal {
    reports: u64,
    /// Their sessions; they are in the other figures too.
    sessions: Bounds,
    /// The newest reports among which they were looked for.
    looked_at: usize,
    /// Are these all of the days that were asked for?
    is_whole: bool,
    #[serde(skip)]
    by_domain: BTreeMap<Option<DomainName>, u64>,
}

#[derive(Serialize)]
struct ScopeTotal {
    scope: &'static str,
    reports: u64,
    successful: Bounds,
    failed: Bounds,
}

#[derive(Serialize)]
struct DomainTotal {
    /// Null where the reports name none.
    domain: Option<String>,
    reports: u64,
    successful: Bounds,
    failed: Bounds,
    /// How many of the reports are echoes.
    echoes: u64,
}

pub(super) async fn run(
    arguments: &SummaryArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    // A reporter whose clock is a little ahead is not left out.
    let last = Day::of(Clock::system().now().as_second()).plus(1);
    let last = arguments.until.unwrap_or(last);
    let longest = DayRange::ending(last, MOST_DAYS);
    let first = arguments.since.unwrap_or(longest.first);
    if first < longest.first {
        let failure = Failure::new(format!("sum up more than {MOST_DAYS} days"));
        return Err(failure.hint("give a later --since, or an earlier --until"));
    }
    let days = DayRange { first, last };
    let scope = if arguments.unverified { Scope::Unverified } else { Scope::Counted };
    let stored = Stored::open_to_read(&arguments.store).await?;
    let reports = stored.reports();
    let totals = reports.totals(days).await.map_err(|error| stored.failure(&error))?;
    let scopes = totals.into_iter().map(|(scope, reports, successful, failed)| ScopeTotal {
        scope: scope.as_str(),
        reports,
        successful,
        failed,
    });
    let scopes: Vec<ScopeTotal> = scopes.collect();
    let echoes = EchoTotal::among(&reports, scope, days).await;
    let echoes = echoes.map_err(|error| stored.failure(&error))?;
    if arguments.format == ListFormat::Human {
        output.line(&row("", "reports", "successful", "failed", "echoes"))?;
        for total in &scopes {
            let echoes = if total.scope == scope.as_str() { echoes.reports } else { 0 };
            let (successful, failed) = (total.successful, total.failed);
            output.line(&total_row(total.scope, total.reports, successful, failed, echoes))?;
        }
        output.line("")?;
    }
    if arguments.format == ListFormat::Csv {
        output.text(&csv::row(&HEAD))?;
    }
    let mut domains = Vec::new();
    let mut after = None;
    loop {
        let page = reports.domains(scope, days, after, PAGE).await;
        let page = page.map_err(|error| stored.failure(&error))?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for total in page.into_iter().filter_map(|row| domain_total(row, &echoes)) {
            match arguments.format {
                ListFormat::Json => domains.push(total),
                ListFormat::Csv => output.text(&csv::row(&fields(scope, &total)))?,
                ListFormat::Human => {
                    let name = total.domain.as_deref().unwrap_or("(no domain named)");
                    let (successful, failed) = (total.successful, total.failed);
                    let name = shown(name, NAME);
                    let echoes = total.echoes;
                    output.line(&total_row(&name, total.reports, successful, failed, echoes))?;
                }
            }
        }
    }
    match arguments.format {
        ListFormat::Json => output.json(&Summary { scopes, domains, echoes })?,
        ListFormat::Human if echoes.reports > 0 => {
            output.say(ECHO);
            if !echoes.is_whole {
                let newest = number(echoes.looked_at as u64);
                output.say(&format!("echoes were looked for among the newest {newest} reports"));
            }
        }
        ListFormat::Human | ListFormat::Csv => {}
    }
    Ok(Outcome::Clean)
}

impl EchoTotal {
    async fn among(reports: &Reports, scope: Scope, days: DayRange) -> Result<Self, StoreError> {
        let subject = Subject::default();
        let filter = ReportFilter { scope, subject, days, content: Content::Any };
        let (mut total, mut after) = (Self { is_whole: true, ..Self::default() }, None);
        loop {
            let page = reports.list(filter.clone(), after, HEARD).await?;
            let Some(last) = page.last() else { return Ok(total) };
            after = Some(last.place());
            total.looked_at += page.len();
            for (summary, echo) in page.iter().zip(reports.echoes(page.clone()).await?) {
                if echo == Echo::Likely && summary.validity == Validity::Current {
                    total.reports += 1;
                    let sessions = summary.successful.plus(summary.failed);
                    total.sessions = total.sessions.plus(sessions);
                    *total.by_domain.entry(summary.domain.clone()).or_default() += 1;
                }
            }
            if total.looked_at >= MOST_HEARD {
                total.is_whole = false;
                return Ok(total);
            }
        }
    }
}

/// Nothing for a domain that no report of these days is about.
fn domain_total(row: DomainTraffic, echoes: &EchoTotal) -> Option<DomainTotal> {
    let traffic = row.traffic?;
    Some(DomainTotal {
        echoes: echoes.by_domain.get(&row.domain).copied().unwrap_or(0),
        domain: row.domain.map(|domain| domain.to_string()),
        reports: traffic.reports,
        successful: traffic.successful,
        failed: traffic.failed,
    })
}

fn fields(scope: Scope, total: &DomainTotal) -> [String; HEAD.len()] {
    let DomainTotal { domain, reports, successful, failed, echoes } = total;
    let numbers =
        [*reports, successful.lower, successful.upper, failed.lower, failed.upper, *echoes];
    let [reports, good, most_good, bad, most_bad, echoes] =
        numbers.map(|number| number.to_string());
    let domain = domain.clone().unwrap_or_default();
    [scope.as_str().to_owned(), domain, reports, good, most_good, bad, most_bad, echoes]
}

fn total_row(name: &str, reports: u64, successful: Bounds, failed: Bounds, echoes: u64) -> String {
    let echoes = if echoes == 0 { String::new() } else { echoes.to_string() };
    row(name, &reports.to_string(), &bounds(successful), &bounds(failed), &echoes)
}

fn row(name: &str, reports: &str, successful: &str, failed: &str, echoes: &str) -> String {
    let row = format!("{name:<NAME$} {reports:>8} {successful:>15} {failed:>13} {echoes:>7}");
    row.trim_end().to_owned()
}
