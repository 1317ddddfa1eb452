//! All test binaries of the workspace, several at a time.
//!
//! `cargo test` runs one after the other and stops at the first that fails. The end-to-end tests mostly
//! wait, for servers, caches and certificates, so they leave room beside them.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cargo_metadata::{Artifact, Message};

use crate::tree::{Error, Tree};

/// The folder of the crate whose tests wait for servers.
const END_TO_END: &str = "crates/e2e";
/// Lanes for it, beside the one for all other tests. More than these would make each other late.
const END_TO_END_LANES: usize = 2;
/// How many of the slowest are told.
const SLOWEST: usize = 10;

/// What is run: a test binary, or the examples of the documentation.
#[derive(Debug)]
struct Job {
    name: String,
    program: PathBuf,
    arguments: &'static [&'static str],
    directory: PathBuf,
}

/// How a job went.
#[derive(Debug)]
struct Run {
    name: String,
    took: Duration,
    passed: bool,
}

/// Builds all tests and runs them; their output goes to the terminal as each ends, and to a file for
/// each in `logs`.
pub(crate) fn run_tests(tree: &Tree, logs: &Path) -> Result<ExitCode, Error> {
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let Some(artifacts) = build(tree, &cargo)? else { return Ok(ExitCode::FAILURE) };
    let (end_to_end, mut others): (Vec<Job>, Vec<Job>) =
        artifacts.iter().filter_map(job).partition(|job| job.directory.ends_with(END_TO_END));
    others.push(Job {
        name: "documentation".to_owned(),
        program: cargo,
        arguments: &["test", "--locked", "--workspace", "--doc"],
        directory: tree.root().to_owned(),
    });
    fs_err::create_dir_all(logs)?;
    let queues = [Mutex::new(VecDeque::from(end_to_end)), Mutex::new(VecDeque::from(others))];
    let runs = Mutex::new(Vec::new());
    let [end_to_end, others] = &queues;
    std::thread::scope(|scope| {
        let mut lanes = vec![scope.spawn(|| drain(others, logs, &runs))];
        for _ in 0..END_TO_END_LANES {
            lanes.push(scope.spawn(|| drain(end_to_end, logs, &runs)));
        }
        lanes.into_iter().try_for_each(|lane| match lane.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&summary(&runs))?;
    Ok(if runs.iter().all(|run| run.passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `cargo test` would run; none when it does not build, of which cargo has told.
fn build(tree: &Tree, cargo: &Path) -> Result<Option<Vec<Artifact>>, Error> {
    let mut command = Command::new(cargo);
    command
        .args(["test", "--locked", "--workspace", "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(tree.root())
        .stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut artifacts = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Message::CompilerArtifact(artifact) = message? {
                artifacts.push(artifact);
            }
        }
    }
    Ok(child.wait()?.success().then_some(artifacts))
}

/// The test binary of an artifact, if it is one.
fn job(artifact: &Artifact) -> Option<Job> {
    let program = artifact.executable.as_ref().filter(|_| artifact.profile.test)?;
    let directory = artifact.manifest_path.parent()?;
    let package = directory.file_name()?;
    let kind = artifact.target.kind.first().map(ToString::to_string).unwrap_or_default();
    Some(Job {
        name: format!("{package} {kind} {}", artifact.target.name),
        program: program.into(),
        arguments: &[],
        directory: directory.into(),
    })
}

/// Runs the jobs of a queue until none is left.
fn drain(queue: &Mutex<VecDeque<Job>>, logs: &Path, runs: &Mutex<Vec<Run>>) -> io::Result<()> {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(job) = next else { return Ok(()) };
        let file = logs.join(job.name.replace(' ', "-")).with_extension("log");
        let (took, passed) = run(&job, &file)?;
        let output = fs_err::read(&file)?;
        let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "\n     Running {} ({:.1} s)", job.name, took.as_secs_f64())?;
        stdout.write_all(&output)?;
        runs.push(Run { name: job.name, took, passed });
    }
}

#[expect(clippy::disallowed_methods, reason = "how long tests take is told to people only")]
fn run(job: &Job, log: &Path) -> io::Result<(Duration, bool)> {
    let output: File = fs_err::File::create(log)?.into();
    let begun = Instant::now();
    let status = Command::new(&job.program)
        .args(job.arguments)
        .current_dir(&job.directory)
        .env("CARGO_MANIFEST_DIR", &job.directory)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()?;
    Ok((begun.elapsed(), status.success()))
}

/// The slowest, and those that failed.
fn summary(runs: &[Run]) -> String {
    let mut slowest: Vec<&Run> = runs.iter().collect();
    slowest.sort_by_key(|run| std::cmp::Reverse(run.took));
    let mut text = "\nthe slowest of the tests:\n".to_owned();
    for run in slowest.iter().take(SLOWEST) {
        let _ = writeln!(text, "  {:7.1} s  {}", run.took.as_secs_f64(), run.name);
    }
    let failed: Vec<&str> =
        runs.iter().filter(|run| !run.passed).map(|run| run.name.as_str()).collect();
    let _ = match failed.as_slice() {
        [] => writeln!(text, "{} test binaries passed", runs.len()),
        failed => writeln!(
            text,
            "error: {} of {} test binaries failed:\n  {}",
            failed.len(),
            runs.len(),
            failed.join("\n  ")
        ),
    };
    text
}

fn say(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &'static [&'static str]) -> Job {
        Job {
            name: name.to_owned(),
            program: "/bin/sh".into(),
            arguments: script,
            directory: std::env::temp_dir(),
        }
    }

    #[test]
    fn a_failure_stops_no_other_and_is_told_at_the_end() {
        let logs = std::env::temp_dir().join(format!("test-run-{}", std::process::id()));
        fs_err::create_dir_all(&logs).unwrap();
        let queue = Mutex::new(VecDeque::from([
            shell("one bad", &["-c", "echo was here; exit 3"]),
            shell("one good", &["-c", "true"]),
        ]));
        let runs = Mutex::new(Vec::new());
        drain(&queue, &logs, &runs).unwrap();
        let runs = runs.into_inner().unwrap();
        assert_eq!(fs_err::read_to_string(logs.join("one-bad.log")).unwrap(), "was here\n");
        let told = summary(&runs);
        assert!(told.ends_with("error: 1 of 2 test binaries failed:\n  one bad\n"), "{told}");
        fs_err::remove_dir_all(&logs).unwrap();
    }

    #[test]
    fn all_that_pass_are_counted() {
        let run = Run { name: "a".to_owned(), took: Duration::from_secs(1), passed: true };
        assert!(summary(&[run]).ends_with("1 test binaries passed\n"));
    }
}
