//! What an earlier run wrote into the same files.

use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use sealpost_check::{ResultLine, ResultLines};

use super::seen::Seen;
use crate::outcome::Failure;

/// Makes the file for results; or, to go on with it, opens it at the end of its last whole line,
/// and hands out each result in it.
pub(super) fn open(
    path: &Path,
    resume: bool,
    seen: &mut Seen,
    mut each: impl FnMut(&ResultLine),
) -> Result<fs_err::File, Failure> {
    if !resume {
        let new = fs_err::OpenOptions::new().write(true).create_new(true).open(path);
        return new.map_err(|error| {
            let is_there = error.kind() == std::io::ErrorKind::AlreadyExists;
            let failure = Failure::from(error);
            match is_there {
                true => failure.hint("add --resume to go on with it, or give another name"),
                false => failure,
            }
        });
    }
    let mut file = open_kept(path)?;
    let mut lines = ResultLines::new(BufReader::new(&mut file));
    for line in lines.by_ref() {
        let line = line.map_err(|error| {
            let what = format!("go on with {}: {error}", path.display());
            Failure::new(what)
                .hint("give a file that `sealpost check --format json --output` began")
        })?;
        seen.insert(line.domain.as_str())
            .map_err(|error| Failure::of_stream("keep the domains that were seen", &error))?;
        each(&line);
    }
    let whole = lines.octets();
    drop(lines);
    // Half a line is what a run left that was stopped while it wrote.
    file.set_len(whole)?;
    file.seek(SeekFrom::Start(whole))?;
    Ok(file)
}

/// Makes the file for evidence; or, to go on with it, opens it at the end of its last whole line. It
/// is written before the result, so that what a result is of is in it, once or, after a stop in
/// between, twice.
pub(super) fn open_evidence(path: &Path, resume: bool) -> Result<fs_err::File, Failure> {
    if !resume {
        return Ok(fs_err::File::create(path)?);
    }
    let mut file = open_kept(path)?;
    if file.metadata()?.is_file() {
        let whole = whole_lines(&mut file)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
    }
    Ok(file)
}

fn open_kept(path: &Path) -> std::io::Result<fs_err::File> {
    let mut options = fs_err::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).open(path)
}

/// Octets up to the end of the last whole line. Lines may be of any length.
fn whole_lines(file: &mut fs_err::File) -> std::io::Result<u64> {
    let mut reader = BufReader::new(file);
    let (mut read, mut whole) = (0, 0);
    loop {
        let octets = reader.fill_buf()?;
        if octets.is_empty() {
            return Ok(whole);
        }
        if let Some(place) = octets.iter().rposition(|octet| *octet == b'\n') {
            whole = read + place as u64 + 1;
        }
        let length = octets.len();
        read += length as u64;
        reader.consume(length);
    }
}
