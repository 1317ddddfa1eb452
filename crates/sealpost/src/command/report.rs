//! `sealpost report`

mod bounce;
mod doctor;
mod import;
mod preview;
mod queue;
mod read_log;
mod send;
mod status;
mod suppress;

use std::path::Path;

use sealpost_listen::Inherited;
use sealpost_store::{Settings, Store, StoreError};

use crate::arguments::{ReportArguments, ReportCommand};
use crate::daemon::{self, Company, RoleName, Setup};
use crate::outcome::{Failure, Outcome, with_source};
use crate::output::Output;

pub(super) async fn run(
    arguments: ReportArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match arguments.command {
        Some(ReportCommand::Doctor(arguments)) => doctor::run(&arguments, output).await,
        Some(ReportCommand::Import(arguments)) => import::run(&arguments, output).await,
        Some(ReportCommand::ReadLog(arguments)) => read_log::run(&arguments, output).await,
        Some(ReportCommand::Preview(arguments)) => preview::run(&arguments, output).await,
        Some(ReportCommand::Status(arguments)) => status::run(&arguments, output).await,
        Some(ReportCommand::Send(arguments)) => send::run(&arguments, output).await,
        Some(ReportCommand::Queue(command)) => queue::run(&command, output).await,
        Some(ReportCommand::Suppress(command)) => suppress::run(&command, output).await,
        Some(ReportCommand::Bounce(arguments)) => bounce::run(&arguments, output).await,
        None => serve(&arguments, inherited, output).await,
    }
}

/// Runs the role alone.
async fn serve(
    arguments: &ReportArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let load = || {
        let mut configuration = arguments.configuration.load()?;
        configuration.report = arguments.over(configuration.report);
        Ok(configuration)
    };
    let company = Company::Alone(RoleName::Report);
    let network = &arguments.network;
    let setup = Setup { load: &load, network, clock: network.clock(), company };
    daemon::run(setup, inherited, output).await
}

/// Opens the store of a daemon, which may be running, to read it.
async fn open_to_read(path: &Path) -> Result<Store, Failure> {
    let opened = Store::open_to_read(Settings::at(path)).await;
    opened.map_err(|error| {
        store_failure(path, &error)
            .hint("give the store of `sealpost report` with --store or --config")
    })
}

/// Opens the store of a daemon, which may be running, to change something; it is made if it is
/// missing.
async fn open_to_write(path: &Path) -> Result<Store, Failure> {
    Store::open(Settings::at(path)).await.map_err(|error| store_failure(path, &error))
}

/// Why the file cannot be used.
fn store_failure(path: &Path, error: &StoreError) -> Failure {
    Failure::new(format!("{} ({})", with_source(error), path.display()))
}
