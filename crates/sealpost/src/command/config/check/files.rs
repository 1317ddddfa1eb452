//! The files that a configuration names.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Reading, Severity, strings};
use crate::configuration::{line_at, schema, visit};

/// Others may read it, write it or look into it.
const OTHERS: u32 = 0o007;
/// So may the group.
const GROUP_AND_OTHERS: u32 = 0o077;

/// A path in a configuration.
struct Named {
    key: String,
    line: usize,
    kind: Kind,
    path: PathBuf,
}

/// What a path names, as the schema says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// It may come later.
    Log,
    Secret,
    /// A secret that the group may not read either.
    OwnSecret,
    /// It is made; its folder is not.
    Store,
}

impl Reading<'_> {
    /// Looks whether files are there, and who may read secrets. The path of a secret is not shown:
    /// somebody may have written the secret itself.
    pub(super) fn files(&mut self) {
        for named in self.paths() {
            let Named { key, line, kind, path } = named;
            let is_secret = matches!(kind, Kind::Secret | Kind::OwnSecret);
            let shown = match is_secret {
                true => "the file that it names".to_owned(),
                false => path.display().to_string(),
            };
            if kind == Kind::Store {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                    let folder = folder.display();
                    let what = format!("`{key}`: there is no folder {folder}; make it");
                    self.add(Severity::Error, Some(line), what);
                }
                continue;
            }
            let metadata = match fs_err::metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) => {
                    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
                    let severity = match is_missing && kind == Kind::Log {
                        true => Severity::Warning,
                        false => Severity::Error,
                    };
                    let why = if is_missing { "is missing" } else { "cannot be reached" };
                    self.add(severity, Some(line), format!("`{key}`: {shown} {why}"));
                    continue;
                }
            };
            let is_right =
                if kind == Kind::Folder { metadata.is_dir() } else { !metadata.is_dir() };
            if !is_right {
                let wanted =
                    if kind == Kind::Folder { "no folder" } else { "a folder, not a file" };
                self.add(Severity::Error, Some(line), format!("`{key}`: {shown} is {wanted}"));
                continue;
            }
            match kind {
                Kind::OwnSecret if metadata.mode() & GROUP_AND_OTHERS != 0 => self.add(
                    Severity::Error,
                    Some(line),
                    format!(
                        "`{key}`: others than its owner may read it, so it is refused; chmod 600 it"
                    ),
                ),
                Kind::Secret if metadata.mode() & OTHERS != 0 => self.add(
                    Severity::Warning,
                    Some(line),
                    format!("`{key}`: everybody on this machine may use {shown}; chmod o= it"),
                ),
                _ => {}
            }
            if kind != Kind::Folder && !is_readable(&path) {
                let what = format!("`{key}`: {shown} cannot be read by this user");
                self.add(Severity::Warning, Some(line), what);
            }
        }
    }

    /// Every path that the text names.
    fn paths(&self) -> Vec<Named> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let mut found = Vec::new();
        visit(&schema(), self.table, &mut |entry| {
            let word = entry.schema.ok().and_then(|schema| schema.get("x-path"));
            let Some(kind) = word.and_then(Value::as_str).and_then(Kind::parse) else { return };
            let (key, line) = (entry.path(), line_at(self.text, entry.place.start));
            for text in strings(entry.value.get_ref()) {
                // The one word among paths.
                if key == "network.trust_roots" && text == "system" {
                    continue;
                }
                found.push(Named { key: key.clone(), line, kind, path: folder.join(text) });
            }
        });
        found
    }
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "file" => Self::File,
            "folder" => Self::Folder,
            "log" => Self::Log,
            "secret" => Self::Secret,
            "own-secret" => Self::OwnSecret,
            "store" => Self::Store,
            _ => return None,
        })
    }
}

fn is_readable(path: &Path) -> bool {
    match fs_err::metadata(path) {
        // Opening a pipe would wait, or take something out of it.
        Ok(metadata) if metadata.is_file() => fs_err::File::open(path).is_ok(),
        _ => true,
    }
}
