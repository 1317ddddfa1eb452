//! The papers say what is there, no more and no less.

use std::collections::BTreeSet;

use crate::{TREE, crate_folders, none};

/// Each `crates/name` that the text puts in back quotes.
fn named_crates(text: &str) -> BTreeSet<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.strip_prefix("crates/"))
        .filter_map(|rest| rest.split('/').next())
        .filter(|name| !name.is_empty() && !name.contains([' ', '*', '.']))
        .map(|name| format!("crates/{name}"))
        .collect()
}

#[test]
fn crates_are_recognised_in_back_quotes_only() {
    let text = "`crates/a-b` and `crates/c/src/x.rs`, not crates/d, `cratesx/e` or `crates/`.";
    let named: Vec<String> = named_crates(text).into_iter().collect();
    assert_eq!(named, ["crates/a-b", "crates/c"]);
}

#[test]
fn the_maps_name_every_crate_and_no_other() {
    let folders: BTreeSet<String> = crate_folders().into_iter().collect();
    assert!(folders.len() > 10, "the crates were not found: {folders:?}");
    for paper in ["ARCHITECTURE.md", "crates/README.md"] {
        let named = named_crates(&TREE.read(paper).unwrap());
        none(folders.difference(&named).cloned(), &format!("{paper} does not name these crates"));
        none(named.difference(&folders).cloned(), &format!("{paper} names crates that are gone"));
    }
}

#[test]
fn links_between_papers_lead_somewhere() {
    let mut offences = Vec::new();
    let mut papers = TREE.files("doc", "md").unwrap();
    papers.extend(TREE.files("crates", "md").unwrap());
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        papers.push(name.into());
    }
    let mut links = 0;
    for paper in papers {
        let text = TREE.read(&paper).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            let folder = paper.parent().unwrap();
            if !TREE.root().join(folder).join(target).exists() {
                offences.push(format!("{}: {link}", paper.display()));
            }
        }
    }
    assert!(links > 10, "the links were not read: {links}");
    none(offences, "a link leads nowhere");
}

#[test]
fn the_readme_gives_a_newcomer_exactly_two_commands() {
    let readme = TREE.read("README.md").unwrap();
    let (_, after) = readme.split_once("```console\n").unwrap();
    let (first_block, _) = after.split_once("```").unwrap();
    let commands: Vec<&str> =
        first_block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert_eq!(commands, ["cargo run -- lab", "./test"]);
}
