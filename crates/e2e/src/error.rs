//! Why an environment could not start or do what was asked.

use std::fmt;
use std::path::PathBuf;

/// Why an environment of real servers could not be started or used.
///
/// Its `Debug` form is its message too: a test that unwraps it tells its reader what to do.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The test does not run as root.
    #[error("boot the real servers: that needs root, for namespaces and mounts")]
    NotRoot,
    /// `setup`, `setup-web` or `setup-alert` has not been run, or not since it last changed.
    #[error("find what the tests need at {}: run crates/e2e/setup, crates/e2e/setup-web and crates/e2e/setup-alert first, as root", .0.display())]
    NoArchive(PathBuf),
    /// A program that comes with Debian could not be run, or refused.
    #[error("run {program}: {detail}")]
    Program {
        /// The program.
        program: String,
        /// What happened, and what it printed.
        detail: String,
    },
    /// The servers did not open their ports, or not in time.
    #[error("boot the real servers:\n{0}")]
    NotReady(String),
    /// The `sealpost` program has not been built.
    #[error("find {}: build the workspace first (cargo build --workspace)", .0.display())]
    NoBinary(PathBuf),
    /// A certificate could not be made.
    #[error("make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A file could not be read or written.
    #[error("read or write what the servers need: {0}")]
    File(#[from] std::io::Error),
}

impl fmt::Debug for EnvironmentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "failed to {self}")
    }
}
