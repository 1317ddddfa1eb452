//! The program, a store of its own, and reports.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct World {
    folder: TempDir,
}

/// Standard output, standard error and exit status.
pub(crate) type Ran = (String, String, i32);

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, octets: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, octets).unwrap();
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.arg("receive").args(arguments).arg("--store").arg(self.path("store.sqlite"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, b"")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    /// Imports a path; the account of it, and the exit status.
    pub(crate) fn import(&self, path: &Path) -> (Value, i32) {
        let path = path.to_str().unwrap();
        let (out, said, status) = self.run(&["import", "--no-dns", "--format", "json", path]);
        assert!(status == 0 || status == 1, "{said}");
        (serde_json::from_str(&out).unwrap(), status)
    }

    pub(crate) fn summary(&self, arguments: &[&str]) -> Value {
        let (out, said, status) =
            self.run(&[&["summary", "--format", "json"][..], arguments].concat());
        assert_eq!(status, 0, "{said}");
        serde_json::from_str(&out).unwrap()
    }
}

/// A report of one day on one domain.
pub(crate) fn report(domain: &str, day: u32, successful: u64, failed: u64) -> String {
    format!(
        r#"{{"organization-name":"Reporter","contact-info":"a@reporter.example",
        "report-id":"{day}_{domain}","date-range":{{"start-datetime":"2026-11-{day:02}T00:00:00Z",
        "end-datetime":"2026-11-{day:02}T23:59:59Z"}},"policies":[{{"policy":{{"policy-type":"sts",
        "policy-domain":"{domain}"}},"summary":{{"total-successful-session-count":{successful},
        "total-failure-session-count":{failed}}}}}]}}"#
    )
}

/// The same as a mail without signature, lines ended by LF.
pub(crate) fn mail(report: &str) -> String {
    format!(
        "From: a@reporter.example\nTo: b@example.com\nSubject: Report Domain: a.example\n\
         MIME-Version: 1.0\nContent-Type: application/tlsrpt+json\n\n{report}\n"
    )
}
