//! `sealpost serve` with no configuration at all.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// It listens at the usual ports, so it gets a network of its own. `exec` leaves one process.
const ALONE: &str = "ip link set lo up && exec \"$0\" serve";

#[test]
fn it_answers_on_loopback_and_keeps_what_it_keeps_in_a_folder_that_it_makes() {
    let home = tempfile::tempdir().unwrap();
    let first = said_until_ready(home.path());
    for place in [
        "enforce: listening at 127.0.0.1:8461",
        "receive: listening at 127.0.0.1:8464, smtp",
        "receive: listening at 127.0.0.1:8465, lmtp",
        "listening at http://127.0.0.1:8460",
    ] {
        assert!(first.iter().any(|line| line == place), "{place}: {first:#?}");
    }
    let elsewhere = |line: &&String| line.contains("listening") && !line.contains("127.0.0.1:");
    assert_eq!(first.iter().find(elsewhere), None);
    assert_eq!(first.last().unwrap(), "ready: enforce with 0 policies, receive");
    let folder = home.path().join("state/sealpost");
    assert_eq!(fs_err::metadata(&folder).unwrap().mode() & 0o777, 0o700, "its owner's alone");
    assert!(folder.join("store.sqlite").exists());
    // What is there is used again.
    assert_eq!(said_until_ready(home.path()).last(), first.last());
}

/// Starts it by `unshare` of util-linux, waits until it is ready, and ends it in order.
fn said_until_ready(home: &Path) -> Vec<String> {
    let mut unshare = Command::new("unshare");
    unshare.arg("--net");
    if !geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let mut child = unshare
        .args(["sh", "-c", ALONE, env!("CARGO_BIN_EXE_sealpost")])
        .env("HOME", home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env_remove("STATE_DIRECTORY")
        .env_remove("SEALPOST_CONFIG")
        .env_remove("SEALPOST_NETWORK")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines.map(Result::unwrap) {
        let is_ready = line.starts_with("ready: ");
        said.push(line);
        if is_ready {
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
            break;
        }
    }
    assert!(child.wait().unwrap().success(), "{said:#?}");
    said
}
