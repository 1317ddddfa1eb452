//! `sealpost receive`

mod serve;

use sealpost_listen::Inherited;

use crate::arguments::ReceiveArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: ReceiveArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    serve::run(&arguments, inherited, output).await
}
