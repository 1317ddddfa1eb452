//! Times the readers of records, policies and names on the largest texts that they accept.
//!
//! `run`, beside the sources, builds and starts this program; so does `cargo bench` here, with a part
//! of a name behind `--`.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::{
    env,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use self::inputs::{Input, inputs};

mod inputs;

/// Runs of each input, in rounds over all inputs, so that a busy moment of the machine does not
/// fall on one input alone.
const ROUNDS: usize = 40;
const RUNS_IN_A_ROUND: usize = 5;
/// No text should take longer than this to read.
const GOAL: Duration = Duration::from_micros(500);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // What cargo adds stands at the end.
        [] | ["--bench"] => table(""),
        [part, "--bench"] => table(part),
        ["list"] => inputs().iter().for_each(|input| println!("{}", input.name)),
        ["only", part] => table(part),
        ["repeat", name, count] => {
            let all = inputs();
            let Some(input) = all.iter().find(|input| input.name == *name) else { return usage() };
            let Ok(count) = count.parse::<usize>() else { return usage() };
            (0..count).for_each(|_| input.read());
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    println!("usage: readers [list | only PART-OF-NAME | repeat NAME COUNT]");
    ExitCode::FAILURE
}

/// Prints the best and the median time of each input.
fn table(part: &str) {
    let inputs: Vec<Input> =
        inputs().into_iter().filter(|input| input.name.contains(part)).collect();
    let mut times = vec![Vec::with_capacity(ROUNDS * RUNS_IN_A_ROUND); inputs.len()];
    for _ in 0..ROUNDS {
        for (input, times) in inputs.iter().zip(&mut times) {
            times.extend((0..RUNS_IN_A_ROUND).map(|_| time(input)));
        }
    }
    println!("{:34} {:>7} {:>7} {:>9} {:>9}", "input", "bytes", "items", "best µs", "median µs");
    for (input, times) in inputs.iter().zip(&mut times) {
        times.sort_unstable();
        let best = times.first().copied().unwrap_or_default();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!(
            "{:34} {:>7} {:>7} {:>9.1} {:>9.1}{}",
            input.name,
            input.bytes(),
            input.items(),
            best.as_secs_f64() * 1e6,
            median.as_secs_f64() * 1e6,
            if best > GOAL { "  above the goal" } else { "" },
        );
    }
}

/// What is read is also dropped, which its reader pays for too.
fn time(input: &Input) -> Duration {
    let start = Instant::now();
    black_box(input).read();
    start.elapsed()
}
