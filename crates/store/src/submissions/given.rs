//! What is given to the queue.

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;

use super::{Claim, SubmissionId};
use crate::StoreError;

/// A report that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubmissions {
    /// What names it everywhere and always: at most 512 characters.
    pub report_id: String,
    /// The domain that it is about.
    pub about: DomainName,
    /// The day of its sessions.
    pub day: Day,
    /// When it was made, in seconds since 1970.
    pub queued_at: i64,
    /// Sessions that were counted until then, for each policy.
    pub counted: u64,
    /// The JSON, packed with gzip: at most 16 MiB.
    pub octets: Vec<u8>,
    /// Whether it goes to all destinations.
    pub goal: Goal,
    /// Where it goes, in the order of the record; at most 100. Of the same URI twice the first
    /// counts.
    pub destinations: Vec<NewDestination>,
}

/// To whom a report goes that has several destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// To all.
    All,
    /// To the first that accepts it.
    First,
}

/// One of the destinations of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDestination {
    /// The URI as published: at most 2,048 characters.
    pub rua: String,
    /// Whom it burdens, for limits: the domain of the mailbox, or the host of the URI. At most 253
    /// characters.
    pub host: String,
    /// When the first attempt is due, in seconds since 1970.
    pub due: i64,
    /// How many seconds after the first attempt there are others.
    pub lifetime: i64,
}

/// What to claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claiming {
    /// Who claims: at most 128 characters.
    pub owner: String,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// How long it is held.
    pub lease_until: i64,
    /// What the owner is still at though the clock says that its lease is over: it is held as long.
    pub under_way: Vec<(SubmissionId, u32)>,
    /// How many, at most 1,000.
    pub limit: u32,
    /// How many of one host may be held at a time.
    pub per_host: u32,
    /// How many attempts of one host may begin on one day of UTC, those of all owners together.
    pub per_host_a_day: u32,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The claim.
    pub claim: Claim,
    /// What came of it.
    pub outcome: Outcome,
    /// What was said, for people; cut at 1,000 characters.
    pub answer: String,
    /// When, in seconds since 1970.
    pub now: i64,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Accepted,
    /// It is to be tried again at this time.
    Later {
        /// When, in seconds since 1970.
        due: i64,
    },
    /// It was refused for good.
    Refused,
    /// It failed, and the time is over.
    Expired,
}

/// A destination that gets nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The URI as published, or a host: at most 2,048 characters.
    pub destination: String,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// Until when.
    pub until: i64,
    /// Why: at most 1,024 characters.
    pub reason: String,
}

impl NewSubmissions {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_long = |text: &str, most: usize| text.chars().count() > most;
        if self.report_id.is_empty() || is_long(&self.report_id, 512) {
            return Err(StoreError::refused("a report id has 1 to 512 characters"));
        }
        if self.octets.len() > 16 << 20 {
            return Err(StoreError::refused("the report has more than 16 MiB"));
        }
        if !(1..=100).contains(&self.destinations.len()) {
            return Err(StoreError::refused("a report has 1 to 100 destinations"));
        }
        for destination in &self.destinations {
            if is_long(&destination.rua, 2_048) || is_long(&destination.host, 253) {
                return Err(StoreError::refused("a destination is too long"));
            }
        }
        let has_nul = |text: &str| text.contains('\0');
        let texts = self.destinations.iter().flat_map(|place| [&place.rua, &place.host]);
        if texts.chain([&self.report_id]).any(|text| has_nul(text)) {
            return Err(StoreError::refused("a text holds a NUL"));
        }
        Ok(())
    }
}

impl Suppression {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_long = |text: &str, most: usize| text.chars().count() > most || text.contains('\0');
        if is_long(&self.destination, 2_048) || is_long(&self.reason, 1_024) {
            return Err(StoreError::refused(
                "a text of the suppression is too long, or holds a NUL",
            ));
        }
        Ok(())
    }
}
