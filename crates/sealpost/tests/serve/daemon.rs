//! A daemon with several roles, and who talks to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long anything may take, even where much else runs.
const PATIENCE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(20);

/// A folder with a configuration and what the roles keep.
pub(crate) struct World {
    folder: TempDir,
}

/// A daemon that runs. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    lines: Receiver<String>,
    said: String,
    /// What it said when it was ready.
    pub(crate) ready: String,
    http: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration. People ask at a port that the kernel chooses, and everything is kept
    /// in this folder, unless it says something else.
    pub(crate) fn write(&self, text: &str) {
        let has_front = text.contains("[serve]");
        let front = "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n";
        let text = if has_front { text.to_owned() } else { format!("{front}{text}") };
        fs_err::write(self.path("sealpost.toml"), text).unwrap();
    }

    /// A configuration with all roles; `more` stands in the section of `enforce`.
    pub(crate) fn write_all_roles(&self, more: &str) {
        self.write(&format!(
            "[enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\ndefault_level = \"may\"\n{more}\
             [receive]\nlisten = {{ smtp = [\"127.0.0.1:0\"], lmtp = [] }}\n\
             [report]\nsocket = [\"unix:{}\"]\n",
            self.path("tlsrpt.sock").display()
        ));
    }

    /// Runs it to its end, which it must find by itself: its status, and what it said.
    pub(crate) fn run_to_its_end(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.arg("serve").args(arguments).arg("--config").arg(self.path("sealpost.toml"));
        command
    }
}

impl Daemon {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        Self::start_with(world, arguments, &[])
    }

    /// The same with these variables in its environment.
    pub(crate) fn start_with(
        world: &World,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = world.command(arguments);
        command.envs(variables.iter().copied());
        Self::of(command.stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The same with a clock that stands at a time, and what sets it: each line is a later time.
    pub(crate) fn start_at(world: &World, time: &str, arguments: &[&str]) -> (Self, ChildStdin) {
        let mut command = world.command(arguments);
        command.args(["--steered", "--at", time]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let hand = child.stdin.take().unwrap();
        (Self::of(child), hand)
    }

    fn of(mut child: Child) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|length| length > 0) {
                // Nobody may be left to listen.
                let _ = sender.send(std::mem::take(&mut line));
            }
        });
        let (said, ready, http) = (String::new(), String::new(), String::new());
        let mut daemon = Self { child, lines, said, ready, http };
        daemon.ready = daemon.wait_to_hear("ready: ");
        let place = daemon.said.lines().find_map(|line| line.strip_prefix("listening at http://"));
        // The pages may be shut.
        place.unwrap_or_default().clone_into(&mut daemon.http);
        daemon
    }

    /// The next line that has these words.
    pub(crate) fn wait_to_hear(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("no {words:?} ({error}): {}", self.said));
            self.said.push_str(&line);
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Status and body of what it answers.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask("GET", path, &[]);
        (status, body)
    }

    /// Status, head and body of what it answers; `fields` stand in the request.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (u16, String, String) {
        self.send(method, path, fields, "")
    }

    /// The same with a body.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        exchange(&self.http, method, path, fields, body)
    }

    /// Where people ask.
    pub(crate) fn address(&self) -> &str {
        &self.http
    }

    /// What stands behind these words in what it said at the start.
    pub(crate) fn place(&self, words: &str) -> &str {
        self.said.lines().find_map(|line| line.strip_prefix(words)).unwrap()
    }

    /// Where they ask over HTTPS.
    pub(crate) fn https_address(&self) -> &str {
        let mut lines = self.said.lines();
        lines.find_map(|line| line.strip_prefix("listening at https://")).unwrap()
    }

    /// Posts a report where `receive` takes them by HTTP.
    pub(crate) fn post_report(&self, text: &str) {
        self.post_report_with(&[], text);
    }

    /// The same, passed on by a proxy for who is at this address.
    pub(crate) fn post_report_for(&self, address: &str, text: &str) {
        self.post_report_with(&[("X-Forwarded-For", address)], text);
    }

    fn post_report_with(&self, fields: &[(&str, &str)], text: &str) {
        let place = self
            .said
            .lines()
            .find_map(|line| line.strip_prefix("receive: listening at ")?.strip_suffix(", http"));
        let fields = [&[("Content-Type", "application/tlsrpt+json")], fields].concat();
        let (status, _, body) = exchange(place.unwrap(), "POST", "/v1/tls-reports", &fields, text);
        assert_eq!(status, 201, "{body}");
    }

    /// Status and body of what the policy host of a domain answers through a proxy.
    pub(crate) fn policy(&self, domain: &str) -> (u16, String) {
        policy_at(&self.policy_place(), domain)
    }

    /// Where policies are asked for.
    pub(crate) fn policy_place(&self) -> String {
        let place = self.said.lines().find_map(|line| {
            line.strip_prefix("publish: listening at ")?.strip_suffix(", policies over http")
        });
        place.unwrap().to_owned()
    }

    /// Asks until the answer has these words.
    pub(crate) fn wait_for(&self, path: &str, words: &str) {
        let mut last = String::new();
        for _ in 0..PATIENCE.as_millis() / MOMENT.as_millis() {
            last = self.get(path).1;
            if last.contains(words) {
                return;
            }
            std::thread::sleep(MOMENT);
        }
        panic!("{path} never said {words:?}, but: {last}");
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").1;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }

    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    pub(crate) fn ask_to_end(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Asks it to end, and waits; its status and all that it said.
    pub(crate) fn terminate(mut self) -> (ExitStatus, String) {
        self.ask_to_end();
        let status = self.child.wait().unwrap();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said.push_str(&line);
        }
        (status, std::mem::take(&mut self.said))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body of what a policy host answers there.
pub(crate) fn policy_at(place: &str, domain: &str) -> (u16, String) {
    let host = format!("mta-sts.{domain}");
    let path = "/.well-known/mta-sts.txt";
    let (status, _, body) = exchange(place, "GET", path, &[("Host", &host)], "");
    (status, body)
}

/// One request and its answer.
fn exchange(
    address: &str,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> (u16, String, String) {
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !fields.iter().any(|(name, _)| *name == "Host") {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in fields {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let mut stream = connect(address);
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("\r\n\r\n"), "{method} {path}: {answer:?}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the client of a test, on loopback")]
pub(crate) fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).unwrap()
}
