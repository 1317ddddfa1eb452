//! What the header of a report mail says (RFC 8460 section 5.3).

use super::header::Head;

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.6
//# If any of the items declared via
//# subject or filename disagree with the report, the report MUST be
//# considered the authoritative source.
/// What the header of a message says. All of it is text from outside, decoded (RFC 2047), without
/// control characters and cut at 1,000 characters; none of it is proven.
///
/// Where a field stands more than once, the first counts, and a note says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MailHints {
    /// `TLS-Report-Domain`: the domain that the report is about.
    pub report_domain: Option<String>,
    /// `TLS-Report-Submitter`: the domain of the sender; some write the name of an organisation.
    pub submitter: Option<String>,
    /// `Subject`.
    pub subject: Option<String>,
    /// The address in `From`, the first if there are several.
    pub from: Option<String>,
    /// `Date`, in seconds since 1970.
    pub date: Option<i64>,
    /// `Message-ID`, without angle brackets.
    pub message_id: Option<String>,
}

/// The parts of a subject of the form of section 5.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSubject {
    /// The domain that the report is about.
    pub domain: String,
    /// The domain of the sender.
    pub submitter: String,
    /// The report's id, without angle brackets. Some senders write another in the report itself.
    pub report_id: String,
}

impl MailHints {
    pub(super) fn of(head: &Head<'_>) -> Self {
        Self {
            report_domain: head.text("tls-report-domain"),
            submitter: head.text("tls-report-submitter"),
            subject: head.text("subject"),
            from: head.address("from"),
            date: head.date("date"),
            message_id: head.id("message-id"),
        }
    }

    /// The parts of the subject.
    pub fn report_subject(&self) -> Option<ReportSubject> {
        ReportSubject::parse(self.subject.as_deref()?)
    }
}

impl ReportSubject {
    /// Reads a subject, once unfolded and decoded. The case of letters does not matter.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
    //# The RFC5322.Subject field for report submissions SHOULD conform to
    //# the following ABNF:
    pub fn parse(subject: &str) -> Option<Self> {
        let mut words = subject.split_whitespace();
        let mut value_after = |names: &[&str]| {
            for name in names {
                words.next().filter(|word| word.eq_ignore_ascii_case(name))?;
            }
            words.next()
        };
        let domain = value_after(&["Report", "Domain:"])?.to_owned();
        let submitter = value_after(&["Submitter:"])?.to_owned();
        let id = value_after(&["Report-ID:"])?;
        let report_id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
        Some(Self { domain, submitter, report_id: report_id.to_owned() })
    }
}
