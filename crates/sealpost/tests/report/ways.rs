//! Sessions that come by other ways than the socket, into the same counters.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use crate::daemon::{World, connect, failed, successful, today, yesterday};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A world whose daemon takes posts and follows a log.
fn world() -> World {
    let world = World::new();
    fs_err::write(world.path("token"), format!("{TOKEN}\n")).unwrap();
    world.configure("token_file = \"token\"\nlog = [\"mail.log\"]\n");
    world
}

/// The status and the body of the answer to a post.
fn post(address: &str, fields: &str, body: &[u8]) -> (u16, String) {
    post_to(address, "/v1/sessions", fields, body)
}

fn post_to(address: &str, path: &str, fields: &str, body: &[u8]) -> (u16, String) {
    let mut stream = connect(address);
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n"
    )
    .unwrap();
    // It may be refused before it was read.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn authorized() -> String {
    format!("Authorization: Bearer {TOKEN}\r\n")
}

#[test]
fn sessions_are_posted_with_a_token() {
    let world = world();
    let daemon = world.start(&[]);
    let address = daemon.http.clone().unwrap();
    let (good, bad) = (successful("a.test"), failed("a.test", 204));
    let counted = (200, r#"{"counted":1,"uncounted":0}"#.to_owned());
    assert_eq!(post(&address, &authorized(), good.as_bytes()), counted);
    let both = format!("{good}\n{bad}\n");
    let (status, body) = post(&address, &authorized(), both.as_bytes());
    assert_eq!((status, body.as_str()), (200, r#"{"counted":2,"uncounted":0}"#));
    // The same counters as for datagrams.
    assert!(world.sender().send(&good));
    daemon.wait_for(1);

    for fields in [
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer 0123456789abcdef0123456789abcdee\r\n",
        "Authorization: Basic MDEyMzQ1Njc4OWFiY2RlZg==\r\n",
        &authorized().repeat(2),
    ] {
        assert_eq!(post(&address, fields, good.as_bytes()).0, 403, "{fields}");
    }
    for body in [&b""[..], b"hello", b"\xff\xfe", b"[]", b"{}", b"{\"policies\":null}", b"\n\n"] {
        assert_eq!(post(&address, &authorized(), body).0, 422, "{body:?}");
    }
    // One line that makes no sense, and nothing of the post is counted.
    let (status, body) = post(&address, &authorized(), format!("{both}{{").as_bytes());
    assert_eq!((status, body.as_str()), (422, "nothing was counted: in line 3 it breaks off\n"));
    assert_eq!(post(&address, &authorized(), &vec![b' '; 2 << 20]).0, 413);
    // Those that had to wait are of another day.
    let at = |time: &str| {
        post_to(&address, &format!("/v1/sessions?at={time}"), &authorized(), both.as_bytes()).0
    };
    let yesterday = yesterday();
    assert_eq!(at(&format!("{yesterday}T23:59:59Z")), 200);
    assert_eq!(at("yesterday"), 422);
    // Nothing is taken to be thrown away, and none of another day than it says.
    assert_eq!(at("2026-01-26T00:00:00Z"), 422);
    let misspelt = format!("/v1/sessions?att={yesterday}T00:00:00Z");
    let (status, why) = post_to(&address, &misspelt, &authorized(), both.as_bytes());
    assert_eq!((status, why.contains("only `at` is known")), (422, true), "{why}");
    assert_eq!(daemon.metric("sealpost_report_posted_total"), 5);
    assert_eq!(daemon.metric("sealpost_report_panics_total"), 0);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert_eq!(world.sums("a.test", &today()), (3, 1));
    assert_eq!(world.sums("a.test", &yesterday), (1, 1));
}

#[test]
fn a_post_that_comes_again_with_its_key_is_counted_once() {
    let world = world();
    let daemon = world.start(&[]);
    let address = daemon.http.clone().unwrap();
    let both = format!("{}\n{}\n", successful("a.test"), failed("a.test", 204));
    let with = |key: &str| format!("{}Idempotency-Key: {key}\r\n", authorized());
    let counted = (200, r#"{"counted":2,"uncounted":0}"#.to_owned());
    // What cannot be read leaves its key free.
    assert_eq!(post(&address, &with("one"), b"{").0, 422);
    assert_eq!(post(&address, &with("one"), both.as_bytes()), counted);
    // Before and after it was written; in quotation marks it is the same key.
    assert_eq!(post(&address, &with("\"one\""), both.as_bytes()), counted);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(post(&address, &with("one"), both.as_bytes()), counted);
    let (status, why) = post(&address, &with("one"), successful("a.test").as_bytes());
    assert_eq!(status, 422);
    assert!(why.contains("another body"), "{why}");
    let path = format!("/v1/sessions?at={}T23:59:59Z", yesterday());
    assert_eq!(post_to(&address, &path, &with("one"), both.as_bytes()).0, 422);
    let long = "x".repeat(256);
    for key in ["", "\"\"", "a b", &long, "ä"] {
        assert_eq!(post(&address, &with(key), both.as_bytes()).0, 400, "{key}");
    }
    let twice = format!("{}Idempotency-Key: three\r\n", with("two"));
    assert_eq!(post(&address, &twice, both.as_bytes()).0, 400);
    // Many clients at once: one of them is counted, the others hear of it, or to ask again.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| post(&address, &with("two"), both.as_bytes()).0))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert!(statuses.contains(&200) && statuses.iter().all(|it| [200, 409].contains(it)));
    assert_eq!(daemon.metric("sealpost_report_posted_total"), 4);
    assert!(daemon.metric("sealpost_report_post_repeated_total") >= 2);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");

    let daemon = world.start(&[]);
    let address = daemon.http.clone().unwrap();
    for key in ["one", "two"] {
        assert_eq!(post(&address, &with(key), both.as_bytes()), counted, "{key}");
    }
    assert_eq!(daemon.metric("sealpost_report_posted_total"), 0);
    assert!(daemon.terminate().0.success());
    assert_eq!(world.sums("a.test", &today()), (2, 2));
}

/// Two that share a store hear of each key at once, again and again.
#[test]
fn a_key_that_comes_to_two_nodes_at_one_moment_is_counted_once() {
    const KEYS: u64 = 40;
    let (one, two) = (world(), world());
    one.configure("node = \"one\"\n");
    two.configure("node = \"two\"\n");
    let store = one.path("store.sqlite");
    let shared = ["--store", store.to_str().unwrap()];
    let daemons = [one.start(&shared), two.start(&shared)];
    let body = successful("a.test");
    for number in 0..KEYS {
        let fields = format!("{}Idempotency-Key: {number}\r\n", authorized());
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let posts = daemons.each_ref().map(|daemon| {
                let address = daemon.http.clone().unwrap();
                let (fields, body) = (&fields, &body);
                scope.spawn(move || post(&address, fields, body.as_bytes()).0)
            });
            posts.map(|post| post.join().unwrap()).to_vec()
        });
        assert!(statuses.contains(&200), "{statuses:?}");
        assert!(statuses.iter().all(|it| [200, 409].contains(it)), "{statuses:?}");
    }
    let posted =
        daemons.iter().map(|daemon| daemon.metric("sealpost_report_posted_total")).sum::<u64>();
    assert_eq!(posted, KEYS);
    let [first, second] = daemons;
    assert!(first.terminate().0.success());
    // What the other one has counted is known to all.
    let fields = format!("{}Idempotency-Key: 0\r\n", authorized());
    assert_eq!(post(second.http.as_ref().unwrap(), &fields, body.as_bytes()).0, 200);
    assert!(second.terminate().0.success());
    assert_eq!(one.sums("a.test", &today()), (KEYS, 0));
}

#[test]
fn without_a_token_nothing_is_taken() {
    let world = World::new();
    let daemon = world.start(&[]);
    let address = daemon.http.clone().unwrap();
    let status = post(&address, &authorized(), successful("a.test").as_bytes()).0;
    assert_eq!(status, 405);
    assert!(daemon.terminate().0.success());
    fs_err::write(world.path("token"), "short").unwrap();
    world.configure("token_file = \"token\"\n");
    assert_eq!(world.run(&[]).1, 2);
}

fn line(rest: &str) -> String {
    format!("Nov 26 10:00:00 mx postfix/smtp[1]: TLSRPT: status={rest}\n")
}

fn lines(count: usize) -> String {
    let good = line("success, domain=a.test, receiving_mx=mx.a.test[192.0.2.1]");
    let bad = line(
        "failure, domain=a.test, receiving_mx=mx.a.test[192.0.2.1], failure_type=certificate_expired",
    );
    let other = "Nov 26 10:00:00 mx postfix/smtpd[2]: connect from unknown[192.0.2.9]\n";
    format!("{good}{other}{bad}").repeat(count)
}

fn append(path: &std::path::Path, text: &str) {
    let mut file = fs_err::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_log_is_followed_over_rotation() {
    let world = world();
    let log = world.path("mail.log");
    append(&log, &lines(5));
    let daemon = world.start(&[]);
    // What was there before is not counted.
    daemon.wait_until("sealpost_report_log_failures_total", 0);
    std::thread::sleep(std::time::Duration::from_millis(700));
    append(&log, &lines(10));
    daemon.wait_until("sealpost_report_logged_total", 20);
    fs_err::rename(&log, world.path("mail.log.1")).unwrap();
    append(&world.path("mail.log.1"), &lines(3));
    append(&log, &lines(4));
    daemon.wait_until("sealpost_report_logged_total", 34);
    let hostile = b"Nov 26 10:00:00 mx postfix/smtp[1]: TLSRPT: status=\xff\xfe, domain=\n";
    let mut file = fs_err::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(hostile).unwrap();
    file.write_all(&vec![b'x'; 200_000]).unwrap();
    file.write_all(b"\n").unwrap();
    file.write_all(line("success, domain=b.test, receiving_mx=mx[1]").as_bytes()).unwrap();
    daemon.wait_until("sealpost_report_logged_total", 35);
    assert_eq!(daemon.metric("sealpost_report_log_refused_total"), 1);
    assert_eq!(daemon.metric("sealpost_report_log_failures_total"), 0);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert_eq!(world.sums("a.test", &today()), (17, 17));
    assert_eq!(world.sums("b.test", &today()), (1, 0));
}

/// A session of its own second, in the zone of which nobody can be wrong.
fn failure_at(second: u64) -> String {
    let time = format!("{}T00:00:{second:02}Z", today());
    let bad = "failure, domain=a.test, receiving_mx=mx.a.test[192.0.2.1], \
               failure_type=certificate_expired";
    line(bad).replace("Nov 26 10:00:00", &time)
}

#[test]
fn what_was_followed_is_not_counted_again_by_read_log() {
    let world = world();
    let log = world.path("mail.log");
    let read = |name: &str| {
        let output = world.command(&["read-log", world.path(name).to_str().unwrap()]).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let failed = || world.sums("a.test", &today()).1;
    // One before it is followed, then three that are, of which the last moves the file away.
    append(&log, &failure_at(0));
    let daemon = world.start(&[]);
    std::thread::sleep(std::time::Duration::from_millis(700));
    append(&log, &failure_at(1));
    daemon.wait_until("sealpost_report_logged_total", 1);
    let said = read("mail.log");
    assert!(said.contains("1 sessions are left to `report`"), "{said}");
    append(&log, &failure_at(2));
    daemon.wait_until("sealpost_report_logged_total", 2);
    fs_err::rename(&log, world.path("mail.log.1")).unwrap();
    append(&world.path("mail.log.1"), &failure_at(3));
    append(&log, &failure_at(4));
    daemon.wait_until("sealpost_report_logged_total", 4);
    assert!(daemon.terminate().0.success());
    assert_eq!(failed(), 5);
    for _ in 0..2 {
        assert!(read("mail.log.1").contains("3 sessions are left"));
        assert!(read("mail.log").contains("1 sessions are left"));
        assert_eq!(failed(), 5);
    }
    // What came while it did not run is nobody's until it runs again, and then read-log's.
    append(&log, &failure_at(5));
    assert!(read("mail.log").contains("2 sessions are left"));
    let daemon = world.start(&[]);
    std::thread::sleep(std::time::Duration::from_millis(700));
    append(&log, &failure_at(6));
    daemon.wait_until("sealpost_report_logged_total", 1);
    fs_err::copy(&log, world.path("copy")).unwrap();
    for name in ["mail.log", "copy", "mail.log.1"] {
        read(name);
    }
    assert!(daemon.terminate().0.success());
    assert_eq!(failed(), 7);
}

#[test]
fn a_log_is_read_as_a_whole_and_through_a_pipe() {
    let world = World::new();
    // Beside a daemon, whose numbers stay its own.
    let daemon = world.start(&[]);
    let log = world.path("mail.log");
    let old = |lines: String| lines.replace("Nov 26 10:00:00", "2026-01-02T23:59:59.5-01:00");
    fs_err::write(&log, old(line("success") + &lines(2))).unwrap();
    let path = log.to_str().unwrap();
    for _ in 0..2 {
        let (said, status) = world.run(&["read-log", path]);
        assert!(said.ends_with("4 sessions under 1 policies of domains and days\n"), "{said}");
        assert_eq!(status, 1);
        assert_eq!(world.sums("a.test", "2026-01-03"), (2, 2));
    }
    let missing = world.command(&["read-log", "missing.log"]).output().unwrap();
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(said.starts_with("error: failed to open file `missing.log`"), "{said}");
    assert!(world.sender().send(successful("a.test")));
    daemon.wait_for(1);

    let mut child = world
        .command(&["read-log", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines(1_500).trim_end().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "standard input: 3000 sessions\n");
    assert!(output.status.success());
    assert!(daemon.terminate().0.success());
    let (good, bad) = world.sums("a.test", &today());
    assert_eq!((good, bad), (1_501, 1_500));
    assert_eq!(world.run(&["read-log", "-", path]).1, 2);
    assert_eq!(world.run(&["read-log", path, "--utc-offset", "1"]).1, 2);
}
