//! From octets to replies (RFC 5321 section 4.2), however they are cut.

use super::readable;
use super::reply::{Reply, ReplyOddity};

/// How much a server may say in one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets in one line, its end included.
    pub line: usize,
    /// Lines in one reply.
    pub lines: usize,
    /// Octets in one reply.
    pub octets: usize,
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.5
//# The maximum total length of a reply line including the reply code and
//# the <CRLF> is 512 octets.
/// 2,048 octets a line (four times what RFC 5321 allows), 128 lines, 65,536 octets.
impl Default for Limits {
    fn default() -> Self {
        Self { line: 2_048, lines: 128, octets: 65_536 }
    }
}

/// Puts replies together from octets as they arrive.
///
/// What replies come out does not depend on how the octets were cut. Memory is bounded by the
/// limits and what one call of [`push`](Self::push) hands in, as long as the caller takes out every
/// complete reply (by pushing nothing) before it pushes more.
#[derive(Debug, Clone)]
pub struct ReplyReader {
    limits: Limits,
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no line end.
    searched: usize,
    partial: Option<Reply>,
    /// Octets in the lines of `partial`.
    octets: usize,
    failure: Option<ReplyError>,
}

impl ReplyReader {
    /// A reader at the beginning of a connection.
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: Vec::new(), searched: 0, partial: None, octets: 0, failure: None }
    }

    /// Takes in octets that arrived, perhaps none, and gives the next reply once it is complete.
    ///
    /// Octets after it are kept: they are the [`surplus`](Self::surplus), and the next call reads
    /// on there.
    ///
    /// # Errors
    /// When what arrived is no reply or exceeds the limits. There is no way to find the next reply
    /// then, so every later call fails the same way.
    pub fn push(&mut self, octets: &[u8]) -> Result<Option<Reply>, ReplyError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        self.buffer.extend_from_slice(octets);
        let mut used = 0;
        let result = self.read(&mut used);
        self.buffer.drain(..used);
        self.searched = self.searched.saturating_sub(used);
        if let Err(failure) = &result {
            self.failure = Some(failure.clone());
            self.buffer = Vec::new();
        }
        result
    }

    /// What arrived after the last complete reply and does not complete another. After a reply has
    /// come out this is all that the server said without being asked.
    pub fn surplus(&self) -> &[u8] {
        &self.buffer
    }

    /// The complete lines of a reply whose last line has not arrived.
    pub fn incomplete(&self) -> Option<&Reply> {
        self.partial.as_ref()
    }

    fn read(&mut self, used: &mut usize) -> Result<Option<Reply>, ReplyError> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(distance) = unsearched.iter().position(|octet| *octet == b'\n') else {
                self.searched = self.buffer.len();
                // The line end is still to come, so a line of this length is too long already.
                if self.buffer.len().saturating_sub(*used) >= self.limits.line {
                    return Err(ReplyError::LineTooLong { limit: self.limits.line });
                }
                return Ok(None);
            };
            let end = self.searched.saturating_add(distance).saturating_add(1);
            let line = self.buffer.get(*used..end).unwrap_or_default().to_vec();
            *used = end;
            self.searched = end;
            if let Some(reply) = self.line(&line)? {
                return Ok(Some(reply));
            }
        }
    }

    /// Takes in one line with its end; gives the reply when this was its last line.
    fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        if line.len() > self.limits.line {
            return Err(ReplyError::LineTooLong { limit: self.limits.line });
        }
        self.octets = self.octets.saturating_add(line.len());
        if self.octets > self.limits.octets {
            return Err(ReplyError::ReplyTooLong { limit: self.limits.octets });
        }
        let parsed = Line::parse(line)?;

        let mut reply = match self.partial.take() {
            None => Reply { code: parsed.code, lines: Vec::new(), oddities: Vec::new() },
            Some(reply) if reply.code == parsed.code => reply,
            Some(reply) => {
                return Err(ReplyError::CodeChanged { first: reply.code, then: parsed.code });
            }
        };
        if reply.lines.len() == self.limits.lines {
            return Err(ReplyError::TooManyLines { limit: self.limits.lines });
        }
        for oddity in parsed.oddities(line.len()) {
            reply.note(oddity);
        }
        reply.lines.push(readable(parsed.text));
        match parsed.position {
            Position::Last => {
                self.octets = 0;
                Ok(Some(reply))
            }
            Position::Continued => {
                self.partial = Some(reply);
                Ok(None)
            }
        }
    }
}

