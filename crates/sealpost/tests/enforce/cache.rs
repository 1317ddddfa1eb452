//! What an operator does with the memory of a daemon, beside it.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;
use sealpost_runtime::{Clock, Stopwatch};
use serde_json::Value;

use crate::daemon::{Daemon, World};

/// When the fixtures of other programs were made.
const MADE: u32 = 1_795_600_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn sealpost(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealpost")).args(arguments).output().unwrap()
}

/// Standard output, standard error and exit status.
fn run(arguments: &[&str]) -> (String, String, i32) {
    let output = sealpost(arguments);
    let text = |octets| String::from_utf8(octets).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn store(world: &World) -> PathBuf {
    world.folder.path().join("store.sqlite")
}

fn list(store: &Path) -> Vec<Value> {
    let store = store.to_str().unwrap();
    let (out, said, status) =
        run(&["enforce", "cache", "list", "--store", store, "--format", "json"]);
    assert_eq!(status, 0, "{said}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn listed(store: &Path, domain: &str) -> Option<Value> {
    list(store).into_iter().find(|row| row["domain"] == domain)
}

fn now() -> u32 {
    u32::try_from(Clock::system().now().as_second()).unwrap()
}

/// The cache that postfix-mta-sts-resolver made, as if it had done so an hour ago. The time of
/// each row is the same four octets.
fn resolver_cache(folder: &Path) -> PathBuf {
    let fixture = "../store/tests/fixtures/postfix-mta-sts-resolver-1.5.1.sqlite";
    let mut octets = fs_err::read(fixture).unwrap();
    for old in [MADE, MADE + 60] {
        let (old, new) = (old.to_be_bytes(), (now() - 3_600).to_be_bytes());
        let places: Vec<usize> =
            (0..octets.len() - 4).filter(|&at| octets[at..at + 4] == old).collect();
        assert!(!places.is_empty());
        places.iter().for_each(|&at| octets[at..at + 4].copy_from_slice(&new));
    }
    let path = folder.join("mta-sts-resolver.db");
    fs_err::write(&path, octets).unwrap();
    path
}

pub(crate) fn eventually(what: &str, is_so: impl FnMut() -> bool) {
    eventually_within(PATIENCE, what, is_so);
}

pub(crate) fn eventually_within(patience: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let watch = Stopwatch::start();
    while !is_so() {
        assert!(watch.elapsed() < patience, "never: {what}");
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_was_imported_applies_at_once_and_is_fetched_anew() {
    let world = World::new();
    let (store, cache) = (store(&world), resolver_cache(world.folder.path()));
    let arguments =
        ["enforce", "import", cache.to_str().unwrap(), "--store", store.to_str().unwrap()];
    let (_, said, status) = run(&arguments);
    // One row with more than a name in its mx line, one with an id that is none.
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("3 policies taken over, 2 could not be taken over"), "{said}");
    assert!(said.contains("injected.test\": failed to read an mx pattern: "), "{said}");
    assert!(said.contains("bad-id.test\": failed to read the id of the record: "), "{said}");
    let imported = listed(&store, "good.test").unwrap();
    let text =
        "version: STSv1\\r\\nmode: enforce\\r\\nmx: mx1.good.test\\r\\nmax_age: 604800\\r\\n";
    assert_eq!(imported["policy"]["text"], text);

    let daemon = world.daemon("20");
    assert_eq!(daemon.loaded, 3);
    let reply = daemon.client().ask("postfix", "good.test");
    assert!(reply.starts_with("OK secure match=mx1.good.test "), "{reply}");
    // The lab serves a policy under another id and in other words.
    eventually("good.test is fetched anew", || {
        let row = listed(&store, "good.test").unwrap();
        row["policy"]["fetched_at"] != imported["policy"]["fetched_at"]
            && row["policy"]["id"] != "20261101T000000"
    });
}

#[test]
fn what_was_imported_applies_without_a_network() {
    let world = World::new();
    let (store, cache) = (store(&world), resolver_cache(world.folder.path()));
    let World { runtime, lab, folder } = world;
    let network = lab.settings_file().to_owned();
    runtime.block_on(lab.stop());
    let daemon = Daemon::start(&network, &store, "2", &[]);
    assert_eq!(daemon.client().ask("postfix", "good.test"), "NOTFOUND");
    // Into a daemon that runs and has just failed to find out.
    run(&["enforce", "import", cache.to_str().unwrap(), "--store", store.to_str().unwrap()]);
    eventually("the daemon takes it in", || {
        daemon.client().ask("postfix", "good.test").starts_with("OK secure match=mx1.good.test ")
    });
    drop(folder);
}

#[test]
fn a_dump_is_taken_back_and_newer_policies_stay() {
    let world = World::new();
    let daemon = world.daemon("20");
    for domain in ["good.test", "good-wildcard.test", "good-testing.test"] {
        daemon.client().ask("postfix", domain);
    }
    let store = store(&world);
    eventually("all three are stored", || list(&store).len() == 3);
    let (dump, _, status) = run(&["enforce", "dump", "--store", store.to_str().unwrap()]);
    assert_eq!((dump.lines().count(), status), (3, 0));
    let file = world.folder.path().join("dump.ndjson");
    fs_err::write(&file, &dump).unwrap();
    let other = world.folder.path().join("other.sqlite");
    let (file, other_file) = (file.to_str().unwrap(), other.to_str().unwrap());
    let (_, said, status) = run(&["enforce", "import", file, "--store", other_file]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("3 policies taken over\n"), "{said}");
    assert_eq!(run(&["enforce", "dump", "--store", other_file]).0, dump);

    // The same again is not newer; an older policy with other words changes nothing.
    let older: String = dump.lines().map(|line| older(line) + "\n").collect();
    fs_err::write(file, older + &dump + "{}\n").unwrap();
    let (_, said, status) = run(&["enforce", "import", file, "--store", other_file]);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("0 policies taken over, 6 not newer than what is stored, 1 could not "),
        "{said}"
    );
    assert!(said.contains("line 7: failed to read the line: it is no line of a dump"), "{said}");
    assert_eq!(run(&["enforce", "dump", "--store", other_file]).0, dump);
}

/// The same policy fetched a minute earlier, with other words.
fn older(line: &str) -> String {
    let mut row: Value = serde_json::from_str(line).unwrap();
    let fetched: Timestamp = row["policy"]["fetched_at"].as_str().unwrap().parse().unwrap();
    let earlier = Timestamp::from_second(fetched.as_second() - 60).unwrap();
    row["policy"]["fetched_at"] = earlier.to_string().into();
    let text = row["policy"]["text"].as_str().unwrap().replace("enforce", "testing");
    row["policy"]["text"] = text.into();
    row.to_string()
}

#[test]
fn the_cache_of_postfix_tlspol_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.sqlite");
    let fixture = "../enforce/tests/fixtures/postfix-tlspol-cache.gob.gz";
    let (_, said, status) =
        run(&["enforce", "import", fixture, "--store", store.to_str().unwrap()]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("\"broken.test\": failed to read the policy: "), "{said}");
    // One policy was good for a year when the fixture was made, the others may have expired.
    assert!(said.contains(", 1 of which only the name is told, 1 could not be taken over\n"));
    assert!(said.ends_with("the daemon asks about all 4 anew\n"), "{said}");

    let cut = folder.path().join("cut");
    let octets = fs_err::read(fixture).unwrap();
    fs_err::write(&cut, &octets[..octets.len() / 2]).unwrap();
    let store = folder.path().join("other.sqlite");
    let (_, said, status) =
        run(&["enforce", "import", cut.to_str().unwrap(), "--store", store.to_str().unwrap()]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("unpack the file") && said.contains("postfix-tlspol -dump"), "{said}");

    let printed = folder.path().join("printed");
    fs_err::write(&printed, "good.test      7  secure match=mx1.good.test\nx may\n").unwrap();
    let (_, said, status) =
        run(&["enforce", "import", printed.to_str().unwrap(), "--store", store.to_str().unwrap()]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("line 2: failed to read the line: "), "{said}");
    assert!(said.contains("0 policies taken over, 1 of which only the name is told, 1 "), "{said}");
}

#[test]
fn a_purge_wants_consent_and_a_refresh_fetches_anew() {
    let world = World::new();
    let daemon = world.daemon("20");
    let store = store(&world);
    let file = store.to_str().unwrap();
    daemon.client().ask("postfix", "good.test");
    daemon.client().ask("postfix", "good-testing.test");
    eventually("both are stored", || list(&store).len() == 2);

    let (shown, _, status) = run(&["enforce", "cache", "show", "good.test", "--store", file]);
    assert_eq!(status, 0);
    assert!(shown.contains("  policy      enforce, applies\n"), "{shown}");
    assert!(shown.contains("  text        version: STSv1\\"), "{shown}");

    let before = listed(&store, "good.test").unwrap();
    sleep(Duration::from_millis(1_100));
    let (_, said, status) = run(&["enforce", "cache", "refresh", "good.test", "--store", file]);
    assert_eq!((said.as_str(), status), ("done: the daemon fetches 1 anew\n", 0));
    eventually("it is fetched anew", || {
        let after = listed(&store, "good.test").unwrap();
        after["policy"]["fetched_at"] != before["policy"]["fetched_at"]
    });

    let purge = ["enforce", "cache", "purge", "good.test", "good-testing.test", "--store", file];
    let (_, said, status) = run(&purge);
    assert_eq!(status, 2);
    let what = "failed to purge the enforced policy of good.test (only to mx1.good.test until 20";
    assert!(said.contains(what) && said.contains("--yes"), "{said}");
    assert_eq!(list(&store).len(), 2);
    let (_, said, status) = run(&[&purge[..], &["--yes"]].concat());
    assert_eq!(status, 0, "{said}");
    assert!(said.ends_with("purged 2\n"), "{said}");
    assert_eq!(list(&store).len(), 0);
    let (_, said, status) = run(&["enforce", "cache", "show", "good.test", "--store", file]);
    assert_eq!((said.as_str(), status), ("nothing is remembered of good.test\n", 1));
    // The daemon has forgotten it too, and finds out again.
    assert!(daemon.client().ask("postfix", "good.test").starts_with("OK secure "));
}

#[test]
fn what_is_wanted_waits_for_a_daemon() {
    let world = World::new();
    let store = store(&world);
    let file = store.to_str().unwrap();
    let (_, said, status) = run(&["enforce", "cache", "refresh", "good.test", "--store", file]);
    assert_eq!(status, 2, "{said}");
    assert!(!store.exists(), "none is made");
    assert_eq!(run(&["enforce", "cache", "list", "--store", file]).2, 2);
    assert!(!store.exists(), "none is made");

    let list_file = world.folder.path().join("domains");
    fs_err::write(&list_file, "good.test\n# others\nuser@good-two-mx.test\n-\nGOOD.test\n")
        .unwrap();
    let (_, said, status) = run(&["enforce", "warm", list_file.to_str().unwrap(), "--store", file]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("line 4: failed to read the domain\n"), "{said}");
    assert!(said.contains("2 domains in 5 lines: "), "{said}");
    let (_, said, status) = run(&["enforce", "cache", "refresh", "good.test", "--store", file]);
    assert_eq!(status, 3, "{said}");
    assert_eq!(said, "no daemon took 1 of 1 yet: it is done when one runs\n");

    let _daemon = world.daemon("20");
    eventually("nobody asked, and both are known", || list(&store).len() == 2);
}

#[test]
fn a_log_warms_a_daemon_that_runs_and_delays_nobody() {
    let world = World::new();
    let daemon = world.daemon("5");
    let store = store(&world);
    let log = world.folder.path().join("mail.log");
    let line = |domain: &str| {
        format!(
            "Nov 26 11:00:00 mx postfix/smtp[77]: 4A1: to=<a@{domain}>, \
             relay=mx.test[192.0.2.1]:25, delay=1, status=sent (250 2.0.0 ok)\n"
        )
    };
    let mut text: String =
        (0..3_000).map(|number| line(&format!("n{number}.no-such.test"))).collect();
    text += &line("good-two-mx.test");
    fs_err::write(&log, text).unwrap();
    let (log, file) = (log.to_str().unwrap(), store.to_str().unwrap());
    let (_, said, status) = run(&["enforce", "warm", log, "--store", file]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("3001 domains in 3001 lines: "), "{said}");
    let reply = daemon.client().ask("postfix", "good.test");
    assert!(reply.starts_with("OK secure "), "{reply}");
    eventually("the last of the log is known", || listed(&store, "good-two-mx.test").is_some());
    // Behind all the others.
    let (_, said, status) = run(&["enforce", "cache", "refresh", "good.test", "--store", file]);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn what_was_purged_is_gone_from_memory_too() {
    let world = World::new();
    let (daemon, store) = (world.daemon("2"), store(&world));
    assert!(daemon.client().ask("postfix", "good.test").starts_with("OK secure "));
    // With a network it would find out again.
    let World { runtime, lab, folder } = world;
    runtime.block_on(lab.stop());
    assert!(daemon.client().ask("postfix", "good.test").starts_with("OK secure "));
    let file = store.to_str().unwrap();
    let (_, said, status) =
        run(&["enforce", "cache", "purge", "good.test", "--store", file, "--yes"]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(daemon.client().ask("postfix", "good.test"), "NOTFOUND");
    // That the policy host has failed since may be known.
    assert!(listed(&store, "good.test").is_none_or(|row| row["policy"].is_null()));
    drop(folder);
}
