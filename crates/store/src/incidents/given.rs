//! What is given and kept of incidents.

use std::{collections::BTreeSet, fmt, str::FromStr};

use mail_domain::DomainName;
use sealpost_evidence::incident::{Basis, Urgency};

use crate::StoreError;

/// Characters of a subject, at most.
pub const LONGEST_SUBJECT: usize = 320;
/// Characters of a summary, at most; of a ground likewise.
pub const LONGEST_TEXT: usize = 1_000;
/// Grounds of an incident, at most.
pub const MOST_GROUNDS: usize = 12;
/// Characters of the name of a receiver, at most.
pub const LONGEST_RECEIVER: usize = 32;
/// Receivers, at most.
pub const MOST_RECEIVERS: usize = 64;

/// The id of an incident: 16 lower-case hexadecimal digits, the same everywhere and always.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(String);

/// The text is no id of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of an incident has 16 hexadecimal digits, as `sealpost alert list` shows it")]
pub struct IncidentIdError;

/// How far an incident has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It was seen, and not for long enough yet.
    Pending,
    /// People were told of it.
    Open,
    /// It is over.
    Resolved,
}

/// Something that people are told of: what it is about, how it stands, who has it in hand.
///
/// All text is safe to show in one line, but not escaped for any format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The id.
    pub id: IncidentId,
    /// The code of its cause.
    pub cause: String,
    /// The domain.
    pub domain: DomainName,
    /// An MX host, a reporter; empty for the domain itself.
    pub subject: String,
    /// How far it has come.
    pub phase: Phase,
    /// How much it presses.
    pub urgency: Urgency,
    /// What speaks for it.
    pub basis: Basis,
    /// When it was first seen, in seconds since 1970, as all times.
    pub since: i64,
    /// When people were told of it.
    pub opened_at: Option<i64>,
    /// Since when it is not seen any more.
    pub gone_since: Option<i64>,
    /// When it was taken for over.
    pub resolved_at: Option<i64>,
    /// The most that was told of its urgency.
    pub told: Option<Urgency>,
    /// The receivers that were told of it.
    pub told_to: BTreeSet<String>,
    /// What was seen, in a sentence.
    pub summary: String,
    /// What speaks for it, a text each.
    pub grounds: Vec<String>,
    /// Nobody is told of it until then, unless it ends before.
    pub silent_until: Option<i64>,
    /// Who has acknowledged it last.
    pub acknowledged: Option<Acknowledgement>,
    /// Grows with each change; 0 before it is stored.
    pub revision: i64,
    /// Its place in the order in which they came up; 0 before it is stored.
    pub number: i64,
}

/// Somebody has an incident in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who; at most 200 characters.
    pub by: String,
    /// When.
    pub at: i64,
    /// Until when nobody is told of it again.
    pub until: i64,
    /// Why.
    pub reason: String,
}

/// What becomes of one incident, and what is told of that. Both or neither is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The incident as it shall be, with the revision that it had.
    pub incident: Incident,
    /// What is to be done with it.
    pub deed: Deed,
    /// What is told of it.
    pub notices: Vec<NewNotice>,
}

/// What is to be done with an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is new.
    Add,
    /// It is otherwise than it was.
    Change,
    /// It came to nothing before anybody was told.
    Forget,
}

/// What a receiver is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// What names it everywhere and always, the same for each receiver: at most 64 characters.
    pub key: String,
    /// The name of the receiver in the configuration.
    pub receiver: String,
    /// What it is.
    pub kind: NoticeKind,
    /// What it says: JSON of at most 1 MiB.
    pub content: String,
    /// When it was made.
    pub made_at: i64,
    /// When it is to be sent.
    pub due: i64,
}

/// What a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// An incident began.
    Opened,
    /// It presses more than was told.
    Worsened,
    /// It is still open at the end of its acknowledgement.
    StillOpen,
    /// It is over.
    Resolved,
    /// All that is open.
    Digest,
    /// A person tries whether notices arrive.
    Test,
}

/// What has become of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeState {
    /// It is to be sent.
    Waiting,
    /// The receiver has it.
    Sent,
    /// The receiver could not be reached until the time was over.
    Expired,
    /// It was not sent: somebody had the incident in hand before.
    Dropped,
}

/// A notice as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number in this store.
    pub id: i64,
    /// What names it everywhere and always, the same for each receiver.
    pub key: String,
    /// The name of the receiver.
    pub receiver: String,
    /// The incident, if it is about one.
    pub incident: Option<IncidentId>,
    /// What it is.
    pub kind: NoticeKind,
    /// What it says: JSON.
    pub content: String,
    /// When it was made.
    pub made_at: i64,
    /// What has become of it.
    pub state: NoticeState,
    /// When the next attempt is due.
    pub due: i64,
    /// Attempts that were begun.
    pub attempts: u32,
    /// What came of the last one. Text from outside.
    pub answer: Option<String>,
    /// When it was over.
    pub settled_at: Option<i64>,
}

/// Who claims what there is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeClaiming {
    /// Who claims: at most 128 characters, another one for each process.
    pub owner: String,
    /// The name of the receiver.
    pub receiver: String,
    /// The time.
    pub now: i64,
    /// How long it is held.
    pub lease_until: i64,
    /// How many notices are sent together, at most 1,000.
    pub most: u32,
}

/// Notices that are sent together, held by somebody. Tried again, they are the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Who holds it.
    pub owner: String,
    /// The name of the receiver.
    pub receiver: String,
    /// The number of the first.
    pub number: i64,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The notices, the oldest first; at least one.
    pub notices: Vec<Notice>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// The receiver has it.
    Sent,
    /// It is tried again then.
    Later(i64),
    /// It is not tried again.
    Expired,
}

/// How the queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueState {
    /// Notices that are due and not sent.
    pub due: u64,
    /// When the oldest of them was made.
    pub oldest: Option<i64>,
}

impl IncidentId {
    /// The id of these 8 octets.
    pub fn of(octets: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(octets)))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IncidentId {
    type Err = IncidentIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
        let is_id = text.len() == 16 && text.bytes().all(is_digit);
        if is_id { Ok(Self(text.to_owned())) } else { Err(IncidentIdError) }
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Names the values of an enum as they are stored.
macro_rules! words {
    ($of:ident: $($value:ident $word:literal),+) => {
        impl $of {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// The word for it, as it is stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }

            /// The one that this word is for.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }

        impl fmt::Display for $of {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words!(Phase: Pending "pending", Open "open", Resolved "resolved");
words!(NoticeKind: Opened "opened", Worsened "worsened", StillOpen "still-open",
       Resolved "resolved", Digest "digest", Test "test");
words!(NoticeState: Waiting "waiting", Sent "sent", Expired "expired", Dropped "dropped");

impl Change {
    /// Whether it keeps to the bounds of the tables.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.incident.subject.chars().count() > LONGEST_SUBJECT {
            return Err(StoreError::refused("the subject of an incident is too long"));
        }
        self.notices.iter().try_for_each(NewNotice::check)
    }
}

impl NewNotice {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.key.len() > 64 || self.receiver.len() > 64 {
            return Err(StoreError::refused("the key or the receiver of a notice is too long"));
        }
        if self.content.len() > 1 << 20 {
            return Err(StoreError::refused("a notice has more than 1 MiB"));
        }
        Ok(())
    }
}
