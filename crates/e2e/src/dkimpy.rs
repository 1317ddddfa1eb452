//! What dkimpy says of signed mails.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::EnvironmentError;
use crate::environment::{made_by_setup, program_failed};

/// Whether a signature holds, by what the verifier takes the mail for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DkimpyVerdict {
    /// For any mail, as verifiers do that know nothing of TLS reports.
    pub as_mail: bool,
    /// For a TLS report whose key may also be for other mail.
    pub as_report: bool,
    /// For a TLS report whose key has to be for reports alone.
    pub as_strict_report: bool,
}

/// Asks dkimpy about mails, each with the TXT record of its key, in a network that is none.
///
/// # Errors
///
/// When `setup` has not installed it, and when it does not answer about each of them.
pub fn ask_dkimpy(mails: &[(&Path, &str)]) -> Result<Vec<DkimpyVerdict>, EnvironmentError> {
    let fails = |detail: &str| EnvironmentError::Program {
        program: "dkimpy".to_owned(),
        detail: detail.to_owned(),
    };
    let mut child = Command::new("unshare")
        .args(["--net", "--", "timeout", "--kill-after=5", "60", "python3", "-B"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("ask-dkimpy"))
        .env("PYTHONPATH", made_by_setup("parsedmarc")?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| program_failed("unshare", &error))?;
    if let Some(mut input) = child.stdin.take() {
        for (file, record) in mails {
            writeln!(input, "{}", json!({ "file": file, "record": record }))?;
        }
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(fails(&said));
    }
    let mut verdicts = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let answer: Value = serde_json::from_str(line).map_err(|_| fails(line))?;
        let holds = |key: &str| answer.get(key).and_then(Value::as_bool).ok_or_else(|| fails(line));
        verdicts.push(DkimpyVerdict {
            as_mail: holds("as_mail")?,
            as_report: holds("as_report")?,
            as_strict_report: holds("as_strict_report")?,
        });
    }
    if verdicts.len() == mails.len() { Ok(verdicts) } else { Err(fails(&said)) }
}
