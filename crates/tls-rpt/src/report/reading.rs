//! The tolerant reader.

mod details;
mod members;
mod policies;
mod range;
mod values;

use super::encoding;
use super::json::{Cursor, Shape};
use super::place::Place;
use super::repair::RepairLog;
use super::{
    Loss, PolicyReport, Repair, RepairKind, Report, ReportError, ReportLimits, Severity, review,
};
use members::{Keys, Seen};
pub(crate) use policies::is_one_policy_text;

/// All that was found in the text of a report, and all that was mended on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ReportReading {
    /// What was readable. With a [`refusal`](Self::refusal) it is whatever came to light before.
    pub report: Report,
    /// What was mended or noted: first what was met while reading, then what the whole shows. At most
    /// [`ReportLimits::repairs`], and at least the first of each kind.
    pub repairs: Vec<Repair>,
    /// How many more repairs there were.
    pub repairs_left_out: u64,
    /// Why this is no report and must not be counted. Keep the octets: a later version may read more.
    pub refusal: Option<Refusal>,
}

impl ReportReading {
    /// The report if it is as RFC 8460 defines it.
    ///
    /// # Errors
    /// Why it is no report, or the first repair that is more than [`Severity::Unusual`].
    pub fn strict(self) -> Result<Report, ReportError> {
        if let Some(refusal) = self.refusal {
            return Err(ReportError::Refused(refusal));
        }
        match self.repairs.into_iter().find(|repair| repair.kind.severity() > Severity::Unusual) {
            Some(repair) => Err(ReportError::Faulty(repair)),
            None => Ok(self.report),
        }
    }

    /// Whether every number of sessions that the text holds was read.
    ///
    /// When it is false the numbers are still right for what was read, and a sum over them is a lower
    /// bound.
    pub fn is_complete(&self) -> bool {
        self.refusal.is_none()
            && self.repairs.iter().all(|repair| repair.kind.loss() == Loss::Nothing)
    }

    /// Whether there is a repair of this kind.
    pub fn has(&self, kind: RepairKind) -> bool {
        self.repairs.iter().any(|repair| repair.kind == kind)
    }
}

/// Why octets are no report that can be counted.
///
/// The octets belong into quarantine: to be looked at, and to be read again by a later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No octet, or white space only.
    #[error("there is nothing in it")]
    Empty,
    /// More octets than allowed; nothing was read.
    #[error("it has more than {limit} octets")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// No JSON object anywhere.
    #[error("it holds no JSON object")]
    NotJson,
    /// A JSON object in which nothing says that it is a TLS report.
    #[error("it is JSON, but has nothing of a TLS report")]
    NotAReport,
    /// The JSON ends or breaks before the first number of sessions.
    #[error("it breaks off before the first number")]
    BrokenOff,
    /// More policies than allowed, so that numbers would be missing.
    #[error("it has more than {limit} policies")]
    TooManyPolicies {
        /// The limit.
        limit: usize,
    },
    /// More failure details than allowed.
    #[error("it has more than {limit} failure details")]
    TooManyDetails {
        /// The limit.
        limit: usize,
    },
}

impl Refusal {
    /// A stable name, for metrics and lists: in kebab-case.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too-long",
            Self::NotJson => "not-json",
            Self::NotAReport => "not-a-report",
            Self::BrokenOff => "broken-off",
            Self::TooManyPolicies { .. } => "too-many-policies",
            Self::TooManyDetails { .. } => "too-many-details",
        }
    }
}

pub(super) fn read(octets: &[u8], limits: &ReportLimits) -> ReportReading {
    if octets.len() > limits.octets {
        return refused(Refusal::TooLong { limit: limits.octets });
    }
    if octets.trim_ascii().is_empty() {
        return refused(Refusal::Empty);
    }
    let text = encoding::decode(octets);
    let mut reader = Reader {
        cursor: Cursor::new(&text.octets),
        limits,
        depth: limits.depth.min(ReportLimits::DEEPEST),
        log: RepairLog::new(limits.repairs),
        details: 0,
        strings: 0,
        unknown_members: 0,
        refusal: None,
    };
    for repair in &text.repairs {
        reader.log.add(*repair, String::new);
    }
    let report = reader.text();
    // Of a text that breaks off nobody knows what else it would have said.
    if reader.refusal.is_none() && !reader.cursor.is_stopped() {
        review::review(&report, &mut reader.log);
    }
    let refusal = reader.refusal;
    let (repairs, repairs_left_out) = reader.log.finish();
    ReportReading { report, repairs, repairs_left_out, refusal }
}

fn refused(refusal: Refusal) -> ReportReading {
    ReportReading { refusal: Some(refusal), ..ReportReading::default() }
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    limits: &'t ReportLimits,
    depth: usize,
    log: RepairLog,
    details: usize,
    strings: usize,
    unknown_members: usize,
    refusal: Option<Refusal>,
}

