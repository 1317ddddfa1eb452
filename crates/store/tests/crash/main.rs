//! The store in processes that end at the worst moment, on disks that fail it.
//!
//! This program starts itself again with `child` as its first argument; that process is the one
//! that is aborted, killed, or run on a small or read-only file system.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(clippy::print_stdout, reason = "children tell their parent what was answered")]

mod aborts;
mod children;
mod disks;
mod intake;
mod kills;
mod rows;

use std::{
    env,
    panic::catch_unwind,
    process::{Command, ExitCode},
};

const TESTS: &[(&str, fn())] = &[
    ("aborts::one_command_at_a_time", aborts::one_command_at_a_time),
    ("aborts::many_commands_at_a_time", aborts::many_commands_at_a_time),
    ("kills::at_twenty_moments_under_load", kills::at_twenty_moments_under_load),
    ("kills::two_processes_share_a_file", kills::two_processes_share_a_file),
    ("intake::an_abort_around_every_commit", intake::an_abort_around_every_commit),
    ("intake::at_twenty_moments_of_intake", intake::at_twenty_moments_of_intake),
    ("disks::a_full_disk", disks::a_full_disk),
    ("disks::a_read_only_disk", disks::a_read_only_disk),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == "child"
    {
        children::run(rest);
        return ExitCode::SUCCESS;
    }
    // As the usual harness: words are parts of the names wanted, flags are its own affair.
    let filters: Vec<&String> = arguments.iter().filter(|text| !text.starts_with('-')).collect();
    let mut failed = 0;
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        let is_passed = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if is_passed { "ok" } else { "FAILED" });
        failed += u8::from(!is_passed);
    }
    ExitCode::from(failed)
}

/// This program as a child process.
fn child(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg("child").args(arguments);
    command
}
