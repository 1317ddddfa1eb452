//! Results of an earlier run into the same file.

use std::io::{BufReader, Seek as _, SeekFrom};
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
    let options = || {
        let mut options = fs_err::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options
    };
    let mut file = options().open(path)?;
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
