//! Waiting until reports are in the store.

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_runtime::Stopwatch;
use sealpost_store::reports::{Content, DayRange, ReportFilter, ReportSummary, Scope, Subject};

use super::account::{Arrived, Destination};
use crate::command::receive::stored::Stored;
use crate::outcome::Failure;
use crate::output::Output;

/// How often the store is asked.
const PAUSE: Duration = Duration::from_millis(250);
/// Reports that are asked for at a time.
const PAGE: u32 = 500;
/// Reports of one domain and day that are looked through at most.
const MOST: usize = 20_000;

/// Where to look for reports.
pub(super) struct Arrivals<'a> {
    stored: &'a Stored,
    domain: &'a DomainName,
    day: Day,
}

impl<'a> Arrivals<'a> {
    pub(super) fn new(stored: &'a Stored, domain: &'a DomainName, day: Day) -> Self {
        Self { stored, domain, day }
    }

    /// Looks until all that may have been taken is there, or the time is over.
    pub(super) async fn wait_for(
        &self,
        destinations: &mut [Destination],
        wait: Duration,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let stopwatch = Stopwatch::start();
        loop {
            self.look(destinations, &stopwatch).await?;
            let missing = destinations.iter().filter(|place| place.is_awaited()).count();
            let elapsed = Duration::from_millis(stopwatch.elapsed_ms());
            if missing == 0 || elapsed >= wait {
                return Ok(());
            }
            output.progress(&format!(
                "waiting for {missing} of {} reports: {} s of {} s",
                destinations.len(),
                elapsed.as_secs(),
                wait.as_secs(),
            ));
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look(
        &self,
        destinations: &mut [Destination],
        stopwatch: &Stopwatch,
    ) -> Result<(), Failure> {
        for scope in Scope::ALL {
            let (mut after, mut seen) = (None, 0);
            while seen < MOST && destinations.iter().any(Destination::is_awaited) {
                let filter = ReportFilter {
                    scope,
                    subject: Subject { domain: Some(self.domain.clone()), reporter: None },
                    days: DayRange { first: self.day, last: self.day },
                    content: Content::Any,
                };
                let page = self.stored.reports().list(filter, after, PAGE).await;
                let page = page.map_err(|error| self.stored.failure(&error))?;
                let Some(last) = page.last() else { break };
                after = Some(last.place());
                seen = seen.saturating_add(page.len());
                for report in &page {
                    note(destinations, report, stopwatch);
                }
            }
        }
        Ok(())
    }
}

fn note(destinations: &mut [Destination], report: &ReportSummary, stopwatch: &Stopwatch) {
    let here = destinations.iter_mut().find(|place| place.report_id == report.report_id);
    if let Some(place) = here
        && place.arrived.is_none()
    {
        place.arrived = Some(Arrived {
            after_s: stopwatch.elapsed_ms() / 1000,
            scope: report.scope,
            trust: report.trust.clone(),
        });
    }
}
