//! Core computes: what it needs comes in as an argument, what to do next goes out as a value.

use crate::{CORE, METADATA, Source, built_packages, none};

/// Packages that bring a runtime, a socket, a clock or a log.
const IMPURE: &[&str] = &[
    "async-std",
    "fs-err",
    "hyper",
    "log",
    "mio",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-rustls",
    "tracing",
    "tracing-core",
];

/// What core sources may not say.
const IMPURE_WORDS: &[&str] = &[
    "std::fs",
    "std::env::",
    "std::process",
    "std::thread",
    "std::io::stdout",
    "std::io::stderr",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "async fn",
    ".await",
    "println!",
];

#[test]
fn core_depends_on_nothing_that_acts() {
    let mut offences = Vec::new();
    for core in CORE {
        let built = built_packages(&["--package", core, "--edges", "normal", "--all-features"]);
        assert!(built.contains(*core), "{core} is not in its own tree");
        let acting = built
            .iter()
            .filter(|name| IMPURE.contains(&name.as_str()) || name.starts_with("hickory"));
        offences.extend(acting.map(|name| format!("{core} reaches {name}")));
    }
    none(offences, "core depends on no runtime, socket, file, clock or log");
}

#[test]
fn dkim_asks_nobody() {
    let built =
        built_packages(&["--package", "sealpost-dkim", "--edges", "normal", "--all-features"]);
    assert!(built.contains("aws-lc-rs"), "the tree of dkim was not read");
    let acting =
        built.iter().filter(|name| IMPURE.contains(&name.as_str()) || name.starts_with("hickory"));
    none(acting.cloned(), "dkim is handed keys and the time: it asks no DNS and reads no clock");
}

#[test]
fn core_sources_do_not_act() {
    let folders: Vec<String> = METADATA
        .workspace_packages()
        .iter()
        .filter(|package| CORE.contains(&package.name.as_str()))
        .filter_map(|package| {
            Some(format!("crates/{}", package.manifest_path.parent()?.file_name()?))
        })
        .collect();
    assert_eq!(folders.len(), CORE.len(), "a core crate is missing: {folders:?}");
    let sources = Source::all();
    let core =
        sources.iter().filter(|source| folders.contains(&source.folder) && !source.is_test());
    none(
        core.flat_map(|source| source.lines_with(IMPURE_WORDS)),
        "core takes time and data as arguments and gives back values",
    );
}
