//! One lab for all tests of this file, and the program.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use sealpost_lab::{Lab, Options, Ports};
use serde_json::Value;
use tempfile::TempDir;

/// A lab that nobody closes: it ends with the process.
static LAB: LazyLock<(tokio::runtime::Runtime, Lab)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    (runtime, lab)
});

/// Domains that are quick to look at, with their verdicts.
pub(crate) const QUICK: [(&str, &str); 8] = [
    ("good-two-addresses.test", "enforced"),
    ("good.test", "enforced"),
    ("mx-certificate-expired.test", "failing"),
    ("mx-name-with-underscore.test", "failing"),
    ("null-mx.test", "no-mail"),
    ("policy-latin-1.test", "broken"),
    ("sts-record-servfail.test", "unknown"),
    ("testing-mx-expired.test", "testing"),
];

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

    pub(crate) fn write(&self, name: &str, octets: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs_err::write(&path, octets).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// `sealpost check` with these arguments, in the lab.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.arg("check").args(arguments).current_dir(self.folder.path());
        command.env("SEALPOST_NETWORK", LAB.1.settings_file());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// All that it writes to a terminal, which `script` of bsdutils gives it.
    pub(crate) fn at_a_terminal(&self, arguments: &str) -> String {
        let program = format!("{} check {arguments}", env!("CARGO_BIN_EXE_sealpost"));
        let output = Command::new("timeout")
            .args(["60", "script", "--quiet", "--return", "--command", &program, "/dev/null"])
            .current_dir(self.folder.path())
            .env("SEALPOST_NETWORK", LAB.1.settings_file())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, b"")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(arguments).spawn().unwrap();
        // It may have ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }
}

/// The list of the quick domains.
pub(crate) fn quick() -> String {
    QUICK.map(|(domain, _)| format!("{domain}\n")).concat()
}

/// Each result of a text of them.
pub(crate) fn results(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The domains and verdicts of results, sorted.
pub(crate) fn verdicts(text: &str) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let mut verdicts: Vec<_> = results(text)
        .iter()
        .map(|result| (word(&result["domain"]), word(&result["verdict"])))
        .collect();
    verdicts.sort();
    verdicts
}

/// What [`verdicts`] says when each quick domain is there once.
pub(crate) fn quick_verdicts() -> Vec<(String, String)> {
    QUICK.map(|(domain, verdict)| (domain.to_owned(), verdict.to_owned())).to_vec()
}
