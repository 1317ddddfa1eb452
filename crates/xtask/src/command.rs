//! The command line of the tasks.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::report::{markdown, summary};
use crate::test_run::run_tests;
use crate::tree::{Error, Tree};

const USAGE: &str = "\
usage: cargo run -p xtask -- citations [--report FILE]
       cargo run -p xtask -- tests FOLDER

tasks:
  citations   check every RFC citation against specs/, print the coverage table
  tests       run all tests of the workspace, the end-to-end tests beside the
              others, past those that fail; the output of each goes into FOLDER

options:
  --report FILE   also write the table as Markdown
";

/// Runs the task that the arguments name. Exit status: 0 done, 1 something has to be mended or
/// could not be read, 2 wrong usage.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["citations"] => citations(None),
        ["citations", "--report", file] => citations(Some(PathBuf::from(file))),
        ["tests", logs] => tests(&PathBuf::from(logs)),
        ["help" | "--help" | "-h"] => say(io::stdout(), USAGE).map(|()| ExitCode::SUCCESS),
        _ => say(io::stderr(), USAGE).map(|()| ExitCode::from(2)),
    };
    outcome.unwrap_or_else(|error| {
        // With stderr closed there is nobody left to tell.
        let _ = say(io::stderr(), &format!("error: {error}\n"));
        ExitCode::FAILURE
    })
}

fn citations(report: Option<PathBuf>) -> Result<ExitCode, Error> {
    let coverage = Tree::of_this_workspace().coverage()?;
    say(io::stdout(), &summary(&coverage))?;
    if let Some(file) = report {
        fs_err::write(file, markdown(&coverage))?;
    }
    if coverage.faults.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for fault in &coverage.faults {
        text.push_str(&format!("error: {fault}\n"));
    }
    text.push_str(&format!("{} to mend\n", coverage.faults.len()));
    say(io::stderr(), &text)?;
    Ok(ExitCode::FAILURE)
}

fn tests(logs: &Path) -> Result<ExitCode, Error> {
    run_tests(&Tree::of_this_workspace(), &std::path::absolute(logs)?)
}

fn say(mut stream: impl Write, text: &str) -> Result<(), Error> {
    Ok(stream.write_all(text.as_bytes())?)
}
