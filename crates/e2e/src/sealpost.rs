//! Running the program under test, and reading what it reports.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output};

use serde_json::Value;

use crate::{Environment, EnvironmentError};

/// What `sealpost check` reported of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its exit status.
    pub status: Option<i32>,
    /// The verdict; empty where there is no report.
    pub verdict: String,
    /// What a sender does that uses both DANE and MTA-STS; empty where that is not known.
    pub decision: String,
    /// The codes of all findings, each once, sorted.
    pub codes: Vec<String>,
    /// The severities of all findings, each once, sorted.
    pub severities: Vec<String>,
    /// All that it said, for the reader of a failed test.
    pub said: String,
}

impl Report {
    /// Checks one domain of an environment with one of its settings files.
    ///
    /// # Errors
    ///
    /// When the program could not be run, or did not end in time.
    pub fn check(
        environment: &Environment,
        settings: &Path,
        domain: &str,
    ) -> Result<Self, EnvironmentError> {
        let arguments = check_arguments(settings, domain);
        Ok(Self::read(&environment.run(&sealpost_binary()?, arguments)?))
    }

    /// Reads what a check with [`check_arguments`] left behind.
    pub fn read(output: &Output) -> Self {
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let text = |key| report.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let findings = |key| {
            let findings = report.get("findings").and_then(Value::as_array).into_iter().flatten();
            let mut values: Vec<String> = findings
                .filter_map(|finding| finding.get(key).and_then(Value::as_str))
                .map(ToOwned::to_owned)
                .collect();
            values.sort_unstable();
            values.dedup();
            values
        };
        Self {
            status: output.status.code(),
            verdict: text("verdict"),
            decision: text("decision"),
            codes: findings("code"),
            severities: findings("severity"),
            said: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

/// The arguments for a check whose output [`Report::read`] can read.
pub fn check_arguments(settings: &Path, domain: &str) -> Vec<String> {
    let settings = settings.to_string_lossy();
    ["check", "--network", &*settings, "--format", "json", domain].map(ToOwned::to_owned).to_vec()
}

/// The `sealpost` program of the build that the running test belongs to.
///
/// # Errors
///
/// [`EnvironmentError::NoBinary`] when it has not been built: building a test does not build the
/// programs of other packages.
pub fn sealpost_binary() -> Result<PathBuf, EnvironmentError> {
    // A test lies in target/PROFILE/deps, programs in target/PROFILE.
    let test = std::env::current_exe()?;
    let binary = test.parent().and_then(|deps| deps.parent()).unwrap_or(&test).join("sealpost");
    if binary.is_file() { Ok(binary) } else { Err(EnvironmentError::NoBinary(binary)) }
}

/// Waits until a daemon says that it is ready. What it says later is not kept.
///
/// # Errors
///
/// When it ends before; the error has what it said.
pub fn when_ready(mut daemon: Child) -> Result<Child, EnvironmentError> {
    let mut said = String::new();
    if let Some(stderr) = daemon.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        let is_ready = |line: &str| line.ends_with("ready") || line.starts_with("ready: ");
        while !said.lines().last().is_some_and(is_ready) {
            match lines.next() {
                Some(line) => said += &(line? + "\n"),
                None => return Err(EnvironmentError::NotReady(said)),
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
    }
    Ok(daemon)
}
