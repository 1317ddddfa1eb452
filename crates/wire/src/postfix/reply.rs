//! Replies, apart from the protocol that carries them.

use core::fmt;

/// What a policy map says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Reply {
    /// This holds for the next hop.
    Found(PolicyText),
    /// Nothing is known: the mail server's own default holds.
    NotFound,
    /// It cannot be told at present, and the message has to wait.
    Temporary(Reason),
    /// The same: it was not found out in time.
    TimedOut(Reason),
    /// The question cannot be answered as it is; the message waits, and somebody has to mend the
    /// configuration.
    Permanent(Reason),
}

/// A line as in Postfix's `smtp_tls_policy_maps`: printable US-ASCII that only an
/// [`Answer`](super::Answer) makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText(String);

impl PolicyText {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The line, without an end of line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no answer, for the log of the mail server: printable US-ASCII, at most 200 octets,
/// which is what Postfix logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Box<str>);

impl Reason {
    /// The most octets in a reason.
    pub const MAX_LENGTH: usize = 200;

    /// Makes a reason of any text: every character that is not printable US-ASCII becomes `?`, and
    /// what is too long is cut.
    pub fn new(text: &str) -> Self {
        let printable = |character: char| match character {
            ' '..='~' => character,
            _ => '?',
        };
        Self(text.trim().chars().take(Self::MAX_LENGTH).map(printable).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The protocol that carries replies, by how much fits into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Socketmap: a payload of 100,000 octets.
    Socketmap,
    /// A `tcp:` map: a line of 4,096 octets with its end, in which a space takes three.
    Tcp,
}

impl Table {
    /// The most octets in a [`PolicyText`], as it is sent.
    pub(super) const fn room(self) -> usize {
        match self {
            Self::Socketmap => 100_000 - "OK ".len(),
            Self::Tcp => 4_096 - "200 \n".len(),
        }
    }

    /// The octets that a text of printable US-ASCII without `%` takes as it is sent.
    pub(super) fn size(self, text: &str) -> usize {
        let quoting = match self {
            Self::Socketmap => 0,
            Self::Tcp => text.bytes().filter(|byte| *byte == b' ').count().saturating_mul(2),
        };
        text.len().saturating_add(quoting)
    }
}
