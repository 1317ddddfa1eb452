//! What the queue holds.

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;

/// The number of a submission in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(pub i64);

/// A submission that somebody holds, with all that is needed to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which one.
    pub id: SubmissionId,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// When the first attempt began, in seconds since 1970.
    pub first_try: i64,
    /// Until when it is tried again.
    pub expires_at: i64,
    /// The URI as published.
    pub rua: String,
    /// The id of the report.
    pub report_id: String,
    /// The domain that it is about.
    pub about: DomainName,
    /// The JSON, packed with gzip.
    pub octets: Vec<u8>,
}

/// A submission as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Its number.
    pub id: SubmissionId,
    /// The id of the report.
    pub report_id: String,
    /// The domain that it is about.
    pub about: DomainName,
    /// The day of its sessions.
    pub day: Day,
    /// The URI as published.
    pub rua: String,
    /// How it stands.
    pub state: SubmissionState,
    /// When the next attempt is due, in seconds since 1970.
    pub due: i64,
    /// Attempts that were begun.
    pub attempts: u32,
    /// When the first one began.
    pub first_try: Option<i64>,
    /// Until when somebody holds it.
    pub held_until: Option<i64>,
    /// What came of the last attempt. Text from outside.
    pub answer: Option<String>,
    /// When it was over.
    pub settled_at: Option<i64>,
}

/// How a submission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubmissionState {
    /// It is sent only if the destinations before it fail.
    Reserve,
    /// It is to be sent.
    Waiting,
    /// It was taken.
    Accepted,
    /// It was refused.
    Refused,
    /// It failed until the time was over.
    Expired,
    /// Another destination has accepted the report.
    Spared,
    /// Somebody gave it up by hand.
    Dropped,
}

/// How many submissions are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmissionCounts(pub(super) Vec<(SubmissionState, u64)>);

impl SubmissionState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Reserve,
        Self::Waiting,
        Self::Accepted,
        Self::Refused,
        Self::Expired,
        Self::Spared,
        Self::Dropped,
    ];

    /// As it is stored: one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Spared => "spared",
            Self::Dropped => "dropped",
        }
    }

    pub(super) fn stored_as(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl SubmissionCounts {
    /// How many there are in this state.
    pub fn of(&self, state: SubmissionState) -> u64 {
        self.0.iter().find(|(found, _)| *found == state).map_or(0, |(_, count)| *count)
    }
}
