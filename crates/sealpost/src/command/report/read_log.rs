//! `sealpost report read-log`

use std::path::Path;
use std::sync::Arc;

use sealpost_report::{Collector, LogCounter, LogImportError, ReportMetrics, Section, import_log};
use sealpost_runtime::Clock;
use sealpost_store::{Settings, Store};

use super::{store_failure, with_source};
use crate::arguments::ReadLogArguments;
use crate::daemon::Signals;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &ReadLogArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let configuration = arguments.store.load()?;
    let section = arguments.store.over(configuration.report);
    let path = section.store_file();
    let opened = Store::open(Settings::at(&path)).await;
    let store = opened.map_err(|error| store_failure(&path, &error))?;
    let is_input = |file: &Path| file == Path::new("-");
    let outcome = match arguments.files.as_slice() {
        [one] if is_input(one) => {
            let node = section.node.clone().unwrap_or(configuration.network.ehlo_name);
            drain(&section, &node, &store, output).await?
        }
        files if files.iter().any(|file| is_input(file)) => {
            return Err(Failure::new("read standard input beside files")
                .hint("give `-` alone, and the files by themselves"));
        }
        files => {
            let mut outcome = Outcome::Clean;
            for file in files {
                if import(file, arguments, &store, &path, output).await? > 0 {
                    outcome = Outcome::Findings;
                }
            }
            outcome
        }
    };
    store.close().await;
    Ok(outcome)
}

/// Counts a file, and says how many of its lines could not be read.
async fn import(
    file: &Path,
    arguments: &ReadLogArguments,
    store: &Store,
    path: &Path,
    output: &mut Output,
) -> Result<u64, Failure> {
    let log = fs_err::File::open(file)?;
    let now = Clock::system().now();
    let imported = import_log(&store.sessions(), log, arguments.utc_offset, now).await;
    let imported = imported.map_err(|error| match &error {
        LogImportError::Store(error) => store_failure(path, error),
        _ => Failure::new(format!("{} ({})", with_source(&error), file.display())),
    })?;
    output.line(&format!(
        "{}: {} sessions under {} policies of domains and days",
        file.display(),
        imported.sessions,
        imported.counters
    ))?;
    if imported.followed > 0 {
        output.say(&format!(
            "{} sessions are left to `report`, which follows this log",
            imported.followed
        ));
    }
    warn(imported.unreadable, output);
    Ok(imported.unreadable)
}

/// Counts what comes through standard input, until it ends or we are told to stop.
async fn drain(
    section: &Section,
    node: &str,
    store: &Store,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let mut signals = Signals::new()?;
    let (clock, metrics) = (Clock::system(), Arc::new(ReportMetrics::default()));
    let started = Collector::start(
        Vec::new(),
        section,
        node,
        store.sessions(),
        clock.clone(),
        Arc::clone(&metrics),
    );
    let (collector, flusher) =
        started.map_err(|error| Failure::new(format!("start the thread that counts: {error}")))?;
    let counter = LogCounter::new(collector.intake(), store, clock, Arc::clone(&metrics));
    let read = tokio::select! {
        read = counter.drain(std::io::stdin()) => read,
        () = flusher.run() => Ok(false),
        _ = signals.next() => Ok(true),
    };
    collector.stop().await.map_err(Failure::new)?;
    let unsaved = flusher.finish().await;
    if unsaved > 0 {
        return Err(Failure::new(format!("write {unsaved} counters, which are lost"))
            .hint("the log says what was wrong with the store"));
    }
    if !read.map_err(|error| Failure::new(format!("read standard input: {error}")))? {
        return Err(Failure::new("go on counting"));
    }
    output.line(&format!("standard input: {} sessions", metrics.logged.value()))?;
    let refused = metrics.log_refused.value();
    warn(refused, output);
    Ok(if refused > 0 { Outcome::Findings } else { Outcome::Clean })
}

fn warn(lines: u64, output: &mut Output) {
    if lines > 0 {
        output.say(&format!("warning: {lines} lines tell of a session and make no sense"));
    }
}
