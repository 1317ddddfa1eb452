//! Results that were kept, read again.

mod diff;
mod line;
mod summary;

pub use diff::{Change, Comparison, Presence};
pub use line::{FindingLine, HostLine, PolicyLine, ResultLine, ResultLines, ResultsError};
pub use summary::{RuleSum, Summary, Worst};
