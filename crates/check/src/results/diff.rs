//! What changed between two runs: added, sustained, resolved.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_rules::{Severity, Verdict};
use serde::Serialize;

use super::{FindingLine, ResultLine};

/// Compares the results of a later run with those of an earlier one.
///
/// Findings are the same when rule and subject are the same, whatever was seen this time. It holds
/// the earlier run in memory: some hundred octets a finding.
#[derive(Debug, Default)]
pub struct Comparison {
    earlier: BTreeMap<DomainName, Earlier>,
}

#[derive(Debug)]
struct Earlier {
    verdict: Option<Verdict>,
    findings: BTreeMap<Key, FindingLine>,
}

/// Rule and subject.
type Key = (String, String);

/// What changed in one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The domain.
    pub domain: DomainName,
    /// In which of the runs it is.
    pub presence: Presence,
    /// The verdicts, earlier and later.
    pub verdicts: (Option<Verdict>, Option<Verdict>),
    /// Findings that were not there before.
    pub added: Vec<FindingLine>,
    /// Findings that are still there.
    pub sustained: Vec<FindingLine>,
    /// Findings that are gone. A finding is not resolved when the later run could not tell.
    pub resolved: Vec<FindingLine>,
    /// Findings of the earlier run of which the later run could not tell whether they stand.
    pub open: Vec<FindingLine>,
}

/// In which of two runs a domain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// In both.
    Both,
    /// In the later alone: nothing of it counts as added.
    New,
    /// In the earlier alone: nothing of it counts as resolved.
    Gone,
}

impl Comparison {
    /// Takes one result of the earlier run. Of two of one domain the last counts.
    pub fn add_earlier(&mut self, line: ResultLine) {
        let keyed =
            |finding: FindingLine| ((finding.code.clone(), finding.subject.clone()), finding);
        let findings = line.findings.into_iter().map(keyed).collect();
        self.earlier.insert(line.domain, Earlier { verdict: line.verdict, findings });
    }

    /// What a result of the later run changes.
    pub fn compare(&mut self, line: &ResultLine) -> Change {
        let earlier = self.earlier.remove(&line.domain);
        let presence = if earlier.is_some() { Presence::Both } else { Presence::New };
        let before = earlier.as_ref().and_then(|earlier| earlier.verdict);
        let mut change = Change::new(line.domain.clone(), presence, (before, line.verdict));
        let mut old = earlier.map(|earlier| earlier.findings).unwrap_or_default();
        let mut seen = BTreeSet::new();
        for finding in &line.findings {
            let key = (finding.code.clone(), finding.subject.clone());
            let is_old = old.remove(&key).is_some();
            if !seen.insert(key) {
                continue;
            }
            match (presence, is_old) {
                (Presence::Both, false) => change.added.push(finding.clone()),
                _ => change.sustained.push(finding.clone()),
            }
        }
        let could_not_tell: BTreeSet<&str> = line
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Unknown)
            .map(|finding| finding.subject.as_str())
            .collect();
        for finding in old.values() {
            let is_open = line.verdict == Some(Verdict::Unknown)
                || could_not_tell.contains(finding.subject.as_str());
            // That it could not be told is over when it can be told.
            match is_open && finding.severity != Severity::Unknown {
                true => change.open.push(finding.clone()),
                false => change.resolved.push(finding.clone()),
            }
        }
        change
    }

    /// The domains of the earlier run that the later run did not bring, by name.
    pub fn gone(self) -> impl Iterator<Item = Change> {
        self.earlier.into_iter().map(|(domain, earlier)| {
            let mut change = Change::new(domain, Presence::Gone, (earlier.verdict, None));
            change.sustained = earlier.findings.into_values().collect();
            change
        })
    }
}

impl Change {
    fn new(
        domain: DomainName,
        presence: Presence,
        verdicts: (Option<Verdict>, Option<Verdict>),
    ) -> Self {
        let (added, sustained, resolved, open) = Default::default();
        Self { domain, presence, verdicts, added, sustained, resolved, open }
    }

    /// Is anything different?
    pub fn is_one(&self) -> bool {
        self.presence != Presence::Both
            || self.verdicts.0 != self.verdicts.1
            || !self.added.is_empty()
            || !self.resolved.is_empty()
    }
}

#[cfg(test)]
mod tests;
