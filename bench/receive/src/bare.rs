//! The least that taking in a report can cost: unpack it and read the JSON, on one core.

use std::{
    error::Error,
    fs,
    io::Read,
    path::Path,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use flate2::read::GzDecoder;
use serde_json::Value;

/// Unpacks every file in a folder and reads its JSON. Gives the nanoseconds that this took, without
/// the reading of the files.
pub fn unpack(folder: &Path) -> Result<u128, Box<dyn Error>> {
    let mut took = Duration::ZERO;
    for entry in fs::read_dir(folder)? {
        let octets = fs::read(entry?.path())?;
        let start = Instant::now();
        let value = read(&octets)?;
        took += start.elapsed();
        if !value["policies"].is_array() {
            return Err("a file without a report".into());
        }
    }
    Ok(took.as_nanos())
}

fn read(octets: &[u8]) -> Result<Value, Box<dyn Error>> {
    if octets.starts_with(b"{") {
        return Ok(serde_json::from_slice(octets)?);
    }
    if octets.starts_with(b"\x1f\x8b") {
        return inflate(octets);
    }
    inflate(&BASE64.decode(&base64_of(octets).ok_or("a mail without base64")?)?)
}

fn inflate(gzip: &[u8]) -> Result<Value, Box<dyn Error>> {
    let mut json = Vec::with_capacity(gzip.len() * 8);
    GzDecoder::new(gzip).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// The attachment, found as in our own mails only: after the field that is the last of its header.
fn base64_of(mail: &[u8]) -> Option<Vec<u8>> {
    const BEFORE: &[u8] = b"Content-Transfer-Encoding: base64\r\n\r\n";
    let start = mail.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    let rest = mail.get(start..)?;
    let end = rest.windows(4).position(|window| window == b"\r\n--")?;
    let mut base64 = rest.get(..end)?.to_vec();
    base64.retain(|octet| !matches!(octet, b'\r' | b'\n'));
    Some(base64)
}
