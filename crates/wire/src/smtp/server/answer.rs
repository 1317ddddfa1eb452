//! What the caller answers a session, and what a client hears of it.

use core::fmt;

use super::reply::{self, Line};

/// Whether a recipient is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientAnswer {
    /// Yes: 250.
    Accepted,
    /// The domain is ours and there is no such mailbox: 550 5.1.1.
    Unknown,
    /// The domain is not ours; we do not relay: 550 5.7.1.
    NotOurs,
    /// It cannot be told now: 451 4.3.0.
    Later,
}

/// Whether there is room for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BeginAnswer {
    /// Yes: 354.
    Proceed,
    /// Not now, too much is being taken in: 452 4.3.1.
    Busy,
    /// Not now, we are at fault: 451 4.3.0.
    Later,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is stored, and survives a loss of power: 250. The receipt is told to the client, whose log
    /// then names it.
    Stored(Option<Receipt>),
    /// Not now, we are at fault: 451 4.3.0. The client comes again.
    Later,
    /// Not now, there is no room: 452 4.3.1. The client comes again.
    Full,
    /// There is something wrong with it that will stay: 554 5.6.0.
    Unacceptable,
    /// It is not wanted from there: 550 5.7.1.
    NotWanted,
}

/// A name of a stored message to be told to its sender, such as the beginning of its hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(Box<str>);

/// A text that cannot be told in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a receipt is 1 to {} letters, digits, hyphens and underscores", Receipt::MAX_OCTETS)]
pub struct ReceiptError;

/// Why the caller ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The service stops: 421 4.3.2.
    Stopping,
    /// The client has been silent for too long: 421 4.4.2.
    TimedOut,
    /// The client sends so slowly that it looks like an attack: 421 4.4.2.
    TooSlow,
    /// There are too many connections from there: 421 4.7.0.
    Crowded,
    /// The session lasts too long; the client may come again: 421 4.3.2.
    TooLong,
}

impl Receipt {
    /// The most octets in a receipt.
    pub const MAX_OCTETS: usize = 64;

    /// Takes letters, digits, hyphens and underscores of US-ASCII.
    ///
    /// # Errors
    /// When there are none, too many or others.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let is_word = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        let is_receipt = (1..=Self::MAX_OCTETS).contains(&text.len()) && text.bytes().all(is_word);
        if is_receipt { Ok(Self(text.into())) } else { Err(ReceiptError) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RecipientAnswer {
    pub(super) fn line(self) -> Line {
        let (code, enhanced, text) = match self {
            Self::Accepted => return reply::RECIPIENT_OK,
            Self::Unknown => (550, "5.1.1", "no such mailbox here"),
            Self::NotOurs => (550, "5.7.1", "mail to this domain is not taken here"),
            Self::Later => (451, "4.3.0", "not now, try again later"),
        };
        Line { code, enhanced, text }
    }
}

impl BeginAnswer {
    pub(super) fn line(self) -> Line {
        let (code, enhanced, text) = match self {
            Self::Proceed => return reply::GO_AHEAD,
            Self::Busy => (452, "4.3.1", "too much mail at once, try again later"),
            Self::Later => (451, "4.3.0", "not now, try again later"),
        };
        Line { code, enhanced, text }
    }
}

impl Delivery {
    pub(super) fn line(&self) -> Line {
        let (code, enhanced, text) = match self {
            Self::Stored(_) => (250, "2.6.0", "stored"),
            Self::Later => (451, "4.3.0", "not stored, try again later"),
            Self::Full => (452, "4.3.1", "no room to store it, try again later"),
            Self::Unacceptable => (554, "5.6.0", "the message cannot be used"),
            Self::NotWanted => (550, "5.7.1", "the message is not wanted"),
        };
        Line { code, enhanced, text }
    }
}

impl End {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Stopping => "4.3.2 the service stops, come again later",
            Self::TimedOut => "4.4.2 nothing came for too long",
            Self::TooSlow => "4.4.2 it comes too slowly",
            Self::Crowded => "4.7.0 too many connections from your address",
            Self::TooLong => "4.3.2 enough for one connection, come again",
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
