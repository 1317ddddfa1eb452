//! `sealpost receive summary`

use sealpost_evidence::traffic::{Bounds, Day};
use sealpost_runtime::Clock;
use sealpost_store::reports::{DayRange, DomainTraffic, Scope};
use serde::Serialize;

use super::stored::Stored;
use super::text::bounds;
use crate::arguments::{Format, SummaryArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Domains that are asked for at a time.
const PAGE: u32 = 500;
/// The days that the store sums up at a time.
const MOST_DAYS: u32 = 4000;
/// The width of a name in the table.
const NAME: usize = 40;

#[derive(Serialize)]
struct Summary {
    /// What counts first; they are never added up.
    scopes: Vec<ScopeTotal>,
    /// Of the scope that was asked for.
    domains: Vec<DomainTotal>,
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
    if arguments.format == Format::Human {
        output.line(&row("", "reports", "successful", "failed"))?;
        for total in &scopes {
            output.line(&total_row(total.scope, total.reports, total.successful, total.failed))?;
        }
        output.line("")?;
    }
    let mut domains = Vec::new();
    let mut after = None;
    loop {
        let page = reports.domains(scope, days, after, PAGE).await;
        let page = page.map_err(|error| stored.failure(&error))?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for total in page.into_iter().filter_map(domain_total) {
            match arguments.format {
                Format::Json => domains.push(total),
                Format::Human => {
                    let name = total.domain.as_deref().unwrap_or("(no domain named)");
                    let (successful, failed) = (total.successful, total.failed);
                    output.line(&total_row(name, total.reports, successful, failed))?;
                }
            }
        }
    }
    if arguments.format == Format::Json {
        output.json(&Summary { scopes, domains })?;
    }
    Ok(Outcome::Clean)
}

/// Nothing for a domain that no report of these days is about.
fn domain_total(row: DomainTraffic) -> Option<DomainTotal> {
    let traffic = row.traffic?;
    Some(DomainTotal {
        domain: row.domain.map(|domain| domain.to_string()),
        reports: traffic.reports,
        successful: traffic.successful,
        failed: traffic.failed,
    })
}

fn total_row(name: &str, reports: u64, successful: Bounds, failed: Bounds) -> String {
    row(name, &reports.to_string(), &bounds(successful), &bounds(failed))
}

fn row(name: &str, reports: &str, successful: &str, failed: &str) -> String {
    format!("{name:<NAME$} {reports:>8} {successful:>15} {failed:>13}")
}
