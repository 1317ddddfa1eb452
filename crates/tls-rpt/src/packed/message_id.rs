//! Ids of messages and of reports.

use std::fmt;
use std::str::FromStr;

use mail_domain::DomainName;

/// An id such as `2026-11-25.7f3a@reporter.example`: that of a message, or of a report as the
/// subject of its mail names it (RFC 5322 section 3.6.4, RFC 8460 section 5.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId {
    left: Box<str>,
    right: DomainName,
}

impl MessageId {
    /// The most octets on the left side: enough for a domain name and something beside it, and few
    /// enough for a line of a mail.
    pub const LONGEST_LEFT: usize = 320;

    /// Puts an id together.
    ///
    /// # Errors
    /// When `left` is no text that may stand there (`dot-atom-text`), or too long.
    pub fn new(left: &str, right: &DomainName) -> Result<Self, MessageIdError> {
        if left.len() > Self::LONGEST_LEFT {
            return Err(MessageIdError::TooLong);
        }
        let is_atom = |atom: &str| {
            !atom.is_empty()
                && atom.bytes().all(|octet| {
                    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
                })
        };
        if !left.split('.').all(is_atom) {
            return Err(MessageIdError::Left);
        }
        Ok(Self { left: left.into(), right: right.clone() })
    }

    /// Reads an id, without angle brackets.
    ///
    /// # Errors
    /// As [`MessageId::new`], and when the right side is not a domain name as it would be written
    /// again.
    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let (left, right) = text.rsplit_once('@').ok_or(MessageIdError::Right)?;
        let domain = DomainName::parse(right).map_err(|_| MessageIdError::Right)?;
        // Whoever compares ids compares octets.
        if domain.as_str() != right {
            return Err(MessageIdError::Right);
        }
        Self::new(left, &domain)
    }

    /// What stands before the `@`.
    pub fn left(&self) -> &str {
        &self.left
    }

    /// What stands behind it.
    pub fn right(&self) -> &DomainName {
        &self.right
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.left, self.right)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageIdError {
    /// The left side.
    #[error("what stands before the @ of an id are letters, digits, some signs, and dots between")]
    Left,
    /// The right side.
    #[error("an id ends with @ and a domain name in lower case")]
    Right,
    /// More than [`MessageId::LONGEST_LEFT`].
    #[error("what stands before the @ of an id has at most {} octets", MessageId::LONGEST_LEFT)]
    TooLong,
}
