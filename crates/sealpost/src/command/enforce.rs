//! `sealpost enforce`

mod cache;
mod import;
mod setup;
mod stored;
mod warm;
mod why;

use sealpost_listen::Inherited;

use crate::arguments::{EnforceArguments, EnforceCommand, SetupCommand};
use crate::daemon::{self, Company, RoleName, Setup};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: EnforceArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match arguments.command {
        Some(EnforceCommand::Why(ref arguments)) => why::run(arguments, output).await,
        Some(EnforceCommand::Setup(SetupCommand::Postfix(ref arguments))) => {
            setup::run(arguments, output).await
        }
        Some(EnforceCommand::Cache(command)) => cache::run(command, output).await,
        Some(EnforceCommand::Dump(ref arguments)) => cache::dump(arguments, output).await,
        Some(EnforceCommand::Import(ref arguments)) => import::run(arguments, output).await,
        Some(EnforceCommand::Warm(ref arguments)) => warm::run(arguments, output).await,
        None => serve(&arguments, inherited, output).await,
    }
}

/// Runs the role alone.
async fn serve(
    arguments: &EnforceArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let load = || {
        let mut configuration = arguments.configuration.load()?;
        configuration.enforce = arguments.over(configuration.enforce);
        Ok(configuration)
    };
    let company = Company::Alone(RoleName::Enforce);
    let network = &arguments.network;
    let setup = Setup { load: &load, network, clock: network.clock(), company };
    daemon::run(setup, inherited, output).await
}
