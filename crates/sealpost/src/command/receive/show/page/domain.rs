//! The part of the page on one policy domain, up to its failures.

use std::fmt::Write as _;

use super::{BAD, GOOD, LONGEST, Page, entry, line};
use crate::command::receive::show::model::{DomainShown, NumberShown, PolicyShown};
use crate::command::receive::text::{WIDTH, counted, duration, number, percent, shown, wrapped};

/// So many policies of one domain are shown.
const MOST_POLICIES: usize = 8;

/// So many patterns or records of one policy are shown.
const MOST_STRINGS: usize = 8;

/// So many characters of a TLSA record are shown: enough to tell two apart.
const LONGEST_RECORD: usize = 40;

/// Of so many policies the hosts that they do not cover are shown.
const MOST_UNCOVERED: usize = 5;

impl Page {
    pub(super) fn domain(&self, text: &mut String, domain: &DomainShown) {
        let (verdict, style) = match (domain.failed.upper, domain.total.upper) {
            (_, 0) if domain.complete => ("no sessions".to_owned(), GOOD),
            (_, 0) => ("no number of sessions could be read".to_owned(), BAD),
            (0, _) => (all_fine(domain.total), GOOD),
            _ => (failed(domain), BAD),
        };
        for (index, part) in
            wrapped(&format!("{}: {verdict}", name(domain)), WIDTH).iter().enumerate()
        {
            let part = if index == 0 { self.paint(part, style) } else { part.clone() };
            let _ = writeln!(text, "{part}");
        }
        if let Some(why) = domain.inexact {
            line(text, 2, &format!("{why} {}", in_words(domain)));
        }
        if !domain.complete {
            line(text, 2, "The report leaves out some of the totals, so there may be more.");
        }
        for policy in domain.policies.iter().take(MOST_POLICIES) {
            self::policy(text, policy, domain.policies.len());
        }
        let rest = domain.policies.len().saturating_sub(MOST_POLICIES);
        if rest > 0 {
            let entries = counted(rest as u64, "more entry", "more entries");
            entry(text, "", &format!("and {entries}; --format json shows all"));
        }
        uncovered(text, domain);
        self.failures(text, domain);
    }
}

fn name(domain: &DomainShown) -> String {
    match (&domain.domain, &domain.domain_by_report_id) {
        (Some(name), _) => shown(name, LONGEST),
        (None, Some(hint)) => format!("{hint} (by the report id; the report names no domain)"),
        (None, None) => "a domain that the report does not name".to_owned(),
    }
}

fn all_fine(total: NumberShown) -> String {
    match total.likely {
        1 => "the 1 session was fine".to_owned(),
        count => format!("all {} sessions were fine", number(count)),
    }
}

fn failed(domain: &DomainShown) -> String {
    let total = domain.total.likely;
    let percent = percent(domain.failed.likely, total);
    let sessions = if total == 1 { "session" } else { "sessions" };
    format!("{} of {} {sessions} failed ({percent})", number(domain.failed.likely), number(total))
}

/// The bounds of the numbers, as a sentence.
fn in_words(domain: &DomainShown) -> String {
    let mut words = format!(
        "There were {} sessions, and {} failed.",
        bounds(domain.total),
        bounds(domain.failed)
    );
    if domain.total.is_exact() && domain.failed.is_exact() {
        words = format!("Of the sessions {} were fine.", bounds(domain.successful));
    }
    words
}

/// A number with what it is at least and at most, where that is another.
pub(super) fn bounds(sessions: NumberShown) -> String {
    let NumberShown { likely, lower, upper } = sessions;
    match (lower < likely, likely < upper) {
        (false, false) => number(likely),
        (true, false) => format!("{} (at least {})", number(likely), number(lower)),
        (false, true) => format!("{} (at most {})", number(likely), number(upper)),
        (true, true) => {
            format!("{} (between {} and {})", number(likely), number(lower), number(upper))
        }
    }
}

