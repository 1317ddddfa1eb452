//! What is unusual about a report mail.

use std::fmt;

use super::PartPath;
use crate::PayloadNote;

/// Something unusual, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailNote {
    /// What.
    pub kind: MailNoteKind,
    /// The message concerned, as an index into [`ReportMail::messages`](super::ReportMail::messages).
    pub message: usize,
    /// The part concerned; the mail's own path for what concerns the whole message.
    pub part: PartPath,
}

/// Something unusual that did not keep the rest of a mail from being read.
///
/// `Display` is a lower-case fragment for people; [`MailNoteKind::code`] is for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailNoteKind {
    /// The message with the report is no `multipart/report`.
    NotMultipartReport,
    /// It is one, but its `report-type` is not `tlsrpt`.
    ReportTypeOther,
    /// Its first part is HTML.
    HtmlFirst,
    /// It has more than one report.
    SeveralReports,
    /// It lacks `TLS-Report-Domain` or `TLS-Report-Submitter`.
    TlsHeadersMissing,
    /// Its subject has not the form of RFC 8460.
    SubjectForm,
    /// A field that matters stands more than once; the first counts.
    FieldRepeated {
        /// The name, in lower case.
        name: &'static str,
    },
    /// Lines in the header that are no fields.
    OtherLinesInHeader,
    /// A message that was forwarded.
    Forwarded,
    /// A part with a report declares a media type that is not registered for reports.
    MediaTypeOther,
    /// A part declares that it is packed, and is not, or the other way round.
    MediaTypeWrong,
    /// A report where neither type nor name says that there is one.
    FoundByContent,
    /// `ContentType` in place of `Content-Type`.
    ContentTypeMisspelt,
    /// A transfer encoding that the content has not.
    TransferEncodingWrong,
    /// Base64 that is not declared.
    Base64Undeclared,
    /// A multipart without a boundary of its own; its lines told it.
    BoundaryGuessed,
    /// A multipart without an end.
    MultipartOpen,
    /// What was unusual about how the report is packed.
    Payload(PayloadNote),
    /// More parts than are read.
    PartsCut,
    /// Parts deeper than are read.
    DepthCut,
    /// More messages than are read.
    MessagesCut,
    /// More reports than are kept.
    ReportsCut,
    /// A part's header longer than is read.
    HeaderCut,
}

impl MailNoteKind {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotMultipartReport => "not-multipart-report",
            Self::ReportTypeOther => "report-type-other",
            Self::HtmlFirst => "html-first",
            Self::SeveralReports => "several-reports",
            Self::TlsHeadersMissing => "tls-headers-missing",
            Self::SubjectForm => "subject-form",
            Self::FieldRepeated { .. } => "field-repeated",
            Self::OtherLinesInHeader => "other-lines-in-header",
            Self::Forwarded => "forwarded",
            Self::MediaTypeOther => "media-type-other",
            Self::MediaTypeWrong => "media-type-wrong",
            Self::FoundByContent => "found-by-content",
            Self::ContentTypeMisspelt => "content-type-misspelt",
            Self::TransferEncodingWrong => "transfer-encoding-wrong",
            Self::Base64Undeclared => "base64-undeclared",
            Self::BoundaryGuessed => "boundary-guessed",
            Self::MultipartOpen => "multipart-open",
            Self::Payload(note) => note.code(),
            Self::PartsCut => "parts-cut",
            Self::DepthCut => "depth-cut",
            Self::MessagesCut => "messages-cut",
            Self::ReportsCut => "reports-cut",
            Self::HeaderCut => "header-cut",
        }
    }

    /// Whether some of the mail was not looked at, because a limit was passed.
    pub fn is_cut(&self) -> bool {
        matches!(
            self,
            Self::PartsCut
                | Self::DepthCut
                | Self::MessagesCut
                | Self::ReportsCut
                | Self::HeaderCut
        )
    }
}

impl fmt::Display for MailNoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotMultipartReport => "the mail is no `multipart/report`, as RFC 8460 wants it",
            Self::ReportTypeOther => "the `multipart/report` lacks `report-type=\"tlsrpt\"`",
            Self::HtmlFirst => "the first part is HTML: plain text is what people expect there",
            Self::SeveralReports => "the mail has more than one report: send each by itself",
            Self::TlsHeadersMissing => {
                "`TLS-Report-Domain` or `TLS-Report-Submitter` is missing: RFC 8460 demands both"
            }
            Self::SubjectForm => {
                "the subject is not `Report Domain: … Submitter: … Report-ID: <…>`"
            }
            Self::FieldRepeated { name } => {
                return write!(
                    f,
                    "the header field `{name}` stands more than once: the first counts"
                );
            }
            Self::OtherLinesInHeader => "the header has lines that are no fields",
            Self::Forwarded => "the message was forwarded as a part of another",
            Self::MediaTypeOther => {
                "the report's media type is neither `application/tlsrpt+json` nor \
                 `application/tlsrpt+gzip`"
            }
            Self::MediaTypeWrong => "the report's media type is not what the report is packed in",
            Self::FoundByContent => "neither type nor name of the part says that it is a report",
            Self::ContentTypeMisspelt => "`ContentType` stands in place of `Content-Type`",
            Self::TransferEncodingWrong => "the declared transfer encoding is not that of the part",
            Self::Base64Undeclared => "the part is in base64 and does not say so",
            Self::BoundaryGuessed => "the boundary between the parts is not the declared one",
            Self::MultipartOpen => "the last part has no end: the mail may have been cut off",
            Self::Payload(note) => return note.fmt(f),
            Self::PartsCut => "there are more parts than are read: the rest was left out",
            Self::DepthCut => "parts lie deeper in each other than is read: they were left out",
            Self::MessagesCut => "there are more forwarded messages than are read",
            Self::ReportsCut => "there are more reports than are kept: the rest was left out",
            Self::HeaderCut => "the header of a part is longer than is read: the part was left out",
        };
        f.write_str(text)
    }
}