/// Why octets are no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line does not begin with a code.
    #[error("the server sent a line that is no SMTP reply: \"{line}\"")]
    NotAReply {
        /// The beginning of the line, made readable.
        line: String,
    },
    /// A code outside 200 to 599.
    #[error("the server sent the reply code {code}, which SMTP does not have")]
    CodeOutOfRange {
        /// The code.
        code: u16,
    },
    /// Two codes in one reply.
    #[error("the lines of one reply have different codes: {first}, then {then}")]
    CodeChanged {
        /// The code of its first line.
        first: u16,
        /// The code that differs.
        then: u16,
    },
    /// A line beyond [`Limits::line`].
    #[error("the server sent a line of more than {limit} octets")]
    LineTooLong {
        /// The limit.
        limit: usize,
    },
    /// A reply beyond [`Limits::lines`].
    #[error("the server sent a reply of more than {limit} lines")]
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// A reply beyond [`Limits::octets`].
    #[error("the server sent a reply of more than {limit} octets")]
    ReplyTooLong {
        /// The limit.
        limit: usize,
    },
}

/// One line of a reply.
struct Line<'a> {
    code: u16,
    position: Position,
    text: &'a [u8],
    ending: Ending,
}

enum Position {
    /// `-` after the code: more lines follow.
    Continued,
    Last,
}

#[derive(PartialEq, Eq)]
enum Ending {
    CrLf,
    Lf,
}

impl<'a> Line<'a> {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.2
    //# Reply-line     = *( Reply-code "-" [ textstring ] CRLF )
    //# Reply-code [ SP textstring ] CRLF
    fn parse(line: &'a [u8]) -> Result<Self, ReplyError> {
        let without_lf = line.strip_suffix(b"\n").unwrap_or(line);
        let (content, ending) = match without_lf.strip_suffix(b"\r") {
            Some(content) => (content, Ending::CrLf),
            None => (without_lf, Ending::Lf),
        };
        let not_a_reply = || ReplyError::NotAReply { line: beginning(content) };

        let (digits, rest) = content.split_at_checked(3).ok_or_else(not_a_reply)?;
        let code = number(digits).ok_or_else(not_a_reply)?;
        //= https://www.rfc-editor.org/rfc/rfc5321#section-4.2
        //# clients that do not
        //# receive it SHOULD be prepared to process the code alone (with or
        //# without a trailing space character).
        let (position, text) = match rest.split_first() {
            None => (Position::Last, rest),
            Some((b' ', text)) => (Position::Last, text),
            Some((b'-', text)) => (Position::Continued, text),
            Some(_) => return Err(not_a_reply()),
        };
        //= https://www.rfc-editor.org/rfc/rfc5321#section-4.2
        //# Clients that receive such out-of-range codes SHOULD normally
        //# treat them as fatal errors and terminate the mail transaction.
        if !(200..=599).contains(&code) {
            return Err(ReplyError::CodeOutOfRange { code });
        }
        Ok(Self { code, position, text, ending })
    }

    fn oddities(&self, length: usize) -> impl Iterator<Item = ReplyOddity> {
        const ALLOWED_LENGTH: usize = 512;
        let is_unprintable = |octet: &u8| !matches!(octet, b'\t' | b'\r' | b' '..=b'~');
        [
            (self.ending == Ending::Lf, ReplyOddity::BareLineFeed),
            (self.text.contains(&b'\r'), ReplyOddity::BareCarriageReturn),
            (self.text.iter().any(is_unprintable), ReplyOddity::UnprintableOctet),
            (length > ALLOWED_LENGTH, ReplyOddity::LongLine),
        ]
        .into_iter()
        .filter_map(|(is_there, oddity)| is_there.then_some(oddity))
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |number, digit| {
        let value = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(value)
    })
}

/// Enough of a line to recognise what speaks there, such as SSH or HTTP.
fn beginning(line: &[u8]) -> String {
    const SHOWN: usize = 80;
    match line.split_at_checked(SHOWN) {
        Some((head, rest)) if !rest.is_empty() => readable(head) + "…",
        _ => readable(line),
    }
}
