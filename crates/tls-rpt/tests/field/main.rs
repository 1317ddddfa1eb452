//! Reports with the habits and mistakes of real senders, and what must be read of each of them.
//!
//! `verdicts.txt` has one line for each file of `reports`. The numbers were found by looking at the
//! octets, so a difference is first of all a fault of the reader.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use tls_rpt::{Bounds, Report, ReportLimits, ReportReading, Tally};

/// What separates the columns of the table.
const SEPARATOR: &str = " | ";
/// The columns before the remark: path, verdict, days, numbers, repairs.
const COLUMNS: usize = 5;

#[test]
fn every_report_is_read_as_the_table_says() {
    let table: BTreeMap<String, String> =
        table().into_iter().map(|line| (line.path, line.verdict)).collect();
    let found: BTreeMap<String, String> = reports()
        .into_iter()
        .map(|path| {
            let octets = fs_err::read(folder().join("reports").join(&path)).unwrap();
            (path, verdict(&octets))
        })
        .collect();
    assert!(!found.is_empty(), "there is no report");

    let mut differences = Vec::new();
    for (path, verdict) in &found {
        match table.get(path) {
            None => differences.push(format!("{path}: no line; it would be\n{path} | {verdict}")),
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

#[test]
fn each_refusal_has_its_reason() {
    let lines = table();
    let mute: Vec<&str> = lines
        .iter()
        .filter(|line| line.verdict.starts_with("refused") && line.remark.is_empty())
        .map(|line| line.path.as_str())
        .collect();
    assert!(mute.is_empty(), "a report is refused without a remark: {mute:?}");
}

#[test]
fn no_report_has_two_lines() {
    let lines = table();
    let in_order = lines.is_sorted_by(|one, next| one.path < next.path);
    let paths: Vec<&str> = lines.iter().map(|line| line.path.as_str()).collect();
    assert!(in_order, "the lines are not in the order of their paths, each once: {paths:#?}");
}

#[test]
fn every_public_report_names_its_source() {
    let sources = fs_err::read_to_string(folder().join("SOURCES.md")).unwrap();
    for path in reports().iter().filter_map(|path| path.strip_prefix("public/")) {
        let (repository, file) = path.split_once('/').unwrap();
        let row = format!("| {} | {file} |", repository.replace("__", "/"));
        assert!(sources.contains(&row), "SOURCES.md does not name {path}");
    }
}

#[test]
fn every_repair_has_a_place_in_the_text() {
    for path in reports() {
        let octets = fs_err::read(folder().join("reports").join(&path)).unwrap();
        let reading = Report::read(&octets, &ReportLimits::default());
        for repair in reading.repairs {
            let span = repair.span(&octets);
            let found = span.is_some_and(|span| !span.range().is_empty());
            assert!(found, "{path}: {repair} is nowhere");
            assert!(span.unwrap().end <= octets.len(), "{path}: {repair} is outside the text");
        }
    }
}

/// What the strict writer makes of a report is read without a repair that counts; what it refuses
/// has a fault of its own, never one of the writer.
#[test]
fn what_is_read_is_written_or_refused_with_a_reason() {
    for path in reports() {
        let octets = fs_err::read(folder().join("reports").join(&path)).unwrap();
        let reading = Report::read(&octets, &ReportLimits::default());
        let loose = serde_json::to_vec(&reading.report).unwrap();
        let again = Report::read(&loose, &ReportLimits::default());
        if reading.refusal.is_none() {
            assert_eq!(again.report, reading.report, "{path} changes when it is written");
        }
        if reading.clone().strict().is_ok() {
            assert_eq!(
                reading.report.to_json().map(String::into_bytes),
                Ok(loose),
                "{path} is right and cannot be written"
            );
        }
    }
}

/// A line of the table.
struct Line {
    path: String,
    verdict: String,
    remark: String,
}

fn table() -> Vec<Line> {
    let text = fs_err::read_to_string(folder().join("verdicts.txt")).unwrap();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.splitn(COLUMNS + 1, SEPARATOR).map(str::trim).collect();
            assert!(columns.len() >= COLUMNS, "a line with too few columns: {line}");
            let (verdict, remark) = columns.split_at(COLUMNS);
            let (path, verdict) = verdict.split_first().unwrap();
            Line {
                path: (*path).to_owned(),
                verdict: verdict.join(SEPARATOR),
                remark: remark.concat(),
            }
        })
        .collect()
}

/// The files below `reports`, with `/` between folders.
fn reports() -> Vec<String> {
    let top = folder().join("reports");
    let mut files = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.push(below(&top, &entry.path()));
            }
        }
    }
    files
}

fn below(top: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(top).unwrap().iter();
    parts.map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("/")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field")
}

/// The columns from the second to the fifth, as the reader sees them.
fn verdict(octets: &[u8]) -> String {
    let reading = Report::read(octets, &ReportLimits::default());
    let verdict = match reading.refusal {
        Some(refusal) => format!("refused: {}", refusal.code()),
        None if reading.clone().strict().is_ok() => "right".to_owned(),
        None if reading.is_complete() => "mended".to_owned(),
        None => "incomplete".to_owned(),
    };
    let tally = Tally::of(&reading.report);
    let days: Vec<String> = tally.days.iter().map(|day| day.date.to_string()).collect();
    [verdict, or_dash(&days), or_dash(&numbers(&tally)), or_dash(&repairs(&reading))]
        .join(SEPARATOR)
}

fn numbers(tally: &Tally<'_>) -> Vec<String> {
    tally
        .domains
        .iter()
        .map(|domain| {
            let name = domain.domain.map_or_else(|| "?".to_owned(), ToString::to_string);
            let sessions = domain.sessions;
            let failures: Vec<String> =
                domain.failures.iter().map(|failure| bounds(failure.sessions)).collect();
            let failures = if failures.is_empty() { String::new() } else { failures.join("+") };
            format!(
                "{name}: {} ok, {} failed ({failures})",
                bounds(sessions.successful),
                bounds(sessions.failed)
            )
        })
        .collect()
}

fn bounds(bounds: Bounds) -> String {
    if bounds.is_exact() {
        bounds.likely.to_string()
    } else {
        format!("{}..{}..{}", bounds.lower, bounds.likely, bounds.upper)
    }
}

/// The codes of the repairs, each once, in the order of the alphabet.
fn repairs(reading: &ReportReading) -> Vec<String> {
    let codes: BTreeSet<&str> = reading.repairs.iter().map(|repair| repair.kind.code()).collect();
    codes.into_iter().map(str::to_owned).collect()
}

fn or_dash(items: &[String]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.join(" ") }
}
