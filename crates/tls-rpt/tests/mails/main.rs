//! Mails and files as senders make them, and what must be found in each.
//!
//! `verdicts.txt` has one line for each file. The verdicts were found by reading the bytes, so a
//! difference is first of all a fault of the reader.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bombs;
mod hints;
mod odd;
mod packings;
mod properties;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tls_rpt::{MailLimits, PayloadLimits, PayloadNote, Payloads, ReportMail};

const FOLDERS: &[&str] = &["field", "own", "postfix", "quirks"];
const SEPARATOR: &str = " | ";
/// The columns before the remark: path, reports, notes, refusals.
const COLUMNS: usize = 4;

#[test]
fn every_file_is_read_as_the_table_says() {
    let table = table();
    let found: BTreeMap<String, String> =
        files().into_iter().map(|path| (path.clone(), verdict(&path))).collect();
    assert!(found.len() > 20, "the files were not found");

    let mut differences = Vec::new();
    for (path, verdict) in &found {
        match table.get(path) {
            None => differences.push(format!("{path}: no line; it would be\n    {verdict}")),
            Some(line) if line != verdict => differences.push(format!(
                "{path}:\n    the table says  {line}\n    the reader says {verdict}"
            )),
            Some(_) => {}
        }
    }
    for path in table.keys().filter(|path| !found.contains_key(*path)) {
        differences.push(format!("{path}: a line without a file"));
    }
    assert!(
        differences.is_empty(),
        "verdicts.txt and the reader differ:\n{}",
        differences.join("\n")
    );
}

/// What comes out of a mail is what lies in it: the same JSON from every packing.
#[test]
fn the_same_report_comes_out_of_every_packing() {
    let without_white = |mut json: Vec<u8>| {
        json.retain(|octet| !octet.is_ascii_whitespace());
        String::from_utf8(json).unwrap()
    };
    let plain = without_white(read("quirks/60-eml-gzip.eml").reports.remove(0).json);
    assert!(plain.starts_with('{') && plain.ends_with('}'));
    for path in files().iter().filter(|path| path.starts_with("quirks/") && path.ends_with(".eml"))
    {
        let reports = read(path).reports;
        assert_eq!(reports.len(), 1, "{path}");
        for report in reports {
            assert_eq!(without_white(report.json), plain, "{path}");
        }
    }
}

pub(crate) fn read(path: &str) -> ReportMail<'static> {
    let octets = fs_err::read(folder().join(path)).unwrap();
    ReportMail::read(octets.leak(), &MailLimits::default()).unwrap()
}

fn table() -> BTreeMap<String, String> {
    let text = fs_err::read_to_string(folder().join("verdicts.txt")).unwrap();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.splitn(COLUMNS + 1, SEPARATOR).map(str::trim).collect();
            assert!(columns.len() >= COLUMNS, "a line with too few columns: {line}");
            let (path, verdict) = columns.split_first().unwrap();
            ((*path).to_owned(), verdict.get(..COLUMNS - 1).unwrap().join(SEPARATOR))
        })
        .collect()
}

fn files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| folder().join(name)).collect();
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder()).unwrap();
                let parts: Vec<&str> = below.iter().map(|part| part.to_str().unwrap()).collect();
                files.push(parts.join("/"));
            }
        }
    }
    files
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails")
}

/// The columns from the second to the fourth, as the reader sees them.
fn verdict(path: &str) -> String {
    let octets = fs_err::read(folder().join(path)).unwrap();
    let (reports, notes, refusals) = if path.ends_with(".eml") {
        match ReportMail::read(&octets, &MailLimits::default()) {
            Ok(mail) => (
                mail.reports.len(),
                mail.notes.iter().map(|note| note.kind.code()).collect(),
                mail.refusals.iter().map(|refusal| refusal.error.kind.code()).collect(),
            ),
            Err(error) => panic!("{path}: {error}"),
        }
    } else {
        match Payloads::read(&octets, &PayloadLimits::default()) {
            Ok(found) => {
                (found.reports.len(), found.notes.iter().map(PayloadNote::code).collect(), vec![])
            }
            Err(error) => (0, vec![], vec![error.kind.code()]),
        }
    };
    [reports.to_string(), or_dash(&notes), or_dash(&refusals)].join(SEPARATOR)
}

fn or_dash(codes: &[&str]) -> String {
    if codes.is_empty() { "-".to_owned() } else { codes.join(" ") }
}
