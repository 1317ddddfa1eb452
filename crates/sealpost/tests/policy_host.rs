//! The policy host as a program: what it serves, follows, reloads and refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "clients on loopback")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_rollout::{Actor, Cause, Entry, Event, Past, Stage, Time};
use sealpost_store::{Settings, Store};

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Domains of one file.
const MANY: usize = 50_000;

/// A policy host that is ready. It is killed when dropped.
struct Daemon {
    child: Child,
    said: Receiver<String>,
    places: Vec<String>,
}

impl Daemon {
    fn start(configuration: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["publish", "serve", "--config"])
            .arg(configuration)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody may listen any more; the daemon must not wait for that.
                let _ = sender.send(line);
            }
        });
        let mut daemon = Self { child, said, places: Vec::new() };
        loop {
            let line = daemon.said.recv_timeout(PATIENCE).unwrap();
            match line.strip_prefix("listening at ") {
                Some(place) => daemon.places.push(place.to_owned()),
                None if line == "ready" => return daemon,
                None => {}
            }
        }
    }

    fn address(&self, door: &str) -> SocketAddr {
        let ending = format!(", {door}");
        let place = self.places.iter().find_map(|place| place.strip_suffix(&ending));
        place.unwrap_or_else(|| panic!("no {door} in {:?}", self.places)).parse().unwrap()
    }

    fn says(&self, words: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap();
            if line.contains(words) {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Settings with a resolver by which no name exists, as long as the process runs.
fn nowhere() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut octets = [0; 4_096];
        while let Ok((length, client)) = socket.recv_from(&mut octets) {
            // The question comes first: a name, label by label, and two numbers (RFC 1035 §4.1.2).
            let question = octets.get(..length).unwrap();
            let mut end = 12;
            while let Some(label) = question.get(end).filter(|label| **label != 0) {
                end += 1 + usize::from(*label);
            }
            let mut answer = question.get(..end + 5).unwrap().to_vec();
            // It is an answer, that of a resolver, and the name does not exist; there is nothing else.
            let head = answer.get_mut(2..12).unwrap();
            head.copy_from_slice(&[0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
            // Who asked may be gone.
            let _ = socket.send_to(&answer, client);
        }
    });
    format!("[network]\nresolvers = [\"{address}\"]\ndnssec = \"off\"\n")
}

fn ask(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn policy(address: SocketAddr, domain: &str) -> std::io::Result<String> {
    let request = format!(
        "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.{domain}\r\nConnection: close\r\n\r\n"
    );
    ask(address, &request)
}

fn write_many(folder: &Path, mx: &str) {
    let mut text = format!("[groups.all]\nhost = \"own\"\nmode = \"testing\"\nmx = [\"{mx}\"]\n");
    for number in 0..MANY {
        text.push_str(&format!("[domains.\"d{number}.example\"]\ngroup = \"all\"\n"));
    }
    fs_err::create_dir_all(folder).unwrap();
    fs_err::write(folder.join("all.toml"), text).unwrap();
}

#[test]
fn fifty_thousand_domains_are_reloaded_without_a_dropped_request() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("sealpost.toml");
    let text = "[publish]\nstore = \"store.sqlite\"\ndirectory = \"domains\"\n\
                [publish.host]\nproxied = [\"127.0.0.1:0\"]\nhealth = [\"127.0.0.1:0\"]\n";
    fs_err::write(&configuration, format!("{}{text}", nowhere())).unwrap();
    write_many(&folder.path().join("domains"), "old.example");
    let daemon = Daemon::start(&configuration);
    let address = daemon.address("policies over http");
    // Each is looked at before it is served for the first time.
    let health = daemon.address("health and metrics over http");
    let all = format!("sealpost_publish_policies {MANY}\n");
    let waited = sealpost_runtime::Stopwatch::start();
    let metrics = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    while !ask(health, metrics).unwrap().contains(&all) {
        assert!(waited.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(policy(address, "d49999.example").unwrap().contains("mx: old.example\r\n"));

    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (is_over, asked) = (&is_over, &asked);
            scope.spawn(move || {
                let mut number = client;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = policy(address, &format!("d{number}.example")).unwrap();
                    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
                    let is_one = answer.contains("mx: old.example\r\n")
                        || answer.contains("mx: new.example\r\n");
                    assert!(is_one, "{answer}");
                    number = (number + 7) % MANY;
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        write_many(&folder.path().join("domains"), "new.example");
        daemon.signal("-HUP");
        let line = daemon.says("read the configuration again");
        assert!(line.contains("50000 domains, 50000 policies changed"), "{line}");
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) > 100, "requests went on meanwhile");
    assert!(policy(address, "d49999.example").unwrap().contains("mx: new.example\r\n"));

    // A configuration that cannot be used changes nothing.
    fs_err::write(folder.path().join("domains/all.toml"), "nonsense").unwrap();
    daemon.signal("-HUP");
    daemon.says("what was served is served on");
    assert!(policy(address, "d0.example").unwrap().contains("mx: new.example\r\n"));
}

fn moved(at: Time, from: Stage, to: Stage) -> Entry {
    let event = Event::Moved { from, to, cause: Cause::GateOpen };
    Entry { at, by: Actor::Itself, event, grounds: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_are_followed_and_every_body_is_recorded_before_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("sealpost.toml");
    let text = "[publish]\nstore = \"store.sqlite\"\n[publish.host]\nproxied = [\"127.0.0.1:0\"]\n\
                health = [\"127.0.0.1:0\"]\n\
                [publish.domains.\"example.com\"]\nhost = \"own\"\nmx = [\"mx.example.com\"]\n";
    fs_err::write(&configuration, text).unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    let (rollouts, start) = (store.rollouts(), Time::at(1_793_491_200));
    let domain: DomainName = "example.com".parse().unwrap();
    let enrolled = rollouts.enrol(domain.clone(), Stage::Prerequisites, start, Past::Nothing);
    assert!(enrolled.await.unwrap());

    let daemon = Daemon::start(&configuration);
    let address = daemon.address("policies over http");
    let health = daemon.address("health and metrics over http");
    let look = |path: &str| {
        ask(health, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
            .unwrap()
    };
    assert!(policy(address, "example.com").unwrap().starts_with("HTTP/1.1 404 "));
    let stages = [(Stage::Testing, "mode: testing"), (Stage::EnforceDay, "mode: enforce")];
    let mut from = Stage::Prerequisites;
    for (to, mode) in stages {
        let done = rollouts.advance(domain.clone(), from, to, None, moved(start, from, to)).await;
        assert_eq!(done.unwrap(), sealpost_store::Advance::Done);
        // Who looks at the health has the stages looked at.
        assert!(look("/health").ends_with("ok\n"));
        if to == Stage::EnforceDay {
            let before = policy(address, "example.com").unwrap();
            assert!(before.contains("mode: testing"), "no pass has looked at the MX: {before}");
            assert!(look("/metrics").contains("sealpost_publish_policies_held 1\n"));
            let body = before.split("\r\n\r\n").nth(1).unwrap().replace("testing", "enforce");
            let written = rollouts.serve(domain.clone(), Some(body.into()), start, Duration::ZERO);
            written.await.unwrap();
            assert!(look("/health").ends_with("ok\n"));
        }
        let answer = policy(address, "example.com").unwrap();
        assert!(answer.contains(mode), "{answer}");
        assert!(answer.contains("content-type: text/plain; charset=us-ascii\r\n"), "{answer}");
        let served = rollouts.load(domain.clone()).await.unwrap().unwrap();
        assert!(answer.ends_with(&served.history.live().unwrap().to_string()));
        from = to;
    }
    let metrics = look("/metrics");
    for line in [
        "sealpost_publish_policies 1",
        "sealpost_publish_requests_total{answer=\"policy\"} 3",
        "sealpost_publish_requests_total{answer=\"not-found\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let history = rollouts.load(domain).await.unwrap().unwrap().history;
    assert_eq!(history.bodies().len(), 2);
    assert!(history.bodies()[0].until.is_some() && history.bodies()[1].until.is_none());
}

#[test]
fn slow_clients_are_closed_and_hinder_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("sealpost.toml");
    let text = "[publish]\nstore = \"store.sqlite\"\n[publish.host]\nhttps = [\"127.0.0.1:0\"]\n\
                proxied = [\"127.0.0.1:0\"]\nidle_seconds = 1\nconnections_per_source = 1000\n\
                [publish.domains.\"example.com\"]\nhost = \"own\"\nmode = \"enforce\"\n\
                mx = [\"mx.example.com\"]\n";
    fs_err::write(&configuration, format!("{}{text}", nowhere())).unwrap();
    let daemon = Daemon::start(&configuration);
    let address = daemon.address("policies over http");
    let mut slow: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (number, stream) in slow.iter_mut().enumerate() {
        if number % 2 == 0 {
            stream.write_all(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-").unwrap();
        }
    }
    for _ in 0..20 {
        assert!(policy(address, "example.com").unwrap().contains("mode: enforce"));
    }
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        // It is closed, or reset; it does not stay.
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    // A head that is too large, and too many fields.
    for head in [format!("X: {}\r\n", "x".repeat(20_000)), "X: x\r\n".repeat(100)] {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{head}\r\n");
        let answer = ask(address, &request).unwrap_or_default();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    // No certificate: the handshake is refused, and the daemon lives.
    let tls = daemon.address("policies over https");
    let mut stream = TcpStream::connect(tls).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    assert!(policy(address, "example.com").unwrap().contains("mode: enforce"));
}

/// As certbot leaves them.
#[test]
fn a_certificate_in_files_is_replaced_at_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("sealpost.toml");
    let text = "[publish]\nstore = \"store.sqlite\"\n[publish.host]\nhttps = [\"127.0.0.1:0\"]\n\
                certificates = \"live\"\n\
                [publish.domains.\"example.com\"]\nhost = \"own\"\nmode = \"testing\"\n\
                mx = [\"mx.example.com\"]\n";
    fs_err::write(&configuration, format!("{}{text}", nowhere())).unwrap();
    let place = folder.path().join("live/mta-sts.example.com");
    fs_err::create_dir_all(&place).unwrap();
    let write = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        fs_err::write(place.join("fullchain.pem"), made.cert.pem()).unwrap();
        fs_err::write(place.join("privkey.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.pem().replace('\r', "")
    };
    let told = || {
        let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["publish", "certificates", "--config"])
            .arg(&configuration)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let first = write("mta-sts.example.com");
    let daemon = Daemon::start(&configuration);
    let address = daemon.address("policies over https").to_string();
    let shown = || {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &address, "-servername", "mta-sts.example.com"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(shown().contains(&first), "{}", shown());
    let (status, said) = told();
    assert!(status == Some(0) && said.contains(", from files"), "{said}");

    let second = write("mta-sts.example.com");
    daemon.signal("-HUP");
    daemon.says("read the configuration again");
    assert!(shown().contains(&second), "{}", shown());
    // One that no sender accepts takes the place of none.
    write("mta-sts.example.org");
    daemon.signal("-HUP");
    daemon.says("the certificate cannot be used");
    assert!(shown().contains(&second), "{}", shown());
    let (status, said) = told();
    assert!(status == Some(1) && said.contains("it is for mta-sts.example.org"), "{said}");
}

#[test]
fn a_set_up_that_cannot_serve_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("sealpost.toml");
    let refused = |text: &str, words: &str| {
        fs_err::write(&configuration, format!("[publish]\nstore = \"store.sqlite\"\n{text}"))
            .unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["publish", "serve", "--config"])
            .arg(&configuration)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{words}: {said}");
    };
    refused("", "there is no address to listen at");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let host = format!("[publish.host]\nproxied = [\"{address}\"]\n");
    refused(&host, "another program serves there");
    let host = "[publish.host]\nproxied = [\"127.0.0.1:0\"]\n";
    refused(&format!("{host}[publish.acme]\n"), "agree_to_terms = true");
    let acme = format!("{host}[publish.acme]\nagree_to_terms = true\n");
    refused(&format!("{acme}directory = \"http://ca.example/\"\n"), "use the authority");
    refused(&format!("{acme}challenge = \"dns-01\"\n"), "no server in [publish.dns_servers]");
    refused(&format!("{acme}chalenge = \"http-01\"\n"), "unknown key `chalenge`");
}
