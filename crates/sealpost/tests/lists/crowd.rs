//! Many domains on few servers, and servers that let everybody wait.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::world::{World, results};

/// How many dialogues one address may see at a time.
const POLITE: usize = 8;

/// Types of records.
const A: u16 = 1;
const MX: u16 = 15;
const TXT: u16 = 16;

#[test]
fn five_thousand_domains_on_one_host_are_told_of_one_by_one() {
    let world = World::new();
    let servers = Servers::start();
    let settings = servers.settings(&world, 30);
    // `dN` names the one host; `ownN` has a host of its own at the same address.
    let mut list: String = (0..5000).map(|number| format!("d{number}.crowd.test\n")).collect();
    list.extend((0..40).map(|number| format!("own{number}.crowd.test\n")));
    let list = world.write("list", list);
    let arguments = ["--from", &list, "--network", &settings, "--only", "mx", "--format", "json"];
    let (out, said, status) = world.run(&arguments);
    assert_eq!((said.as_str(), status), ("", 1));
    let results = results(&out);
    assert_eq!(results.len(), 5040);
    for result in &results {
        let has = |code: &str| {
            result["findings"].as_array().unwrap().iter().any(|found| found["code"] == code)
        };
        assert!(has("MX204"), "the host has no STARTTLS: {result}");
    }
    assert_eq!(servers.dialogues.load(Ordering::SeqCst), 41, "each host is looked at once");
    let most = servers.most_at_once.load(Ordering::SeqCst);
    // The server may still count some that have just gone; without any limit there would be 40.
    assert!((2..POLITE + POLITE / 2).contains(&most), "{most} at a time");
}

#[test]
fn a_domain_that_lets_everybody_wait_is_told_of_and_holds_up_nobody() {
    let world = World::new();
    let servers = Servers::start();
    let settings = servers.settings(&world, 1);
    let list = world.write("list", "tarpit.test\nmute.test\nd1.crowd.test\nd2.crowd.test\n");
    for at_once in ["1", "128"] {
        let arguments = [
            "--from",
            &list,
            "--network",
            &settings,
            "--only",
            "sts,mx",
            "--format",
            "json",
            "--at-once",
            at_once,
        ];
        let (out, said, status) = world.run(&arguments);
        assert_eq!((said.as_str(), status), ("", 1));
        let results = results(&out);
        assert_eq!(results.len(), 4);
        for (domain, code) in [
            ("tarpit.test", "MX208"),   // the server accepts and says nothing
            ("mute.test", "MX102"),     // the name server says nothing
            ("d1.crowd.test", "MX204"), // as ever
            ("d2.crowd.test", "MX204"),
        ] {
            let result = results.iter().find(|result| result["domain"] == domain).unwrap();
            let codes: Vec<&str> = result["findings"]
                .as_array()
                .unwrap()
                .iter()
                .map(|found| found["code"].as_str().unwrap())
                .collect();
            assert!(codes.contains(&code), "{domain}: {codes:?}");
        }
    }
}

/// The DNS fails once and has the answer a moment later, as name servers under load do.
#[test]
fn where_the_dns_fails_it_is_asked_again_before_anything_is_unknown() {
    let world = World::new();
    let servers = Servers::start();
    let settings = servers.settings(&world, 5);
    // A verdict, or a part that has none.
    for (number, parts, mx) in [(1, "sts,mx", true), (2, "mx-records", true), (3, "tlsrpt", false)]
    {
        let domain = format!("flaky{number}.crowd.test");
        let list = world.write("list", format!("{domain}\n"));
        let arguments =
            ["--from", &list, "--network", &settings, "--only", parts, "--format", "json"];
        let (out, said, _) = world.run(&arguments);
        assert_eq!(said, "");
        let results = results(&out);
        let findings = results[0]["findings"].as_array().unwrap();
        let unknown = findings.iter().filter(|found| found["severity"] == "unknown");
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&Value>::new(), "{parts}");
        let hosts = results[0]["hosts"].as_array().unwrap();
        assert!(!mx || hosts.iter().any(|host| host["role"] == "mx"), "{parts}: {}", results[0]);
    }
}

#[test]
fn memory_does_not_grow_with_the_list() {
    /// What ten times as many domains may take more, in KiB: a fifth of what their results take.
    const MORE: u64 = 12 * 1024;

    let world = World::new();
    let servers = Servers::start();
    let settings = servers.settings(&world, 30);
    let most_for = |count: usize| {
        let list: String = (0..count).map(|number| format!("d{number}.crowd.test\n")).collect();
        let list = world.write("list", list);
        let arguments =
            ["--from", &list, "--network", &settings, "--only", "mx", "--format", "json"];
        let mut child = world.command(&arguments).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let lines = thread::spawn(move || BufReader::new(out).lines().count());
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            let status = fs_err::read_to_string(format!("/proc/{}/status", child.id()));
            let status = status.unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.map_or(0, |peak| peak.trim().trim_end_matches(" kB").parse().unwrap());
            most = peak.max(most);
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(lines.join().unwrap(), count);
        most
    };
    let (few, many) = (most_for(500), most_for(5_000));
    assert!(few > 1_000 && many < few + MORE, "{few} KiB for 500 domains, {many} KiB for 5,000");
}

