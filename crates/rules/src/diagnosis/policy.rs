//! The policy that the sender applied, against the MX hosts and the policies of ours.

use mail_domain::DomainName;
use mta_sts::{MaxAge, MxPattern, Policy};
use sealpost_evidence::traffic::Day;
use tls_rpt::PolicyType;

use super::case::{Case, to_line};
use super::causes::{Cause, FAIL201, FAIL202, FAIL203, FAIL204, Fault};
use super::known::PublishedPolicy;
use super::path;
use super::verdict::{Draft, Standing};

/// What is suspected of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// The reporter says that an MX host is not matched.
    Reported,
    /// It does not; then only the host that it names is looked at, or all if it names none.
    OfNamedHost,
}

/// An MX host that the applied policy does not match, if there is one.
pub(super) fn mismatch(case: &Case<'_>, suspicion: Suspicion) -> Option<Draft> {
    let reported = &case.reported.patterns;
    let now = case.policy.as_ref().map(Policy::mx).unwrap_or_default();
    let applied = if reported.is_empty() { now } else { reported };
    if applied.is_empty() || path::unseen_name(case).is_some() {
        return None;
    }
    let host = uncovered(case, applied)?;
    let is_named = case.mx.is_some();
    let now_covers = case.policy.as_ref().is_some_and(|policy| policy.covers(&host).is_some());
    if !reported.is_empty() && now_covers {
        return Some(old_policy(case, &host));
    }
    let whose = if reported.is_empty() { "the policy" } else { "the policy that the sender holds" };
    let mut sentence = format!("{host} is not matched by {whose}: {}", why_not(applied, &host));
    if !is_named && suspicion == Suspicion::OfNamedHost {
        sentence.push_str(" The report names no host; this one explains the failure.");
    }
    let standing = if case.policy.is_some() { Standing::Open } else { Standing::Unknown };
    let mut draft = Draft::new(&FAIL201, Fault::Ours, standing, sentence);
    draft = draft.ground(if reported.is_empty() {
        format!("The policy of now has {}.", shown(applied))
    } else {
        format!("The report gives the policy with {}.", shown(applied))
    });
    if case.policy.is_some() && !reported.is_empty() {
        draft = draft.ground("The policy of now does not match it either.");
    }
    let command = case
        .domain()
        .map(|domain| format!("curl -sS https://mta-sts.{domain}/.well-known/mta-sts.txt"));
    Some(draft.publish(Some(format!("mx: {host}"))).command(command))
}

/// The reporter says that an MX host is not matched, and none can be found.
pub(super) fn unexplained(case: &Case<'_>) -> Draft {
    if let Some(host) = path::unseen_name(case) {
        let sentence = format!(
            "The sender was led to {host}, which is not among the MX hosts{}; it may be newer than \
             they are: look again.",
            path::as_of(case)
        );
        let draft = Draft::new(&FAIL203, Fault::Unclear, Standing::Unknown, sentence);
        return draft.command(case.dig("MX", ""));
    }
    let hosts = case.hosts.as_ref();
    let can_tell = hosts.is_some_and(|hosts| hosts.names_are_whole)
        && (!case.reported.patterns.is_empty() || case.policy.is_some());
    if !can_tell {
        return Draft::presumed(case, &FAIL201);
    }
    let sentence = match &case.mx {
        Some(host) => format!(
            "The sender says that the policy does not match {host}, and the policy does match it."
        ),
        None => "The sender was led to an MX host outside the policy, and every MX host of now is \
                 matched by it."
            .to_owned(),
    };
    Draft::new(&FAIL203, Fault::Unclear, Standing::Unknown, sentence).command(case.dig("MX", ""))
}

/// The sender held another policy than that of now, where that is not the diagnosis itself.
pub(super) fn held_another(case: &Case<'_>, cause: &Cause) -> Option<String> {
    let is_said = [&FAIL201, &FAIL202, &FAIL204].contains(&cause);
    let policy = case.policy.as_ref()?;
    if is_said
        || case.policy_type != PolicyType::Sts
        || !case.reported.is_whole()
        || case.reported.is(policy)
    {
        return None;
    }
    let Held { whose, until, .. } = held(case);
    Some(format!(
        "The sender held another policy than that of now: {whose} ({}); it may keep it {until}.",
        case.reported.to_line()
    ))
}

/// The sender refused a host that the policy of now matches.
fn old_policy(case: &Case<'_>, host: &DomainName) -> Draft {
    let Held { whose, until, last_day } = held(case);
    let now = case.policy.as_ref().map(to_line).unwrap_or_default();
    if still_serves(case) {
        let sentence = format!(
            "An address of the policy host still serves an earlier policy, which does not match \
             {host}; others serve the present one."
        );
        return Draft::new(&FAIL204, Fault::Ours, Standing::Open, sentence)
            .ground(format!("Served somewhere: {}.", case.reported.to_line()))
            .ground(format!("Served elsewhere: {now}."));
    }
    let sentence = format!(
        "The sender still holds {whose} ({}), which does not match {host}; ours is now {now}. It \
         may keep the old one {until}.",
        case.reported.to_line()
    );
    let has_run_out = last_day.is_some_and(|day| day < case.known.today);
    let standing = if has_run_out { Standing::Mended } else { Standing::Open };
    let mut draft = Draft::new(&FAIL202, Fault::Sender, standing, sentence);
    if let Some(last_day) = last_day.filter(|_| !has_run_out) {
        draft = draft.action(format!(
            "Wait until {last_day}; until then keep what the earlier policy demands: hosts that it \
             lists, or the MX records of that time."
        ));
    }
    if has_run_out {
        draft = draft.ground(format!(
            "It has run out everywhere by now ({}), if no address serves it any more.",
            case.known.today
        ));
    }
    if last_day.is_some_and(|day| day < case.group.last_day) {
        draft = draft.ground(format!(
            "It was still applied on {}, longer than its max_age allows: a sender that keeps \
             policies too long, or a place that still serves it.",
            case.group.last_day
        ));
    }
    draft.command(case.dig("TXT", "_mta-sts."))
}

