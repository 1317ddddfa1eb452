//! `sealpost serve`

use std::io::BufRead as _;

use jiff::Timestamp;
use sealpost_listen::Inherited;
use sealpost_runtime::{Clock, Hand};

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
    let clock = match network.at {
        Some(start) if arguments.steered => steered(start),
        _ => network.clock(),
    };
    let setup = Setup { load: &load, network, clock, company };
    daemon::run(setup, inherited, output).await
}

/// A clock that whoever has started this sets. It stands still where nobody does.
fn steered(start: Timestamp) -> Clock {
    let (clock, hand) = Clock::steered(start);
    // Nobody waits for this thread: it may read for ever.
    std::thread::spawn(move || follow(&hand));
    clock
}

fn follow(hand: &Hand) {
    let times = std::io::stdin().lock().lines().map_while(Result::ok);
    for time in times.filter_map(|line| line.trim().parse().ok()) {
        hand.set_forward(time);
    }
}
