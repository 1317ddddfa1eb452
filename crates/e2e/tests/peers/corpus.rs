//! Every file of the corpus, by `sealpost` and by parsedmarc.
//!
//! `corpus.txt` has a line for each. It is made: `SEALPOST_RENEW_PAGES=1` with this test writes it.
//! The remarks are ours, in `remarks.txt`: a file that the two do not read alike needs one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sealpost_e2e::{ParsedmarcVerdict, ask_parsedmarc, sealpost_binary};
use serde_json::Value;

/// Set to anything, it has the table written instead of compared.
const RENEW: &str = "SEALPOST_RENEW_PAGES";
/// Where the corpus lies: the test data of the crate that reads reports.
const FOLDERS: [&str; 5] =
    ["field/reports", "mails/field", "mails/own", "mails/postfix", "mails/quirks"];
const HEAD: &str = "\
# What sealpost and parsedmarc 11.1.0 read in each file of crates/tls-rpt/tests. Made by a test:
# SEALPOST_RENEW_PAGES=1 cargo test -p sealpost-e2e --test peers corpus
#
# file | how the two compare | sealpost | its sessions | parsedmarc | its sessions | why they differ
#
# sealpost: `right`, or what is remarked on the mail and its packing, and the repairs that are more than
# unusual, or why it is kept apart; `incomplete` where a number could not be read. Sessions: successful +
# failed; as lowest..likely..highest where the report leaves it open. parsedmarc adds up over all policies.
";

#[test]
fn what_parsedmarc_reads_we_read_with_the_same_sums() {
    let files = files();
    assert!(files.len() > 90, "the corpus was not found");
    let others = ask_parsedmarc(&folder(), &files).unwrap();
    let ours = ours(&files);
    let mut remarks = remarks();
    let mut table = HEAD.to_owned();
    let mut tally: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for file in &files {
        let (ours, other) = (&ours[file], &others[file]);
        let comparison = ours.compare(other);
        *tally.entry(comparison).or_default() += 1;
        let remark = remarks.remove(file).unwrap_or_default();
        if (comparison == "same" || comparison == "neither") != remark.is_empty() {
            wrong.push(format!("{file}: {comparison}, and the remark is {remark:?}"));
        }
        let (verdict, sessions) = match other {
            ParsedmarcVerdict::Read { successful, failed } => {
                ("read", format!("{successful} + {failed}"))
            }
            ParsedmarcVerdict::Refused(reason) => (reason.as_str(), "-".to_owned()),
        };
        let line = [
            file,
            comparison,
            &ours.verdict,
            &ours.sessions.as_ref().map_or("-".to_owned(), ToString::to_string),
            verdict,
            &sessions,
            &remark,
        ];
        let _ = writeln!(table, "{}", line.join(" | ").trim_end_matches(" | "));
    }
    let _ = writeln!(table, "#\n# {} files: {tally:?}", files.len());
    compare(&table);
    assert!(wrong.is_empty(), "remarks.txt: {wrong:#?}");
    assert!(remarks.is_empty(), "remarks.txt: no such files: {remarks:#?}");
    // This is the promise; where it is broken, a remark is no excuse.
    assert_eq!(tally.get("only parsedmarc"), None, "it reads what we do not");
}

/// What we make of a file.
struct Ours {
    verdict: String,
    sessions: Option<Sessions>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sessions {
    successful: Bounds,
    failed: Bounds,
}

/// From, likely, to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Bounds(u64, u64, u64);

impl Ours {
    /// How it stands beside what the other makes of it.
    fn compare(&self, other: &ParsedmarcVerdict) -> &'static str {
        match (&self.sessions, other) {
            (Some(sessions), ParsedmarcVerdict::Read { successful, failed }) => {
                let same =
                    |ours: &Bounds, other: &i128| ours.0 == ours.2 && i128::from(ours.1) == *other;
                if same(&sessions.successful, successful) && same(&sessions.failed, failed) {
                    "same"
                } else {
                    "other sums"
                }
            }
            (Some(_), ParsedmarcVerdict::Refused(_)) => "only sealpost",
            (None, ParsedmarcVerdict::Read { .. }) => "only parsedmarc",
            (None, ParsedmarcVerdict::Refused(_)) => "neither",
        }
    }
}

impl fmt::Display for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} + {}", self.successful, self.failed)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(lower, likely, upper) = self;
        if lower == upper {
            write!(formatter, "{likely}")
        } else {
            write!(formatter, "{lower}..{likely}..{upper}")
        }
    }
}

