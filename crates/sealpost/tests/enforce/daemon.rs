//! The daemon, and a mail server that asks it.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use sealpost_lab::{Lab, Options, Ports};
use tokio::runtime::Runtime;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(100);

/// The level of a mail server that asks for nothing by itself.
const LEVEL: &str = "default_level = \"may\"\n";

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

    /// Settings like the lab's, with a resolver behind which nobody is, or this one.
    pub(crate) fn settings_with_resolver(&self, resolver: &str) -> PathBuf {
        let text = fs_err::read_to_string(self.lab.settings_file()).unwrap();
        let old = format!("resolvers = [\"{}\"]", self.lab.resolver());
        assert!(text.contains(&old), "{text}");
        let path = self.lab.directory().join(format!("by-{}.toml", resolver.replace(':', "-")));
        fs_err::write(&path, text.replace(&old, &format!("resolvers = [\"{resolver}\"]"))).unwrap();
        path
    }

    /// Settings with which nothing can be found out: a resolver behind which nobody is.
    pub(crate) fn no_network(&self) -> PathBuf {
        self.settings_with_resolver("127.0.0.1:1")
    }

    /// A configuration file with this text in `[enforce]`, for a mail server that asks for nothing by
    /// itself unless it says so.
    pub(crate) fn configuration(&self, name: &str, enforce: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let level = if enforce.contains("default_level") { "" } else { LEVEL };
        fs_err::write(&path, format!("[enforce]\n{level}{enforce}")).unwrap();
        path
    }

    /// What the program prints, and its exit status.
    pub(crate) fn run(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(arguments)
            .env("SEALPOST_CONFIG", self.configuration("usual.toml", ""))
            .env("SEALPOST_NETWORK", self.lab.settings_file())
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }
}

/// A daemon that is ready. It is killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    /// As long as somebody reads, the daemon can speak.
    errors: Mutex<Receiver<String>>,
    /// Where it listens over TCP, if it says so.
    address: Option<SocketAddr>,
    /// Every line about where it listens.
    pub(crate) places: Vec<String>,
    /// What else it has said before it was ready.
    pub(crate) before: String,
    /// How many policies it had loaded when it was ready.
    pub(crate) loaded: usize,
}

/// The command that starts a daemon, for the tests that change something about it.
pub(crate) fn command(network: &Path, store: &Path, deadline: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
    command
        .args(["enforce", "--listen", "127.0.0.1:0", "--deadline", deadline])
        .args(more)
        .arg("--network")
        .arg(network)
        .arg("--store")
        .arg(store)
        .env("SEALPOST_CONFIG", usual_configuration(store))
        .env("SEALPOST_LOG", "off");
    command
}

/// A configuration beside the store that says no more than the level.
pub(crate) fn usual_configuration(store: &Path) -> PathBuf {
    let path = store.with_extension("usual.toml");
    if !path.exists() {
        fs_err::write(&path, format!("[enforce]\n{LEVEL}")).unwrap();
    }
    path
}

impl Daemon {
    pub(crate) fn start(network: &Path, store: &Path, deadline: &str, more: &[&str]) -> Self {
        Self::launch(&mut command(network, store, deadline, more))
    }

    /// Starts it by a command whose process becomes the daemon.
    pub(crate) fn launch(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, errors) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody may listen any more; the daemon must not wait for that.
                let _ = sender.send(line + "\n");
            }
        });
        let (mut address, mut places, mut before) = (None, Vec::new(), String::new());
        let loaded = loop {
            let Ok(line) = errors.recv() else { panic!("it ended before it was ready: {before}") };
            if let Some(text) = line.strip_prefix("listening at ") {
                address = address.or(text.trim().parse().ok());
                places.push(text.trim().to_owned());
            } else if let Some(text) = line.strip_prefix("ready, with ") {
                break text.split(' ').next().unwrap().parse().unwrap();
            } else {
                before += &line;
            }
        };
        Self { child, errors: Mutex::new(errors), address, places, before, loaded }
    }

    pub(crate) fn client(&self) -> Client<TcpStream> {
        connect(self.address.unwrap())
    }

    /// A client of the `tcp:` table that listens for this map.
    pub(crate) fn table(&self, map: &str) -> TcpStream {
        let ending = format!(", a tcp table for {map}");
        let place = self.places.iter().find_map(|place| place.strip_suffix(&ending)).unwrap();
        connect(place.parse().unwrap()).0
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The memory that it has, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits until it says a line with these words, and gives all that came until then.
    pub(crate) fn says(&self, words: &str) -> String {
        let mut said = String::new();
        while !said.contains(words) {
            match self.errors.lock().unwrap().recv_timeout(PATIENCE) {
                Ok(line) => said += &line,
                Err(error) => panic!("it never says {words:?}, only {said:?}: {error}"),
            }
        }
        said
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to end, as systemd does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits for its end; gives the exit status and what it has said.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let said = self.errors.lock().unwrap().iter().collect();
        (self.child.wait().unwrap(), said)
    }
}

pub(crate) fn connect(address: SocketAddr) -> Client<TcpStream> {
    #[expect(clippy::disallowed_methods, reason = "this is the mail server, on loopback")]
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client(stream)
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

impl<S: Read + Write> Client<S> {
    /// Asks a map about a next hop; the reply without trailing white space.
    pub(crate) fn ask(&mut self, map: &str, key: &str) -> String {
        self.send(&format!("{map} {key}"));
        self.reply().unwrap()
    }

    pub(crate) fn send(&mut self, payload: &str) {
        self.try_send(payload).unwrap();
    }

    pub(crate) fn try_send(&mut self, payload: &str) -> io::Result<()> {
        self.0.write_all(format!("{}:{payload},", payload.len()).as_bytes())
    }

    /// The next reply; `None` when the connection is closed.
    pub(crate) fn reply(&mut self) -> Option<String> {
        self.try_reply().unwrap()
    }

    /// The same of a daemon that may end at any moment.
    pub(crate) fn try_reply(&mut self) -> io::Result<Option<String>> {
        let mut length = 0;
        loop {
            let mut octet = [0];
            if self.0.read(&mut octet)? == 0 {
                assert_eq!(length, 0, "closed within a reply");
                return Ok(None);
            }
            match octet[0] {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut payload = vec![0; length + 1];
        self.0.read_exact(&mut payload)?;
        assert_eq!(payload.pop(), Some(b','));
        Ok(Some(String::from_utf8(payload).unwrap().trim_end().to_owned()))
    }
}
