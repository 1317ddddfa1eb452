//! `sealpost receive`

mod import;
mod reparse;
mod stored;
mod summary;

use crate::arguments::ReceiveCommand;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(command: ReceiveCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        ReceiveCommand::Import(arguments) => import::run(&arguments, output).await,
        ReceiveCommand::Reparse(arguments) => reparse::run(&arguments, output).await,
        ReceiveCommand::Summary(arguments) => summary::run(&arguments, output).await,
    }
}
