//! The policy of a domain as it is published, as it is served from here, and as others saw it.

use std::collections::HashSet;

use mail_domain::DomainName;
use mta_sts::{MxPattern, Policy, PolicyReading};
use sealpost_evidence::Evidence;
use sealpost_rules::usable_policy;
use sealpost_store::{
    StoreError,
    reports::{Content, ReportFilter, ReportedPolicy, Scope, Subject},
};

use super::{DAYS, Desk};
use crate::model::{PolicySource, SeenPolicy};

/// Octets of a policy that are shown, and read of what was reported.
const MOST_OCTETS: usize = 4_096;
/// Lines of a reported policy that are read.
const MOST_LINES: usize = 256;
/// Reporters whose word is shown.
const MOST_REPORTERS: usize = 5;
/// The newest reports among which they are looked for.
const MOST_REPORTS: u32 = 100;

/// What is compared of a policy.
struct Seen {
    text: String,
    reading: PolicyReading,
    mx: Vec<MxPattern>,
}

impl Desk {
    /// Each policy that is seen, with what of it is otherwise than in the one that is published.
    /// `served` is what is served from here.
    pub(super) async fn seen_policies(
        &self,
        domain: &DomainName,
        evidence: Option<&Evidence>,
        served: Option<&str>,
    ) -> Result<Vec<SeenPolicy>, StoreError> {
        let mut all: Vec<(SeenPolicy, Seen)> = Vec::new();
        let mut is_comparable = false;
        let fetches = evidence.and_then(|evidence| evidence.policy_host.as_ref());
        for fetch in fetches.into_iter().flat_map(|host| &host.fetches) {
            let Some(reply) = fetch.reply().filter(|reply| reply.status == 200) else { continue };
            let seen = Seen::of(reply.body.as_slice());
            let by = fetch.address.to_string();
            if let Some((same, _)) = all.iter_mut().find(|(_, other)| other.text == seen.text) {
                same.by.push(by);
                continue;
            }
            let is_usable = usable_policy(fetch).is_some();
            let at = evidence.map(|evidence| evidence.observed.as_second());
            let view = SeenPolicy::new(PolicySource::Published, vec![by], at, &seen);
            // What senders can use is what the others are held beside.
            let place = if is_usable && !is_comparable { 0 } else { all.len() };
            is_comparable |= is_usable;
            all.insert(place, (view, seen));
        }
        if let Some(served) = served {
            let seen = Seen::of(served.as_bytes());
            all.push((SeenPolicy::new(PolicySource::Served, Vec::new(), None, &seen), seen));
        }
        for (organisation, at, policy) in self.reported_policies(domain).await? {
            let seen = Seen::reported(&policy);
            let by = vec![organisation];
            all.push((SeenPolicy::new(PolicySource::Reported, by, Some(at), &seen), seen));
        }
        let mut all = all.into_iter();
        let Some((first, reference)) = all.next() else { return Ok(Vec::new()) };
        let others = all.map(|(view, seen)| {
            let differences = is_comparable.then(|| reference.differences(&seen));
            SeenPolicy { differences, ..view }
        });
        Ok(std::iter::once(first).chain(others).collect())
    }

    /// The policy in the newest report of each of the last reporters, with the end of its day.
    async fn reported_policies(
        &self,
        domain: &DomainName,
    ) -> Result<Vec<(String, i64, ReportedPolicy)>, StoreError> {
        let reports = self.store.reports();
        let filter = ReportFilter {
            scope: Scope::Counted,
            subject: Subject { domain: Some(domain.clone()), reporter: None },
            days: self.days(DAYS),
            content: Content::Any,
        };
        let (mut found, mut known) = (Vec::new(), HashSet::new());
        for summary in reports.list(filter, None, MOST_REPORTS).await? {
            if known.len() == MOST_REPORTERS || !known.insert(summary.reporter.clone()) {
                continue;
            }
            let Some(report) = reports.report(summary.id).await? else { continue };
            let policy = report.policies.into_iter().find(|policy| {
                let is_of_domain = policy.policy_domain.as_deref() == Some(domain.as_str());
                policy.policy_type == "sts" && is_of_domain && !policy.strings.is_empty()
            });
            if let Some(policy) = policy {
                let organisation = report.summary.reporter.organisation.clone();
                found.push((organisation, report.summary.ends_at, policy));
            }
        }
        Ok(found)
    }
}