/// The policy that the sender held, and how long it may.
struct Held {
    /// "the policy that was ours from 2026-10-01 to 2026-11-20"
    whose: String,
    /// "until 2026-11-27 at the latest"
    until: String,
    /// The last day on which it may be held; `None` if its max_age is not known.
    last_day: Option<Day>,
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//# Well-behaved clients
//# SHOULD cache a policy for up to this value from the last policy
//# fetch time.
fn held(case: &Case<'_>) -> Held {
    let policies = case.known.policies;
    let is_now = |published: &&PublishedPolicy| case.policy.as_ref() == Some(&published.policy);
    let found = policies.iter().rposition(|published| case.reported.is(&published.policy));
    let published = found.and_then(|at| policies.get(at));
    // It was replaced when the next one began: until then it can have been fetched.
    let next = match found {
        Some(at) => policies.get(at.saturating_add(1)),
        None => policies.last().filter(is_now),
    };
    let replaced = next.and_then(|published| published.since);
    let whose = match (published, replaced) {
        (Some(PublishedPolicy { since: Some(since), .. }), Some(end)) => {
            format!("the policy that was ours from {since} to {end}")
        }
        (Some(_), Some(end)) => format!("the policy that was ours until {end}"),
        (Some(_), None) => "an earlier policy of ours".to_owned(),
        (None, _) if policies.iter().all(|published| is_now(&published)) => {
            "another policy than ours of now".to_owned()
        }
        (None, _) => "a policy that is none of those known to have been ours".to_owned(),
    };
    let fetched = replaced.map_or(case.group.last_day, |day| day.min(case.group.last_day));
    match case.reported.max_age {
        Some(max_age) => {
            // Fetched in the last second of that day at the latest.
            let fetched = fetched.plus(1).begins_at().saturating_sub(1);
            let last_day = Day::of(fetched.saturating_add(i64::from(max_age.as_secs())));
            Held {
                whose,
                until: format!("until {last_day} at the latest"),
                last_day: Some(last_day),
            }
        }
        None => Held {
            whose,
            until: format!(
                "for as long as its max_age says, which was not reported: {} seconds at most",
                MaxAge::MAX
            ),
            last_day: None,
        },
    }
}

/// Does some address of the policy host serve what the sender held?
fn still_serves(case: &Case<'_>) -> bool {
    let fetches = case.known.evidence.and_then(|evidence| evidence.policy_host.as_ref());
    fetches
        .iter()
        .flat_map(|host| &host.fetches)
        .filter_map(crate::usable_policy)
        .any(|policy| case.reported.is_whole() && case.reported.is(&policy))
}

/// The reported host if the patterns do not match it; if none was reported, the first of ours.
fn uncovered(case: &Case<'_>, patterns: &[MxPattern]) -> Option<DomainName> {
    let is_uncovered = |host: &DomainName| !patterns.iter().any(|pattern| pattern.matches(host));
    if let Some(host) = &case.mx {
        return is_uncovered(host).then(|| host.clone());
    }
    let hosts = case.hosts.iter().flat_map(|hosts| &hosts.hosts);
    hosts.map(|host| &host.name).find(|name| is_uncovered(name)).cloned()
}

/// Points to a wildcard that looks as if it matched the host, and does not.
//= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
//# Thus, the mx pattern "*.example.com" matches
//# "mail.example.com" but not "example.com" or "foo.bar.example.com".
fn why_not(patterns: &[MxPattern], host: &DomainName) -> String {
    let looks_like = patterns.iter().find(|pattern| {
        pattern.is_wildcard() && (host == pattern.base() || host.is_subdomain_of(pattern.base()))
    });
    let Some(pattern) = looks_like else {
        return "no pattern matches it.".to_owned();
    };
    let labels = host.labels().count().saturating_sub(pattern.base().labels().count());
    let has = match labels {
        0 => "no label".to_owned(),
        labels => format!("{labels} labels"),
    };
    format!(
        "the * of {pattern} stands for exactly one label, and {host} has {has} before {}.",
        pattern.base()
    )
}

fn shown(patterns: &[MxPattern]) -> String {
    /// At most so many patterns are written out.
    const SHOWN: usize = 6;
    let listed: Vec<String> =
        patterns.iter().take(SHOWN).map(|pattern| format!("mx: {pattern}")).collect();
    match patterns.len().saturating_sub(SHOWN) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}
