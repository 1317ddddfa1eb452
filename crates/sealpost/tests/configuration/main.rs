//! `sealpost config`: what it says of configurations, what it writes, and the schema.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod init;
mod schema;

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What came of a command.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

fn sealpost(folder: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("SEALPOST_CONFIG")
        .output()
        .unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Checks a configuration that lies in a folder of its own.
fn check(text: &str) -> Ran {
    check_in(&tempfile::tempdir().unwrap(), text)
}

fn check_in(folder: &TempDir, text: &str) -> Ran {
    fs_err::write(folder.path().join("a.toml"), text).unwrap();
    sealpost(folder.path(), &["config", "check", "--config", "a.toml"])
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
