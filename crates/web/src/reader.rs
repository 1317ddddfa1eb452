//! Reports, read again for whoever looks at one.

use sealpost_store::Digest;

/// Reads reports as they were read when they came; the program supplies it.
pub trait Reader: Send + Sync {
    /// What a repair with this code is about, in a sentence.
    fn sentence(&self, code: &str) -> Option<&'static str>;

    /// The text of the report with this digest, out of what it came in; `None` if it is too large to
    /// be shown, or not there. It takes time.
    fn text(&self, submission: &[u8], report: Digest) -> Option<ReportText>;
}

/// The text of a report, with marks where it was repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportText {
    /// The text, in pieces.
    pub pieces: Vec<TextPiece>,
    /// There is more behind it.
    pub is_cut: bool,
    /// Repairs that are not marked, because there are many.
    pub unmarked: u64,
}

/// A piece of the text of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPiece {
    /// The text, without characters that do something.
    pub text: String,
    /// The codes of what was repaired here; empty if nothing was.
    pub repaired: String,
}
