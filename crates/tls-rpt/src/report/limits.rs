//! How much of a report is read.

/// Bounds for reading a report. They hold before anything is allocated for what they bound.
///
/// The defaults are generous: reports of 10 MB from the largest senders are read whole, and the worst
/// that fits them takes some 100 MB of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportLimits {
    /// The most octets of a report, unpacked; 32 MiB. A longer one is refused unread.
    pub octets: usize,
    /// How deep arrays and objects may be nested; 32, at most [`ReportLimits::DEEPEST`]. A report
    /// needs 6. What lies deeper is left out, the rest is read.
    pub depth: usize,
    /// The most entries of `policies`; 50,000. With more the report is refused, as numbers would be
    /// missing.
    pub policies: usize,
    /// The most failure details in all policies together; 200,000. With more the report is refused.
    pub details: usize,
    /// The most strings in all `policy-string` and `mx-host` together; 200,000. Further ones are left
    /// out.
    pub strings: usize,
    /// The most octets of one string that is kept; 64 KiB. A longer one is cut at a character.
    pub string_octets: usize,
    /// The most unknown members that are kept; 10,000. Further ones are left out.
    pub unknown_members: usize,
    /// The most repairs that are kept; 1,000. Further ones are counted, and the first of each kind
    /// is kept in any case.
    pub repairs: usize,
}

impl ReportLimits {
    /// No setting allows deeper nesting, so that no setting can exhaust the stack.
    pub const DEEPEST: usize = 128;
}

impl Default for ReportLimits {
    fn default() -> Self {
        Self {
            octets: 32 << 20,
            depth: 32,
            policies: 50_000,
            details: 200_000,
            strings: 200_000,
            string_octets: 64 << 10,
            unknown_members: 10_000,
            repairs: 1_000,
        }
    }
}
