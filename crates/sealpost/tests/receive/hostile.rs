//! What is sent to exhaust us: very many reports, very many parts, very slow senders. Memory stays
//! bounded, refusals are clear, and the metrics say what happened.

use std::env;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::scope;
use std::time::Duration;

use sealpost_store::RawState;
use sealpost_store::reports::Scope;
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

use crate::daemon::{Daemon, Mailer, connect, post};
use crate::doors::base64_of;
use crate::mails::{RECIPIENT, gzip, mail, report};
use crate::stored::{reports, submissions};
use crate::tls::{PATH, with_https};
use crate::world::World;

/// Tiny reports; `SEALPOST_TINY` says another number.
const TINY: usize = 20_000;
/// Reports of one mail that are read.
const PER_MAIL: usize = 100;
/// Mails of one session, fewer than are allowed.
const PER_SESSION: usize = 500;
/// What a daemon or an import may have in memory at most, in KiB, however much comes: twice what
/// 20,000 reports take.
const MOST_MEMORY: u64 = 128 * 1024;
/// How much more it may have in the end than after a quarter of them, in KiB. To keep as much as comes in
/// would take more than that for the first thousands.
const MORE_MEMORY: u64 = 24 * 1024;
/// The same where submissions are as full as the limits allow, which takes about 100 MB for one.
const MOST_FULL: u64 = 256 * 1024;

fn tiny() -> usize {
    env::var("SEALPOST_TINY").map_or(TINY, |text| text.parse().unwrap())
}

