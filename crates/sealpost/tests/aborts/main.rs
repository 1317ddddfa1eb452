//! The memory of `enforce`, the intake of `receive`, and the reports on their way out of `report`, in
//! a process that is aborted before and after every commit.
//!
//! This program starts itself again with `child` as its first argument; that process is the one
//! that is aborted, or looks at what is left.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "children tell their parent what was answered")]

mod children;
mod intake;
mod outgoing;

// What other tests have too.
#[expect(dead_code, reason = "only its texts are wanted here")]
#[path = "../receive/dns.rs"]
mod dns;
#[expect(dead_code, reason = "only parts of it are wanted here")]
#[path = "../report/house.rs"]
mod house;
#[expect(dead_code, reason = "it takes everything here")]
#[path = "../report/sink.rs"]
mod sink;

use std::collections::BTreeMap;
use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::scope;

use sealpost_lab::{Lab, Options, Ports};
use tokio::runtime::Runtime;

use crate::children::{PURGED, REFRESHED};

/// The signal of `abort()`.
const SIGABRT: i32 = 6;
/// More moments than any child has.
const MOST: u64 = 100;
/// Children at a time; most of their time they wait.
const TOGETHER: usize = 6;

const TESTS: &[(&str, fn())] = &[
    (
        "what_was_answered_survives_an_abort_around_every_commit",
        what_was_answered_survives_an_abort_around_every_commit,
    ),
    (
        "what_was_acknowledged_survives_an_abort_around_every_commit",
        intake::what_was_acknowledged_survives_an_abort_around_every_commit,
    ),
    (
        "no_report_is_lost_or_made_twice_by_an_abort_around_every_commit",
        outgoing::no_report_is_lost_or_made_twice_by_an_abort_around_every_commit,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == "child"
    {
        match rest {
            [what, rest @ ..] if what == "outgoing" => outgoing::run(rest),
            [what, store, moment] => intake::run(what, store, moment.parse().unwrap()),
            rest => children::run(rest),
        }
        return ExitCode::SUCCESS;
    }
    // As the usual harness: words are parts of the names wanted, flags are its own affair.
    let filters: Vec<&String> = arguments.iter().filter(|text| !text.starts_with('-')).collect();
    for (name, test) in TESTS {
        if filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

fn what_was_answered_survives_an_abort_around_every_commit() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        ports: Ports::Ephemeral,
        directory: Some(folder.path().join("lab")),
        ..Options::new(sealpost_runtime::Clock::system().now())
    };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let text = fs_err::read_to_string(lab.settings_file()).unwrap();
    let no_network = lab.directory().join("no-network.toml");
    let gone = text.replace(&lab.resolver().to_string(), "127.0.0.1:1");
    fs_err::write(&no_network, gone).unwrap();

    let next = AtomicU64::new(1);
    let finished = Mutex::new(Vec::new());
    scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                loop {
                    let moment = next.fetch_add(1, Ordering::SeqCst);
                    assert!(moment < MOST, "the child never ends by itself");
                    let store = folder.path().join(format!("moment-{moment}.sqlite"));
                    let case =
                        Case { network: lab.settings_file(), no_network: &no_network, store };
                    if !case.abort_at(moment) {
                        finished.lock().unwrap().push(moment);
                        return;
                    }
                }
            });
        }
    });
    // The schema, three policies, three wishes, and their removal: two moments for each commit.
    let first = *finished.lock().unwrap().iter().min().unwrap();
    assert!(first > 2 * 8, "only {first} moments: commits were skipped");
}

/// One store, and what becomes of it.
struct Case<'a> {
    network: &'a Path,
    no_network: &'a Path,
    store: PathBuf,
}

impl Case<'_> {
    /// Aborts at a moment and checks what is left; `false` if there is no such moment.
    fn abort_at(&self, moment: u64) -> bool {
        let output = self.child("work", self.network, moment);
        let (said, lines) = texts(&output);
        let is_aborted = !output.status.success();
        if is_aborted {
            assert_eq!(output.status.signal(), Some(SIGABRT), "moment {moment}: {said}");
        } else {
            assert!(lines.contains("\nend\n"), "{lines}{said}");
        }
        let left = self.child("look", self.no_network, 0);
        let (said, found) = texts(&left);
        assert!(left.status.success(), "moment {moment}: {found}{said}");
        check(moment, &lines, &found);
        // It goes on from there.
        let whole = self.child("work", self.network, 0);
        let (said, lines) = texts(&whole);
        assert!(whole.status.success(), "moment {moment}: {lines}{said}");
        is_aborted
    }

    fn child(&self, what: &str, network: &Path, moment: u64) -> Output {
        child(&[what], &[network, &self.store], moment)
    }
}

/// Starts this program again.
fn child(words: &[&str], paths: &[&Path], moment: u64) -> Output {
    Command::new(env::current_exe().unwrap())
        .arg("child")
        .args(words)
        .args(paths)
        .arg(moment.to_string())
        .output()
        .unwrap()
}

/// Compares what was answered with what the next process answers without a network.
fn check(moment: u64, told: &str, found: &str) {
    let policies = |text: &str, word: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(word)?.split_once(' '));
        lines.map(|(name, policy)| (name.to_owned(), policy.to_owned())).collect()
    };
    let answered = policies(told, "answered ");
    let mut kept = policies(found, "answered ");
    for (name, policy) in &answered {
        // Until it is known to be wanted, it may be or not.
        if name == PURGED && told.contains("\nwanting\n") {
            continue;
        }
        assert_eq!(kept.get(name), Some(policy), "moment {moment}: {name} was relied on\n{told}");
    }
    if told.contains("\nwanted\n") {
        // Whether or not it had been done: what was wanted and kept is done now.
        assert_eq!(kept.remove(PURGED), None, "moment {moment}: it was to be purged\n{told}");
        assert!(kept.contains_key(REFRESHED), "moment {moment}: what is refreshed stays\n{told}");
    }
    assert!(found.contains("\nrows "), "{found}");
}

fn texts(output: &Output) -> (String, String) {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (text(&output.stderr), format!("\n{}", text(&output.stdout)))
}