impl SeenPolicy {
    fn new(source: PolicySource, by: Vec<String>, at: Option<i64>, seen: &Seen) -> Self {
        Self { source, by, at, text: seen.text.clone(), differences: None }
    }
}

impl Seen {
    fn of(body: &[u8]) -> Self {
        let reading = Policy::read(body);
        let mx = reading.mx.iter().map(|(pattern, _)| pattern.clone()).collect();
        let shown = body.get(..MOST_OCTETS).unwrap_or(body);
        let lines = String::from_utf8_lossy(shown).replace("\r\n", "\n");
        let visible =
            |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
        Self { text: lines.chars().map(visible).collect(), reading, mx }
    }

    /// One string may hold the whole policy, and lines may keep their ends.
    fn reported(policy: &ReportedPolicy) -> Self {
        let mut text = String::new();
        for line in policy.strings.iter().take(MOST_LINES) {
            if text.len().saturating_add(line.len()) > MOST_OCTETS {
                break;
            }
            text.push_str(line.trim_end());
            text.push_str("\r\n");
        }
        let mut seen = Self::of(text.as_bytes());
        if seen.mx.is_empty() {
            let patterns = policy.mx_hosts.iter().take(MOST_LINES);
            seen.mx = patterns.filter_map(|text| MxPattern::parse(text).ok()).collect();
        }
        seen
    }

    /// What of another policy is otherwise than in this one, in words. What it does not say is not
    /// held against it.
    fn differences(&self, other: &Self) -> Vec<String> {
        let mut words = Vec::new();
        let modes = (self.reading.mode.as_ref(), other.reading.mode.as_ref());
        if let (Some((mode, _)), Some((seen, _))) = modes
            && mode != seen
        {
            words.push(format!("its mode is {seen}, not {mode}"));
        }
        let ages = (self.reading.max_age.as_ref(), other.reading.max_age.as_ref());
        if let (Some((age, _)), Some((seen, _))) = ages
            && age != seen
        {
            let (seen, age) = (seen.as_secs(), age.as_secs());
            words.push(format!("its max_age is {seen} seconds, not {age}"));
        }
        let lacking = self.mx.iter().filter(|pattern| !other.mx.contains(pattern));
        let more = other.mx.iter().filter(|pattern| !self.mx.contains(pattern));
        if !other.mx.is_empty() {
            words.extend(lacking.map(|pattern| format!("it lacks mx: {pattern}")));
        }
        words.extend(more.map(|pattern| format!("it has mx: {pattern}")));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx1.a.test\r\nmx: *.b.test\r\n\
                             max_age: 86400\r\n";

    fn reported(strings: &[&str], mx_hosts: &[&str]) -> Seen {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        Seen::reported(&ReportedPolicy {
            policy_type: "sts".to_owned(),
            policy_domain: None,
            strings: texts(strings),
            mx_hosts: texts(mx_hosts),
            successful: 0,
            failed: 0,
            failures: Vec::new(),
        })
    }

    #[test]
    fn what_is_otherwise_is_said_in_words_and_what_is_not_said_is_not() {
        let published = Seen::of(PUBLISHED.as_bytes());
        let whole =
            ["version: STSv1", "mode: enforce", "mx: *.b.test", "mx: mx1.a.test", "max_age: 86400"];
        for (strings, mx_hosts, expected) in [
            (&whole[..], &[][..], &[][..]),
            (&[PUBLISHED], &[], &[]),
            (&["version: STSv1", "mode: testing"], &[], &["its mode is testing, not enforce"]),
            (&["mode: enforce"], &["mx1.a.test", "*.b.test"], &[]),
            (
                &["mode: enforce", "mx: mx1.a.test", "mx: old.a.test", "max_age: 3600"],
                &[],
                &[
                    "its max_age is 3600 seconds, not 86400",
                    "it lacks mx: *.b.test",
                    "it has mx: old.a.test",
                ],
            ),
            (&["<script>"], &["a b"], &[]),
        ] {
            assert_eq!(
                published.differences(&reported(strings, mx_hosts)),
                expected,
                "{strings:?}"
            );
        }
    }

    #[test]
    fn a_text_is_shown_in_bounds_and_without_what_cannot_be_seen() {
        let seen = Seen::of(b"a\r\nb\x1b[2J\xff");
        assert_eq!(seen.text, "a\nb\u{fffd}[2J\u{fffd}");
        assert_eq!(Seen::of(&[b'x'; 10_000]).text.len(), MOST_OCTETS);
    }
}
