//! `sealpost serve`

use sealpost_listen::Inherited;

use crate::arguments::ServeArguments;
use crate::daemon::{self, Company, Setup};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: ServeArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let load = || arguments.load();
    let company = Company::Together;
    let network = &arguments.network;
    let setup = Setup { load: &load, network, clock: network.clock(), company };
    daemon::run(setup, inherited, output).await
}
