//! One line of kept results, as far as summaries and comparisons need it.

use std::io::{self, BufRead, Read as _};

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_rules::{Severity, Verdict};
use serde::{Deserialize, Serialize};

use crate::{DomainReport, HostRole};

/// The longest line that is read, in octets. A domain with 64 hosts of 64 addresses stays below.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// What `check --format json` wrote of one domain, without what only one reader needs. Keys that
/// later versions add are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ResultLine {
    /// The domain.
    pub domain: DomainName,
    /// What happens to mail.
    pub verdict: Option<Verdict>,
    /// What a sender does that uses both DANE and MTA-STS.
    pub decision: Option<String>,
    /// When it was seen.
    pub observed: Timestamp,
    /// The policy that senders find.
    pub policy: Option<PolicyLine>,
    /// Does a TLS-RPT record ask for reports?
    #[serde(default)]
    pub asks_for_reports: Option<bool>,
    /// The hosts.
    pub hosts: Vec<HostLine>,
    /// The findings.
    pub findings: Vec<FindingLine>,
}

/// A usable policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PolicyLine {
    /// `enforce`, `testing` or `none`.
    pub mode: String,
    /// Seconds that senders remember it.
    pub max_age: u32,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HostLine {
    /// What it is for.
    pub role: HostRole,
    /// Its name.
    pub name: String,
    /// Its TLSA records that DNSSEC vouches for.
    pub tlsa: Vec<String>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingLine {
    /// The rule's code.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// The rule's title.
    pub title: String,
    /// The record, host or text that it is about.
    pub subject: String,
    /// What was seen.
    pub message: String,
}

/// Why results can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The file can't be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// A line is not a result of `check`.
    #[error("line {line} is no result of `sealpost check --format json`: {reason}")]
    NotAResult {
        /// Its number, from 1.
        line: u64,
        /// Why not.
        reason: String,
    },
}

/// Reads kept results, one line at a time.
///
/// A run that was stopped may have left half a line at the end: it is not a result, and not an
/// error. [`Self::octets`] says where it begins.
#[derive(Debug)]
pub struct ResultLines<R> {
    reader: R,
    line: u64,
    octets: u64,
    ends_early: bool,
}

impl<R: BufRead> ResultLines<R> {
    /// Begins at the first line.
    pub fn new(reader: R) -> Self {
        Self { reader, line: 0, octets: 0, ends_early: false }
    }

    /// How many octets the whole lines take that have been read.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether half a line was left out at the end.
    pub fn ends_early(&self) -> bool {
        self.ends_early
    }

    fn read(&mut self) -> Result<Option<ResultLine>, ResultsError> {
        let mut octets = Vec::new();
        self.line += 1;
        let length = self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut octets)? as u64;
        let wrong = |reason| ResultsError::NotAResult { line: self.line, reason };
        if octets.last() != Some(&b'\n') {
            return match length {
                LONGEST_LINE => Err(wrong(format!("it is longer than {LONGEST_LINE} octets"))),
                _ => {
                    self.ends_early = length > 0;
                    Ok(None)
                }
            };
        }
        let line = serde_json::from_slice(&octets).map_err(|error| wrong(error.to_string()))?;
        self.octets += length;
        Ok(Some(line))
    }
}

impl<R: BufRead> Iterator for ResultLines<R> {
    type Item = Result<ResultLine, ResultsError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl From<&DomainReport> for ResultLine {
    fn from(report: &DomainReport) -> Self {
        let finding = |finding: &crate::FindingReport| FindingLine {
            code: finding.code.to_owned(),
            severity: finding.severity,
            title: finding.title.to_owned(),
            subject: finding.subject.clone(),
            message: finding.message.clone(),
        };
        let host = |host: &crate::HostReport| HostLine {
            role: host.role,
            name: host.name.clone(),
            tlsa: host.tlsa.clone(),
        };
        let policy = |policy: &crate::PolicyReport| PolicyLine {
            mode: policy.mode.clone(),
            max_age: policy.max_age,
        };
        Self {
            domain: report.domain.clone(),
            verdict: report.verdict,
            decision: report.decision.map(str::to_owned),
            observed: report.observed,
            policy: report.policy.as_ref().map(policy),
            asks_for_reports: report.asks_for_reports,
            hosts: report.hosts.iter().map(host).collect(),
            findings: report.findings.iter().map(finding).collect(),
        }
    }
}
