//! Netstrings: a length in decimal, a colon, that many octets, a comma.

use core::ops::Range;

/// Postfix reads a length into a signed number of 64 bits, which has 19 digits; one more is room for
/// nothing but leading zeros.
const MOST_DIGITS: usize = 20;
/// What an empty buffer may keep, in octets, so that idle connections cost little.
const KEPT_CAPACITY: usize = 4_096;

/// Writes the payload as a netstring behind what is there.
pub fn write_netstring(payload: &[u8], out: &mut Vec<u8>) {
    write_in_halves(payload, &[], out);
}

/// Writes a payload that comes in two halves as one netstring behind what is there.
pub(super) fn write_in_halves(first: &[u8], second: &[u8], out: &mut Vec<u8>) {
    let length = first.len().saturating_add(second.len());
    out.reserve(length.saturating_add(MOST_DIGITS).saturating_add(":,".len()));
    write_decimal(length, out);
    out.push(b':');
    out.extend_from_slice(first);
    out.extend_from_slice(second);
    out.push(b',');
}

/// Every reply has one, and the formatting machinery takes longer than all the rest.
fn write_decimal(number: usize, out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = number;
    loop {
        let digit = u8::try_from(rest % 10).unwrap_or_default();
        out.push(b'0'.wrapping_add(digit));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Takes netstrings apart as their octets arrive.
///
/// What payloads come out does not depend on how the octets were cut, and every octet is looked at
/// once. Memory is bounded by the limit and what one call of [`push`](Self::push) hands in, as long
/// as the caller takes out every payload before it pushes more.
///
/// Leading zeros are read, as Postfix reads them; a length without digits is refused.
#[derive(Debug, Clone)]
pub struct NetstringReader {
    limit: usize,
    buffer: Vec<u8>,
    /// What lies before it has been read.
    start: usize,
    expected: Expected,
    failure: Option<NetstringError>,
}

/// What the next octets are.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Length { so_far: usize, digits: usize },
    Payload { length: usize },
}

impl Expected {
    const NETSTRING: Self = Self::Length { so_far: 0, digits: 0 };
}

impl NetstringReader {
    /// A reader at the beginning of a connection, for payloads of at most `limit` octets.
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new(), start: 0, expected: Expected::NETSTRING, failure: None }
    }

    /// Takes in octets that arrived.
    pub fn push(&mut self, octets: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        self.forget_what_was_read();
        self.buffer.extend_from_slice(octets);
    }

    /// The payload of the next netstring that is complete, `None` until one is.
    ///
    /// # Errors
    /// When what arrived is no netstring, or announces more than the limit: this is said before the
    /// payload arrives. There is no way to find the next netstring then, so every later call fails
    /// the same way.
    pub fn next_payload(&mut self) -> Result<Option<&[u8]>, NetstringError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        match self.read() {
            Ok(None) => Ok(None),
            Ok(Some(range)) => Ok(self.buffer.get(range)),
            Err(failure) => {
                self.failure = Some(failure);
                self.buffer = Vec::new();
                self.start = 0;
                Err(failure)
            }
        }
    }

    /// Whether nothing of an incomplete netstring has arrived: here the other side may close.
    pub fn is_between_netstrings(&self) -> bool {
        let nothing_begun = matches!(self.expected, Expected::Length { digits: 0, .. });
        nothing_begun && self.start >= self.buffer.len() && self.failure.is_none()
    }

    /// Where the next payload lies in the buffer.
    fn read(&mut self) -> Result<Option<Range<usize>>, NetstringError> {
        loop {
            match self.expected {
                Expected::Payload { length } => return self.payload(length),
                Expected::Length { so_far, digits } => {
                    let Some(octet) = self.buffer.get(self.start).copied() else {
                        return Ok(None);
                    };
                    self.expected = self.after_length_octet(octet, so_far, digits)?;
                    self.start = self.start.saturating_add(1);
                }
            }
        }
    }

    fn after_length_octet(
        &self,
        octet: u8,
        so_far: usize,
        digits: usize,
    ) -> Result<Expected, NetstringError> {
        let digit = match octet {
            b':' if digits > 0 => return Ok(Expected::Payload { length: so_far }),
            b'0'..=b'9' => octet.wrapping_sub(b'0'),
            _ => return Err(NetstringError::NotALength { octet }),
        };
        let too_long = NetstringError::TooLong { limit: self.limit };
        if digits == MOST_DIGITS {
            return Err(too_long);
        }
        let length =
            so_far.checked_mul(10).and_then(|length| length.checked_add(usize::from(digit)));
        match length {
            Some(length) if length <= self.limit => {
                Ok(Expected::Length { so_far: length, digits: digits.saturating_add(1) })
            }
            _ => Err(too_long),
        }
    }

    fn payload(&mut self, length: usize) -> Result<Option<Range<usize>>, NetstringError> {
        let end = self.start.saturating_add(length);
        match self.buffer.get(end) {
            None => Ok(None),
            Some(b',') => {
                let payload = self.start..end;
                self.start = end.saturating_add(1);
                self.expected = Expected::NETSTRING;
                Ok(Some(payload))
            }
            Some(octet) => Err(NetstringError::NoComma { octet: *octet }),
        }
    }

    fn forget_what_was_read(&mut self) {
        if self.start >= self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT_CAPACITY);
        } else {
            self.buffer.drain(..self.start);
        }
        self.start = 0;
    }
}

/// Why octets are no netstring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetstringError {
    /// Something else than digits and a colon where a netstring begins: another protocol, perhaps.
    #[error("a netstring begins with its length and a colon, not with \"{}\"", octet.escape_ascii())]
    NotALength {
        /// The octet that does not belong there.
        octet: u8,
    },
    /// More is announced than the limit allows, or the length has more than 20 digits.
    #[error("the netstring is longer than {limit} octets")]
    TooLong {
        /// The limit, in octets.
        limit: usize,
    },
    /// The payload is not followed by a comma.
    #[error("a netstring ends with a comma, not with \"{}\"", octet.escape_ascii())]
    NoComma {
        /// The octet in its place.
        octet: u8,
    },
}