const KEYS: Keys = Keys {
    names: &["organization-name", "date-range", "contact-info", "report-id", "policies"],
    drafts: &[],
};

impl<'t> Reader<'t> {
    fn text(&mut self) -> Report {
        let report = match self.cursor.shape() {
            Shape::Object => self.report(&Place::ROOT),
            Shape::Array => self.array_of_reports(),
            _ => {
                self.refusal = Some(Refusal::NotJson);
                return Report::default();
            }
        };
        if !self.cursor.is_stopped() {
            self.cursor.skip_space();
            let rest = self.cursor.rest();
            if rest.contains(&b'{') {
                self.repair(RepairKind::FurtherReports, &Place::ROOT);
            } else if !rest.is_empty() {
                self.repair(RepairKind::TrailingOctets, &Place::ROOT);
            }
        }
        report
    }

    fn array_of_reports(&mut self) -> Report {
        self.cursor.open();
        let mut report = None;
        let mut index = 0;
        while self.cursor.item() {
            let place = Place::ROOT;
            let place = place.index(index);
            match (self.cursor.shape(), &report) {
                (Shape::Object, None) => {
                    self.repair(RepairKind::InArray, &place);
                    report = Some(self.report(&place));
                }
                (Shape::Object, Some(_)) => {
                    self.repair(RepairKind::FurtherReports, &place);
                    self.cursor.skip(self.depth);
                }
                _ => self.cursor.skip(self.depth),
            }
            self.settle(&place);
            index += 1;
        }
        self.settle(&Place::ROOT);
        report.unwrap_or_else(|| {
            self.refusal.get_or_insert(Refusal::NotJson);
            Report::default()
        })
    }

    fn report(&mut self, place: &Place<'_>) -> Report {
        let mut report = Report::default();
        let mut policies = None;
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(member) = self.member(&KEYS, &mut seen, place) {
            let here = place.key(&member.written);
            match member.name {
                "organization-name" => {
                    replace(&mut report.organization_name, self.text_value(&here));
                }
                "date-range" => {
                    if let Some(range) = self.date_range(&here) {
                        report.date_range = range;
                    }
                }
                "contact-info" => replace(&mut report.contact_info, self.contact(&here)),
                "report-id" => replace(&mut report.report_id, self.text_value(&here)),
                "policies" => replace(&mut policies, self.policies(&here)),
                _ => self.unknown(&member, &mut report.unknown, &here),
            }
            self.settle(&here);
        }
        self.settle(place);
        let has_policies = policies.is_some();
        report.policies = policies.unwrap_or_default();
        if report.policies.is_empty() && seen.count() < 2 {
            self.refusal.get_or_insert(Refusal::NotAReport);
        }
        let has_numbers = |entry: &PolicyReport| {
            entry.summary.successful.is_some()
                || entry.summary.failed.is_some()
                || !entry.failure_details.is_empty()
        };
        if self.cursor.is_stopped() && !report.policies.iter().any(has_numbers) {
            self.refusal.get_or_insert(Refusal::BrokenOff);
        }
        if self.refusal.is_some() {
            return report;
        }
        let missing = [
            ("organization-name", RepairKind::OrganizationNameMissing),
            ("date-range", RepairKind::DateRangeMissing),
            ("contact-info", RepairKind::ContactInfoMissing),
            ("report-id", RepairKind::ReportIdMissing),
        ];
        for (key, kind) in missing {
            self.expect(&KEYS, &seen, key, kind, place);
        }
        // Also when they are null: then numbers are missing as well.
        self.expect_read(has_policies, RepairKind::PoliciesMissing, &place.key("policies"));
        report
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
    //# It is provided as a string formatted according to
    //# "Addr-Spec Specification", Section 3.4.1 of [RFC5322].
    fn contact(&mut self, place: &Place<'_>) -> Option<String> {
        let contact = self.text_value(place)?;
        let is_address = contact.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !local.starts_with("mailto:")
        });
        let is_quoted = contact.starts_with('"');
        let has_space = contact.contains(|c: char| c.is_whitespace() || c.is_control());
        if !is_address || (has_space && !is_quoted) {
            self.repair(RepairKind::ContactInfoForm, place);
        }
        Some(contact)
    }

    /// Notes the faults that the cursor met at a place.
    fn settle(&mut self, place: &Place<'_>) {
        if self.cursor.has_faults() {
            for fault in self.cursor.take_faults() {
                self.repair(fault, place);
            }
        }
    }

    fn repair(&mut self, kind: RepairKind, place: &Place<'_>) {
        self.log.add(kind, || place.pointer());
    }
}

/// Of a member that is there twice the last readable one counts: most readers of JSON take the last.
fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}
