//! `sealpost publish`

mod adopt;
mod certificates;
mod export;
mod known;
mod lint;
mod new;
mod plan;
mod records;
mod serve;
mod status;

use sealpost_listen::Inherited;

use crate::arguments::{PublishArguments, PublishCommand};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: PublishArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match arguments.command {
        PublishCommand::Lint(arguments) => lint::run(&arguments, output).await,
        PublishCommand::Records(arguments) => records::run(&arguments, output).await,
        PublishCommand::Plan(arguments) => plan::run(&arguments, output).await,
        PublishCommand::Export(arguments) => export::run(&arguments, output).await,
        PublishCommand::Status(arguments) => status::run(&arguments, output).await,
        PublishCommand::Diff(arguments) => status::diff(&arguments, output).await,
        PublishCommand::New(arguments) => new::run(&arguments, output),
        PublishCommand::Serve(arguments) => serve::run(&arguments, inherited, output).await,
        PublishCommand::Certificates(arguments) => certificates::run(&arguments, output).await,
        PublishCommand::Adopt(arguments) => adopt::run(arguments, output).await,
    }
}