/// Two at a time: each file is a few processes.
fn ours(files: &[String]) -> BTreeMap<String, Ours> {
    let program = sealpost_binary().unwrap();
    let halves = files.chunks(files.len().div_ceil(2));
    std::thread::scope(|scope| {
        let threads: Vec<_> = halves
            .map(|files| {
                let program = &program;
                scope.spawn(move || {
                    files.iter().map(|file| (file.clone(), read(program, file))).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// By `show`, and by `import` into a store of its own; the two must agree.
fn read(program: &Path, file: &str) -> Ours {
    let shown = run(program, &["show", "--format", "json", file]);
    let store = tempfile::tempdir().unwrap();
    let store = store.path().join("store.sqlite");
    let store = store.to_str().unwrap();
    let imported =
        run(program, &["import", "--no-dns", "--format", "json", "--store", store, file]);
    let summary = run(program, &["summary", "--unverified", "--format", "json", "--store", store]);
    assert_eq!((&imported["submissions"], &imported["new"]), (&1.into(), &1.into()), "{file}");

    let reports = shown["reports"].as_array().unwrap();
    let codes = codes(&shown, reports);
    let apart: Vec<&String> = imported["quarantined"].as_object().unwrap().keys().collect();
    let kept = &summary["scopes"][1];
    if reports.is_empty() {
        assert_eq!(apart.len(), 1, "{file}: {imported}");
        assert_eq!(kept["reports"], 0, "{file}: {summary}");
        assert!(codes.iter().any(|code| code == apart[0]), "{file}: {codes:?} and {apart:?}");
        return Ours { verdict: format!("kept apart: {}", apart[0]), sessions: None };
    }
    assert!(apart.is_empty(), "{file}: {imported}");
    let mut sessions = Sessions::default();
    for domain in reports.iter().flat_map(|report| report["domains"].as_array().unwrap()) {
        for (key, sum) in
            [("successful", &mut sessions.successful), ("failed", &mut sessions.failed)]
        {
            sum.0 += domain[key]["lower"].as_u64().unwrap();
            sum.1 += domain[key]["likely"].as_u64().unwrap();
            sum.2 += domain[key]["upper"].as_u64().unwrap();
        }
    }
    for (key, sum) in [("successful", &sessions.successful), ("failed", &sessions.failed)] {
        let stored = (kept[key]["lower"].as_u64(), kept[key]["upper"].as_u64());
        assert_eq!(stored, (Some(sum.0), Some(sum.2)), "{file}: {summary}");
    }
    let incomplete = reports.iter().any(|report| report["complete"] == false);
    let mut verdict = codes.join(" ");
    if codes.is_empty() {
        verdict.push_str("right");
    }
    if incomplete {
        verdict = format!("incomplete: {verdict}");
    }
    Ours { verdict, sessions: Some(sessions) }
}

/// What is said about it, but for what is merely unusual in a report.
fn codes(shown: &Value, reports: &[Value]) -> Vec<String> {
    let repairs = reports.iter().flat_map(|report| report["repairs"].as_array().unwrap());
    let repairs = repairs.filter(|repair| repair["severity"] != "unusual");
    let list = |key| shown[key].as_array().unwrap().iter();
    let found = repairs.chain(list("unreadable")).chain(list("notes"));
    let codes: BTreeSet<String> =
        found.map(|found| found["code"].as_str().unwrap().to_owned()).collect();
    codes.into_iter().collect()
}

fn run(program: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(program)
        .arg("receive")
        .args(arguments)
        .current_dir(folder())
        .env_remove("SEALPOST_CONFIG")
        .env_remove("SEALPOST_NETWORK")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn remarks() -> BTreeMap<String, String> {
    let text = fs_err::read_to_string(here().join("remarks.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (file, remark) = line.split_once(" | ").unwrap();
            (file.to_owned(), remark.to_owned())
        })
        .collect()
}

fn compare(table: &str) {
    let path = here().join("corpus.txt");
    if std::env::var_os(RENEW).is_some() {
        fs_err::write(&path, table).unwrap();
    }
    let written = fs_err::read_to_string(&path).unwrap_or_default();
    let differences: Vec<&str> = table
        .lines()
        .filter(|line| written.lines().all(|other| other != *line))
        .chain(written.lines().filter(|line| table.lines().all(|other| other != *line)))
        .collect();
    assert!(written == table, "corpus.txt is stale, {RENEW}=1 renews it: {differences:#?}");
}

/// The files, by their paths below [`folder`].
fn files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| folder().join(name)).collect();
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls-rpt/tests")
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}
