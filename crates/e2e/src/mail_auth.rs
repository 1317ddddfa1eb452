//! What mail-auth makes of a report.

use std::path::Path;
use std::process::Command;

use crate::EnvironmentError;
use crate::environment::program_failed;

/// What mail-auth reads in a report: sessions, added up over its policies, and failure details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadByMailAuth {
    /// Successful sessions.
    pub successful: u64,
    /// Failed ones.
    pub failed: u64,
    /// How many failure details there are.
    pub details: u64,
}

/// Asks mail-auth about a file: a mail if its name ends in `.eml`, else JSON.
///
/// # Errors
///
/// When `setup-readers` has not built it, and what it says of a file that it cannot read.
pub fn ask_mail_auth(file: &Path) -> Result<ReadByMailAuth, EnvironmentError> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/e2e-readers/debug/sealpost-e2e-mail-auth");
    let fails = |detail: &str| EnvironmentError::Program {
        program: "mail-auth, which crates/e2e/setup-readers builds".to_owned(),
        detail: detail.to_owned(),
    };
    let output = Command::new("unshare")
        .args(["--net", "--", "timeout", "--kill-after=5", "20"])
        .arg(program)
        .arg(file)
        .output()
        .map_err(|error| program_failed("unshare", &error))?;
    if !output.status.success() {
        return Err(fails(&String::from_utf8_lossy(&output.stderr)));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        &[successful, failed, details] => Ok(ReadByMailAuth { successful, failed, details }),
        _ => Err(fails(&said)),
    }
}