/// The most that a process ever had in memory, in KiB, while it is there.
fn memory(id: u32) -> Option<u64> {
    let status = fs_err::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// A report of one session, as short as a report can be.
fn tiny_report(id: usize) -> String {
    format!(
        r#"{{"organization-name":"R","report-id":"{id}","date-range":{{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}},"policies":[{{"policy":{{"policy-type":"sts","policy-domain":"example.com"}},"summary":{{"total-successful-session-count":1,"total-failure-session-count":0}}}}]}}"#
    )
}

fn mail_of(reports: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut mail = "From: <r@reporter.example>\r\nMIME-Version: 1.0\r\n\
                    Content-Type: multipart/report; boundary=b\r\n\r\n"
        .to_owned();
    for id in reports {
        let _ = write!(
            mail,
            "--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n{}\r\n",
            tiny_report(id)
        );
    }
    mail.push_str("--b--\r\n");
    mail.into_bytes()
}

#[test]
fn very_many_tiny_reports_by_mail() {
    let (world, count) = (World::new(), tiny());
    let daemon = Daemon::start(&world.configuration(""));
    let smtp = daemon.address("smtp");
    let mails = count.div_ceil(PER_MAIL);
    let read = "sealpost_receive_read_total{outcome=\"read\"}";
    let send = |numbers: std::ops::Range<usize>| {
        scope(|scope| {
            for client in 0..4 {
                let numbers = numbers.clone();
                scope.spawn(move || {
                    let open = || Mailer::greet(connect(smtp).unwrap(), "EHLO").unwrap();
                    let mut mailer = open();
                    for (sent, number) in numbers.skip(client).step_by(4).enumerate() {
                        // A session has an end, and whoever has more comes again.
                        if sent > 0 && sent % PER_SESSION == 0 {
                            mailer = open();
                        }
                        let first = number * PER_MAIL;
                        let ids = first..(first + PER_MAIL).min(count);
                        let told = mailer.send(RECIPIENT, &mail_of(ids)).unwrap();
                        // It never has to be refused: what cannot be read at once lies on the disk.
                        assert!(told.starts_with("250"), "{told}");
                    }
                });
            }
        })
    };
    let wait = |mails: usize| {
        // A sweep finds what found no place in the queue.
        persist("read", || daemon.metric(read) >= u64::try_from(mails).unwrap());
        memory(daemon.id()).unwrap()
    };
    send(0..mails / 4);
    let first = wait(mails / 4);
    send(mails / 4..mails);
    let last = wait(mails);
    let (count, mails) = (u64::try_from(count).unwrap(), u64::try_from(mails).unwrap());
    assert_eq!(daemon.metric("sealpost_receive_stored_total{way=\"smtp\"}"), mails);
    assert_eq!(daemon.metric(read), mails);
    assert_eq!(daemon.metric("sealpost_receive_reports_total{as=\"new\"}"), count);
    let apart = "sealpost_receive_reports_trust_total{trust=\"unverified-no-signature\"}";
    assert_eq!(daemon.metric(apart), count);
    assert_eq!(daemon.metric("sealpost_receive_panics_total"), 0);
    println!("{count} reports by mail: {last} KiB, {first} after a quarter");
    assert!(last < MOST_MEMORY && last < first + MORE_MEMORY, "{first}, then {last} KiB");
    daemon.signal("-TERM");
    assert!(daemon.wait().success());
    assert_eq!(summed(&world.store()), (count, count));
}

/// Each of the domains was a row, kept for months: 34 MB for 140 kB.
#[test]
fn a_report_of_very_many_domains_costs_few_rows_and_little_memory() {
    const DOMAINS: u64 = 49_000;
    for ours in ["example.net", "example.com"] {
        let world = World::new();
        let daemon = Daemon::start(&world.configuration(&format!("domains = [\"{ours}\"]")));
        let entry = |number| {
            format!(
                r#"{{"policy":{{"policy-type":"tlsa","policy-domain":"mx{number}.example.com"}},"summary":{{"total-successful-session-count":1,"total-failure-session-count":0}}}}"#
            )
        };
        let entries: Vec<_> = (0..DOMAINS).map(entry).collect();
        let start = r#"{"organization-name":"R","report-id":"1","date-range":{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"},"policies":["#;
        let packed = gzip(&format!("{start}{}]}}", entries.join(",")));
        let told = daemon.post("application/tlsrpt+gzip", &packed);
        assert!(told.starts_with("HTTP/1.1 201"), "{told}");
        daemon.comes_to("sealpost_receive_read_total{outcome=\"read\"}", 1);
        // Those that have a row of their own, and one for all the others.
        assert_eq!(daemon.metric("sealpost_receive_reports_total{as=\"new\"}"), 257, "{ours}");
        let memory = memory(daemon.id()).unwrap();
        println!("{DOMAINS} domains in {} octets: {memory} KiB", packed.len());
        assert!(memory < MOST_MEMORY, "{memory} KiB");
        daemon.signal("-TERM");
        assert!(daemon.wait().success());
        let rows: Vec<_> =
            Scope::ALL.into_iter().flat_map(|scope| reports(&world.store(), scope)).collect();
        let sums = rows.iter().map(|row| (row.successful.lower, row.successful.upper));
        let sums = sums.fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        // Of MX hosts of ours without a row nobody knows whether their sessions are the same.
        let lower = if ours == "example.com" { 257 } else { DOMAINS };
        assert_eq!(sums, (lower, DOMAINS), "{ours}");
    }
}

/// What a hostile submission is full of.
#[derive(Clone, Copy)]
enum Full {
    Policies,
    Failures,
    Texts,
    /// Reports in one text, each with as many failures as one could have.
    Reports,
    /// Anything, not packed.
    Plain,
}

/// A submission with about as much in it as the limits allow, which would fill some 100 MB.
fn stuffed(full: Full, id: usize) -> Vec<u8> {
    let head = format!(
        r#"{{"organization-name":"R","report-id":"{id}","date-range":{{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}},"policies":["#
    );
    // Numbers, so that it does not pack better than reports may.
    let odd = |number: usize| number.wrapping_mul(2_654_435_761) % 1_000_000_007;
    let of = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).map(|number| one(odd(number + id))).collect::<Vec<_>>().join(",")
    };
    let failure = |number| format!(r#"{{"failed-session-count":{number}}}"#);
    let summary =
        r#""summary":{"total-successful-session-count":1,"total-failure-session-count":1}"#;
    let report = |policies: &str| format!("{head}{policies}]}}");
    // As long as many a policy is.
    let policy = "mx: a-host-of-ours.example.com ".repeat(3);
    let text = match full {
        Full::Policies => report(&of(45_000, &|number| {
            format!(
                r#"{{"policy":{{"policy-type":"sts","policy-string":["{policy}"],"policy-domain":"d{number}.example.com"}},{summary}}}"#
            )
        })),
        Full::Failures | Full::Plain => {
            let failures = of(190_000, &failure);
            report(&format!(r#"{{"failure-details":[{failures}],{summary}}}"#))
        }
        Full::Texts => {
            let texts = of(190_000, &|number| format!("\"{number}\""));
            report(&format!(r#"{{"policy":{{"policy-string":[{texts}]}},{summary}}}"#))
        }
        Full::Reports => {
            let failures = of(60_000, &failure);
            let one = report(&format!(r#"{{"failure-details":[{failures}],{summary}}}"#));
            vec![one; 10].join("\n")
        }
    };
    assert!(!matches!(full, Full::Policies) || text.len() > 10_000_000, "{}", text.len());
    match full {
        Full::Plain => text.into_bytes(),
        _ => gzip(&text),
    }
}

const FULL: [Full; 5] = [Full::Policies, Full::Failures, Full::Texts, Full::Reports, Full::Plain];
/// Ordinary mails that come among these, and how many of them have to be acknowledged while some of these
/// are still to be read.
const ORDINARY: usize = 20;
const AMONG: usize = 3;
/// How often something is tried, or looked for, before it is given up: for ten minutes at least.
const TRIES: usize = 3_000;
/// Of each, so many at a time and by each way.
const AT_ONCE: usize = 3;

/// Tries until it is done.
fn persist(what: &str, mut is_done: impl FnMut() -> bool) {
    for _ in 0..TRIES {
        if is_done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("{what}: given up after {TRIES} times");
}

/// One alone was read within the memory that there is for all; several were not. Nor does an ordinary mail
/// wait for them: it is acknowledged while some of them lie on the disk and are still to be read.
#[test]
fn submissions_as_full_as_the_limits_allow_are_read_one_at_a_time() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration("domains = [\"example.com\"]"));
    let posted: Vec<Vec<u8>> =
        (0..AT_ONCE).flat_map(|id| FULL.map(|full| stuffed(full, id))).collect();
    let mailed: Vec<Vec<u8>> = (AT_ONCE..2 * AT_ONCE)
        .flat_map(|id| FULL.map(|full| attached(&stuffed(full, id))))
        .collect();
    let before = memory(daemon.id()).unwrap();
    let count = || {
        ["read", "quarantined"]
            .map(|outcome| format!("sealpost_receive_read_total{{outcome=\"{outcome}\"}}"))
            .map(|name| daemon.metric(&name))
    };
    // Of the full ones, and how many were still to be read at each acknowledgement of an ordinary one.
    let acknowledged = AtomicU64::new(0);
    let mut waiting = Vec::new();
    scope(|scope| {
        for body in &posted {
            let (address, acknowledged) = (daemon.address("http"), &acknowledged);
            scope.spawn(move || {
                let is_json = body.first() == Some(&b'{');
                let kind = if is_json { "json" } else { "gzip" };
                let kind = format!("application/tlsrpt+{kind}");
                // Whoever finds no room shall come again, and does.
                persist("post", || {
                    post(address, "/v1/tls-reports", &kind, body)
                        .is_ok_and(|told| told.starts_with("HTTP/1.1 20"))
                });
                acknowledged.fetch_add(1, Ordering::SeqCst);
            });
        }
        for mail in &mailed {
            let (lmtp, acknowledged) = (world.lmtp(), &acknowledged);
            scope.spawn(move || {
                // Who is put off at DATA sends the rest into the void, and hears 500.
                persist("mail", || {
                    Mailer::lmtp(&lmtp)
                        .and_then(|mut lmtp| lmtp.send(RECIPIENT, mail))
                        .is_ok_and(|told| told.starts_with("250"))
                });
                acknowledged.fetch_add(1, Ordering::SeqCst);
            });
        }
        persist("begin", || acknowledged.load(Ordering::SeqCst) > 0);
        for number in 0..ORDINARY {
            let mail = mail(&report(&format!("among-them-{number}")));
            persist("mail among them", || {
                Mailer::lmtp(&world.lmtp())
                    .and_then(|mut lmtp| lmtp.send(RECIPIENT, &mail))
                    .is_ok_and(|told| told.starts_with("250"))
            });
            // Asked in this order, and with the ordinary ones among what was read, it is never too many.
            let full = acknowledged.load(Ordering::SeqCst);
            waiting.push(full.saturating_sub(count().iter().sum()));
        }
    });
    println!("full ones still to be read when an ordinary mail was acknowledged: {waiting:?}");
    let among = waiting.iter().filter(|full| **full > 0).count();
    assert!(among >= AMONG, "{waiting:?}");
    let all = u64::try_from(posted.len() + mailed.len() + ORDINARY).unwrap();
    persist("read", || count().iter().sum::<u64>() >= all);
    assert_eq!(daemon.metric("sealpost_receive_panics_total"), 0);
    let [read, apart] = count();
    let memory = memory(daemon.id()).unwrap();
    println!("{read} read, {apart} apart, of {all}: {memory} KiB, {before} before");
    assert!(memory < MOST_FULL, "{memory} KiB");
}

/// The same files, imported.
#[test]
fn files_as_full_as_the_limits_allow_are_read_one_at_a_time() {
    let world = World::new();
    let folder = world.folder.path().join("files");
    fs_err::create_dir(&folder).unwrap();
    for (number, full) in (0..AT_ONCE).flat_map(|id| FULL.map(|full| (id, full))).enumerate() {
        let (id, full) = full;
        fs_err::write(folder.join(format!("{number}.json")), stuffed(full, id)).unwrap();
    }
    let import = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "import", "--no-dns", "--format", "json", "--store"])
        .arg(world.store())
        .arg(&folder)
        .env("SEALPOST_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (account, memory) = watched(import);
    println!("{account}: {memory} KiB");
    let all = u64::try_from(AT_ONCE * FULL.len()).unwrap();
    assert_eq!(account.get("submissions").and_then(Value::as_u64), Some(all), "{account}");
    assert!(memory < MOST_FULL, "{memory} KiB");
    let reparse = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "reparse", "--all", "--no-dns", "--format", "json", "--store"])
        .arg(world.store())
        .env("SEALPOST_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (account, memory) = watched(reparse);
    println!("{account}: {memory} KiB again");
    assert!(memory < MOST_FULL, "{memory} KiB");
}

/// A mail with some octets, as base64.
fn attached(octets: &[u8]) -> Vec<u8> {
    let encoded = base64_of(octets);
    format!(
        "From: <r@reporter.example>\r\nContent-Type: application/tlsrpt+gzip\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
    )
    .into_bytes()
}

#[test]
fn very_many_tiny_reports_in_a_mailbox_file() {
    let count = tiny();
    let first = taken_from_a_mailbox_file(count / 4);
    let last = taken_from_a_mailbox_file(count);
    println!("{count} reports in a mailbox file: {last} KiB, {first} for a quarter");
    assert!(last < MOST_MEMORY && last < first + MORE_MEMORY, "{first}, then {last} KiB");
}

/// Takes in so many reports, and gives the most that was in memory.
fn taken_from_a_mailbox_file(count: usize) -> u64 {
    let world = World::new();
    let path = world.folder.path().join("mbox");
    let mut file = std::io::BufWriter::new(fs_err::File::create(&path).unwrap());
    for id in 0..count {
        write!(
            file,
            "From r@reporter.example Wed Nov 25 01:00:00 2026\nFrom: <r@reporter.example>\n\
             Content-Type: application/tlsrpt+json\n\n{}\n\n",
            tiny_report(id)
        )
        .unwrap();
    }
    file.into_inner().unwrap();
    let import = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "import", "--no-dns", "--format", "json", "--store"])
        .arg(world.store())
        .arg(&path)
        .env("SEALPOST_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (account, memory) = watched(import);
    let count = u64::try_from(count).unwrap();
    assert_eq!(account.get("submissions").and_then(Value::as_u64), Some(count), "{account}");
    assert_eq!(summed(&world.store()), (count, count));
    memory
}

/// What a process says in the end, and the most that it had in memory, in KiB.
fn watched(mut child: Child) -> (Value, u64) {
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = memory(child.id()).unwrap_or(0).max(most);
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    // 1: something lies in quarantine.
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 1)), "{said}");
    (serde_json::from_str(&said).unwrap(), most)
}

