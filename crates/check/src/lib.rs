//! The check role: look at domains, judge what was seen, and show it.
//!
//! [`check_each`] looks and judges; [`DomainReport`] is the result as data, for JSON; [`Page`] shows
//! it to people.

// Looking and judging.
mod run;
pub use run::{Checked, check_each};

// Showing.
mod report;
pub use report::{
    AddressReport, DomainReport, ExcerptReport, FindingReport, HostReport, HostRole, PolicyReport,
};
mod human;
pub use human::{Diagnostic, Page, Shown, one_line};
