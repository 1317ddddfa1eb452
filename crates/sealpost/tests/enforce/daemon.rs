//! The daemon, and a mail server that asks it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use sealpost_lab::{Lab, Options, Ports};
use tokio::runtime::Runtime;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(100);

/// A lab whose files stay when it has stopped.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) lab: Lab,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            ports: Ports::Ephemeral,
            directory: Some(folder.path().join("lab")),
            ..Options::new(sealpost_runtime::Clock::system().now())
        };
        let lab = runtime.block_on(Lab::start(options)).unwrap();
        Self { runtime, lab, folder }
    }

    pub(crate) fn daemon(&self, deadline: &str) -> Daemon {
        let store = self.folder.path().join("store.sqlite");
        Daemon::start(self.lab.settings_file(), &store, deadline, &[])
    }

    /// What the program prints, and its exit status.
    pub(crate) fn run(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(arguments)
            .env("SEALPOST_NETWORK", self.lab.settings_file())
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }
}

/// A daemon that is ready. It is killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    /// As long as it is open, the daemon can speak.
    errors: BufReader<ChildStderr>,
    pub(crate) address: SocketAddr,
    /// How many policies it had loaded when it was ready.
    pub(crate) loaded: usize,
}

impl Daemon {
    pub(crate) fn start(network: &Path, store: &Path, deadline: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["enforce", "--listen", "127.0.0.1:0", "--deadline", deadline])
            .args(more)
            .arg("--network")
            .arg(network)
            .arg("--store")
            .arg(store)
            .env("SEALPOST_LOG", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut address = None;
        let loaded = loop {
            let mut line = String::new();
            assert!(errors.read_line(&mut line).unwrap() > 0, "it ended before it was ready");
            if let Some(text) = line.strip_prefix("listening at ") {
                address = address.or(text.trim().parse().ok());
            } else if let Some(text) = line.strip_prefix("ready, with ") {
                break text.split(' ').next().unwrap().parse().unwrap();
            }
        };
        Self { child, errors, address: address.unwrap(), loaded }
    }

    pub(crate) fn client(&self) -> Client<TcpStream> {
        #[expect(clippy::disallowed_methods, reason = "this is the mail server, on loopback")]
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(stream)
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to end, as systemd does.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for its end; gives the exit status and what it has said.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.errors.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A mail server on one connection.
pub(crate) struct Client<S>(pub(crate) S);

impl<S: std::io::Read + std::io::Write> Client<S> {
    /// Asks a map about a next hop; the reply without trailing white space.
    pub(crate) fn ask(&mut self, map: &str, key: &str) -> String {
        self.send(&format!("{map} {key}"));
        self.reply().unwrap()
    }

    pub(crate) fn send(&mut self, payload: &str) {
        self.0.write_all(format!("{}:{payload},", payload.len()).as_bytes()).unwrap();
    }

    /// The next reply; `None` when the connection is closed.
    pub(crate) fn reply(&mut self) -> Option<String> {
        let mut length = 0;
        loop {
            let mut octet = [0];
            if self.0.read(&mut octet).unwrap() == 0 {
                return None;
            }
            match octet[0] {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut payload = vec![0; length + 1];
        self.0.read_exact(&mut payload).unwrap();
        assert_eq!(payload.pop(), Some(b','));
        Some(String::from_utf8(payload).unwrap().trim_end().to_owned())
    }
}
