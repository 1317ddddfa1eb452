//! From what is true now to what becomes of incidents, and who is told.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use sealpost_evidence::incident::{Basis, Urgency};
use sealpost_rules::incidents::{IncidentCause, incident_cause};
use sealpost_store::incidents::{Change, Deed, Incident, IncidentId, NewNotice, NoticeKind, Phase};

use crate::{
    Condition, DigestTimes, Look, QuietHours, Told,
    condition::{Key, line},
};

/// How incidents come and go, and who is told.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// For how long a condition must hold, in seconds, in place of what its cause says.
    pub hold: Option<u32>,
    /// For how long it must be gone, likewise.
    pub clear: Option<u32>,
    /// Where pages are.
    pub link: Option<String>,
    /// Who is told.
    pub receivers: Vec<ReceiverTerms>,
}

/// When a receiver is told.
#[derive(Clone, Debug)]
pub struct ReceiverTerms {
    /// Its name.
    pub name: String,
    /// What presses less is not told.
    pub least: Urgency,
    /// When it is left in peace.
    pub quiet: Option<QuietHours>,
    /// When it gets all that is open.
    pub digest: Option<DigestTimes>,
}

/// What becomes of incidents that are not over, and of what is true beside them.
///
/// A condition opens an incident after it has held for as long as its cause says, and, if only looks
/// of our own speak for it, another look has found it too. The incident is over after the condition was gone for as long. What cannot be told now is neither. Each
/// receiver is told when an incident opens, when it presses more than was told, when it is still
/// open at the end of an acknowledgement, and when it is over; while it is acknowledged, nothing but
/// its end.
pub fn step(live: &[Incident], look: &Look, now: i64, terms: &Terms) -> Vec<Change> {
    let mut true_now: BTreeMap<Key<'_>, &Condition> =
        look.conditions().iter().map(|condition| (condition.key(), condition)).collect();
    let mut changes = Vec::new();
    for incident in live {
        let key = (incident.cause.as_str(), &incident.domain, incident.subject.as_str());
        let condition = true_now.remove(&key);
        changes.extend(advance(incident, condition, look, now, terms));
    }
    changes.extend(true_now.into_values().map(|condition| begin(condition, now, terms)));
    changes
}

fn begin(condition: &Condition, now: i64, terms: &Terms) -> Change {
    let incident = Incident {
        id: id(condition.key(), now),
        cause: condition.cause.code.to_owned(),
        domain: condition.domain.clone(),
        subject: condition.subject.clone(),
        phase: Phase::Pending,
        urgency: condition.urgency(),
        basis: condition.basis,
        since: now,
        opened_at: None,
        gone_since: None,
        resolved_at: None,
        told: None,
        told_to: Default::default(),
        summary: condition.summary.clone(),
        grounds: condition.grounds.clone(),
        silent_until: None,
        acknowledged: None,
        revision: 0,
        number: 0,
    };
    let hold = terms.hold(condition.cause);
    let mut change = Change { incident, deed: Deed::Add, notices: Vec::new() };
    if hold == 0 {
        open(&mut change, now, terms);
    }
    change
}

