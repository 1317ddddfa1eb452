//! A message with its envelope.

use crate::smtp::server::Mailbox;

/// A message that any server can take: an envelope in US-ASCII, lines that end with CRLF and are not
/// too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    sender: Option<Mailbox>,
    recipients: Vec<Mailbox>,
    octets: Vec<u8>,
    is_eight_bit: bool,
}

impl Outgoing {
    /// The most recipients: as many as RFC 5321 section 4.5.3.1.8 has any server take.
    pub const MOST_RECIPIENTS: usize = 100;

    /// The longest line, without its end (RFC 5321 section 4.5.3.1.6).
    pub const LONGEST_LINE: usize = 998;

    /// The longest path without its brackets (RFC 5321 section 4.5.3.1.3).
    const LONGEST_PATH: usize = 254;

    /// Puts message and envelope together. Without a sender nobody is told if it fails later
    /// (`MAIL FROM:<>`).
    ///
    /// # Errors
    /// When an address or the message cannot be sent as it is, or there is no recipient.
    pub fn new(
        sender: Option<Mailbox>,
        recipients: Vec<Mailbox>,
        octets: Vec<u8>,
    ) -> Result<Self, OutgoingError> {
        if !(1..=Self::MOST_RECIPIENTS).contains(&recipients.len()) {
            return Err(OutgoingError::Recipients);
        }
        for address in sender.iter().chain(&recipients) {
            let text = address.to_string();
            if !text.is_ascii() || text.len() > Self::LONGEST_PATH {
                return Err(OutgoingError::Address);
            }
        }
        check_lines(&octets)?;
        let is_eight_bit = !octets.is_ascii();
        Ok(Self { sender, recipients, octets, is_eight_bit })
    }

    /// Who sends it; `None` is the null sender.
    pub fn sender(&self) -> Option<&Mailbox> {
        self.sender.as_ref()
    }

    /// Who is to get it: at least one.
    pub fn recipients(&self) -> &[Mailbox] {
        &self.recipients
    }

    /// The message.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Whether it has octets outside US-ASCII.
    pub fn is_eight_bit(&self) -> bool {
        self.is_eight_bit
    }

    /// The message as it is sent after DATA, with its end.
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
    //# Before sending a line of mail text, the SMTP client checks the
    //# first character of the line.  If it is a period, one additional
    //# period is inserted at the beginning of the line.
    pub(super) fn transparent(&self) -> Vec<u8> {
        let mut sent = Vec::with_capacity(self.octets.len().saturating_add(64));
        for line in self.octets.split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(b".") {
                sent.push(b'.');
            }
            sent.extend_from_slice(line);
        }
        sent.extend_from_slice(b".\r\n");
        sent
    }
}

/// A CR or LF alone would be a line end to some server and none to another: room for a second
/// message inside this one.
fn check_lines(octets: &[u8]) -> Result<(), OutgoingError> {
    if !octets.ends_with(b"\r\n") {
        return Err(OutgoingError::LineEnd);
    }
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let content = line.strip_suffix(b"\r\n").ok_or(OutgoingError::LineEnd)?;
        if content.contains(&b'\r') || content.contains(&0) {
            return Err(OutgoingError::LineEnd);
        }
        if content.len() > Outgoing::LONGEST_LINE {
            return Err(OutgoingError::LongLine);
        }
    }
    Ok(())
}

/// Why a message cannot be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutgoingError {
    /// No recipient, or too many.
    #[error("a message goes to 1 to {} recipients at a time", Outgoing::MOST_RECIPIENTS)]
    Recipients,
    /// An address that needs SMTPUTF8, or too long a one.
    #[error("an address of the envelope is too long, or not in US-ASCII")]
    Address,
    /// A line without CRLF, with a CR, LF or NUL inside, or no line at all.
    #[error("the lines of the message do not all end with CRLF")]
    LineEnd,
    /// Too long a line.
    #[error("a line of the message has more than {} octets", Outgoing::LONGEST_LINE)]
    LongLine,
}