/// DNS, a mail server without STARTTLS at 127.0.0.1, and at 127.0.0.2 what accepts connections and
/// never says a word. They end with the process.
struct Servers {
    dns: SocketAddr,
    smtp: u16,
    https: u16,
    dialogues: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl Servers {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dns = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut question = [0; 512];
            let mut failed = HashSet::new();
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                let question = &question[..length];
                if is_flaky(question) && failed.insert(question[12..].to_ascii_lowercase()) {
                    socket.send_to(&failure(question), from).unwrap();
                    continue;
                }
                if let Some(answer) = answer(question) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        let dialogues = Arc::new(AtomicUsize::new(0));
        let most_at_once = Arc::new(AtomicUsize::new(0));
        let mail = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = mail.local_addr().unwrap().port();
        let (all, most) = (Arc::clone(&dialogues), Arc::clone(&most_at_once));
        thread::spawn(move || {
            let open = Arc::new(AtomicUsize::new(0));
            for stream in mail.incoming() {
                all.fetch_add(1, Ordering::SeqCst);
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let open = Arc::clone(&open);
                thread::spawn(move || {
                    // Whoever goes away early goes.
                    let _ = talk(stream.unwrap());
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        silent(("127.0.0.2", smtp));
        let https = silent(("127.0.0.2", 0));
        Self { dns, smtp, https, dialogues, most_at_once }
    }

    /// With so many seconds for each thing that is waited for.
    fn settings(&self, world: &World, patience: u32) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let roots = world.write("roots.pem", authority.pem());
        let Self { dns, smtp, https, .. } = self;
        let text = format!(
            "resolvers = ['{dns}']\nsmtp_port = {smtp}\nhttps_port = {https}\ntrust_roots = '{roots}'\n\
             allowed_networks = ['127.0.0.0/8']\nehlo_name = 'probe.example'\ndnssec = 'off'\n\
             survey_tls = false\n[deadlines]\ndns = {patience}\nconnect = {patience}\ntls = {patience}\n\
             https = {patience}\nsmtp_reply = {patience}\ndomain = {}\n",
            4 * patience
        );
        world.write("crowd.toml", text)
    }
}

/// Accepts and keeps quiet; the port.
fn silent(address: (&str, u16)) -> u16 {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().map(Result::unwrap).collect::<Vec<TcpStream>>());
    port
}

/// One dialogue, in which others can be counted.
fn talk(mut stream: TcpStream) -> std::io::Result<()> {
    thread::sleep(Duration::from_millis(20));
    stream.write_all(b"220 mx ESMTP\r\n")?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let is_over = line.starts_with("QUIT");
        let reply = if is_over { "221 bye\r\n" } else { "250 mx\r\n" };
        stream.write_all(reply.as_bytes())?;
        if is_over {
            break;
        }
        line.clear();
    }
    Ok(())
}

/// The answer to a question; none where the name server keeps quiet.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let data = match (labels.as_slice(), kind) {
        (["mute", "test"], _) | ([_, "mute", "test"], _) => return None,
        ([domain, "crowd", "test"], MX) if domain.starts_with('d') => exchange("mx.crowd.test"),
        ([domain, "crowd", "test"], MX) => exchange(&format!("mx.{domain}.crowd.test")),
        (["mx", .., "crowd", "test"], A) => vec![127, 0, 0, 1],
        (["tarpit", "test"], MX) => exchange("mx.tarpit.test"),
        (["_mta-sts", "tarpit", "test"], TXT) => b"\x0dv=STSv1; id=1".to_vec(),
        (["mx" | "mta-sts", "tarpit", "test"], A) => vec![127, 0, 0, 2],
        _ => Vec::new(),
    };
    let is_there = !data.is_empty();
    let mut answer = question[..2].to_vec();
    // An answer, recursion is there; NXDOMAIN unless there is a record.
    answer.extend([
        0x81,
        if is_there { 0x80 } else { 0x83 },
        0,
        1,
        0,
        u8::from(is_there),
        0,
        0,
        0,
        0,
    ]);
    answer.extend(&question[12..at + 5]);
    if is_there {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}

/// Whether it is about the records of a domain whose name servers fail once.
fn is_flaky(question: &[u8]) -> bool {
    let name = question[13..].to_ascii_lowercase();
    let end = name.iter().position(|octet| *octet == 0).unwrap();
    let kind = u16::from_be_bytes([name[end + 1], name[end + 2]]);
    [MX, TXT].contains(&kind) && name[..end].windows(5).any(|word| word == b"flaky")
}

/// SERVFAIL, with nothing but the question.
fn failure(question: &[u8]) -> Vec<u8> {
    let end = question[12..].iter().position(|octet| *octet == 0).unwrap() + 12 + 5;
    let header = [question[0], question[1], 0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header, &question[12..end]].concat()
}

fn exchange(name: &str) -> Vec<u8> {
    let mut data = vec![0, 10];
    for label in name.split('.') {
        data.push(u8::try_from(label.len()).unwrap());
        data.extend(label.bytes());
    }
    data.push(0);
    data
}
