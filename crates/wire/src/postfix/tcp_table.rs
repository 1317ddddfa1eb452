//! The line protocol of Postfix's `tcp:` maps.
//!
//! One line a request, `get`, a space and the key; one line a reply, a number of three digits, a
//! space and a text. In both `%` and two hexadecimal digits stand for an octet. No map is named, so
//! the port says which [`Profile`](super::Profile) answers are for.
//!
//! # Limitations
//! - A reply has at most 4,096 octets. There is no room for long policies in TLS reports.

use super::{Key, Reply};

/// The longest request to read, in octets with its end: a key of 10,000 octets, all quoted.
pub const LONGEST_REQUEST: usize = 30_005;

/// The longest reply that Postfix reads, in octets with its end.
const LONGEST_REPLY: usize = 4_096;
/// What an empty buffer may keep, in octets, so that idle connections cost little.
const KEPT_CAPACITY: usize = 4_096;

/// Takes lines apart as their octets arrive.
///
/// What keys come out does not depend on how the octets were cut, and every octet is searched once.
/// Memory is bounded by [`LONGEST_REQUEST`] and what one call of [`push`](Self::push) hands in, as
/// long as the caller takes out every key before it pushes more.
#[derive(Debug, Clone, Default)]
pub struct RequestReader {
    buffer: Vec<u8>,
    /// What lies before it has been read.
    start: usize,
    /// What lies before it holds no line end that was not read.
    searched: usize,
    failure: Option<RequestError>,
}

impl RequestReader {
    /// A reader at the beginning of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in octets that arrived.
    pub fn push(&mut self, octets: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        self.buffer.drain(..self.start);
        if self.buffer.is_empty() {
            self.buffer.shrink_to(KEPT_CAPACITY);
        }
        self.searched = self.searched.saturating_sub(self.start);
        self.start = 0;
        self.buffer.extend_from_slice(octets);
    }

    /// The key of the next request that is complete, `None` until one is.
    ///
    /// # Errors
    /// When what arrived is no request. Every later call fails the same way.
    pub fn next_key(&mut self) -> Result<Option<Key>, RequestError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let result = self.read();
        if let Err(failure) = result {
            *self = Self { failure: Some(failure), ..Self::default() };
        }
        result
    }

    /// Whether no request has begun that is not complete.
    pub fn is_between_requests(&self) -> bool {
        self.start == self.buffer.len()
    }

    fn read(&mut self) -> Result<Option<Key>, RequestError> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(distance) = unsearched.iter().position(|octet| *octet == b'\n') else {
            self.searched = self.buffer.len();
            return if self.buffer.len().saturating_sub(self.start) >= LONGEST_REQUEST {
                Err(RequestError::TooLong)
            } else {
                Ok(None)
            };
        };
        let end = self.searched.saturating_add(distance);
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        if line.len() >= LONGEST_REQUEST {
            return Err(RequestError::TooLong);
        }
        let key = line.strip_prefix(b"get ").ok_or(RequestError::NotGet)?;
        let key = Key::parse(&unquote(key).ok_or(RequestError::Quoting)?);
        self.start = end.saturating_add(1);
        self.searched = self.start;
        Ok(Some(key))
    }
}

/// Why octets are no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The line does not begin with `get` and a space.
    #[error("a request begins with \"get\" and a space")]
    NotGet,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("in a request two hexadecimal digits follow each \"%\"")]
    Quoting,
    /// The line is longer than [`LONGEST_REQUEST`].
    #[error("the request is longer than {LONGEST_REQUEST} octets")]
    TooLong,
}

/// Writes a reply as a line behind what is there, of at most 4,096 octets.
///
/// A reply made for [`Table::Tcp`](super::Table::Tcp) always fits; a longer one becomes a temporary
/// failure. So does a permanent one, for which this protocol has no number: 500 would let the
/// message go on unprotected.
pub fn write_reply(reply: &Reply, out: &mut Vec<u8>) {
    let (code, text) = match reply {
        Reply::Found(text) => ("200 ", text.as_str()),
        Reply::NotFound => ("500 ", "not found"),
        Reply::Temporary(reason) | Reply::TimedOut(reason) | Reply::Permanent(reason) => {
            ("400 ", reason.as_str())
        }
    };
    let mut line = [code, &quote(text), "\n"].concat();
    if line.len() > LONGEST_REPLY {
        line = String::from("400 the%20answer%20is%20too%20long\n");
    }
    out.extend_from_slice(line.as_bytes());
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | b'\0'..=b' ' | 0x7f.. => quoted.push_str(&format!("%{byte:02X}")),
            _ => quoted.push(char::from(byte)),
        }
    }
    quoted
}

fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                u8::try_from(digit()?.checked_mul(16)?.checked_add(digit()?)?).ok()?
            }
            _ => *octet,
        });
    }
    Some(octets)
}
