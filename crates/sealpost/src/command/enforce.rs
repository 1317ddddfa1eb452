//! `sealpost enforce`

mod serve;
mod why;

use sealpost_listen::Inherited;

use crate::arguments::{EnforceArguments, EnforceCommand};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: EnforceArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match arguments.command {
        Some(EnforceCommand::Why(ref arguments)) => why::run(arguments, output).await,
        None => serve::run(&arguments, inherited, output).await,
    }
}
