//! Bounded reading of files and standard input.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::outcome::Failure;

/// Reads a file, or standard input for `-`, up to `limit` octets and one more, so that who reads on
/// sees that it was too long.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    if path.as_os_str() == "-" {
        let read = std::io::stdin().lock().take(limit + 1).read_to_end(&mut octets);
        read.map_err(|error| Failure::of_stream("read standard input", &error))?;
    } else {
        fs_err::File::open(path)?.take(limit + 1).read_to_end(&mut octets)?;
    }
    Ok(octets)
}

/// Opens a file, or standard input for `-`, for those who read in pieces.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    Ok(match path.as_os_str() == "-" {
        true => Box::new(BufReader::new(std::io::stdin())),
        false => Box::new(BufReader::new(fs_err::File::open(path)?)),
    })
}

/// A file that need not be there, and not more of it than `most` octets.
pub(crate) fn read_if_there(path: &Path, most: u64) -> Result<Option<String>, Failure> {
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut octets = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut octets)?;
    if u64::try_from(octets.len()).is_ok_and(|length| length > most) {
        return Err(Failure::new(format!("read {}: it has over {most} octets", path.display())));
    }
    Ok(Some(String::from_utf8_lossy(&octets).into_owned()))
}
