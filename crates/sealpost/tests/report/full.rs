//! A full disk while reports are sent: they wait, none is lost, and none goes out twice.
//!
//! The daemon runs in a mount namespace of its own, beside a small file system; that needs no root
//! where users may have namespaces.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::daemon::{Daemon, successful};
use crate::sending::SendingWorld;

/// How long each mail takes: so long are some under way when the disk is full.
const PAUSE: Duration = Duration::from_secs(1);
/// Reports.
const REPORTS: usize = 12;
/// Domains whose sessions are counted while the disk is full, so that there is much to write.
const DOMAINS: u64 = 3_000;

/// A daemon with this copy of a store on a file system of 4 MB, at `small` in the world's folder.
fn start(sending: &SendingWorld, made: &Path) -> Daemon {
    let small = sending.world.path("small");
    fs_err::create_dir_all(&small).unwrap();
    let script = format!(
        r#"set -e; mount -t tmpfs -o size=4m none "$folder"; cp {} "$folder/store.sqlite"
        exec "$program" report --config "$config" --store "$folder/store.sqlite" --at 2026-11-26T00:00:01Z"#,
        made.display()
    );
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "--", "sh", "-c", &script])
        .env("program", env!("CARGO_BIN_EXE_sealpost"))
        .env("config", sending.world.path("sealpost.toml"))
        .env("folder", &small);
    Daemon::launch(&mut command)
}

/// What a command of ours prints that runs where the daemon runs.
fn inside(sending: &SendingWorld, daemon: &Daemon, arguments: &[&str]) -> String {
    let output = Command::new("nsenter")
        .args(["--target", &daemon.id().to_string(), "--user", "--mount", "--"])
        .args([env!("CARGO_BIN_EXE_sealpost"), "report"])
        .args(arguments)
        .arg("--store")
        .arg(sending.world.path("small/store.sqlite"))
        .output()
        .unwrap_or_else(|error| panic!("nsenter of util-linux is needed: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    let mut file = fs_err::File::create(path).unwrap();
    let mut length = 0;
    while file.write_all(&[0; 512]).is_ok() {
        length += 512;
        assert!(length < 8_000_000, "there is no bound");
    }
}

#[test]
fn a_full_disk_loses_no_report_and_sends_none_twice() {
    let sending = SendingWorld::new(PAUSE, "at_once = 4\nat_once_per_host = 4");
    let daemon = sending.world.start(&["--at", "2026-11-25T12:00:00Z"]);
    let sender = sending.world.sender();
    for number in 0..REPORTS {
        let domain = format!("d{number}.test");
        sending.wants(&domain);
        assert!(sender.send(successful(&domain)));
    }
    daemon.wait_for(REPORTS as u64);
    assert!(daemon.terminate().0.success());

    let daemon = start(&sending, &sending.world.path("store.sqlite"));
    let ballast = PathBuf::from(format!("/proc/{}/root", daemon.id()))
        .join(sending.world.path("small").strip_prefix("/").unwrap())
        .join("ballast");
    sending.wait_for_mails(1);
    fill(&ballast);
    for number in 0..DOMAINS {
        assert!(sender.send(successful(&format!("during{number}.test"))));
    }
    daemon.wait_for(DOMAINS);
    daemon.wait_until("sealpost_report_store_failures_total", 1);
    // What was under way has come to its end by now.
    std::thread::sleep(2 * PAUSE);
    assert!(daemon.metric("sealpost_report_unsaved_policies") > 0, "there was room");
    // Mails may go on all the same: little that is written finds room in pages that are there.
    println!("{} of {REPORTS} mails came on a full disk", sending.sink.mails().len());
    fs_err::remove_file(&ballast).unwrap();

    daemon.wait_until("sealpost_report_attempts_total{as=\"accepted\"}", REPORTS as u64);
    for _ in 0..1_000 {
        if daemon.metric("sealpost_report_unsaved_policies") == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in sending.sink.mails() {
        *mails.entry(mail.recipient).or_default() += 1;
    }
    assert_eq!(mails.len(), REPORTS);
    assert!(mails.values().all(|count| *count == 1), "{mails:?}");
    let said = inside(&sending, &daemon, &["status"]);
    assert!(
        said.contains(&format!("reports: 0 waiting, {REPORTS} accepted, 0 refused, 0 expired")),
        "{said}"
    );
    // What came meanwhile is counted, once.
    let listed = inside(&sending, &daemon, &["preview", "--day", "2026-11-26"]);
    let counted = listed.lines().filter(|line| line.starts_with("during")).count();
    assert_eq!(counted as u64, DOMAINS);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
}
