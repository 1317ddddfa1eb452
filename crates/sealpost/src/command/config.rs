//! `sealpost config`

mod check;
mod init;

use crate::arguments::ConfigCommand;
use crate::configuration::schema;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(command: ConfigCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        ConfigCommand::Init(arguments) => init::run(arguments, output),
        ConfigCommand::Check(arguments) => check::run(&arguments, output),
        ConfigCommand::Schema => {
            output.json(&schema())?;
            Ok(Outcome::Clean)
        }
    }
}
