//! `sealpost report import`

use sealpost_report::import;
use sealpost_store::{CollectdRows, Settings, Store};

use super::store_failure;
use crate::arguments::SessionsImportArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &SessionsImportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let section = arguments.store.over(arguments.store.load()?.report);
    let path = section.store_file();
    let opened = Store::open(Settings::at(&path)).await;
    let store = opened.map_err(|error| store_failure(&path, &error))?;
    let sessions = store.sessions();
    let mut outcome = Outcome::Clean;
    for file in &arguments.files {
        let opened = CollectdRows::open(file.clone()).await;
        let (made, rows) = opened.map_err(|error| {
            store_failure(file, &error)
                .hint("give a database of tlsrpt-collectd, such as /var/lib/tlsrpt/collectd.sqlite")
        })?;
        let imported = import(&sessions, &made, &arguments.host, rows).await;
        let imported = imported.map_err(|error| store_failure(file, &error))?;
        output.line(&format!(
            "{}: {} sessions under {} policies of domains and days",
            file.display(),
            imported.sessions,
            imported.counters
        ))?;
        if imported.unreadable > 0 {
            output
                .say(&format!("warning: {} rows make no sense and were left", imported.unreadable));
            outcome = Outcome::Findings;
        }
    }
    store.close().await;
    Ok(outcome)
}
