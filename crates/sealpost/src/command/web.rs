//! `sealpost web`

mod password;
mod token;

use crate::arguments::{TokenCommand, WebCommand};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(command: WebCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        WebCommand::Password(arguments) => password::run(&arguments, output),
        WebCommand::Token(TokenCommand::New(arguments)) => token::new(&arguments, output).await,
        WebCommand::Token(TokenCommand::List(arguments)) => token::list(&arguments, output).await,
        WebCommand::Token(TokenCommand::Revoke(arguments)) => {
            token::revoke(&arguments, output).await
        }
    }
}
