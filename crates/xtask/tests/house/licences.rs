//! Whose code we build: licences, and where it is from.

use crate::{METADATA, TREE, built_packages, none};

#[test]
fn every_package_has_a_licence_that_we_allow() {
    let rules: toml::Table = TREE.read("deny.toml").unwrap().parse().unwrap();
    let allowed: Vec<&str> = rules["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|licence| licence.as_str().unwrap())
        .collect();
    assert!(METADATA.packages.len() > 100, "the graph was not read");
    let mut offences = Vec::new();
    for package in &METADATA.packages {
        let licence = package.license.as_deref().unwrap_or("no licence");
        if !is_allowed(licence, &allowed) {
            offences.push(format!("{} {}: {licence}", package.name, package.version));
        }
    }
    none(offences, "a licence that deny.toml does not allow");
}

#[test]
fn every_package_is_ours_or_from_the_public_index() {
    let lock: toml::Table = TREE.read("Cargo.lock").unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 100, "the lock file was not read");
    let mut offences = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let is_ours =
            METADATA.workspace_packages().iter().any(|member| member.name.as_str() == name);
        let source = package.get("source").and_then(toml::Value::as_str);
        let is_public = source == Some("registry+https://github.com/rust-lang/crates.io-index")
            && package.get("checksum").is_some();
        if !(is_public || is_ours && source.is_none()) {
            offences.push(format!("{name}: {source:?}"));
        }
    }
    none(offences, "a package from elsewhere than the public index");
}

#[test]
fn there_is_one_cryptographic_provider() {
    let built = built_packages(&["--workspace", "--edges", "normal,build,dev"]);
    assert!(built.contains("aws-lc-rs"), "the provider is gone from the graph");
    none(
        ["ring", "openssl", "openssl-sys", "native-tls"]
            .into_iter()
            .filter(|name| built.contains(*name))
            .map(str::to_owned),
        "a second provider: ring does not know P-521, and would judge good certificates wrongly",
    );
}

/// Whether the terms of an SPDX expression can be met with the allowed licences alone.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let verdict = any_of(&mut rest, allowed);
    verdict && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut verdict = all_of(words, allowed);
    while take(words, "OR") {
        verdict |= all_of(words, allowed);
    }
    verdict
}

fn all_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut verdict = one(words, allowed);
    while take(words, "AND") {
        verdict &= one(words, allowed);
    }
    verdict
}

fn one(words: &mut &[&str], allowed: &[&str]) -> bool {
    if take(words, "(") {
        let verdict = any_of(words, allowed);
        return take(words, ")") && verdict;
    }
    let Some((licence, rest)) = words.split_first() else { return false };
    *words = rest;
    if take(words, "WITH") {
        let Some((exception, rest)) = words.split_first() else { return false };
        *words = rest;
        return allowed.contains(&format!("{licence} WITH {exception}").as_str());
    }
    allowed.contains(licence)
}

fn take(words: &mut &[&str], wanted: &str) -> bool {
    match words.split_first() {
        Some((word, rest)) if *word == wanted => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
    let good = |expression: &str| assert!(is_allowed(expression, &allowed), "{expression}");
    let bad = |expression: &str| assert!(!is_allowed(expression, &allowed), "{expression}");
    good("MIT");
    good("MIT OR GPL-3.0-only");
    good("GPL-3.0-only/MIT"); // the old way to write OR
    good("ISC AND (MIT OR GPL-3.0-only)");
    good("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only");
    bad("GPL-3.0-only");
    bad("MIT AND GPL-3.0-only");
    bad("Apache-2.0"); // only with the exception
    bad("(MIT");
    bad("MIT ISC");
    bad("");
}
