//! `sealpost publish`

pub(super) mod adopt;
mod certificates;
mod delegate;
mod driver;
mod export;
mod history;
mod known;
mod lint;
mod moving;
mod mx;
mod new;
pub(super) mod plan;
mod records;
mod rehearse;
mod run;
mod serve;
mod status;
mod words;

use crate::arguments::{PublishArguments, PublishCommand};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;
use sealpost_listen::Inherited;

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
        PublishCommand::Adopt(arguments) => adopt::run(*arguments, output).await,
        PublishCommand::Run(arguments) => run::run(&arguments, output).await,
        PublishCommand::Move(arguments) => moving::run(&arguments, output).await,
        PublishCommand::Waive(arguments) => words::waive(&arguments, output).await,
        PublishCommand::Accept(arguments) => words::accept(&arguments, output).await,
        PublishCommand::Past(arguments) => words::past(&arguments, output).await,
        PublishCommand::History(arguments) => history::run(&arguments, output).await,
        PublishCommand::Rehearse(arguments) => rehearse::run(&arguments, output).await,
        PublishCommand::Mx(arguments) => mx::run(&arguments, output).await,
        PublishCommand::Delegate(arguments) => delegate::run(&arguments, output).await,
    }
}
