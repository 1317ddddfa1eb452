//! Python programs from PyPI that read what we read, or what we write.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::EnvironmentError;
use crate::environment::{made_by_setup, program_failed};

/// Has one of the scripts beside the manifest of this crate answer in a line of JSON to each line of
/// `asked`, in one process, because it takes a second to start, and in a network of its own, which
/// is none.
///
/// # Errors
///
/// When `setup` has not installed what it needs, and when it does not answer to each of them.
pub fn ask_checker(script: &str, asked: &[String]) -> Result<Vec<Value>, EnvironmentError> {
    let fails = |detail: &str| EnvironmentError::Program {
        program: script.to_owned(),
        detail: detail.to_owned(),
    };
    let mut child = Command::new("unshare")
        .args(["--net", "--", "timeout", "--kill-after=5", "100", "python3", "-B"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
        .env("PYTHONPATH", made_by_setup("checkers")?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| program_failed("unshare", &error))?;
    // It answers while it reads, so the questions are written beside.
    let input = child.stdin.take();
    let questions: String = asked.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    let writer = std::thread::spawn(move || {
        // Where it ends early, its exit status says why.
        input.map(|mut input| input.write_all(questions.as_bytes()))
    });
    let output = child.wait_with_output()?;
    // What it could not write shows in the answers.
    let _ = writer.join();
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(fails(&said));
    }
    let answers: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|_| fails(line)))
        .collect::<Result<_, _>>()?;
    if answers.len() == asked.len() {
        Ok(answers)
    } else {
        Err(fails(&format!("{} answers to {}: {said}", answers.len(), asked.len())))
    }
}
