//! Mailbox files: many messages in one file.

use std::io::{self, BufRead};

/// The longest piece of a line that is looked at at once.
const LINE: u64 = 64 * 1024;

/// Reads a mailbox file message by message, in the memory that one message needs.
///
/// A message begins with a line `From `, an address and a date, at the start of the file or after an
/// empty line. Lines that were quoted as `>From ` lose one `>`: so does the format called mboxrd
/// (RFC 4155 appendix A describes the older one, which cannot tell what was quoted).
///
/// # Limitations
/// - `Content-Length` is not looked at: who writes it quotes nothing, and where it is wrong it leads
///   into the middle of a message.
#[derive(Debug)]
pub struct Mbox<R> {
    input: R,
    /// The longest message, in octets.
    limit: usize,
    /// A line that begins a message has been read.
    is_inside: bool,
    line: Vec<u8>,
}

/// One message of a mailbox file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MboxMessage {
    /// Its octets, without the line that begins it.
    Whole(Vec<u8>),
    /// It is longer than the limit, and was passed over.
    TooLong,
}

impl<R: BufRead> Mbox<R> {
    /// Reads from here; messages have so many octets at most.
    pub fn new(input: R, limit: usize) -> Self {
        Self { input, limit, is_inside: false, line: Vec::new() }
    }

    /// The next message; `None` after the last. What stands before the first message is passed over.
    ///
    /// # Errors
    ///
    /// What reading gives.
    pub fn next_message(&mut self) -> io::Result<Option<MboxMessage>> {
        let mut message = Vec::new();
        let mut is_too_long = false;
        let (mut is_line_start, mut is_after_empty) = (true, !self.is_inside);
        loop {
            self.line.clear();
            let read = io::Read::take(&mut self.input, LINE).read_until(b'\n', &mut self.line)?;
            let is_start = is_line_start && is_after_empty && is_separator(&self.line);
            if read == 0 || is_start {
                let was_inside = std::mem::replace(&mut self.is_inside, is_start);
                if was_inside {
                    if is_too_long {
                        return Ok(Some(MboxMessage::TooLong));
                    }
                    without_last_empty_line(&mut message);
                    return Ok(Some(MboxMessage::Whole(message)));
                }
                if read == 0 {
                    return Ok(None);
                }
                (is_line_start, is_after_empty) = (true, false);
                continue;
            }
            if self.is_inside && !is_too_long {
                let line = if is_line_start { unquoted(&self.line) } else { &self.line };
                if message.len().saturating_add(line.len()) > self.limit {
                    is_too_long = true;
                    message = Vec::new();
                } else {
                    message.extend_from_slice(line);
                }
            }
            is_after_empty = is_line_start && matches!(self.line.as_slice(), b"\n" | b"\r\n");
            is_line_start = self.line.ends_with(b"\n");
        }
    }
}

/// Whether octets begin as a mailbox file does.
pub fn is_mbox(octets: &[u8]) -> bool {
    let line = octets.split_inclusive(|octet| *octet == b'\n').next().unwrap_or_default();
    is_separator(line)
}

/// `From somebody@example.com Thu Nov 26 18:07:32 2026`: a time and a year are in every notation
/// that there is, and hardly in a sentence that begins with the word.
fn is_separator(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let words = || rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is_number =
        |word: &[u8], digits: usize| word.len() == digits && word.iter().all(u8::is_ascii_digit);
    let is_time = |word: &[u8]| {
        let mut parts = word.split(|octet| *octet == b':');
        let is_pair =
            |part: Option<&[u8]>| part.is_some_and(|part| is_number(part, 2) || is_number(part, 1));
        is_pair(parts.next()) && is_pair(parts.next())
    };
    words().skip(1).any(is_time) && words().skip(1).any(|word| is_number(word, 4))
}

/// Without one `>` of those before `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    let is_quoted = quotes > 0 && line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "));
    if is_quoted { line.get(1..).unwrap_or_default() } else { line }
}

/// The empty line before the next message belongs to the file.
fn without_last_empty_line(message: &mut Vec<u8>) {
    for end in [&b"\r\n"[..], b"\n"] {
        let Some(rest) = message.strip_suffix(end) else { continue };
        if rest.ends_with(b"\n") {
            let length = rest.len();
            message.truncate(length);
        }
        return;
    }
}

#[cfg(test)]
mod tests;
