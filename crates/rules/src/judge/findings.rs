//! Gathers findings, joining those that differ only in their address.

use crate::{Finding, catalogue};

#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding. If the same was found at another address of the same host, that finding
    /// gets one more address.
    pub(super) fn push(&mut self, finding: Finding) {
        let twin = self.0.iter_mut().find(|earlier| {
            earlier.rule == finding.rule
                && earlier.subject.place == finding.subject.place
                && earlier.subject.name == finding.subject.name
                && earlier.message == finding.message
                && earlier.excerpt == finding.excerpt
        });
        match twin {
            Some(twin) => twin.subject.addresses.extend(finding.subject.addresses),
            None => self.0.push(finding),
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        for finding in other.0 {
            self.push(finding);
        }
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.push(finding);
        }
    }

    /// Did the judge of coverage find an MX host that the policy does not allow, in whatever mode?
    pub(super) fn any_host_is_uncovered(&self) -> bool {
        let rules = [&catalogue::STS401, &catalogue::STS402, &catalogue::STS404];
        self.0.iter().any(|finding| rules.contains(&finding.rule))
    }

    /// By place, and within a place the worst first.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by(|left, right| {
            let by_place = left.subject.place.cmp(&right.subject.place);
            by_place.then_with(|| right.rule.severity.cmp(&left.rule.severity))
        });
        self.0
    }
}
