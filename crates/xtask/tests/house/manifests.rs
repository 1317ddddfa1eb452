//! The manifests: one place for versions and lints, and nothing that nobody uses.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::{TREE, crate_folders, none};

fn manifest(path: &str) -> Table {
    TREE.read(path).unwrap().parse().unwrap()
}

fn members() -> Vec<(String, Table)> {
    crate_folders()
        .into_iter()
        .map(|folder| {
            let table = manifest(&format!("{folder}/Cargo.toml"));
            (folder, table)
        })
        .collect()
}

fn table<'a>(value: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(value, |table, key| table.get(*key).and_then(Value::as_table))
}

const KINDS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

#[test]
fn every_workspace_dependency_has_a_user() {
    let root = manifest("Cargo.toml");
    let offered = table(&root, &["workspace", "dependencies"]).unwrap();
    assert!(offered.len() > 20, "the workspace dependencies were not read");
    let mut used = BTreeSet::new();
    for (_, member) in members() {
        for kind in KINDS {
            used.extend(
                table(&member, &[kind]).into_iter().flatten().map(|(name, _)| name.clone()),
            );
        }
    }
    none(
        offered.keys().filter(|name| !used.contains(*name)).cloned(),
        "a dependency that no crate uses is a dependency too many",
    );
}

#[test]
fn every_crate_shares_the_lints_and_the_licence() {
    let mut offences = Vec::new();
    for (folder, member) in members() {
        let shares = |path: &[&str]| {
            table(&member, path).and_then(|table| table.get("workspace")?.as_bool()) == Some(true)
        };
        if !shares(&["lints"]) {
            offences.push(format!("{folder}: lints"));
        }
        for key in ["version", "edition", "rust-version", "license"] {
            if !shares(&["package", key]) {
                offences.push(format!("{folder}: {key}"));
            }
        }
        let description =
            table(&member, &["package"]).and_then(|package| package.get("description")?.as_str());
        if description.is_none_or(str::is_empty) {
            offences.push(format!("{folder}: description"));
        }
    }
    none(offences, "each crate takes its lints and its package facts from the workspace");
}

#[test]
fn no_feature_is_hidden_in_a_default_of_ours() {
    // One feature set: what is tested is what is built.
    let defaults = members().into_iter().filter_map(|(folder, member)| {
        let features = table(&member, &["features"])?;
        features.contains_key("default").then(|| format!("{folder}: default"))
    });
    none(defaults, "our crates have no default features");
}