/// Reports and sessions that nobody vouches for, as the summary has them.
fn summed(store: &Path) -> (u64, u64) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "summary", "--format", "json", "--unverified", "--store"])
        .arg(store)
        .output()
        .unwrap();
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let domains = summary.get("domains").and_then(Value::as_array).unwrap();
    let [domain] = domains.as_slice() else { panic!("{domains:?}") };
    let number = |pointer: &str| domain.pointer(pointer).and_then(Value::as_u64).unwrap();
    (number("/reports"), number("/successful/lower"))
}

#[test]
fn a_mail_of_a_hundred_thousand_parts() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration(""));
    let told = daemon.smtp().send(RECIPIENT, &mail_of(0..40_000)).unwrap();
    assert!(told.starts_with("250"), "{told}");
    let mut empty = "From: <r@reporter.example>\r\nMIME-Version: 1.0\r\n\
                     Content-Type: multipart/report; boundary=b\r\n\r\n"
        .to_owned();
    empty.push_str(&"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(100_000));
    let told = daemon.smtp().send(RECIPIENT, empty.as_bytes()).unwrap();
    assert!(told.starts_with("250"), "{told}");
    // As much is read as a mail may have. It is not said to have been read whole.
    daemon.comes_to("sealpost_receive_read_total{outcome=\"quarantined\"}", 2);
    daemon.comes_to("sealpost_receive_quarantined_total{reason=\"reports-cut\"}", 1);
    daemon.comes_to("sealpost_receive_quarantined_total{reason=\"parts-cut\"}", 1);
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 100);
    let memory = memory(daemon.id()).unwrap();
    assert!(memory < MOST_MEMORY, "{memory} KiB");
    daemon.kill();
    assert_eq!(reports(&world.store(), Scope::Unverified).len(), 100);
    let states: Vec<_> = submissions(&world.store()).into_iter().map(|entry| entry.state).collect();
    let cut = |reason: &str| RawState::Quarantined { reason: reason.to_owned() };
    assert_eq!(states, [cut("reports-cut"), cut("parts-cut")]);
}

