//! Passwords and the like.

use std::{
    fmt, io,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The largest secret in octets.
const LARGEST: u64 = 16 * 1024;

/// A file that holds a secret: its first line. It is read each time, so that it may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile(PathBuf);

/// A secret. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl SecretFile {
    /// The secret in this file.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads it.
    pub(crate) fn read(&self) -> io::Result<Secret> {
        let mut text = String::new();
        fs_err::File::open(&self.0)?.take(LARGEST).read_to_string(&mut text)?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() || line.contains('\0') {
            let path = self.0.display();
            return Err(io::Error::other(format!(
                "there is no secret in the first line of {path}"
            )));
        }
        Ok(Secret(line.to_owned()))
    }
}

impl Secret {
    pub(crate) fn of(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (text, expected) in
            [("a b\n", Some("a b")), ("x\r\ny", Some("x")), ("", None), ("\nx", None)]
        {
            fs_err::write(&path, text).unwrap();
            let secret = SecretFile::at(&path).read().ok();
            assert_eq!(secret.as_ref().map(Secret::reveal), expected, "{text:?}");
        }
        assert!(SecretFile::at(folder.path().join("none")).read().is_err());
        assert_eq!(format!("{:?}", Secret::of("geheim".to_owned())), "Secret(…)");
    }
}
