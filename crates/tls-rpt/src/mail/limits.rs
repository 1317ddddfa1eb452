//! How much of a mail is read.

use crate::PayloadLimits;

/// How much of a mail is read. All bounds hold before or while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailLimits {
    /// The most octets of the mail.
    pub octets: usize,
    /// The most octets of a header, that of a part too.
    pub header: usize,
    /// The most parts, those of forwarded messages too.
    pub parts: usize,
    /// How deep parts and messages may lie in each other.
    pub depth: usize,
    /// The most messages, the mail itself too.
    pub messages: usize,
    /// The most reports.
    pub reports: usize,
    /// The limits on each part that holds a report. That on octets which come out holds for all
    /// parts of the mail together.
    pub payload: PayloadLimits,
}

impl Default for MailLimits {
    /// 15 MiB, in which 10 MiB have room as base64; a header of 256 KiB; 200 parts, 8 deep; 16
    /// messages; 100 reports. Report mails seen in the field have 4 to 15 kB and 2 parts.
    fn default() -> Self {
        Self {
            octets: 15 << 20,
            header: 256 << 10,
            parts: 200,
            depth: 8,
            messages: 16,
            reports: 100,
            payload: PayloadLimits::default(),
        }
    }
}