/// Connects from another address of this machine.
fn connect_from(source: [u8; 4], address: SocketAddr) -> TcpStream {
    let runtime = Runtime::new().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "this is the sender, on loopback")]
        let stream = socket.connect(address).await.unwrap();
        stream.into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

#[test]
fn slow_senders_keep_nobody_else_out() {
    const EACH: usize = 6;
    let world = World::new();
    let path = world.configuration(
        "limits = { connections = 40, connections_per_source = 6, posts_per_minute = 100000 }",
    );
    let poster = with_https(&path);
    let daemon = Daemon::start(&path);
    let (smtp, https) = (daemon.address("smtp"), daemon.address("https"));
    // One source begins messages, handshakes and requests, and never ends them.
    let slow = [127, 0, 0, 9];
    let mut held = Vec::new();
    for number in 0..EACH {
        let mut mailer = Mailer::greet(connect_from(slow, smtp), "EHLO").unwrap();
        if number > 0 {
            mailer.ask("MAIL FROM:<>").unwrap();
            mailer.ask(&format!("RCPT TO:<{RECIPIENT}>")).unwrap();
            assert!(mailer.ask("DATA").unwrap().starts_with("354"));
            mailer.write(b"From: <r@reporter.example>\r\n").unwrap();
        }
        held.push(mailer);
    }
    let mut hello = Vec::new();
    for _ in 0..EACH {
        let mut stream = connect_from(slow, https);
        stream.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
        hello.push(stream);
    }
    // For that source there is no more room, and it hears so.
    let mut refused = connect_from(slow, smtp);
    refused.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut said = String::new();
    let _ = refused.read_to_string(&mut said);
    assert!(said.is_empty() || said.starts_with("421"), "{said}");
    assert!(daemon.metric("sealpost_receive_smtp_refused_total{reason=\"crowded\"}") >= 1);
    // Others do not notice.
    let told = daemon.smtp().send(RECIPIENT, &mail(&report("by-smtp"))).unwrap();
    assert!(told.starts_with("250"), "{told}");
    let json = "application/tlsrpt+json";
    let told = poster.post(https, PATH, "", json, report("by-https").as_bytes()).unwrap();
    assert!(told.starts_with("HTTP/1.1 201 "), "{told}");
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 2);
    assert!(daemon.get("/health").ends_with("ok\n"));
    drop((held, hello));
    // Nothing is left of messages that did not come to their end.
    daemon.kill();
    assert_eq!(submissions(&world.store()).len(), 2);
}
