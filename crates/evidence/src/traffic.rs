//! What others reported of the traffic to a domain: day series, failure groups, reporters.
//!
//! These types travel from the store to rules, pages and programs. They are what TLS reports
//! (RFC 8460) said, added up; whether that is good or bad is for others to say.
//!
//! Two things run through all of them. A report is [`Trust`]ed to some degree, and figures of
//! different degrees are never in one value. And where a report does not say exactly how many
//! sessions there were on a day, there are [`Bounds`] in place of a number.

mod day;
pub use day::{Day, DayError};
mod failures;
pub use failures::{FailureGroup, FailureHistory};
mod reporter;
pub use reporter::{Reporter, ReporterActivity, Trust};
mod series;
pub use series::{Bounds, DaySeries, DayTraffic};
