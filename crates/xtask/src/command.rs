//! The command line of the tasks.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::report::{markdown, summary};
use crate::tree::{Error, Tree};

const USAGE: &str = "\
usage: cargo run -p xtask -- citations [--report FILE]

tasks:
  citations   check every RFC citation against specs/, print the coverage table

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

fn say(mut stream: impl Write, text: &str) -> Result<(), Error> {
    Ok(stream.write_all(text.as_bytes())?)
}
