//! What is known of a submission.

use std::{fmt, net::IpAddr, sync::Arc};

use rusqlite::Row;

use super::Digest;
use crate::column::{self, senseless};

/// The longest envelope recipient in characters; a longer one is cut (RFC 5321 §4.5.3.1: 64 and
/// 255 octets, and the sign between them).
pub(super) const RECIPIENT: usize = 320;

/// One arrival of some octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The way they came.
    pub origin: Origin,
    /// When, in seconds since 1970.
    pub at: i64,
    /// Who sent them over the network.
    pub peer: Option<IpAddr>,
    /// The recipient of the envelope, or the path of the request; cut after 320 characters.
    pub recipient: Option<String>,
}

/// What came in, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The octets; shared, so that who has them stored can read them too.
    pub octets: Arc<Vec<u8>>,
    /// How they came.
    pub arrival: Arrival,
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The name of its octets.
    pub digest: Digest,
    /// Its place in the order of first arrival, as [`RawEntry::id`].
    pub place: i64,
    /// When they first came, in seconds since 1970.
    pub first_at: i64,
    /// What had become of them when they came before; `None` if they are new.
    pub before: Option<RawState>,
}

/// The way by which octets came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// By SMTP.
    Smtp,
    /// By LMTP.
    Lmtp,
    /// By an HTTPS POST.
    Http,
    /// From a mailbox, by IMAP.
    Imap,
    /// From a Maildir.
    Maildir,
    /// From a mailbox file.
    Mbox,
    /// From a file that a person named.
    Import,
    /// From standard input.
    Pipe,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawState {
    /// Nobody has read it yet.
    New,
    /// It was read, and what it says is stored.
    Read,
    /// It could not be read; a later version may be able to.
    Quarantined {
        /// A stable code, at most 64 characters.
        reason: String,
    },
    /// It was read, and it is nothing for us.
    Refused {
        /// A stable code, at most 64 characters.
        reason: String,
    },
}

/// The name of a [`RawState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// [`RawState::New`].
    New,
    /// [`RawState::Read`].
    Read,
    /// [`RawState::Quarantined`].
    Quarantined,
    /// [`RawState::Refused`].
    Refused,
}

/// What is known of a submission, without its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry {
    /// Its place in the order of first arrival.
    pub id: i64,
    /// The name of its octets.
    pub digest: Digest,
    /// How many octets it has.
    pub size: u64,
    /// How it first came.
    pub first: Arrival,
    /// How often it came.
    pub arrivals: u64,
    /// When it last came, in seconds since 1970.
    pub last_at: i64,
    /// What became of it.
    pub state: RawState,
    /// The version of the reader that saw it last; 0 if none has.
    pub reader: u32,
}

/// A message whose signature held when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The name of its octets.
    pub message: Digest,
    /// The domain that signed it, at most 255 characters.
    pub signer: String,
    /// The version of the reader that found its signature to hold.
    pub reader: u32,
}

/// How many submissions are in each standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawCounts {
    /// Nobody has read them yet.
    pub new: u64,
    /// They were read.
    pub read: u64,
    /// They could not be read.
    pub quarantined: u64,
    /// They are nothing for us.
    pub refused: u64,
}

impl RawState {
    /// Its name.
    pub fn standing(&self) -> Standing {
        match self {
            Self::New => Standing::New,
            Self::Read => Standing::Read,
            Self::Quarantined { .. } => Standing::Quarantined,
            Self::Refused { .. } => Standing::Refused,
        }
    }

    /// Why it is so, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::New | Self::Read => None,
            Self::Quarantined { reason } | Self::Refused { reason } => Some(reason),
        }
    }
}

impl Standing {
    const ALL: [Self; 4] = [Self::New, Self::Read, Self::Quarantined, Self::Refused];

    /// As it is stored: one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Read => "read",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
        }
    }
}

impl Origin {
    const ALL: [Self; 8] = [
        Self::Smtp,
        Self::Lmtp,
        Self::Http,
        Self::Imap,
        Self::Maildir,
        Self::Mbox,
        Self::Import,
        Self::Pipe,
    ];

    /// As it is stored: one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Lmtp => "lmtp",
            Self::Http => "http",
            Self::Imap => "imap",
            Self::Maildir => "maildir",
            Self::Mbox => "mbox",
            Self::Import => "import",
            Self::Pipe => "pipe",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a row of the statements that begin with the columns of an entry.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<RawEntry> {
    let digest: [u8; 32] = row.get(1)?;
    Ok(RawEntry {
        id: row.get(0)?,
        digest: Digest::from(digest),
        size: column::count(row, 2)?,
        first: arrival(row, 3)?,
        arrivals: column::count(row, 7)?,
        last_at: row.get(8)?,
        state: state(row, 9)?,
        reader: row.get(11)?,
    })
}

/// Reads the four columns of an arrival, the first of them at `first`.
pub(super) fn arrival(row: &Row<'_>, first: usize) -> rusqlite::Result<Arrival> {
    let origin = column::text(row, first)?;
    let origin = Origin::ALL.into_iter().find(|known| known.as_str() == origin);
    let peer = row.get::<_, Option<String>>(first + 2)?;
    Ok(Arrival {
        origin: origin.ok_or_else(|| senseless(first))?,
        at: row.get(first + 1)?,
        peer: peer.map(|text| text.parse().map_err(|_| senseless(first + 2))).transpose()?,
        recipient: row.get(first + 3)?,
    })
}

/// Reads a row of [`super::sql::VOUCHED`].
pub(super) fn vouched(row: &Row<'_>) -> rusqlite::Result<Vouched> {
    let message: [u8; 32] = row.get(0)?;
    Ok(Vouched { message: Digest::from(message), signer: row.get(1)?, reader: row.get(2)? })
}

/// Reads a row of [`super::sql::COUNT_WAITING`].
pub(super) fn add_count(row: &Row<'_>, counts: &mut RawCounts) -> rusqlite::Result<()> {
    let count = column::count(row, 1)?;
    match standing(row, 0)? {
        Standing::New => counts.new = count,
        Standing::Read => counts.read = count,
        Standing::Quarantined => counts.quarantined = count,
        Standing::Refused => counts.refused = count,
    }
    Ok(())
}

/// Reads the columns of state and reason, the first of them at `first`.
pub(super) fn state(row: &Row<'_>, first: usize) -> rusqlite::Result<RawState> {
    let reason = || -> rusqlite::Result<String> {
        Ok(row.get::<_, Option<String>>(first + 1)?.unwrap_or_default())
    };
    Ok(match standing(row, first)? {
        Standing::New => RawState::New,
        Standing::Read => RawState::Read,
        Standing::Quarantined => RawState::Quarantined { reason: reason()? },
        Standing::Refused => RawState::Refused { reason: reason()? },
    })
}

fn standing(row: &Row<'_>, place: usize) -> rusqlite::Result<Standing> {
    let name = column::text(row, place)?;
    let known = Standing::ALL.into_iter().find(|known| known.as_str() == name);
    known.ok_or_else(|| senseless(place))
}
