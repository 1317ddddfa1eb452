//! Lines out of octets that come in pieces, and a file of them that is followed over rotation.

use std::{
    io::{self, Read, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
};

use fs_err::File;
use tls_rpt::LoggedSession;

/// Octets that are read at a time.
const PIECE: usize = 64 << 10;
/// Pieces of a file before others have their turn.
const PIECES: usize = 16;

/// Puts lines together. One that is too long is left out.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    is_too_long: bool,
}

impl Lines {
    /// Gives each line that these octets complete.
    pub(crate) fn push(&mut self, octets: &[u8], mut each: impl FnMut(&[u8])) {
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            let is_too_long = self.begun.len() + piece.len() > LoggedSession::MOST_OCTETS;
            if is_too_long {
                self.is_too_long = true;
                self.begun.clear();
            } else if !self.is_too_long {
                self.begun.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                if !self.is_too_long {
                    each(&self.begun);
                }
                self.begun.clear();
                self.is_too_long = false;
            }
        }
    }

    /// Gives the last one, which has no end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.is_too_long && !self.begun.is_empty() {
            each(&self.begun);
        }
        *self = Self::default();
    }
}

/// A log file that grows, and that is now and then replaced by a new one or emptied.
#[derive(Debug)]
pub struct FollowedLog {
    path: PathBuf,
    open: Option<Open>,
    lines: Lines,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    file: File,
    device: u64,
    inode: u64,
    read: u64,
}

impl FollowedLog {
    /// The file at this path, from its end on, if there is one now. One that is made later is read
    /// from its beginning.
    ///
    /// # Errors
    ///
    /// What the system says, unless there is no file.
    pub fn from_end(path: impl Into<PathBuf>) -> io::Result<Self> {
        let mut log =
            Self { path: path.into(), open: None, lines: Lines::default(), buffer: vec![0; PIECE] };
        if let Some(mut open) = log.find()? {
            open.read = open.file.seek(SeekFrom::End(0))?;
            log.open = Some(open);
        }
        Ok(log)
    }

    /// Gives the lines that were written since, and says whether there may be more at once. It does
    /// not wait for any.
    ///
    /// # Errors
    ///
    /// What the system says. A later call goes on.
    pub fn read(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        for _ in 0..PIECES {
            let Some(open) = &mut self.open else {
                self.open = self.find()?;
                if self.open.is_none() {
                    return Ok(false);
                }
                continue;
            };
            let length = open.file.read(&mut self.buffer)?;
            if length > 0 {
                open.read = open.read.saturating_add(u64::try_from(length).unwrap_or_default());
                self.lines.push(self.buffer.get(..length).unwrap_or_default(), &mut each);
                continue;
            }
            // At the end of it: is it still the one that is written to?
            if open.file.metadata()?.len() < open.read {
                open.read = open.file.seek(SeekFrom::Start(0))?;
                self.lines.finish(&mut each);
                continue;
            }
            match fs_err::metadata(&self.path) {
                Ok(other) if (other.dev(), other.ino()) == (open.device, open.inode) => {
                    return Ok(false);
                }
                // Whoever writes may go on with the old one until it is told of the new.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
                Ok(_) => {
                    self.lines.finish(&mut each);
                    self.open = None;
                }
            }
        }
        Ok(true)
    }

    fn find(&self) -> io::Result<Option<Open>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = file.metadata()?;
        Ok(Some(Open { file, device: found.dev(), inode: found.ino(), read: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn append(path: &std::path::Path, text: &str) {
        let mut file = fs_err::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn more(log: &mut FollowedLog) -> Vec<String> {
        let mut lines = Vec::new();
        while log
            .read(|line| lines.push(String::from_utf8_lossy(line).trim_end().to_owned()))
            .unwrap()
        {}
        lines
    }

    #[test]
    fn lines_are_put_together_and_endless_ones_left_out() {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let long = "x".repeat(LoggedSession::MOST_OCTETS);
        for piece in ["on", "e\ntwo\n\nth", "ree\n", &long, &long, "\nfo", "ur"] {
            lines.push(piece.as_bytes(), |line| found.push(line.to_vec()));
        }
        lines.finish(|line| found.push(line.to_vec()));
        assert_eq!(found, [&b"one\n"[..], b"two\n", b"\n", b"three\n", b"four"]);
        lines.finish(|_| panic!("there is none"));
    }

    #[test]
    fn a_log_is_followed_when_it_is_replaced_or_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.log");
        append(&path, "before\n");
        let mut log = FollowedLog::from_end(&path).unwrap();
        assert_eq!(more(&mut log), [""; 0]);
        append(&path, "one\ntw");
        assert_eq!(more(&mut log), ["one"]);
        append(&path, "o\n");
        assert_eq!(more(&mut log), ["two"]);

        // logrotate: moved away, and still written to for a moment.
        let old = folder.path().join("mail.log.1");
        fs_err::rename(&path, &old).unwrap();
        append(&old, "three\n");
        assert_eq!(more(&mut log), ["three"]);
        append(&old, "four\n");
        append(&path, "five\n");
        assert_eq!(more(&mut log), ["four", "five"]);

        // copytruncate
        fs_err::write(&path, "six\n").unwrap();
        append(&path, "");
        fs_err::write(&path, "").unwrap();
        assert_eq!(more(&mut log), [""; 0]);
        append(&path, "seven\n");
        assert_eq!(more(&mut log), ["seven"]);
    }

    #[test]
    fn a_log_that_is_not_there_yet_is_read_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.log");
        let mut log = FollowedLog::from_end(&path).unwrap();
        assert_eq!(more(&mut log), [""; 0]);
        append(&path, "one\n");
        assert_eq!(more(&mut log), ["one"]);
        let many = "a line\n".repeat(400_000);
        append(&path, &many);
        assert_eq!(more(&mut log).len(), 400_000);
        assert!(FollowedLog::from_end(folder.path().join("mail.log/x")).is_err());
    }
}
