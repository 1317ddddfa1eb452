//! Policies with the habits and mistakes of real domain owners, and the verdict on each of them.
//!
//! `verdicts.txt` has one line for each file of `policies`. The verdicts were found by reading the
//! bytes beside the grammar of RFC 8461 §3.2, so a difference is first of all a fault of the reader.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use mta_sts::{Policy, PolicyDefect, PolicyDefectKind};

/// What separates the columns of the table.
const SEPARATOR: &str = " | ";
/// The columns before the remark: path, validity, mode, max_age, number of mx, defects.
const COLUMNS: usize = 6;

#[test]
fn every_policy_is_read_as_the_table_says() {
    let table: BTreeMap<String, String> =
        table().into_iter().map(|line| (line.path, line.verdict)).collect();
    let found: BTreeMap<String, String> = policies()
        .into_iter()
        .map(|path| {
            let body = fs_err::read(folder().join("policies").join(&path)).unwrap();
            (path, verdict(&body))
        })
        .collect();
    assert!(!found.is_empty(), "there is no policy");

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

#[test]
fn each_refusal_has_its_reason() {
    let lines = table();
    let mute: Vec<&str> = lines
        .iter()
        .filter(|line| !line.verdict.starts_with("valid") && line.remark.is_empty())
        .map(|line| line.path.as_str())
        .collect();
    assert!(mute.is_empty(), "a policy is called invalid without a remark: {mute:?}");
}

#[test]
fn no_policy_has_two_lines() {
    let lines = table();
    let in_order = lines.is_sorted_by(|one, next| one.path < next.path);
    let paths: Vec<&str> = lines.iter().map(|line| line.path.as_str()).collect();
    assert!(in_order, "the lines are not in the order of their paths, each once: {paths:#?}");
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

/// The files below `policies`, with `/` between folders.
fn policies() -> Vec<String> {
    let top = folder().join("policies");
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

/// The columns from the second to the sixth, as the reader sees them.
fn verdict(body: &[u8]) -> String {
    let reading = Policy::read(body);
    let validity = if Policy::parse(body).is_ok() { "valid" } else { "invalid" };
    let defects: Vec<String> = reading.defects.iter().map(name).collect();
    [
        validity.to_owned(),
        or_dash(reading.mode.map(|(mode, _)| mode)),
        or_dash(reading.max_age.map(|(max_age, _)| max_age)),
        reading.mx.len().to_string(),
        if defects.is_empty() { "-".to_owned() } else { defects.join(" ") },
    ]
    .join(SEPARATOR)
}

fn or_dash(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The name of the defect's kind; of an invalid mx also the reason.
fn name(defect: &PolicyDefect) -> String {
    match &defect.kind {
        PolicyDefectKind::MxInvalid { reason } => format!("MxInvalid({})", variant(reason)),
        kind => variant(kind),
    }
}

/// The name of an enum's variant, which `Debug` writes first.
fn variant(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}