fn policy(text: &mut String, policy: &PolicyShown, policies: usize) {
    let (name, mut words) = match policy.policy_type.as_deref() {
        Some("sts") => ("MTA-STS", sts(policy)),
        Some("tlsa") => ("DANE", tlsa(policy)),
        Some("no-policy-found") => (
            "policy",
            "none found, neither MTA-STS nor DANE: TLS was tried, not demanded".to_owned(),
        ),
        Some(other) => ("policy", format!("of a type that is not known: {}", shown(other, 60))),
        None => ("policy", "the report does not say which".to_owned()),
    };
    if policies > 1 {
        let count = |count: Option<u64>| count.map_or("?".to_owned(), number);
        let (fine, failed) = (count(policy.successful), count(policy.failed));
        words = format!("{fine} fine, {failed} failed; {words}");
    }
    entry(text, name, &words);
    if policy.policy_type.as_deref() == Some("tlsa") {
        for record in policy.text.iter().take(MOST_STRINGS) {
            entry(text, "", &shown(record, LONGEST_RECORD));
        }
        let rest = policy.text.len().saturating_sub(MOST_STRINGS);
        if rest > 0 {
            entry(
                text,
                "",
                &format!("and {}", counted(rest as u64, "more record", "more records")),
            );
        }
    }
    if let Some(defect) = &policy.defect {
        entry(text, "", &format!("as reported, senders can't use it: {}", shown(defect, LONGEST)));
    }
}

fn sts(policy: &PolicyShown) -> String {
    let mut words = Vec::new();
    match policy.mode.as_deref() {
        Some("enforce") => {
            words.push("mode enforce (a session that fails delivers no mail)".to_owned())
        }
        Some("testing") => {
            words.push("mode testing (mail is delivered, failures reported)".to_owned())
        }
        Some("none") => words.push("mode none (nothing is demanded)".to_owned()),
        Some(other) => words.push(format!("mode {}", shown(other, 40))),
        None if policy.text.is_empty() => words.push("text not reported".to_owned()),
        None => words.push("no mode reported".to_owned()),
    }
    if let Some(max_age) = policy.max_age {
        words.push(format!("max_age {}", duration(max_age.into())));
    }
    if !policy.mx.is_empty() {
        words.push(format!("mx {}", list(&policy.mx)));
    }
    words.join(", ")
}

fn tlsa(policy: &PolicyShown) -> String {
    let what = if policy.text.is_empty() { "not reported" } else { "as below" };
    format!("TLSA records {what}")
}

fn list(texts: &[String]) -> String {
    let mut words: Vec<String> =
        texts.iter().take(MOST_STRINGS).map(|text| shown(text, 80)).collect();
    let rest = texts.len().saturating_sub(MOST_STRINGS);
    if rest > 0 {
        words.push(format!("and {rest} more"));
    }
    words.join(", ")
}

fn uncovered(text: &mut String, domain: &DomainShown) {
    for policy in domain.uncovered.iter().take(MOST_UNCOVERED) {
        let is_one = policy.hosts.len() == 1;
        let (are, they) = if is_one { ("is", "it is") } else { ("are", "they are") };
        let mut words = format!(
            "{} {are} not covered by the policy as reported (mx {}). If {they} yours, mend the \
             policy first, then change the id of the record.",
            list(&policy.hosts),
            list(&policy.patterns)
        );
        if let Some((near, base)) =
            policy.near.as_ref().and_then(|n| Some((n, n.strip_prefix("*.")?)))
        {
            let _ = write!(
                words,
                " {near} stands for exactly one label: it covers a.{base}, but neither {base} nor \
                 a.b.{base}."
            );
        }
        entry(text, "MX host", &words);
    }
    let rest = domain.uncovered.len().saturating_sub(MOST_UNCOVERED);
    if rest > 0 {
        let policies = counted(rest as u64, "more policy", "more policies");
        entry(text, "", &format!("and hosts under {policies}; --format json shows all"));
    }
}

impl NumberShown {
    pub(super) fn is_exact(self) -> bool {
        self.lower == self.upper
    }
}