fn advance(
    incident: &Incident,
    condition: Option<&Condition>,
    look: &Look,
    now: i64,
    terms: &Terms,
) -> Option<Change> {
    // One that another version has opened is left to it.
    let cause = incident_cause(&incident.cause)?;
    let mut change = Change { incident: incident.clone(), deed: Deed::Change, notices: Vec::new() };
    let next = &mut change.incident;
    // A clock that was ahead stops nothing.
    next.since = next.since.min(now);
    next.gone_since = next.gone_since.map(|since| since.min(now));
    match condition {
        Some(condition) => {
            next.gone_since = None;
            next.urgency = condition.urgency();
            next.basis = condition.basis;
            next.summary.clone_from(&condition.summary);
            next.grounds.clone_from(&condition.grounds);
        }
        None if look.knows(cause.code, &incident.domain) => {
            next.gone_since.get_or_insert(now);
        }
        None => {}
    }
    // What could not be told now is not over now.
    let is_known = condition.is_some() || look.knows(cause.code, &incident.domain);
    let gone_since = next.gone_since.filter(|_| is_known);
    let gone_for = gone_since.map(|since| now.saturating_sub(since));
    let (hold, clear) = (terms.hold(cause), terms.clear(cause));
    match next.phase {
        Phase::Resolved => return None,
        Phase::Pending => {
            if gone_for.is_some_and(|seconds| seconds >= hold) {
                change.deed = Deed::Forget;
            } else if condition.is_some_and(|one| hold == 0 || is_seen_since(one, next.since))
                && now.saturating_sub(next.since) >= hold
            {
                open(&mut change, now, terms);
            }
        }
        Phase::Open if gone_for.is_some_and(|seconds| seconds >= clear) => {
            next.phase = Phase::Resolved;
            next.resolved_at = Some(now);
            next.silent_until = None;
            if next.basis != Basis::Reports && look.has_let_go(&next.domain) {
                let before = &next.summary;
                next.summary =
                    line(&format!("Nobody looks at {} any more. Before: {before}", next.domain));
            }
            tell(&mut change, NoticeKind::Resolved, now, terms);
        }
        Phase::Open => {
            let ends = next.silent_until.is_some_and(|until| until <= now);
            if ends {
                next.silent_until = None;
            }
            let presses_more = next.told.is_none_or(|told| next.urgency > told);
            if next.silent_until.is_none() && condition.is_some() {
                if presses_more {
                    tell(&mut change, NoticeKind::Worsened, now, terms);
                } else if ends {
                    tell(&mut change, NoticeKind::StillOpen, now, terms);
                }
            }
        }
    }
    (change.incident != *incident || change.deed == Deed::Forget).then_some(change)
}

/// Whether it was found again after it was first known of, or is not known from looks alone.
fn is_seen_since(condition: &Condition, since: i64) -> bool {
    condition.seen_at.is_none_or(|at| at > since)
}

fn open(change: &mut Change, now: i64, terms: &Terms) {
    change.incident.phase = Phase::Open;
    change.incident.opened_at = Some(now);
    tell(change, NoticeKind::Opened, now, terms);
}

/// Tells each receiver whom it concerns.
fn tell(change: &mut Change, kind: NoticeKind, now: i64, terms: &Terms) {
    let Change { incident, notices, .. } = change;
    incident.told = incident.told.max(Some(incident.urgency));
    // The same for every receiver, and for whoever does this step again.
    let key = format!("{}.{}", incident.id, incident.revision.saturating_add(1));
    for receiver in &terms.receivers {
        let knows = incident.told_to.contains(&receiver.name);
        let kind = match kind {
            _ if knows => kind,
            NoticeKind::Resolved => continue,
            _ if incident.urgency >= receiver.least => NoticeKind::Opened,
            _ => continue,
        };
        incident.told_to.insert(receiver.name.clone());
        let due = receiver.quiet.as_ref().map_or(now, |quiet| quiet.due(now, incident.urgency));
        notices.push(NewNotice {
            key: key.clone(),
            receiver: receiver.name.clone(),
            kind,
            content: Told::of(kind, incident, now, terms.link.as_deref()).to_json(),
            made_at: now,
            due,
        });
    }
}

impl Terms {
    fn hold(&self, cause: &IncidentCause) -> i64 {
        i64::from(self.hold.unwrap_or(cause.hold))
    }

    fn clear(&self, cause: &IncidentCause) -> i64 {
        i64::from(self.clear.unwrap_or(cause.clear))
    }
}

/// Made of what it is about and of when it began.
fn id((code, domain, subject): Key<'_>, since: i64) -> IncidentId {
    let text = format!("{code}\n{domain}\n{}\n{since}", line(subject));
    let digest = digest(&SHA256, text.as_bytes());
    let octets = digest.as_ref().first_chunk::<8>().copied().unwrap_or_default();
    IncidentId::of(octets)
}

#[cfg(test)]
mod tests;
