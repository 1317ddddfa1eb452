//! Results for other programs, each in the words that it understands.
//!
//! | format | for | the run fails where |
//! |---|---|---|
//! | [`Csv`] | spreadsheets and scripts, RFC 4180 | |
//! | [`Junit`] | test reports of build servers | a finding is at or above the threshold |
//! | [`Sarif`] | code scanning, SARIF 2.1.0 (OASIS) | |
//! | [`Github`] | annotations of GitHub Actions | |
//! | [`Nagios`] | monitoring: one line and a status of its own | there is an error or a warning |
//! | [`Prometheus`] | the text files of node_exporter | |
//!
//! All are made from [`DomainReport`]s and from the rule catalogue, and hold no text of their own on
//! rules. All but [`Nagios`] and [`Prometheus`], which can only speak at the end, give out each
//! domain when it comes.

mod csv;
mod github;
mod junit;
mod nagios;
mod prometheus;
mod sarif;

pub use csv::{Csv, csv_field};
pub use github::Github;
pub use junit::Junit;
pub use nagios::{Nagios, NagiosState};
pub use prometheus::Prometheus;
pub use sarif::Sarif;

use crate::DomainReport;

/// A document that grows with each domain.
pub trait Document {
    /// What stands before the first domain.
    fn begin(&mut self) -> String {
        String::new()
    }

    /// What stands for a domain.
    fn domain(&mut self, report: &DomainReport) -> String;

    /// What stands after the last.
    fn end(&mut self) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests;
