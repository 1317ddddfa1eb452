//! The disk comes before the acknowledgement, as the kernel sees it.

use std::process::Command;

use crate::daemon::{Daemon, Mailer, command};
use crate::mails::{RECIPIENT, mail, report};
use crate::world::World;

#[test]
fn nothing_is_acknowledged_before_the_disk_has_it() {
    let world = World::new();
    let configuration = world.configuration("");
    let trace = world.folder.path().join("trace");
    let daemon_command = command(&configuration);
    let mut traced = Command::new("strace");
    traced
        .args(["-f", "-s", "64", "-e", "trace=fsync,fdatasync,sendto,write,writev,recvfrom,read"])
        .arg("-o")
        .arg(&trace)
        .arg(daemon_command.get_program())
        .args(daemon_command.get_args())
        .env("SEALPOST_LOG", "off");
    let daemon = Daemon::launch(&mut traced);

    let mut smtp = daemon.smtp();
    assert!(smtp.send(RECIPIENT, &mail(&report("by-smtp"))).unwrap().starts_with("250"));
    let mut lmtp = Mailer::lmtp(&world.lmtp()).unwrap();
    assert!(lmtp.send(RECIPIENT, &mail(&report("by-lmtp"))).unwrap().starts_with("250"));
    let told = daemon.post("application/tlsrpt+json", report("by-post").as_bytes());
    assert!(told.starts_with("HTTP/1.1 201 "), "{told}");
    // The process that we started is the tracer; it ends with the one that it traces.
    let children = format!("/proc/{0}/task/{0}/children", daemon.id());
    let traced = fs_err::read_to_string(children).unwrap();
    assert!(Command::new("kill").arg(traced.trim()).status().unwrap().success());
    daemon.wait();

    let trace = fs_err::read_to_string(trace).unwrap();
    // The reply to DATA and that to the octets, twice; the end of a post and its answer.
    let mut waits = Wait::None;
    let mut proven = 0;
    for line in trace.lines() {
        let is_synced = (line.contains("fdatasync(") || line.contains("fsync("))
            && line.ends_with("= 0")
            || line.contains("sync resumed>") && line.ends_with("= 0");
        if line.contains("\"354 ") || line.contains("\"POST ") {
            waits = Wait::ForDisk;
        } else if is_synced && waits == Wait::ForDisk {
            waits = Wait::ForReply;
        } else if line.contains("\"250 2.") && line.contains("6.0")
            || line.contains("\"HTTP/1.1 201")
        {
            assert_eq!(waits, Wait::ForReply, "acknowledged before the disk has it: {line}");
            (waits, proven) = (Wait::None, proven + 1);
        }
    }
    assert_eq!(proven, 3, "{trace}");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    None,
    ForDisk,
    ForReply,
}
