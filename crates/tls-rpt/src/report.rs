//! TLS reports (RFC 8460 section 4): what they say, read tolerantly and written strictly.
//!
//! JSON is read by a cursor of our own ([`json`]), not by a general library: real reports hold what
//! a JSON library must refuse as a whole (`NaN`, raw control characters, half a surrogate pair, a
//! missing end), and the numbers beside it are good. The same cursor finds the places of repairs in
//! the text, so that reading and pointing cannot disagree. `serde_json` writes.

// How it is read.
mod date_time;
mod encoding;
pub(crate) mod json;
mod limits;
mod locate;
mod place;
mod reading;
mod review;
mod separate;

pub use limits::ReportLimits;
pub use locate::locate;
pub(crate) use reading::is_one_policy_text;
pub use reading::{Refusal, ReportReading};
pub use separate::separate;

// What was wrong.
mod repair;

pub use repair::{Loss, Repair, RepairKind, Severity};

// How it is written.
mod writing;

pub use writing::ReportError;

// Parts.
mod parsed;
mod session_count;
mod unknown_members;

pub use parsed::Parsed;
pub use session_count::SessionCount;
pub use unknown_members::{UnknownMember, UnknownMembers};

use std::net::IpAddr;

use jiff::Timestamp;
use mail_domain::DomainName;
use serde::Serialize;

use crate::{PolicyType, ResultType};

/// A report: what one organisation saw of TLS towards some policy domains in some time.
///
/// What a report does not say is `None` or an empty vector, never an empty string. `Serialize`
/// writes what is there; [`Report::to_json`] writes only what every reader can use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// `organization-name`: who reports. Chosen by the reporter; it proves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    /// `date-range`: the time that the report covers.
    #[serde(skip_serializing_if = "DateRange::is_empty")]
    pub date_range: DateRange,
    /// `contact-info`: an address for questions, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_info: Option<String>,
    /// `report-id`: unique at most within one reporter, often not even there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_id: Option<String>,
    /// `policies`: the sessions by the policy that was applied. The same sessions can be counted in
    /// several entries; [`Tally`](crate::Tally) knows.
    pub policies: Vec<PolicyReport>,
    /// Members that RFC 8460 does not know.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The time that a report covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DateRange {
    /// `start-datetime`.
    #[serde(rename = "start-datetime", skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// `end-datetime`, in the reporter's way: the last second, or the first instant after it.
    /// Never before the start in a report that was read.
    #[serde(rename = "end-datetime", skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
}

/// An entry of `policies`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyReport {
    /// `policy`: what was applied, and to whom.
    pub policy: AppliedPolicy,
    /// `summary`: the two totals.
    pub summary: Summary,
    /// `failure-details`: the failures by kind. Their counts need not add up to the total: a session
    /// can fail in several ways (RFC 8460 section 4).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failure_details: Vec<FailureDetail>,
    /// Members that RFC 8460 does not know.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// A policy as the reporter saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AppliedPolicy {
    /// `policy-type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_type: Option<PolicyType>,
    /// `policy-string`: the lines of an MTA-STS policy or the TLSA records, one a string.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy_string: Vec<String>,
    /// `policy-domain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_domain: Option<Parsed<DomainName>>,
    /// `mx-host`: the MX patterns of the policy, as written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mx_host: Vec<String>,
    /// Members that RFC 8460 does not know.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The totals of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// `total-successful-session-count`: sessions with TLS that the policy accepts.
    #[serde(rename = "total-successful-session-count", skip_serializing_if = "Option::is_none")]
    pub successful: Option<SessionCount>,
    /// `total-failure-session-count`: sessions without it, delivered or not.
    #[serde(rename = "total-failure-session-count", skip_serializing_if = "Option::is_none")]
    pub failed: Option<SessionCount>,
    /// Members that RFC 8460 does not know.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// Sessions that failed in the same way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureDetail {
    /// `result-type`: what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// `sending-mta-ip`: the reporter's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_mta_ip: Option<Parsed<IpAddr>>,
    /// `receiving-mx-hostname`: the MX that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_mx_hostname: Option<Parsed<DomainName>>,
    /// `receiving-mx-helo`: what the MX called itself, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_mx_helo: Option<String>,
    /// `receiving-ip`: the address that was connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_ip: Option<Parsed<IpAddr>>,
    /// `failed-session-count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_session_count: Option<SessionCount>,
    /// `additional-information`: a URI, as written; not checked, so not to be followed blindly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_information: Option<String>,
    /// `failure-reason-code`: a code or free text, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason_code: Option<String>,
    /// Members that RFC 8460 does not know.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Report {
    /// Reads whatever is there. Never fails; see [`ReportReading`].
    ///
    /// `octets` is the JSON text, unpacked.
    pub fn read(octets: &[u8], limits: &ReportLimits) -> ReportReading {
        reading::read(octets, limits)
    }

    /// Reads a report as RFC 8460 defines it, with the default limits.
    ///
    /// # Errors
    /// Why it is no report, or the first repair that was needed. What is merely
    /// [`Severity::Unusual`] is allowed and no error.
    pub fn parse(octets: &[u8]) -> Result<Self, ReportError> {
        Self::read(octets, &ReportLimits::default()).strict()
    }

    /// Writes the report, without white space, so that [`Report::parse`] reads it back.
    ///
    /// # Errors
    /// The first reason why [`Report::parse`] would refuse it, such as a missing contact.
    pub fn to_json(&self) -> Result<String, ReportError> {
        writing::write(self)
    }

    /// The policy domain that the `report-id` ends with, in the way of Google, Microsoft and
    /// tlsrpt-reporter.
    ///
    /// A hint for entries without a `policy-domain`, which tlsrpt-reporter leaves out where no policy
    /// was found. It is the reporter's word as much as the rest of the report.
    pub fn domain_hint(&self) -> Option<DomainName> {
        let id = self.report_id.as_deref()?;
        let (_, tail) = id.rsplit_once(['_', '+'])?;
        DomainName::parse(tail).ok().filter(|name| name.parent().is_some())
    }
}

impl DateRange {
    /// Whether neither end is known.
    pub fn is_empty(&self) -> bool {
        self.start.is_none() && self.end.is_none()
    }
}

impl FailureDetail {
    /// Whether the failure was that of the policy itself, so that there was no session with an MX.
    pub(crate) fn is_without_session(&self) -> bool {
        matches!(
            self.result_type,
            Some(
                ResultType::StsPolicyFetchError
                    | ResultType::StsPolicyInvalid
                    | ResultType::StsWebpkiInvalid
            )
        )
    }
}
