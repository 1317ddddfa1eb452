//! The reference pages are what the program would write today.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_of_rules_is_fresh() {
    is_fresh("rules.md", &["rule", "--format", "markdown"]);
}

#[test]
fn the_page_of_failures_is_fresh() {
    is_fresh("failures.md", &["failure", "--format", "markdown"]);
}

#[test]
fn the_page_of_metrics_is_fresh() {
    is_fresh("metrics.md", &["metrics"]);
}

#[test]
fn the_page_of_incidents_is_fresh() {
    is_fresh("incidents.md", &["alert", "causes"]);
}

#[track_caller]
fn is_fresh(page: &str, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost")).args(arguments).output().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/reference").join(page);
    let written = fs_err::read_to_string(path).unwrap();
    assert!(
        String::from_utf8(output.stdout).unwrap() == written,
        "stale: run `sealpost {} > doc/reference/{page}`",
        arguments.join(" ")
    );
}
