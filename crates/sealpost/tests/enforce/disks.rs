//! A full and a read-only disk: answers go on, loudly, and what could not be saved is saved later.
//!
//! The daemon runs in a mount namespace of its own, beside a small file system; neither needs root
//! where users may have namespaces.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::eventually_within;
use crate::daemon::{Daemon, World};

/// How long until the daemon tries again what it could not save, and some more.
const SAVED_AGAIN: std::time::Duration = std::time::Duration::from_secs(45);

/// A daemon whose store lies on a file system of 4 MB, at `small` in the world's folder.
fn start(world: &World, before: &str) -> Daemon {
    let small = world.folder.path().join("small");
    fs_err::create_dir_all(&small).unwrap();
    let script = format!(
        r#"set -e; mount -t tmpfs -o size=4m none "$folder"; {before}; exec "$program" enforce \
        --listen 127.0.0.1:0 --deadline 20 --network "$network" --store "$folder/store.sqlite""#
    );
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "--", "sh", "-c", &script])
        .env("program", env!("CARGO_BIN_EXE_sealpost"))
        .env("folder", &small)
        .env("SEALPOST_CONFIG", world.configuration("usual.toml", ""))
        .env("network", world.lab.settings_file())
        .env("SEALPOST_LOG", "error");
    Daemon::launch(&mut command)
}

/// The folder of the daemon's store, as it is seen from outside of its namespace.
fn seen_from_outside(world: &World, daemon: &Daemon) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", daemon.id()));
    let small = world.folder.path().join("small");
    let path = root.join(small.strip_prefix("/").unwrap());
    assert!(path.join("store.sqlite").exists(), "{path:?} is not to be seen");
    path
}

/// A command in the namespace of the daemon.
fn inside(daemon: &Daemon) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &daemon.id().to_string(), "--user", "--mount", "--"]);
    command
}

/// Whether all these are in the store of the daemon.
fn are_stored(world: &World, daemon: &Daemon, domains: &[&str]) -> bool {
    let output = inside(daemon)
        .args([env!("CARGO_BIN_EXE_sealpost"), "enforce", "cache", "list", "--store"])
        .arg(world.folder.path().join("small/store.sqlite"))
        .output()
        .unwrap_or_else(|error| panic!("nsenter of util-linux is needed: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let listed = String::from_utf8(output.stdout).unwrap();
    domains.iter().all(|domain| listed.lines().any(|line| line.starts_with(&format!("{domain} "))))
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

/// New policies are enforced too, and the log says that they are not on the disk.
fn answers_go_on(daemon: &Daemon, new: &[&str]) {
    let mut client = daemon.client();
    for domain in ["good.test"].iter().chain(new).chain(new) {
        let reply = client.ask("postfix", domain);
        assert!(reply.starts_with("OK secure "), "{domain}: {reply}");
    }
    let said = daemon.says("policies are not on the disk, answers go on from memory");
    assert!(said.contains("ERROR"), "{said}");
}

/// Enough that they need room, whatever pages are free.
const NEW: [&str; 3] = ["good-policy-64-kib.test", "good-two-mx.test", "good-wildcard.test"];

/// Both at once: most of the time they wait for the daemon to try again.
#[test]
fn answers_go_on_when_nothing_can_be_saved_and_are_saved_when_it_can() {
    let full = std::thread::spawn(on_a_full_disk);
    on_a_read_only_disk();
    full.join().unwrap();
}

fn on_a_full_disk() {
    let world = World::new();
    let daemon = start(&world, ":");
    assert!(daemon.client().ask("postfix", "good.test").starts_with("OK secure "));
    let folder = seen_from_outside(&world, &daemon);
    assert!(are_stored(&world, &daemon, &["good.test"]));
    let ballast = folder.join("ballast");
    fill(&ballast);
    answers_go_on(&daemon, &NEW);
    assert!(!are_stored(&world, &daemon, &NEW), "there was room");
    fs_err::remove_file(&ballast).unwrap();
    eventually_within(SAVED_AGAIN, "what is remembered is saved", || {
        are_stored(&world, &daemon, &NEW)
    });
    assert!(daemon.client().ask("postfix", "good.test").starts_with("OK secure "));
}

fn on_a_read_only_disk() {
    let world = World::new();
    let made = world.folder.path().join("made.sqlite");
    let daemon = Daemon::start(world.lab.settings_file(), &made, "20", &[]);
    assert!(daemon.client().ask("postfix", "good.test").starts_with("OK secure "));
    daemon.terminate();
    assert!(daemon.wait().0.success());
    fs_err::set_permissions(&made, Permissions::from_mode(0o644)).unwrap();

    let copied =
        format!(r#"cp {} "$folder/store.sqlite"; mount -o remount,ro "$folder""#, made.display());
    let daemon = start(&world, &copied);
    assert_eq!(daemon.loaded, 1);
    assert!(daemon.before.contains("the store can be read but not written"), "{}", daemon.before);
    answers_go_on(&daemon, &NEW);
    let remounted = inside(&daemon)
        .args(["mount", "-o", "remount,rw"])
        .arg(world.folder.path().join("small"))
        .status()
        .unwrap();
    assert!(remounted.success());
    eventually_within(SAVED_AGAIN, "what is remembered is saved", || {
        are_stored(&world, &daemon, &NEW)
    });
}
