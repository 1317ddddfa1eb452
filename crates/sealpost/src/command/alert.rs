//! `sealpost alert`

mod ack;
mod causes;
mod list;
mod preview;
mod show;
mod test;

use std::path::Path;

use jiff::Timestamp;
use sealpost_listen::Inherited;
use sealpost_store::{Settings, Store, StoreError};

use crate::arguments::{AlertArguments, AlertCommand};
use crate::daemon::{self, Company, RoleName, Setup};
use crate::outcome::{Failure, Outcome, with_source};
use crate::output::Output;

pub(super) async fn run(
    arguments: AlertArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match arguments.command {
        Some(AlertCommand::Test(arguments)) => test::run(&arguments, output).await,
        Some(AlertCommand::List(arguments)) => list::run(&arguments, output).await,
        Some(AlertCommand::Show(arguments)) => show::run(&arguments, output).await,
        Some(AlertCommand::Ack(arguments)) => ack::run(&arguments, output).await,
        Some(AlertCommand::Causes) => causes::run(output),
        Some(AlertCommand::Preview(arguments)) => preview::run(&arguments, output).await,
        None => {
            let load = || arguments.configuration.load();
            let company = Company::Alone(RoleName::Alert);
            let network = &arguments.network;
            let setup = Setup { load: &load, network, clock: network.clock(), company };
            daemon::run(setup, inherited, output).await
        }
    }
}

async fn open_to_read(path: &Path) -> Result<Store, Failure> {
    let opened = Store::open_to_read(Settings::at(path)).await;
    opened.map_err(|error| {
        store_failure(path, &error).hint("give the store of the daemon with --store or --config")
    })
}

/// Why the file cannot be used.
fn store_failure(path: &Path, error: &StoreError) -> Failure {
    Failure::new(format!("{} ({})", with_source(error), path.display()))
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
