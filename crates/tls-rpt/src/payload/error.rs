//! Why no report could be taken out.

use std::fmt;

use super::Layer;

/// Why no report could be taken out of octets: what, and where.
///
/// `Display` is one lower-case fragment that also says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError {
    /// What is wrong.
    pub kind: PayloadErrorKind,
    /// The layers inside which it is wrong, the outermost first.
    pub layers: Vec<Layer>,
    /// Where in the octets of that layer the part concerned begins.
    pub offset: usize,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadErrorKind {
    /// There is nothing.
    Empty,
    /// Neither JSON nor gzip nor zip.
    NoReport {
        /// What it looks like.
        resemblance: Resemblance,
    },
    /// More octets than are taken in.
    TooLarge {
        /// How many there are.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
    /// More octets come out than are kept.
    TooLargeUnpacked {
        /// How many may come out.
        limit: usize,
    },
    /// Too many octets come out for those that went in.
    RatioTooHigh {
        /// How many may come out for each.
        limit: usize,
    },
    /// Too many members, entries or reports.
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// Too many layers.
    TooDeep {
        /// How many there may be.
        limit: usize,
    },
    /// Gzip data that ends early.
    GzipTruncated,
    /// Gzip data that is damaged, or whose checksum or length does not fit.
    GzipCorrupt,
    /// A zip archive without an entry that could be a report.
    ZipEmpty {
        /// How many entries it has.
        entries: usize,
    },
    /// An entry that ends early.
    ZipTruncated,
    /// An entry that is damaged, or whose checksum does not fit.
    ZipCorrupt,
    /// An encrypted entry.
    ZipEncrypted,
    /// An entry packed by a method other than *stored* (of declared length) and *deflated*.
    ZipMethod {
        /// The method's number.
        method: u16,
    },
}

/// What octets look like that are no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resemblance {
    /// XML: perhaps a DMARC report.
    Xml,
    /// HTML.
    Html,
    /// Some other text.
    Text,
    /// No text.
    Binary,
}

impl PayloadErrorKind {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NoReport { .. } => "no-report",
            Self::TooLarge { .. } => "too-large",
            Self::TooLargeUnpacked { .. } => "too-large-unpacked",
            Self::RatioTooHigh { .. } => "ratio-too-high",
            Self::TooMany { .. } => "too-many",
            Self::TooDeep { .. } => "too-deep",
            Self::GzipTruncated => "gzip-truncated",
            Self::GzipCorrupt => "gzip-corrupt",
            Self::ZipEmpty { .. } => "zip-empty",
            Self::ZipTruncated => "zip-truncated",
            Self::ZipCorrupt => "zip-corrupt",
            Self::ZipEncrypted => "zip-encrypted",
            Self::ZipMethod { .. } => "zip-method",
        }
    }

    /// Whether a limit was passed: with other limits there might be a report.
    pub fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. }
                | Self::TooLargeUnpacked { .. }
                | Self::RatioTooHigh { .. }
                | Self::TooMany { .. }
                | Self::TooDeep { .. }
        )
    }

    pub(super) fn at(self, offset: usize) -> PayloadError {
        PayloadError { kind: self, layers: Vec::new(), offset }
    }
}

impl Resemblance {
    pub(super) fn of(octets: &[u8]) -> Self {
        const LOOKED_AT: usize = 512;

        let start = octets.get(..LOOKED_AT).unwrap_or(octets);
        let trimmed = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
        let begins = |with: &[u8]| {
            trimmed.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        let is_binary = |octet: &u8| matches!(octet, 0..=8 | 14..=31 | 127);
        if begins(b"<?xml") || begins(b"<feedback") {
            Self::Xml
        } else if begins(b"<!doctype html") || begins(b"<html") {
            Self::Html
        } else if start.iter().any(is_binary) {
            Self::Binary
        } else {
            Self::Text
        }
    }
}

impl std::error::Error for PayloadError {}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if !self.layers.is_empty() || self.offset > 0 {
            write!(f, " (at octet {}", self.offset)?;
            for layer in self.layers.iter().rev() {
                match layer {
                    Layer::Gzip(member) => write!(f, " of gzip member {member}")?,
                    Layer::Zip(entry) => write!(f, " of zip entry {entry}")?,
                }
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for PayloadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => {
                f.write_str("there is nothing: send the report as JSON, packed with gzip")
            }
            Self::NoReport { resemblance } => {
                let what = match resemblance {
                    Resemblance::Xml => "XML, as DMARC reports are",
                    Resemblance::Html => "HTML",
                    Resemblance::Text => "text that is no JSON object",
                    Resemblance::Binary => "neither text, gzip nor zip",
                };
                write!(
                    f,
                    "this is {what}: a TLS report is a JSON object, plain or packed with gzip"
                )
            }
            Self::TooLarge { size, limit } => write!(
                f,
                "{size} octets are more than the {limit} that are taken in: pack the report with \
                 gzip or split it, or raise the limit"
            ),
            Self::TooLargeUnpacked { limit } => {
                write!(f, "more than {limit} octets come out: split the report, or raise the limit")
            }
            Self::RatioTooHigh { limit } => write!(
                f,
                "more than {limit} octets come out for each that is packed, as no report does: if \
                 it is one, raise the limit"
            ),
            Self::TooMany { limit } => write!(
                f,
                "there are more than {limit} members, entries or reports: send them apart, or raise \
                 the limit"
            ),
            Self::TooDeep { limit } => {
                write!(f, "the report is packed more than {limit} times: pack it once, with gzip")
            }
            Self::GzipTruncated => f.write_str(
                "the gzip data ends too early: it was cut off on its way, send it again",
            ),
            Self::GzipCorrupt => f.write_str(
                "the gzip data is damaged or its checksum does not fit: it was changed on its way, \
                 send it again as it was",
            ),
            Self::ZipEmpty { entries } => write!(
                f,
                "none of the {entries} entries of the zip archive is a report: send the JSON, \
                 packed with gzip"
            ),
            Self::ZipTruncated => f.write_str(
                "the zip archive ends too early: it was cut off on its way, send it again",
            ),
            Self::ZipCorrupt => f.write_str(
                "the zip archive is damaged or a checksum does not fit: it was changed on its way, \
                 send it again as it was",
            ),
            Self::ZipEncrypted => {
                f.write_str("the zip archive is encrypted: send the report packed with gzip")
            }
            Self::ZipMethod { method } => {
                write!(f, "method {method} of zip is not read: send the report packed with gzip")
            }
        }
    }
}
