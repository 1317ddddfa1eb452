//! What the sources may say, and how long they may be.

use crate::{Source, TREE, none};

const MAX_LINES: usize = 800;
const MAX_MAIN_LINES: usize = 50;

/// Reading the time belongs to `runtime`. The lab and the end-to-end tests have their own: they
/// stand outside the house.
const CLOCKS: &[&str] = &["crates/runtime", "crates/lab", "crates/e2e"];
/// Opening a connection outward belongs to `net`; the two beside the house serve and test.
const SOCKETS: &[&str] = &["crates/net", "crates/listen", "crates/lab", "crates/e2e"];

#[test]
fn only_runtime_reads_the_time() {
    let words = ["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"];
    let sources = Source::all();
    none(
        sources
            .iter()
            .filter(|source| !CLOCKS.contains(&source.folder.as_str()) && is_ours(source))
            .flat_map(|source| source.lines_with(&words)),
        "the time comes from the clock of runtime",
    );
}

#[test]
fn only_net_opens_a_connection() {
    let words = ["TcpStream", "TcpSocket", "UdpSocket", "UnixStream"];
    let sources = Source::all();
    none(
        sources
            .iter()
            .filter(|source| !SOCKETS.contains(&source.folder.as_str()) && is_ours(source))
            .flat_map(|source| source.lines_with(&words)),
        "what goes out goes through net",
    );
}

/// Sources of the house proper. This crate's tests name what they look for.
fn is_ours(source: &Source) -> bool {
    !source.is_test() && source.folder != "crates/xtask"
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    let mut offences = Vec::new();
    for source in Source::all() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let line = line.trim_start();
            let place = format!("{}:{}", source.file.display(), index + 1);
            if starts_attribute(line, "allow(") {
                offences.push(format!("{place}: allow"));
            }
            let is_expect = starts_attribute(line, "expect(");
            if is_expect && !attribute(lines.get(index..).unwrap_or_default()).contains("reason =")
            {
                offences.push(format!("{place}: no reason"));
            }
        }
    }
    none(offences, "a lint is switched off by `expect` with a reason");
}

fn starts_attribute(line: &str, name: &str) -> bool {
    line.strip_prefix("#[").or_else(|| line.strip_prefix("#![")).is_some_and(|inner| {
        inner.starts_with(name) || (inner.starts_with("cfg_attr(") && inner.contains(name))
    })
}

/// The text of the attribute that begins on the first line.
fn attribute(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        if line.trim_end().ends_with(']') {
            break;
        }
    }
    text
}

#[test]
fn attributes_are_told_from_other_text() {
    assert!(starts_attribute("#[allow(dead_code)]", "allow("));
    assert!(starts_attribute("#![allow(", "allow("));
    assert!(starts_attribute("#[cfg_attr(test, allow(dead_code))]", "allow("));
    assert!(!starts_attribute("#[expect(dead_code)]", "allow("));
    assert!(!starts_attribute("let text = \"#[allow(\";", "allow("));
    let lines = ["#[expect(", "    dead_code,", "    reason = \"r\"", ")]", "reason = 1"];
    assert!(attribute(&lines).ends_with("\")]"));
    assert!(!attribute(&["#[expect(dead_code)]", "let reason = 1;"]).contains("reason ="));
}

#[test]
fn files_are_short_enough_to_read() {
    let mut offences = Vec::new();
    for source in Source::all() {
        let lines = source.text.lines().count();
        let limit = if source.file.ends_with("src/main.rs") { MAX_MAIN_LINES } else { MAX_LINES };
        if lines > limit {
            offences.push(format!("{}: {lines} lines, at most {limit}", source.file.display()));
        }
    }
    none(offences, "a file is one thing, and main.rs only a door");
}

#[test]
fn no_file_knows_where_it_was_built() {
    let here = TREE.root().display().to_string();
    let homes = [["/ho", "me/"].concat(), ["/ro", "ot/"].concat(), here];
    let mut files = vec!["Cargo.toml".into(), "Cargo.lock".into(), "test".into()];
    for (folder, extension) in [
        ("crates", "rs"),
        ("crates", "toml"),
        ("crates", "md"),
        ("doc", "md"),
        ("fuzz", "rs"),
        ("fuzz", "toml"),
    ] {
        if TREE.root().join(folder).is_dir() {
            files.extend(TREE.files(folder, extension).unwrap());
        }
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        files.push(name.into());
    }
    let mut offences = Vec::new();
    for file in files {
        let text = TREE.read(&file).unwrap();
        for home in homes.iter().filter(|home| text.contains(home.as_str())) {
            offences.push(format!("{}: {home}", file.display()));
        }
    }
    none(offences, "no file names a folder of somebody's machine");
}
