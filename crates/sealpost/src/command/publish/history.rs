//! `sealpost publish history`

use mail_domain::DomainName;
use sealpost_rollout::logbook;
use sealpost_store::{Rollouts, Settings, Store};

use super::known::{configuration, failure};
use crate::arguments::{Format, HistoryArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Rows that are read at a time.
const ROWS: u32 = 1_000;

pub(super) async fn run(
    arguments: &HistoryArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let path = configuration(&arguments.configuration)?.publish.store_file();
    let mut shown = 0;
    // Before the first pass there is no store.
    if fs_err::exists(&path)? {
        let store = Store::open_to_read(Settings::at(&path)).await;
        let rollouts = store.map_err(|error| failure(&error))?.rollouts();
        shown = show(&rollouts, &arguments.domain, arguments.format, output).await?;
    }
    if shown == 0 {
        return Err(Failure::new(format!("find {}: nothing is kept of it", arguments.domain))
            .hint("`sealpost publish run --once --apply` takes up what is configured"));
    }
    Ok(Outcome::Clean)
}

/// Shows the whole logbook of a domain, and says how many rows it has.
pub(super) async fn show(
    rollouts: &Rollouts,
    domain: &DomainName,
    format: Format,
    output: &mut Output,
) -> Result<u64, Failure> {
    let mut skipped: u64 = 0;
    loop {
        let rows = rollouts.logbook(domain.clone(), skipped, ROWS).await;
        let rows = rows.map_err(|error| failure(&error))?;
        match format {
            Format::Json => rows.iter().try_for_each(|row| output.json_line(row))?,
            Format::Human => output.text(&logbook(&rows))?,
        }
        skipped = skipped.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        if rows.is_empty() {
            return Ok(skipped);
        }
    }
}
