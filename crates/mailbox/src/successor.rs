//! The refresh token that took the place of the one that the operator gave.
//!
//! Some providers give a new refresh token with each use and let the old one end (RFC 6749 §6, as
//! RFC 9700 §4.14 advises). It has to outlive the program. It does not go into the store, of which
//! copies are made for many reasons: it lies in a file beside, which nobody but its owner reads.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;

use crate::secret::Secret;

/// The largest file in octets: two secrets and their line ends.
const LARGEST: u64 = 40 * 1024;
/// Only the owner reads and writes it.
const MODE: u32 = 0o600;

/// A file with two lines: the refresh token that the operator gave, and the one that counts in its
/// place. When the operator gives another one, the file says nothing any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SuccessorFile(PathBuf);

impl SuccessorFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// What took the place of this token; `None` if nothing did, or it cannot be read.
    pub(crate) fn of(&self, given: &Secret) -> Option<Secret> {
        let mut text = String::new();
        fs_err::File::open(&self.0).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
        let (before, next) = text.split_once('\n')?;
        let next = next.strip_suffix('\n')?;
        (before == given.reveal() && !next.is_empty()).then(|| Secret::of(next.to_owned()))
    }

    /// Keeps a token in place of the one that the operator gave: whole, or not at all.
    pub(crate) fn keep(&self, given: &Secret, next: &Secret) -> io::Result<()> {
        let mut name = self.0.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        // Of an attempt that was cut off.
        let _ = fs_err::remove_file(&new);
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(MODE).open(&new)?;
        file.write_all(format!("{}\n{}\n", given.reveal(), next.reveal()).as_bytes())?;
        file.sync_all()?;
        fs_err::rename(&new, &self.0)?;
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs_err::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_found_by_what_it_replaces_and_read_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.token");
        let file = SuccessorFile::at(path.clone());
        let secret = |text: &str| Secret::of(text.to_owned());
        assert_eq!(file.of(&secret("given")), None);
        file.keep(&secret("given"), &secret("second")).unwrap();
        fs_err::write(folder.path().join("store.token.new"), "cut off").unwrap();
        file.keep(&secret("given"), &secret("third")).unwrap();
        assert_eq!(file.of(&secret("given")), Some(secret("third")));
        assert_eq!(file.of(&secret("given anew")), None);
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
        for broken in ["", "given", "given\n", "given\nhalf"] {
            fs_err::write(&path, broken).unwrap();
            assert_eq!(file.of(&secret("given")), None, "{broken:?}");
        }
    }
}
