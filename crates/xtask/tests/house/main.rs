//! The architecture invariants, checked over `cargo metadata` and the sources.
//!
//! `ARCHITECTURE.md` says what each invariant is for. A failure here names the file or the crate
//! that broke one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod edges;
mod licences;
mod manifests;
mod papers;
mod purity;
mod sources;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cargo_metadata::{Metadata, MetadataCommand};
use xtask::Tree;

/// The crates whose only business is to compute: no runtime, socket, file, clock or log.
const CORE: &[&str] = &[
    "mail-domain",
    "mta-sts",
    "tls-rpt",
    "dane",
    "sealpost-wire",
    "sealpost-evidence",
    "sealpost-rules",
    "sealpost-rollout",
];

static TREE: LazyLock<Tree> = LazyLock::new(Tree::of_this_workspace);

/// The dependency graph as built on this machine.
static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    MetadataCommand::new()
        .manifest_path(TREE.root().join("Cargo.toml"))
        .other_options(["--locked", "--filter-platform", "host-tuple"].map(str::to_owned).to_vec())
        .exec()
        .unwrap()
});

/// The names of the packages that `cargo tree` shows: those that are really built. The graph of
/// `cargo metadata` also holds what weak features merely mention.
fn built_packages(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(TREE.root())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// A source file with the folder of the crate that it belongs to.
struct Source {
    /// As in `crates/net`.
    folder: String,
    file: PathBuf,
    text: String,
}

impl Source {
    /// All Rust files of the workspace's crates.
    fn all() -> Vec<Self> {
        let files = TREE.files("crates", "rs").unwrap();
        assert!(files.len() > 50, "the sources were not found: {} files", files.len());
        files
            .into_iter()
            .map(|file| Self {
                folder: file.iter().take(2).collect::<PathBuf>().display().to_string(),
                text: TREE.read(&file).unwrap(),
                file,
            })
            .collect()
    }

    /// Whether it is compiled for tests only.
    fn is_test(&self) -> bool {
        self.file.iter().any(|part| part == "tests" || part == "tests.rs" || part == "examples")
    }

    /// The numbered lines that are compiled into the crate: no comments, no test module.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line))
    }

    /// `file:line: why` for each line of code that holds one of the words.
    fn lines_with<'a>(&'a self, words: &'a [&str]) -> impl Iterator<Item = String> + 'a {
        self.code().filter_map(move |(number, line)| {
            let word = words.iter().find(|word| line.contains(*word))?;
            Some(format!("{}:{number}: {word}", self.file.display()))
        })
    }
}

/// The folders of the crates, as in `crates/net`.
fn crate_folders() -> Vec<String> {
    let mut folders: Vec<String> = TREE
        .files("crates", "toml")
        .unwrap()
        .iter()
        .filter(|file| file.iter().count() == 3 && file.ends_with("Cargo.toml"))
        .filter_map(|file| file.parent().map(Path::display).map(|folder| folder.to_string()))
        .collect();
    folders.sort();
    folders
}

/// Fails with every offence on its own line.
#[track_caller]
fn none(offences: impl IntoIterator<Item = String>, invariant: &str) {
    let offences: Vec<String> = offences.into_iter().collect();
    assert!(offences.is_empty(), "{invariant}:\n  {}", offences.join("\n  "));
}
