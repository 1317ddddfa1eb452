//! A report on its way out: packed with gzip, with the names that go with it (RFC 8460 section 5).
//!
//! [`PackedReport`] is what is sent, the same octets by HTTPS and by mail and at every attempt;
//! [`PackedReport::mail`] makes a mail of it. Nothing of free text stands in the header of that
//! mail: it is made of addresses, domain names, ids and numbers, so that no line can be slipped in.
//!
//! # Limitations
//! - The mail is not signed here; a signature is one more field before it
//!   ([`ComposedMail::with_signature`]).
//! - What the gzip data may have as size at most is the receiver's secret; ten megabytes are common
//!   (RFC 8460 section 5.2).

mod mail;
mod message_id;
mod retry;

use std::io::Write;

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use mail_domain::DomainName;

use crate::{MailAddress, MailAddressError, PayloadLimits, Payloads, Report, ReportError, Tally};

pub use mail::{ComposedMail, MailHead, Purpose};
pub use message_id::{MessageId, MessageIdError};
pub use retry::RetrySchedule;

/// A report that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedReport {
    about: DomainName,
    contact: MailAddress,
    id: MessageId,
    start: Timestamp,
    end: Timestamp,
    totals: Totals,
    gzip: Vec<u8>,
}

/// The sums that the human part tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Totals {
    successful: u64,
    failed: u64,
}

impl PackedReport {
    /// The media type of what is sent.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.4
    //# If compressed, the
    //# report SHOULD use the media type "application/tlsrpt+gzip"
    pub const MEDIA_TYPE: &'static str = "application/tlsrpt+gzip";

    /// Packs a report about a domain.
    ///
    /// Its `report-id` must be of the form `left@domain`, which the subject of a mail demands, and
    /// its `contact-info` a plain address. The same report gives the same octets.
    ///
    /// # Errors
    /// When the report is not one that every reader takes, or lacks one of these.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.2
    //# The report SHOULD be subjected to gzip [RFC1952] compression for both
    //# email and HTTPS transport.
    pub fn pack(report: &Report, about: &DomainName) -> Result<Self, PackError> {
        let json = report.to_json()?;
        let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
        // Neither writing into a vector nor compressing it has a way to fail.
        encoder.write_all(json.as_bytes()).map_err(|_| PackError::Compression)?;
        let gzip = encoder.finish().map_err(|_| PackError::Compression)?;
        Self::of(report, about, gzip)
    }

    /// Takes up a report again that was packed before: what is sent at another attempt are the same
    /// octets. They are unpacked and read strictly.
    ///
    /// # Errors
    /// As [`PackedReport::pack`], and when the octets are not one report, packed with gzip.
    pub fn reopen(gzip: Vec<u8>, about: &DomainName) -> Result<Self, PackError> {
        // They are our own, so what they come to is of no concern.
        let limits = PayloadLimits {
            packed: usize::MAX,
            ratio: usize::MAX,
            entries: 1,
            layers: 1,
            ..PayloadLimits::default()
        };
        let payloads = Payloads::read(&gzip, &limits).map_err(|_| PackError::Compression)?;
        let [payload] = payloads.reports.as_slice() else { return Err(PackError::Compression) };
        Self::of(&Report::parse(&payload.json)?, about, gzip)
    }

    fn of(report: &Report, about: &DomainName, gzip: Vec<u8>) -> Result<Self, PackError> {
        let contact = report.contact_info.as_deref().unwrap_or_default();
        let contact = MailAddress::parse(contact).map_err(PackError::Contact)?;
        let id = MessageId::parse(report.report_id.as_deref().unwrap_or_default())?;
        let (Some(start), Some(end)) = (report.date_range.start, report.date_range.end) else {
            return Err(PackError::DateRange);
        };
        if start.as_second() < 0 {
            return Err(PackError::DateRange);
        }
        let tally = Tally::of(report);
        let sum = |of: fn(&crate::DomainTally<'_>) -> u64| {
            tally.domains.iter().map(of).fold(0, u64::saturating_add)
        };
        let totals = Totals {
            successful: sum(|domain| domain.sessions.successful.likely),
            failed: sum(|domain| domain.sessions.failed.likely),
        };
        Ok(Self { about: about.clone(), contact, id, start, end, totals, gzip })
    }

    /// The domain that the report is about.
    pub fn about(&self) -> &DomainName {
        &self.about
    }

    /// The domain of the reporter: that of its contact.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
    //# The "TLS-Report-Submitter" value MUST match the value found in the
    //# domain [RFC5321] of the "contact-info" from the report body.
    pub fn submitter(&self) -> &DomainName {
        self.contact.domain()
    }

    /// The `report-id`.
    pub fn id(&self) -> &MessageId {
        &self.id
    }

    /// The gzip data: the body of a POST, and the second part of a mail.
    pub fn gzip(&self) -> &[u8] {
        &self.gzip
    }

    /// The file name, in printable US-ASCII without quotation marks.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.1
    //# The filename is RECOMMENDED to be constructed using the following
    //# ABNF:
    pub fn file_name(&self) -> String {
        let (begin, end) = (self.start.as_second(), self.end.as_second());
        let name = format!("{}!{}!{begin}!{end}", self.submitter(), self.about);
        match self.unique() {
            unique if unique.is_empty() => name + ".json.gz",
            unique => format!("{name}!{unique}.json.gz"),
        }
    }

    /// The letters and digits of the id's left side, the last ones: ids differ at their end.
    fn unique(&self) -> String {
        const LONGEST: usize = 32;
        let letters: Vec<char> =
            self.id.left().chars().filter(char::is_ascii_alphanumeric).collect();
        letters.get(letters.len().saturating_sub(LONGEST)..).unwrap_or_default().iter().collect()
    }
}

/// Why a report cannot be sent as it is. It is the sender's fault, so trying again is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A strict reader would refuse it.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// `contact-info` is no address.
    #[error("the contact of the report is no plain address: {0}")]
    Contact(MailAddressError),
    /// `report-id` cannot stand in a subject.
    #[error("the id of the report cannot stand in the subject of a mail: {0}")]
    Id(#[from] MessageIdError),
    /// The time is missing, or before 1970.
    #[error("the report does not say which time it covers, or one before 1970")]
    DateRange,
    /// The report could not be compressed, or is not packed as one report of ours is.
    #[error("the report could not be compressed or unpacked")]
    Compression,
}
