//! The rule catalogue, and the judge: evidence in, findings out.
//!
//! [`judge`] looks at an [`Evidence`](sealpost_evidence::Evidence) and nothing else: no network, no
//! clock. What was seen a month ago can be judged again by the rules of today. [`lint_policy`] and
//! [`lint_record`] do the same for a text alone. [`changes`] says what is other than at the look
//! before.

// What a rule is, and every one there is.
mod rule;
pub use rule::{Rule, Severity};
pub mod catalogue;

// What comes out.
mod finding;
pub use finding::{Excerpt, Finding, Place, Quoted, Subject};
mod verdict;
pub use verdict::Verdict;
pub mod matrix;

// From evidence or text to findings.
mod judge;
pub use judge::{HostDane, Judgement, judge, usable_policy};
mod lint;
pub use lint::{PolicyLint, RecordLint, lint_policy, lint_record};

// Who would accept it.
pub mod senders;

// From look to look.
pub mod changes;

// From reports to causes.
pub mod diagnosis;

// What people are told of.
pub mod incidents;

// What to publish.
mod expiry;
pub mod provider;
pub use expiry::expires_soon;
