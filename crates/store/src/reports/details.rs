//! What is said in one report, as JSON in one column.
//!
//! A report may have thousands of failure details and is read as a whole or not at all. As rows
//! they would cost a hundred times the room and time of the sums that pages ask for.
//!
//! The keys are short because there are millions of such texts. Unknown keys are skipped, and a
//! missing one has its default, so that texts of earlier versions can be read.

use std::{borrow::Cow, net::IpAddr};

use sealpost_evidence::traffic::{Bounds, Day};
use serde::{Deserialize, Serialize};

use super::{DayShare, Echo, NewReport, Repair, ReportedFailure, ReportedPolicy, new};
use crate::column::{clip, is_within};

/// Strings and hosts of one policy, at most.
const LISTED: usize = 256;
/// Characters of all of them together.
const SHOWN: usize = 128 * 1024;
/// Repairs that are kept.
const REPAIRS: usize = 256;
/// What each part costs beside its texts: keys, quotes, numbers.
const OVERHEAD: usize = 64;

/// The text of the column `details`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Details<'a> {
    /// Policies.
    #[serde(rename = "p", borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) policies: Vec<PolicyPart<'a>>,
    /// The days, if there are several.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) days: Vec<DayPart>,
    /// Repairs: code and place.
    #[serde(rename = "r", borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) repairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Policies and failures that had no room.
    #[serde(rename = "x", default, skip_serializing_if = "is_zero")]
    pub(super) unkept: u64,
    /// 1 for an echo.
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    pub(super) echo: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PolicyPart<'a> {
    /// The type, which sums are kept for.
    #[serde(rename = "t", borrow)]
    pub(super) policy_type: Cow<'a, str>,
    /// The rest of the policy: the digest of a shown one, or the text itself.
    #[serde(rename = "v", borrow)]
    pub(super) shown: Cow<'a, str>,
    #[serde(rename = "s", default, skip_serializing_if = "is_zero")]
    pub(super) successful: u64,
    #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
    pub(super) failed: u64,
    #[serde(rename = "d", borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failures: Vec<FailurePart<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct FailurePart<'a> {
    #[serde(rename = "t", borrow)]
    pub(super) result_type: Cow<'a, str>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) mx_host: Option<Cow<'a, str>>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(super) receiving_ip: Option<IpAddr>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) sending_ip: Option<IpAddr>,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Cow<'a, str>>,
    #[serde(rename = "h", borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) helo: Option<Cow<'a, str>>,
    #[serde(rename = "a", borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) additional: Option<Cow<'a, str>>,
    #[serde(rename = "n")]
    pub(super) sessions: u64,
}

/// Nothing of the text but the days.
#[derive(Debug, Deserialize)]
pub(super) struct Days {
    /// The days, if there are several.
    #[serde(rename = "d", default)]
    pub(super) days: Vec<DayPart>,
}

/// A day and four numbers: successful and failed, lower and upper.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct DayPart(i64, u64, u64, u64, u64);

/// What a policy is, without what happened under it: the text of a shown policy.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shown<'a> {
    #[serde(rename = "d", borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) domain: Option<Cow<'a, str>>,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) strings: Vec<Cow<'a, str>>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) mx_hosts: Vec<Cow<'a, str>>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> Details<'a> {
    /// Keeps of a report what has room, every text cut at its bound. The policies go into `show`,
    /// which gives what is kept in their place.
    pub(super) fn of(report: &'a NewReport, mut show: impl FnMut(String) -> String) -> Self {
        let mut room = new::MOST_DETAILS;
        let mut details = Self { echo: u64::from(report.echo == Echo::Likely), ..Self::default() };
        for policy in &report.policies {
            let shown = Shown::of(policy);
            let Ok(shown) = serde_json::to_string(&shown) else { continue };
            if !takes(&mut room, shown.len()) {
                let lost = policy.failures.len().saturating_add(1);
                details.unkept = details.unkept.saturating_add(u64::try_from(lost).unwrap_or(0));
                continue;
            }
            let mut part = PolicyPart {
                policy_type: cut(&policy.policy_type, 64),
                shown: Cow::Owned(show(shown)),
                successful: bounded(policy.successful),
                failed: bounded(policy.failed),
                failures: Vec::with_capacity(policy.failures.len().min(1024)),
            };
            for failure in &policy.failures {
                let failure = FailurePart::of(failure);
                if takes(&mut room, failure.len()) {
                    part.failures.push(failure);
                } else {
                    details.unkept = details.unkept.saturating_add(1);
                }
            }
            details.policies.push(part);
        }
        let repairs = report.repairs.iter().take(REPAIRS);
        details.repairs =
            repairs.map(|Repair { code, place }| (cut(code, 64), cut(place, 255))).collect();
        if let [_, _, ..] = report.days.as_slice() {
            details.days = report.days.iter().map(DayPart::of).collect();
        }
        details
    }
}

