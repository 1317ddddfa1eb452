//! `sealpost receive failures`

mod model;
mod page;
mod published;
mod row;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_net::{Network, Scope as Parts};
use sealpost_rules::changes::changes;
use sealpost_runtime::Clock;
use sealpost_store::reports::{DayRange, Gathered, Reports, Scope};

use self::model::{DomainFailures, Failures, Seen};
use self::published::Publications;
use super::stored::Stored;
use crate::arguments::{FailuresArguments, ListFormat};
use crate::csv;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Days that are looked at where none are named.
const DAYS: u32 = 30;
/// Domains that are asked for at a time.
const PAGE: u32 = 500;

pub(super) async fn run(
    arguments: &FailuresArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let today = Day::of(Clock::system().now().as_second());
    // A reporter whose clock is a little ahead is not left out.
    let last = arguments.until.unwrap_or_else(|| today.plus(1));
    let first = arguments.since.unwrap_or(DayRange::ending(last, DAYS).first);
    let days = DayRange { first, last };
    let scope = if arguments.unverified { Scope::Unverified } else { Scope::Counted };
    let stored = Stored::open_to_read(&arguments.store).await?;
    let reports = stored.reports();
    let domains = match arguments.domains.as_slice() {
        [] => failing(&reports, scope, days).await.map_err(|error| stored.failure(&error))?,
        named => named.to_vec(),
    };
    let network = match arguments.live {
        true => Some(arguments.network.open()?),
        false => None,
    };
    let publications = Publications::open(&arguments.store, &stored, output).await?;
    let mut failures = Failures::new(scope, days);
    for domain in domains {
        let asked = reports.gather(scope, &domain, days, arguments.limit).await;
        let gathered = asked.map_err(|error| stored.failure(&error))?;
        if network.is_some() {
            output.progress(&format!("looking at {domain}"));
        }
        let seen = look(&stored, &gathered, network.as_ref()).await;
        let seen = seen.map_err(|error| stored.failure(&error))?;
        output.progress("");
        let policies = publications.of(&domain, output).await;
        let today = today.min(last);
        let domain = DomainFailures::judge(&gathered, &seen, &policies, today);
        // Whoever names a domain gets an answer on it.
        if !domain.is_quiet() || !arguments.domains.is_empty() {
            failures.domains.push(domain);
        }
    }
    match arguments.format {
        ListFormat::Json => output.json(&failures)?,
        ListFormat::Human => output.text(&page::page(&failures, arguments.live))?,
        ListFormat::Csv => {
            output.text(&csv::row(&row::HEAD))?;
            for row in failures.domains.iter().flat_map(row::rows) {
                output.text(&csv::row(&row))?;
            }
        }
    }
    let any = failures.domains.iter().any(DomainFailures::tells_of_failures);
    Ok(if any { Outcome::Findings } else { Outcome::Clean })
}

/// The domain as it is now, or as `serve` has last seen it; and how it was before that.
async fn look(
    stored: &Stored,
    gathered: &Gathered,
    network: Option<&Network>,
) -> Result<Seen, sealpost_store::StoreError> {
    let (checks, domain) = (stored.checks(), &gathered.domain);
    let past_hosts = checks.past_hosts(gathered).await?;
    let kept = checks.latest(domain.clone()).await?.map(|looked| looked.evidence);
    let earlier = checks.before_last_change(domain.clone()).await?.map(|looked| looked.evidence);
    Ok(match network {
        Some(network) => {
            let latest = network.gather(domain, Parts::all()).await;
            // What was kept says more of before where something has changed since.
            let kept = kept.filter(|kept| !changes(kept, &latest).is_empty());
            Seen { latest: Some(latest), earlier: kept.or(earlier), past_hosts }
        }
        None => Seen { latest: kept, earlier, past_hosts },
    })
}

/// The domains of which failures or nothing at all were reported in these days.
async fn failing(
    reports: &Reports,
    scope: Scope,
    days: DayRange,
) -> Result<Vec<DomainName>, sealpost_store::StoreError> {
    let mut failing = Vec::new();
    let mut after = None;
    loop {
        let page = reports.domains(scope, days, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(failing) };
        after = Some(last.id);
        for row in page {
            // Where nothing was reported, a reporter may have fallen silent.
            let fails = row.traffic.is_none_or(|traffic| traffic.failed.upper > 0);
            failing.extend(row.domain.filter(|_| fails));
        }
    }
}
