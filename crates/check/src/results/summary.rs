//! What many results come to: adoption, modes, findings by rule, the worst.

mod page;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_rules::{Severity, Verdict};
use serde::Serialize;

use super::{FindingLine, ResultLine};

/// How many of the worst domains are named.
const WORST: usize = 20;
/// How many domains are named as examples of a rule.
const EXAMPLES: usize = 3;

/// The verdicts in the order in which people read of them.
const VERDICTS: [Verdict; 8] = [
    Verdict::Enforced,
    Verdict::Testing,
    Verdict::Failing,
    Verdict::Broken,
    Verdict::Off,
    Verdict::Absent,
    Verdict::NoMail,
    Verdict::Unknown,
];
/// What stands for a verdict where only a part was looked at.
const IN_PART: &str = "in part";

/// What many results come to. Its size depends on the rules, not on the number of domains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many domains there are.
    pub domains: u64,
    /// When the first and the last of them were seen.
    pub observed: Option<(Timestamp, Timestamp)>,
    /// How many domains have which verdict. Without a verdict are those that were looked at in part.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// How many usable policies have which mode.
    pub modes: BTreeMap<String, u64>,
    /// How many domains have at least one MX host with TLSA records that DNSSEC vouches for.
    pub dane: u64,
    /// How many domains ask for TLS reports.
    pub ask_for_reports: u64,
    /// The rules that found something.
    pub rules: BTreeMap<String, RuleSum>,
    /// The domains that most has to be done about, the worst first; at most 20.
    pub worst: Vec<Worst>,
}

/// What one rule found in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleSum {
    /// How bad it is.
    pub severity: Severity,
    /// The finding in a few words.
    pub title: String,
    /// In how many domains.
    pub domains: u64,
    /// Some of them.
    pub examples: Vec<DomainName>,
}

/// A domain that something has to be done about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worst {
    /// How many errors.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// The domain.
    pub domain: DomainName,
    /// The verdict, in its word.
    pub verdict: &'static str,
    /// The codes of the errors.
    pub codes: BTreeSet<String>,
}

impl Summary {
    /// Takes one more result into the sums.
    pub fn add(&mut self, line: &ResultLine) {
        self.domains += 1;
        let (first, last) = self.observed.unwrap_or((line.observed, line.observed));
        self.observed = Some((first.min(line.observed), last.max(line.observed)));
        *self.verdicts.entry(line.verdict.map_or(IN_PART, Verdict::as_str)).or_default() += 1;
        if let Some(policy) = &line.policy {
            *self.modes.entry(policy.mode.clone()).or_default() += 1;
        }
        self.dane += u64::from(line.hosts.iter().any(|host| !host.tlsa.is_empty()));
        self.ask_for_reports += u64::from(line.asks_for_reports == Some(true));
        let rules: BTreeMap<&str, &FindingLine> =
            line.findings.iter().map(|finding| (finding.code.as_str(), finding)).collect();
        for (code, finding) in rules {
            let sum = self.rules.entry(code.to_owned()).or_insert_with(|| RuleSum {
                severity: finding.severity,
                title: finding.title.clone(),
                domains: 0,
                examples: Vec::new(),
            });
            sum.domains += 1;
            if sum.examples.len() < EXAMPLES {
                sum.examples.push(line.domain.clone());
            }
        }
        self.rank(line);
    }

    /// How many domains have which verdict, in the order in which people read of them.
    fn verdicts_by_weight(&self) -> Vec<(&'static str, u64)> {
        let words = VERDICTS.map(Verdict::as_str).into_iter().chain([IN_PART]);
        words.filter_map(|word| Some((word, *self.verdicts.get(word)?))).collect()
    }

    /// The rules by severity and number of domains, the worst first.
    pub fn rules_by_weight(&self) -> Vec<(&str, &RuleSum)> {
        let mut rules: Vec<_> = self.rules.iter().map(|(code, sum)| (code.as_str(), sum)).collect();
        rules.sort_by(|(_, left), (_, right)| {
            (right.severity, right.domains).cmp(&(left.severity, left.domains))
        });
        rules
    }

    fn rank(&mut self, line: &ResultLine) {
        let of = |severity| line.findings.iter().filter(move |found| found.severity == severity);
        let errors = of(Severity::Error).count();
        if errors == 0 {
            return;
        }
        let candidate = Worst {
            errors,
            warnings: of(Severity::Warning).count(),
            domain: line.domain.clone(),
            verdict: line.verdict.map_or(IN_PART, Verdict::as_str),
            codes: of(Severity::Error).map(|finding| finding.code.clone()).collect(),
        };
        let place = self.worst.partition_point(|other| other.is_worse_than(&candidate));
        self.worst.insert(place, candidate);
        self.worst.truncate(WORST);
    }
}

impl Worst {
    /// By errors, then by warnings, then by name, so that the order does not depend on which result
    /// came first.
    fn is_worse_than(&self, other: &Self) -> bool {
        (other.errors, other.warnings, &self.domain) < (self.errors, self.warnings, &other.domain)
    }
}

#[cfg(test)]
mod tests;
