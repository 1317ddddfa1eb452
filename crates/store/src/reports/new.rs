//! A report as its reader hands it over.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, Day, Trust};

use super::ReportId;
use crate::Digest;

/// Days of sessions in one report, at most, and from the first of them to the last.
pub const MOST_DAYS: usize = 100;
/// What is kept of the details of one report, in octets; further ones are only counted.
pub const MOST_DETAILS: usize = 4 * 1024 * 1024;
/// One report counts for a day with at most so many sessions, far more than all mail of the world
/// in a day. Without it, a stranger could make the sums overflow.
pub const MOST_SESSIONS: u64 = 1 << 40;

/// What one report says of one policy domain. A report on several is stored as several, each with
/// the same payload.
///
/// Texts are cut at the bounds named at each; all of each is what identifies the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReport {
    /// The policy domain, where the report or its way here names one.
    pub domain: Option<DomainName>,
    /// Is it one of ours?
    pub ownership: Ownership,
    /// How far the report is believed.
    pub trust: Trust,
    /// `organization-name`; cut after 255 characters.
    pub organisation: String,
    /// `contact-info`; cut after 320 characters.
    pub contact: Option<String>,
    /// `report-id`; cut after 1,024 characters.
    pub report_id: String,
    /// `start-datetime`, in seconds since 1970.
    pub begins_at: i64,
    /// `end-datetime`, in seconds since 1970.
    pub ends_at: i64,
    /// When it came, in seconds since 1970. Of two revisions the one that came later counts.
    pub received_at: i64,
    /// The place of its submission in the order of arrival, [`crate::RawEntry::id`]. It decides
    /// between what came in the same second, as all of an import does.
    pub place: i64,
    /// The digest of the report's own octets, without what was round them.
    pub payload: Digest,
    /// The digest of the submission that it came in.
    pub raw: Digest,
    /// The sessions of each day, in any order; each day once; at most [`MOST_DAYS`].
    pub days: Vec<DayShare>,
    /// What is said of each policy. Details count only for the failure groups; `days` is what
    /// counts for the figures.
    pub policies: Vec<ReportedPolicy>,
    /// What had to be repaired to read it; at most 256 are kept.
    pub repairs: Vec<Repair>,
    /// Does it tell of the mails that carry reports, by its own word? The store looks for itself as
    /// well.
    pub echo: Echo,
}

/// Whose domain a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Ours.
    Ours,
    /// Somebody else's, as far as the settings say.
    NotOurs,
}

/// Does a report tell of ordinary mail?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Echo {
    /// It does.
    #[default]
    No,
    /// It tells of nothing but the mails that carry reports, as far as one can see.
    Likely,
}

/// The sessions of one day in one report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayShare {
    /// The day.
    pub day: Day,
    /// Sessions that were negotiated as the policy asks.
    pub successful: Bounds,
    /// Sessions that were not.
    pub failed: Bounds,
}

/// What a report says of one policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedPolicy {
    /// `policy-type`, as written; cut after 64 characters.
    pub policy_type: String,
    /// `policy-domain`, as written, which for DANE may be an MX host; cut after 255 characters.
    pub policy_domain: Option<String>,
    /// `policy-string`; at most 256, each cut after 4,096 characters. Together with the hosts at
    /// most 131,072 characters are kept.
    pub strings: Vec<String>,
    /// `mx-host`; at most 256, each cut after 255 characters.
    pub mx_hosts: Vec<String>,
    /// `total-successful-session-count`, at most 2^53.
    pub successful: u64,
    /// `total-failure-session-count`, at most 2^53.
    pub failed: u64,
    /// `failure-details`.
    pub failures: Vec<ReportedFailure>,
}

/// One of the failure details of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedFailure {
    /// `result-type`, as written; cut after 64 characters.
    pub result_type: String,
    /// `sending-mta-ip`.
    pub sending_ip: Option<IpAddr>,
    /// `receiving-ip`.
    pub receiving_ip: Option<IpAddr>,
    /// `receiving-mx-hostname`; cut after 255 characters.
    pub mx_host: Option<String>,
    /// `receiving-mx-helo`; cut after 255 characters.
    pub helo: Option<String>,
    /// `failure-reason-code`; cut after 512 characters.
    pub reason: Option<String>,
    /// `additional-information`; cut after 512 characters.
    pub additional: Option<String>,
    /// `failed-session-count`, at most 2^53.
    pub sessions: u64,
}

/// Something that had to be repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The stable code of the repair; cut after 64 characters.
    pub code: String,
    /// Where in the report; cut after 255 characters.
    pub place: String,
}

/// What became of a report that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, and stored under this number. So is one that counts from now on because it was
    /// not trusted, or its domain not ours, when it came before.
    New(ReportId),
    /// The same octets are stored already, under this number. Nothing has changed.
    Duplicate(ReportId),
    /// There was one with the same identity and other octets. Both are kept. The one that was
    /// received later counts; within one second that is the one with the later place, and within
    /// one submission the one that is taken in later.
    Revision(ReportId),
}

impl Accepted {
    /// The number of the report.
    pub fn id(self) -> ReportId {
        match self {
            Self::New(id) | Self::Duplicate(id) | Self::Revision(id) => id,
        }
    }
}
