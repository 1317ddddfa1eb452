//! Lines out of octets that come in pieces, and a file of them that is followed over rotation.

use std::{
    io::{self, Read, Seek as _, SeekFrom},
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
};

use fs_err::{File, os::unix::fs::FileExt as _};
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
    /// Where the line lies that is begun.
    place: Range<u64>,
}

impl Lines {
    /// Those that lie behind so many octets.
    fn from(octet: u64) -> Self {
        Self { place: octet..octet, ..Self::default() }
    }

    /// Gives each line that these octets complete, and where it lies.
    pub(crate) fn push(&mut self, octets: &[u8], mut each: impl FnMut(&[u8], Range<u64>)) {
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            let length = u64::try_from(piece.len()).unwrap_or_default();
            self.place.end = self.place.end.saturating_add(length);
            let is_too_long = self.begun.len() + piece.len() > LoggedSession::MOST_OCTETS;
            if is_too_long {
                self.is_too_long = true;
                self.begun.clear();
            } else if !self.is_too_long {
                self.begun.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                if !self.is_too_long {
                    each(&self.begun, self.place.clone());
                }
                self.begun.clear();
                self.is_too_long = false;
                self.place.start = self.place.end;
            }
        }
    }

    /// Gives the last one, which has no end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(&[u8], Range<u64>)) {
        if !self.is_too_long && !self.begun.is_empty() {
            each(&self.begun, self.place.clone());
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
    /// How many files there were before it.
    number: u64,
    buffer: Vec<u8>,
}

/// A line of a log file that is followed.
#[derive(Debug)]
pub struct FollowedLine<'l> {
    /// The line, with its end.
    pub octets: &'l [u8],
    /// Where it lies in its file.
    pub place: Range<u64>,
    /// How many files there were before that.
    pub file: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    device: u64,
    inode: u64,
    read: u64,
}

impl FollowedLog {
    /// The file at this path, from behind its last whole line on, if there is one now. One that is made
    /// later is read from its beginning.
    ///
    /// # Errors
    ///
    /// What the system says, unless there is no file.
    pub fn from_end(path: impl Into<PathBuf>) -> io::Result<Self> {
        let (lines, buffer) = (Lines::default(), vec![0; PIECE]);
        let mut log = Self { path: path.into(), open: None, lines, number: 0, buffer };
        if let Some(mut open) = log.find()? {
            open.read = open.last_end(&mut log.buffer)?;
            open.file.seek(SeekFrom::Start(open.read))?;
            log.lines = Lines::from(open.read);
            log.open = Some(open);
        }
        Ok(log)
    }

    /// The octet behind which the lines are that come next.
    pub(crate) fn reached(&self) -> u64 {
        self.lines.place.start
    }

    /// The first thing that something finds in the lines before those that come next.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn find_before<T>(
        &mut self,
        mut find: impl FnMut(&[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let Some(open) = &self.open else { return Ok(None) };
        let (mut lines, mut found, mut at, end) = (Lines::default(), None, 0, self.reached());
        while found.is_none() && at < end {
            let length = open.file.read_at(&mut self.buffer, at)?;
            let piece = self.buffer.get(..length).unwrap_or_default();
            lines.push(piece, |line, place| {
                if found.is_none() && place.end <= end {
                    found = find(line);
                }
            });
            if length == 0 {
                break;
            }
            at = at.saturating_add(u64::try_from(length).unwrap_or_default());
        }
        Ok(found)
    }

    /// Gives the lines that were written since, and says whether there may be more at once. It does
    /// not wait for any.
    ///
    /// # Errors
    ///
    /// What the system says. A later call goes on.
    pub fn read(&mut self, mut each: impl FnMut(FollowedLine<'_>)) -> io::Result<bool> {
        for _ in 0..PIECES {
            let file = self.number;
            let mut each = |octets: &[u8], place| each(FollowedLine { octets, place, file });
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
                self.number = self.number.saturating_add(1);
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
                    self.number = self.number.saturating_add(1);
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

impl Open {
    /// The octet behind its last line that has an end.
    fn last_end(&self, buffer: &mut [u8]) -> io::Result<u64> {
        let end = self.file.metadata()?.len();
        let start = end.saturating_sub(u64::try_from(buffer.len()).unwrap_or_default());
        let length = self.file.read_at(buffer, start)?;
        let last = buffer.get(..length).unwrap_or_default();
        let last = last.iter().rposition(|octet| *octet == b'\n').map(|place| place + 1);
        let last = last.and_then(|place| u64::try_from(place).ok());
        Ok(last.map_or(if start == 0 { 0 } else { end }, |place| start.saturating_add(place)))
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
            .read(|line| lines.push(String::from_utf8_lossy(line.octets).trim_end().to_owned()))
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
            lines.push(piece.as_bytes(), |line, _| found.push(line.to_vec()));
        }
        lines.finish(|line, _| found.push(line.to_vec()));
        assert_eq!(found, [&b"one\n"[..], b"two\n", b"\n", b"three\n", b"four"]);
        lines.finish(|_, _| panic!("there is none"));
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
