//! `sealpost receive`

mod import;
mod stored;

use crate::arguments::ReceiveCommand;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(command: ReceiveCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        ReceiveCommand::Import(arguments) => import::run(&arguments, output).await,
    }
}
