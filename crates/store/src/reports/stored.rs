//! Reports as they are shown.

use mail_domain::DomainName;
use sealpost_evidence::traffic::{
    Bounds, Day, DaySeries, DayTraffic, FailureGroup, FailureHistory, Reporter, ReporterActivity,
    Trust,
};

use super::{DayShare, DomainId, Echo, Repair, ReportId, ReportedPolicy, ReporterId, Scope};
use crate::Digest;

/// A report in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSummary {
    /// Its number.
    pub id: ReportId,
    /// With what it is counted.
    pub scope: Scope,
    /// Does it count, or has a revision taken its place?
    pub validity: Validity,
    /// The policy domain; `None` where the report names none.
    pub domain: Option<DomainName>,
    /// The number of its reporter.
    pub reporter_id: ReporterId,
    /// Who sent it.
    pub reporter: Reporter,
    /// How far it is believed.
    pub trust: Trust,
    /// `report-id`.
    pub report_id: String,
    /// `start-datetime`, in seconds since 1970.
    pub begins_at: i64,
    /// `end-datetime`, in seconds since 1970.
    pub ends_at: i64,
    /// The last day of its sessions.
    pub day: Day,
    /// When it came, in seconds since 1970.
    pub received_at: i64,
    /// Successful sessions over all its days.
    pub successful: Bounds,
    /// Failed sessions over all its days.
    pub failed: Bounds,
    /// Does it tell of failures, in its counts or in its details?
    pub is_failing: bool,
    /// The digest of its own octets.
    pub payload: Digest,
    /// The digest of the submission that it came in.
    pub raw: Digest,
}

/// Does a report count?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It does.
    Current,
    /// A revision has taken its place.
    Superseded,
}

/// A report with everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// What stands in lists.
    pub summary: ReportSummary,
    /// `contact-info` of the newest report of this reporter.
    pub contact: Option<String>,
    /// The sessions of each day, oldest first.
    pub days: Vec<DayShare>,
    /// What is said of each policy.
    pub policies: Vec<ReportedPolicy>,
    /// What had to be repaired.
    pub repairs: Vec<Repair>,
    /// Policies and failure details that had no room, and are in the submission only.
    pub unkept: u64,
    /// Does it tell of the mails that carry reports?
    pub echo: Echo,
    /// The other reports of the same identity, newest first.
    pub revisions: Vec<ReportId>,
}

/// Where a page of a list ended; the next one begins behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportPlace {
    /// The last day of the last report.
    pub day: Day,
    /// Its number.
    pub id: ReportId,
}

/// A reporter in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReporterRow {
    /// Its number.
    pub id: ReporterId,
    /// What it has done.
    pub activity: ReporterActivity,
}

/// A domain in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainTraffic {
    /// Its number.
    pub id: DomainId,
    /// The policy domain; `None` for reports that name none.
    pub domain: Option<DomainName>,
    /// The last day of its newest report, of all that are remembered.
    pub last_day: Day,
    /// The sum over the days that were asked for, `day` being the newest of them that a report
    /// speaks of; `None` if there is none.
    pub traffic: Option<DayTraffic>,
}

/// The failures of some days, what is alike together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureGroups {
    /// The groups with most sessions first.
    pub groups: Vec<FailureGroup>,
    /// The newest report that told of each of them, in their order.
    pub newest: Vec<ReportId>,
    /// When the range of the first report that told of each of them was over, in seconds since 1970.
    /// Ranges need not end with a day.
    pub first_ends: Vec<i64>,
    /// How many groups had no room in the answer.
    pub unlisted: u64,
    /// How many reports were read.
    pub reports: u64,
    /// If there were more reports than are read at a time: the day before which there are some
    /// that were not.
    pub unread_before: Option<Day>,
}

/// What failed by one report, for who judges which of it counts. A session may be in several of its
/// parts, and a report may be of more days than were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailingReport {
    /// Sessions that failed on the days that were asked for, at most.
    pub failed: u64,
    /// Sessions that failed on all its days, at most.
    pub failed_in_all: u64,
    /// What it has in each group, by the place of the group in [`FailureGroups::groups`].
    pub parts: Vec<(usize, u64)>,
    /// What it has in groups that had no room in the answer.
    pub unlisted: u64,
}

impl FailingReport {
    /// How many of the sessions that failed on the days that were asked for may be in groups of
    /// which `counts` is true, or in unlisted ones; at most all of them. What is known of all its
    /// days is taken in proportion, and rounded up.
    pub fn at_most(&self, counts: impl Fn(usize) -> bool) -> u64 {
        let parts = self.parts.iter().filter(|(group, _)| counts(*group));
        let sum = parts.fold(self.unlisted, |sum, (_, sessions)| sum.saturating_add(*sessions));
        let in_all = u128::from(self.failed_in_all.max(1));
        let share = (u128::from(sum) * u128::from(self.failed)).div_ceil(in_all);
        u64::try_from(share).unwrap_or(u64::MAX).min(self.failed)
    }
}

/// A kind of failure, and where it stands in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Where a page that ends here goes on.
    pub place: HistoryPlace,
    /// The failure.
    pub history: FailureHistory,
}

/// Where a page of the history ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPlace {
    pub(super) domain: i64,
    pub(super) reporter: i64,
    pub(super) policy_type: String,
    pub(super) result_type: String,
}

/// What each reporter says of one domain, day by day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByReporter {
    /// One for each reporter, in the order in which they first came.
    pub series: Vec<DaySeries>,
    /// There are more reports than are looked at.
    pub is_cut: bool,
}

/// How often something had to be repaired in the reports of one reporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairCount {
    /// The stable code of the repair.
    pub code: String,
    /// In how many reports.
    pub reports: u64,
    /// Where, in one of them.
    pub place: String,
    /// That one; it may have been forgotten since.
    pub report: ReportId,
}

impl ReportSummary {
    /// Its place in a list.
    pub fn place(&self) -> ReportPlace {
        ReportPlace { day: self.day, id: self.id }
    }
}
