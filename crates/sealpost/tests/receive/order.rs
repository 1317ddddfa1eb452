//! The disk comes before the acknowledgement, as the kernel sees it.

use std::collections::HashMap;
use std::process::Command;

use sealpost_store::raw_path_beside;

use crate::daemon::{Daemon, Mailer, command};
use crate::mails::{RECIPIENT, mail, report};
use crate::tls::{PATH, with_https};
use crate::world::World;

/// The calls that are looked at.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg,read,readv,\
                     recvfrom,recvmsg";

#[test]
fn nothing_is_acknowledged_before_the_disk_has_it() {
    let world = World::new();
    let configuration = world.configuration("");
    let poster = with_https(&configuration);
    let trace = world.folder.path().join("trace");
    let daemon_command = command(&configuration);
    let mut traced = Command::new("strace");
    traced
        .args(["-f", "-yy", "-s", "64", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(daemon_command.get_program())
        .args(daemon_command.get_args())
        .env("SEALPOST_LOG", "off");
    let daemon = Daemon::launch(&mut traced);
    let https = daemon.address("https");
    // What is written once one is read is on the disk before the next one comes.
    let is_read = |count| daemon.comes_to("sealpost_receive_read_total{outcome=\"read\"}", count);

    let mut smtp = daemon.smtp();
    assert!(smtp.send(RECIPIENT, &mail(&report("by-smtp"))).unwrap().starts_with("250"));
    is_read(1);
    let mut lmtp = Mailer::lmtp(&world.lmtp()).unwrap();
    assert!(lmtp.send(RECIPIENT, &mail(&report("by-lmtp"))).unwrap().starts_with("250"));
    is_read(2);
    // It is read in several pieces: its end is told from that of the handshake.
    let long = report("by-post") + &" ".repeat(60_000);
    let told = poster.post(https, PATH, "", "application/tlsrpt+json", long.as_bytes()).unwrap();
    assert!(told.starts_with("HTTP/1.1 201 "), "{told}");
    // The process that we started is the tracer; it ends with the one that it traces.
    let children = format!("/proc/{0}/task/{0}/children", daemon.id());
    let traced = fs_err::read_to_string(children).unwrap();
    assert!(Command::new("kill").arg(traced.trim()).status().unwrap().success());
    daemon.wait();

    let trace = fs_err::read_to_string(trace).unwrap();
    let calls = calls(&trace);
    let raw = raw_path_beside(&world.store());
    let raw = raw.to_str().unwrap();
    let mails: Vec<&Call> = calls.iter().filter(|call| call.accepts_mail()).collect();
    assert_eq!(mails.len(), 2, "{trace}");
    for reply in mails {
        let mut before = calls.iter().filter(|call| call.ended < reply.begun);
        let asked = before.rfind(|call| call.is_write() && call.text.contains("\"354 ")).unwrap();
        assert!(is_on_disk(&calls, raw, asked, reply), "{}: {trace}", reply.text);
    }
    let connection = format!("<TCP:[{https}->");
    let mut of_post = calls.iter().filter(|call| call.text.contains(&connection));
    let is_piece = |call: &&Call| call.is_read() && call.count() >= Some(1000);
    let last = of_post.clone().rfind(is_piece).unwrap();
    let reply = of_post.find(|call| call.is_write() && call.begun > last.ended).unwrap();
    assert!(is_on_disk(&calls, raw, last, reply), "{}: {trace}", reply.text);
}

/// A system call: its text, and the lines on which it begins and ends.
struct Call {
    text: String,
    begun: usize,
    ended: usize,
}

impl Call {
    fn is(&self, names: &[&str]) -> bool {
        let name = self.text.split('(').next();
        name.is_some_and(|name| names.contains(&name))
    }

    fn is_write(&self) -> bool {
        self.is(&["write", "writev", "pwrite64", "sendto", "sendmsg"])
    }

    fn is_read(&self) -> bool {
        self.is(&["read", "readv", "recvfrom", "recvmsg"])
    }

    fn is_sync(&self) -> bool {
        self.is(&["fsync", "fdatasync"]) && self.count() == Some(0)
    }

    /// What it returned, if it did not fail.
    fn count(&self) -> Option<u64> {
        self.text.rsplit("= ").next()?.parse().ok()
    }

    /// The reply to the octets of a mail.
    fn accepts_mail(&self) -> bool {
        self.is_write() && self.text.contains("\"250 2.6.0 ")
    }
}

/// The calls of a trace by their begins. One that another thread interrupts stands on two lines.
fn calls(trace: &str) -> Vec<Call> {
    let mut open: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (ended, line) in trace.lines().enumerate() {
        let (thread, text) = line.split_once(' ').unwrap();
        let text = text.trim_start();
        if let Some(begin) = text.strip_suffix("<unfinished ...>") {
            open.insert(thread, (ended, begin));
            continue;
        }
        let rest = text.strip_prefix("<... ").and_then(|text| text.split_once(" resumed>"));
        calls.push(match rest.zip(open.remove(thread)) {
            Some(((_, end), (begun, begin))) => {
                Call { text: format!("{begin}{end}"), begun, ended }
            }
            None => Call { text: text.to_owned(), begun: ended, ended },
        });
    }
    calls.sort_by_key(|call| call.begun);
    calls
}

/// Whether between two calls the raw file was written, and synced after that: the file itself or
/// what SQLite keeps beside it.
fn is_on_disk(calls: &[Call], raw: &str, asked: &Call, reply: &Call) -> bool {
    let is_between = |call: &&Call| call.begun > asked.ended && call.ended < reply.begun;
    let of_raw = || calls.iter().filter(is_between).filter(|call| call.text.contains(raw));
    let written = of_raw().find(|call| call.is_write());
    written.is_some_and(|written| of_raw().any(|call| call.is_sync() && call.begun > written.ended))
}

#[test]
fn a_sync_of_another_file_or_of_another_time_proves_nothing() {
    let write = "7 pwrite64(9</d/store.sqlite.raw.db-wal>, \"x\", 1, 0) = 1";
    let sync = "7 fdatasync(9</d/store.sqlite.raw.db-wal>) = 0";
    let other = "7 fdatasync(5</d/store.sqlite-wal>) = 0";
    let failed = "7 fdatasync(9</d/store.sqlite.raw.db-wal>) = -1 EIO (Input/output error)";
    let begun = "7 fdatasync(9</d/store.sqlite.raw.db-wal> <unfinished ...>";
    let ended = "7 <... fdatasync resumed>) = 0";
    let [asked, reply] = [
        "8 sendto(3<TCP:[a->b]>, \"354 go on\", 9, 0, NULL, 0) = 9",
        "8 sendto(3<TCP:[a->b]>, \"250 2.6.0 stored\", 16, 0, NULL, 0) = 16",
    ];
    for (lines, expected) in [
        (&[asked, write, sync, reply][..], true),
        (&[asked, write, other, begun, ended, reply], true),
        (&[asked, write, other, reply], false),
        (&[asked, write, failed, reply], false),
        (&[asked, sync, write, reply], false),
        (&[asked, sync, reply], false),
        (&[write, sync, asked, reply], false),
        (&[asked, write, reply, sync], false),
        (&[asked, write, begun, reply, ended], false),
        (&[asked, begun, write, ended, reply], false),
    ] {
        let calls = calls(&lines.join("\n"));
        let asked = calls.iter().find(|call| call.text.contains("\"354 ")).unwrap();
        let reply = calls.iter().find(|call| call.accepts_mail()).unwrap();
        assert_eq!(
            is_on_disk(&calls, "/d/store.sqlite.raw.db", asked, reply),
            expected,
            "{lines:?}"
        );
    }
}
