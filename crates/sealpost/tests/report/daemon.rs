//! The daemon with a store and a socket of its own, and a mail server's side of the socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a store, a socket and a configuration.
pub(crate) struct World {
    folder: TempDir,
}

/// A daemon that runs. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    said: Option<JoinHandle<String>>,
    /// Where it speaks HTTP.
    pub(crate) http: Option<String>,
}

/// What a mail server sends.
pub(crate) struct Sender {
    socket: UnixDatagram,
    path: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With more sections in the configuration.
    pub(crate) fn with(sections: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("tlsrpt.sock");
        let configuration = format!(
            "[report]\nsocket = [\"unix:{},mode=0600\"]\nstore = \"store.sqlite\"\n\
             contact = \"tls@reporter.example\"\norganization = \"Reporter\"\n\
             http = [\"127.0.0.1:0\"]\nflush_seconds = 1\n{sections}\n",
            socket.display()
        );
        fs_err::write(folder.path().join("sealpost.toml"), configuration).unwrap();
        Self { folder }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("tlsrpt.sock")
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds lines to `[report]`.
    pub(crate) fn configure(&self, more: &str) {
        let path = self.path("sealpost.toml");
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(&path, text + more).unwrap();
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender { socket: UnixDatagram::unbound().unwrap(), path: self.socket() }
    }

    /// Standard output and exit status.
    pub(crate) fn run(&self, arguments: &[&str]) -> (String, i32) {
        let output = self.command(arguments).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
    }

    /// The report of a domain as it would be sent; `None` if there was no session.
    pub(crate) fn preview(&self, domain: &str, day: &str) -> Option<tls_rpt::Report> {
        let arguments = ["preview", domain, "--day", day, "--format", "json"];
        let (text, status) = self.run(&arguments);
        match status {
            0 => Some(tls_rpt::Report::parse(text.trim_end().as_bytes()).unwrap()),
            1 => None,
            _ => panic!("status {status}"),
        }
    }

    /// Successful and failed sessions of a domain, over all policies.
    pub(crate) fn sums(&self, domain: &str, day: &str) -> (u64, u64) {
        let policies = self.preview(domain, day).map(|report| report.policies).unwrap_or_default();
        policies.iter().fold((0, 0), |sum, entry| {
            let summary = &entry.summary;
            (
                sum.0 + u64::from(summary.successful.unwrap()),
                sum.1 + u64::from(summary.failed.unwrap()),
            )
        })
    }

    pub(crate) fn status(&self) -> Value {
        let (text, status) = self.run(&["status", "--days", "3650", "--format", "json"]);
        assert_eq!(status, 0);
        serde_json::from_str(&text).unwrap()
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn start(&self, arguments: &[&str]) -> Daemon {
        Daemon::launch(&mut self.command(arguments))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command
            .arg("report")
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("sealpost.toml"));
        command
    }
}

impl Daemon {
    /// Starts it by a command whose process becomes the daemon, and waits until it is ready.
    pub(crate) fn launch(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (mut http, mut all) = (None, String::new());
        loop {
            let mut line = String::new();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it has ended: {all}");
            all.push_str(&line);
            if let Some(rest) = line.strip_suffix(", metrics over http\n") {
                http = rest.strip_prefix("listening at ").map(str::to_owned);
            }
            if line == "ready\n" {
                break;
            }
        }
        let said = std::thread::spawn(move || {
            let _ = lines.read_to_string(&mut all);
            all
        });
        Self { child, said: Some(said), http }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits; its status and what it said.
    pub(crate) fn terminate(mut self) -> (ExitStatus, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        (status, self.said.take().unwrap().join().unwrap())
    }

    /// `kill -9`
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut stream = connect(self.http.as_deref().unwrap());
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// Waits until so many datagrams have been taken.
    pub(crate) fn wait_for(&self, datagrams: u64) {
        self.wait_until("sealpost_report_datagrams_total", datagrams);
    }

    /// Waits until a metric is at least this.
    pub(crate) fn wait_until(&self, metric: &str, least: u64) {
        for _ in 0..2_000 {
            if self.metric(metric) >= least {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("{metric} is {}, not {least}", self.metric(metric));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sender {
    /// Sends as libtlsrpt does, but waits while the queue is full. False if nobody takes it.
    pub(crate) fn send(&self, datagram: impl AsRef<[u8]>) -> bool {
        self.socket.send_to(datagram.as_ref(), &self.path).is_ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "a client on loopback")]
pub(crate) fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

/// A session that complied with an MTA-STS policy.
pub(crate) fn successful(domain: &str) -> String {
    format!(
        r#"{{"dpv": "1","d": "{domain}","pr": "v=TLSRPTv1; rua=mailto:tls@{domain}","policies":[{{"policy-type":2,"policy-domain": "{domain}","policy-string":["version: STSv1","mode: enforce","mx: *.{domain}","max_age: 604800"],"mx-host":["*.{domain}"],"t":0,"f":0}}]}}"#
    )
}

/// One that did not.
pub(crate) fn failed(domain: &str, code: u32) -> String {
    format!(
        r#"{{"dpv": "1","d": "{domain}","pr": "v=TLSRPTv1; rua=mailto:tls@{domain}","policies":[{{"policy-type":2,"policy-domain": "{domain}","policy-string":["version: STSv1","mode: enforce","mx: *.{domain}","max_age: 604800"],"mx-host":["*.{domain}"],"failure-details":[{{"c":{code},"s": "192.0.2.1","n": "mx.{domain}","h": "250-mx.{domain}\r\n250 SIZE","r": "198.51.100.7"}}],"t":1,"f":1}}]}}"#
    )
    .replace("\r\n", "\\r\\n")
}

/// Today, in UTC.
pub(crate) fn today() -> String {
    date(&["-u", "+%F"])
}

/// The day before it.
pub(crate) fn yesterday() -> String {
    date(&["-u", "-d", "yesterday", "+%F"])
}

fn date(arguments: &[&str]) -> String {
    let output = Command::new("date").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
