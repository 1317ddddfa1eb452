//! What parsedmarc makes of a report.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::EnvironmentError;
use crate::environment::{made_by_setup, program_failed};

/// What parsedmarc says of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedmarcVerdict {
    /// It reads a TLS report.
    Read {
        /// Successful sessions, added up over the policies, as its output would be.
        successful: i128,
        /// Failed sessions, in the same way.
        failed: i128,
    },
    /// It reads no TLS report; what it says instead.
    Refused(String),
}

/// Asks parsedmarc about files, each by itself: in one process, because it takes a second to start,
/// and in a network of its own, which is none.
///
/// # Errors
///
/// When `setup` has not installed it, and when it does not answer about each of them.
pub fn ask_parsedmarc(
    folder: &Path,
    files: &[String],
) -> Result<BTreeMap<String, ParsedmarcVerdict>, EnvironmentError> {
    let fails = |detail: &str| EnvironmentError::Program {
        program: "parsedmarc".to_owned(),
        detail: detail.to_owned(),
    };
    let mut child = Command::new("unshare")
        .args(["--net", "--", "timeout", "--kill-after=5", "100", "python3", "-B"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("ask-parsedmarc"))
        .env("PYTHONPATH", made_by_setup("parsedmarc")?)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| program_failed("unshare", &error))?;
    if let Some(mut input) = child.stdin.take() {
        // It reads all names before it says anything.
        input.write_all(files.join("\n").as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(fails(&said));
    }
    let mut verdicts = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let verdict: Value = serde_json::from_str(line).map_err(|_| fails(line))?;
        let number = |key| verdict.get(key).and_then(Value::as_i64).map(i128::from);
        let text = |key| verdict.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        let file = text("file").ok_or_else(|| fails(line))?;
        let verdict = match (number("successful"), number("failed"), text("refused")) {
            (Some(successful), Some(failed), None) => {
                ParsedmarcVerdict::Read { successful, failed }
            }
            (None, None, Some(reason)) => ParsedmarcVerdict::Refused(reason),
            _ => return Err(fails(line)),
        };
        verdicts.insert(file, verdict);
    }
    match files.iter().find(|file| !verdicts.contains_key(*file)) {
        Some(file) => Err(fails(&format!("nothing about {file}: {said}"))),
        None => Ok(verdicts),
    }
}
