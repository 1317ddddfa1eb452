//! `sealpost`: encrypted mail delivery, enforceable and visible.

mod arguments;
mod command;
mod configuration;
mod csv;
mod daemon;
mod input;
mod network;
mod outcome;
mod output;
mod postconf;

use std::process::ExitCode;

use clap::Parser as _;
use tikv_jemallocator::Jemalloc;

use crate::arguments::Arguments;
use crate::outcome::Failure;
use crate::output::Output;

/// Much is allocated by one thread and freed by another: reports that are read and then stored. With
/// the allocator of the system that takes a tenth more time, and memory is not given back.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    // It changes the environment, so it comes before the first thread.
    let inherited = sealpost_listen::Inherited::from_environment();
    sealpost_runtime::start_log();
    let arguments = Arguments::parse();
    let mut output = Output::new(arguments.colour);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output.failure(&Failure::of_stream("start the runtime", &error)),
    };
    match runtime.block_on(command::run(arguments.command, inherited, &mut output)) {
        Ok(outcome) => outcome.into(),
        Err(failure) => output.failure(&failure),
    }
}