impl Details<'_> {
    /// The failures with the type of their policy.
    pub(super) fn failures(&self) -> impl Iterator<Item = (&str, &FailurePart<'_>)> {
        self.policies.iter().flat_map(|policy| {
            policy.failures.iter().map(|failure| (policy.policy_type.as_ref(), failure))
        })
    }

    /// Failed sessions of which nothing more is said, with the type of their policy: those that are
    /// in its total and in no detail. Details that count a session twice hide as many.
    pub(super) fn unsaid(&self) -> impl Iterator<Item = (&str, u64)> {
        self.policies.iter().filter_map(|policy| {
            let counts = policy.failures.iter().map(|failure| failure.sessions);
            let left = policy.failed.saturating_sub(counts.fold(0, u64::saturating_add));
            (left > 0).then_some((policy.policy_type.as_ref(), left))
        })
    }

    /// The kinds of failures, with the type of their policy: one that is not said is of no type.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        let said = self
            .failures()
            .map(|(policy, failure)| (policy, failure.result_type.as_ref(), failure.sessions));
        said.chain(self.unsaid().map(|(policy, sessions)| (policy, "", sessions)))
    }

    /// Does anything in it lead to a machine, or may it?
    pub(super) fn has_addresses(&self) -> bool {
        self.failures().any(|(_, failure)| failure.is_traceable())
    }

    /// Leaves out addresses and all free text in which there may be some. Failures that are alike
    /// afterwards become one.
    pub(super) fn forget_addresses(&mut self) {
        for policy in &mut self.policies {
            for failure in &mut policy.failures {
                failure.receiving_ip = None;
                failure.sending_ip = None;
                failure.reason = None;
                failure.helo = None;
                failure.additional = None;
            }
            policy.failures.sort_unstable();
            policy.failures.dedup_by(|next, kept| {
                let is_alike = kept.result_type == next.result_type && kept.mx_host == next.mx_host;
                if is_alike {
                    kept.sessions = bounded(kept.sessions.saturating_add(next.sessions));
                }
                is_alike
            });
        }
    }

    pub(super) fn repairs(&self) -> Vec<Repair> {
        let repairs = self.repairs.iter();
        repairs
            .map(|(code, place)| Repair {
                code: code.clone().into_owned(),
                place: place.clone().into_owned(),
            })
            .collect()
    }
}

impl PolicyPart<'_> {
    /// The policy as it was reported, with the text that `shown` stands for.
    pub(super) fn reported(&self, shown: &Shown<'_>) -> ReportedPolicy {
        let owned = |texts: &[Cow<'_, str>]| texts.iter().map(ToString::to_string).collect();
        ReportedPolicy {
            policy_type: self.policy_type.to_string(),
            policy_domain: shown.domain.as_ref().map(ToString::to_string),
            strings: owned(&shown.strings),
            mx_hosts: owned(&shown.mx_hosts),
            successful: self.successful,
            failed: self.failed,
            failures: self.failures.iter().map(FailurePart::reported).collect(),
        }
    }
}

impl<'a> FailurePart<'a> {
    fn of(failure: &'a ReportedFailure) -> Self {
        let text = |text: &'a Option<String>, most| text.as_deref().map(|text| cut(text, most));
        Self {
            result_type: cut(&failure.result_type, 64),
            mx_host: text(&failure.mx_host, 255),
            receiving_ip: failure.receiving_ip,
            sending_ip: failure.sending_ip,
            reason: text(&failure.reason, 512),
            helo: text(&failure.helo, 255),
            additional: text(&failure.additional, 512),
            sessions: bounded(failure.sessions),
        }
    }

    fn reported(&self) -> ReportedFailure {
        let text = |text: &Option<Cow<'_, str>>| text.as_ref().map(ToString::to_string);
        ReportedFailure {
            result_type: self.result_type.to_string(),
            sending_ip: self.sending_ip,
            receiving_ip: self.receiving_ip,
            mx_host: text(&self.mx_host),
            helo: text(&self.helo),
            reason: text(&self.reason),
            additional: text(&self.additional),
            sessions: self.sessions,
        }
    }

    fn len(&self) -> usize {
        let texts = [&self.mx_host, &self.reason, &self.helo, &self.additional];
        let texts = texts.into_iter().flatten().map(|text| text.len());
        texts.fold(self.result_type.len(), usize::saturating_add)
    }

    fn is_traceable(&self) -> bool {
        self.receiving_ip.is_some()
            || self.sending_ip.is_some()
            || self.reason.is_some()
            || self.helo.is_some()
            || self.additional.is_some()
    }
}

impl DayPart {
    fn of(share: &DayShare) -> Self {
        let DayShare { day, successful, failed } = counted(*share);
        Self(day.number(), successful.lower, successful.upper, failed.lower, failed.upper)
    }

    pub(super) fn share(self) -> DayShare {
        DayShare {
            day: Day::new(self.0),
            successful: Bounds::between(self.1, self.2),
            failed: Bounds::between(self.3, self.4),
        }
    }
}

impl<'a> Shown<'a> {
    fn of(policy: &'a ReportedPolicy) -> Self {
        // A character takes up to six in JSON.
        let mut room = SHOWN;
        let mut list = |texts: &'a [String], most: usize| {
            let mut kept = Vec::new();
            for text in texts.iter().take(LISTED) {
                let text = cut(text, most);
                let Some(left) = room.checked_sub(text.chars().count()) else { break };
                room = left;
                kept.push(text);
            }
            kept
        };
        Self {
            domain: policy.policy_domain.as_deref().map(|text| cut(text, 255)),
            strings: list(&policy.strings, 4096),
            mx_hosts: list(&policy.mx_hosts, 255),
        }
    }
}

/// What a day of a report counts for.
pub(super) fn counted(share: DayShare) -> DayShare {
    let most = |bounds: Bounds| {
        Bounds::between(bounds.lower.min(new::MOST_SESSIONS), bounds.upper.min(new::MOST_SESSIONS))
    };
    DayShare { day: share.day, successful: most(share.successful), failed: most(share.failed) }
}

/// The largest count that JSON carries exactly: 2^53.
fn bounded(count: u64) -> u64 {
    count.min(1 << 53)
}

/// As [`clip`], which most texts need not be.
fn cut(text: &str, characters: usize) -> Cow<'_, str> {
    if is_within(text, characters) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(clip(text, characters))
    }
}

/// Takes room for a part, if there is some.
fn takes(room: &mut usize, length: usize) -> bool {
    let left = room.checked_sub(length.saturating_add(OVERHEAD));
    *room = left.unwrap_or(*room);
    left.is_some()
}
