//! What is unusual about how reports are packed.

use std::fmt;

/// Something unusual that did not keep a report from being taken out.
///
/// `Display` is a lower-case fragment for people; [`PayloadNote::code`] is for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadNote {
    /// Gzip data in gzip data.
    DoubleGzip,
    /// More than one member of gzip data.
    GzipMembers {
        /// How many.
        members: usize,
    },
    /// A member of gzip data whose trailer is cut off, or has a length that does not fit. What was packed
    /// is there to its end, what there is of its checksum fits, and it was read.
    GzipTrailer {
        /// The number of the member, from 1.
        member: usize,
    },
    /// Something after the gzip data; it was left alone.
    GzipTrailing {
        /// How long it is.
        octets: usize,
    },
    /// What follows a whole report begins like one more member of gzip data and is none: perhaps
    /// another report was cut off.
    GzipRefused {
        /// The number that the member would have, from 1.
        member: usize,
        /// The code of the reason, as in [`PayloadErrorKind::code`](super::PayloadErrorKind::code).
        code: &'static str,
    },
    /// A zip archive: RFC 8460 knows gzip only.
    Zip,
    /// Something before the first entry of a zip archive; it was left alone.
    ZipJunk {
        /// How long it is.
        octets: usize,
    },
    /// A folder, or what an operating system puts beside a file.
    ZipPassedOver {
        /// The number of the entry, from 1.
        entry: usize,
    },
    /// An entry that holds no report that can be read.
    ZipRefused {
        /// The number of the entry, from 1.
        entry: usize,
        /// The code of the reason, as in [`PayloadErrorKind::code`](super::PayloadErrorKind::code).
        code: &'static str,
    },
    /// A byte order mark before the JSON; it was removed (RFC 8259 section 8.1).
    ByteOrderMark,
    /// JSON in UTF-16; it was made UTF-8 (RFC 8259 section 8.1).
    Utf16,
}

impl PayloadNote {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DoubleGzip => "double-gzip",
            Self::GzipMembers { .. } => "gzip-members",
            Self::GzipTrailer { .. } => "gzip-trailer",
            Self::GzipTrailing { .. } => "gzip-trailing",
            Self::GzipRefused { .. } => "gzip-refused",
            Self::Zip => "zip",
            Self::ZipJunk { .. } => "zip-junk",
            Self::ZipPassedOver { .. } => "zip-passed-over",
            Self::ZipRefused { .. } => "zip-refused",
            Self::ByteOrderMark => "byte-order-mark",
            Self::Utf16 => "utf-16",
        }
    }
}

impl fmt::Display for PayloadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoubleGzip => f.write_str("the report is packed with gzip twice: once is enough"),
            Self::GzipMembers { members } => {
                write!(f, "the gzip data has {members} members: one is enough")
            }
            Self::GzipTrailer { member } => write!(
                f,
                "checksum and length after member {member} of the gzip data are cut off, or the length \
                 does not fit: send the report as it was packed"
            ),
            Self::GzipTrailing { octets } => {
                write!(f, "{octets} octets stand after the gzip data: leave them out")
            }
            Self::GzipRefused { member, code } => {
                write!(f, "member {member} of the gzip data is passed over ({code})")
            }
            Self::Zip => f.write_str("the report is in a zip archive: RFC 8460 knows gzip only"),
            Self::ZipJunk { octets } => {
                write!(f, "{octets} octets stand before the zip archive: leave them out")
            }
            Self::ZipPassedOver { entry } => {
                write!(
                    f,
                    "entry {entry} of the zip archive is a folder or no report, and passed over"
                )
            }
            Self::ZipRefused { entry, code } => {
                write!(f, "entry {entry} of the zip archive is passed over ({code})")
            }
            Self::ByteOrderMark => {
                f.write_str("a byte order mark stands before the JSON: remove it")
            }
            Self::Utf16 => f.write_str("the JSON is in UTF-16: write it in UTF-8"),
        }
    }
}
