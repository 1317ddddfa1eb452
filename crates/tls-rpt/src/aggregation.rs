//! From sessions to the report of a day.
//!
//! [`PolicyCounts`] is the counter of one policy while sessions come in; it says what has changed, in
//! absolute numbers, so that writing them down twice is the same as once. [`DomainDay`] is all that a
//! day had for one domain, from whatever number of counters, and makes the report of it.
//!
//! What is counted is bounded: beyond a number of failures that are kept apart, further ones are
//! counted by their result type alone. Every session is in the totals all the same.

mod building;
mod counts;
mod day;
mod look;

pub use building::{BuildError, BuiltReport, ReportFace};
pub use counts::{Changes, FailureCount, FailureIndex, PolicyCounts};
pub use day::{DomainDay, PolicySums};
pub use look::{HostProbe, HourlySessions, HourlySessionsError, Look, ProbeResult};

#[cfg(test)]
mod tests;
