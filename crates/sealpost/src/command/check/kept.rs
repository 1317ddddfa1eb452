//! Results of an earlier run into the same file.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufReader, Seek as _, SeekFrom};
use std::path::Path;

use sealpost_check::{ResultLine, ResultLines};

use crate::outcome::Failure;

/// Domains, remembered in 16 octets each.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Two hashes under keys that nobody outside knows: with ten million domains the odds that any
    /// one is taken for another are 1 to 10^24.
    keys: [RandomState; 2],
    seen: HashSet<[u64; 2]>,
}

impl Seen {
    /// Remembers a domain; whether it is new.
    pub(super) fn insert(&mut self, domain: &str) -> bool {
        let hashes = self.keys.each_ref().map(|key| key.hash_one(domain));
        self.seen.insert(hashes)
    }
}

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
        seen.insert(line.domain.as_str());
        each(&line);
    }
    let whole = lines.octets();
    drop(lines);
    // Half a line is what a run left that was stopped while it wrote.
    file.set_len(whole)?;
    file.seek(SeekFrom::Start(whole))?;
    Ok(file)
}
