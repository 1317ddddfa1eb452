//! How a command ends.

use std::fmt;
use std::process::ExitCode;

use sealpost_check::formats::NagiosState;

/// The status of a command that could not run.
const COULD_NOT_RUN: u8 = 2;
/// What mail servers understand (`sysexits.h`): it never works, and it may work later.
const DATA_ERROR: u8 = 65;
const TEMPORARY_FAILURE: u8 = 75;

/// How a command that ran ends; the exit status says it to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Status 0: nothing to complain of.
    Clean,
    /// Status 1: there are findings, or the answer is no.
    Findings,
    /// Status 3: it could not be told.
    Unknown,
    /// The status that a monitoring system understands.
    Monitoring(NagiosState),
}

/// Why a command could not run: status 2, unless a mail server has to be told.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
    quiet: bool,
    status: u8,
}

impl Failure {
    /// `what` fits after "failed to ".
    pub(crate) fn new(what: impl fmt::Display) -> Self {
        Self { what: what.to_string(), hint: None, quiet: false, status: COULD_NOT_RUN }
    }

    /// What to do about it, as a sentence.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A mail server is to try again.
    pub(crate) fn temporary(mut self) -> Self {
        self.status = TEMPORARY_FAILURE;
        self
    }

    /// A mail server is not to try this mail again.
    pub(crate) fn for_good(mut self) -> Self {
        self.status = DATA_ERROR;
        self
    }

    /// As it is said of a configuration, in one line.
    pub(crate) fn plain(&self) -> String {
        let text = self.to_string();
        let text = text.strip_prefix("error: failed to ").unwrap_or(&text);
        format!("cannot {}", text.replace("\n\nhint: ", "; "))
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// Writing to a standard stream failed.
    pub(crate) fn of_stream(what: &str, error: &std::io::Error) -> Self {
        let quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { what: format!("{what}: {error}"), hint: None, quiet, status: COULD_NOT_RUN }
    }

    /// Whoever read our output has gone away, which is theirs to decide.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: failed to {}", without_controls(&self.what))?;
        match &self.hint {
            Some(hint) => write!(formatter, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<std::io::Error> for Failure {
    /// For errors of `fs_err`, which say what failed and name the file.
    fn from(error: std::io::Error) -> Self {
        let text = error.to_string();
        Self::new(text.strip_prefix("failed to ").unwrap_or(&text))
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Clean => Self::from(0),
            Outcome::Findings => Self::from(1),
            Outcome::Unknown => Self::from(3),
            Outcome::Monitoring(state) => Self::from(state.status()),
        }
    }
}

/// Names of files may hold anything; a terminal must not obey it.
pub(crate) fn without_controls(text: &str) -> String {
    let is_control = |character: &char| character.is_control() && *character != '\n';
    text.chars().map(|c| if is_control(&c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// An error and what is behind it, in one line.
pub(crate) fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
