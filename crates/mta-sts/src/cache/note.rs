//! What an operator should hear.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::fetched::FetchFailure;
use crate::{
    mx_pattern::MxPattern,
    policy::{MaxAge, Mode, Policy},
};

/// Something that an operator should hear, for a log or an alarm.
///
/// The domain is not in it: the caller knows it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// There is a record but no policy can be had, and none is held: mail goes out as if the domain
    /// had no MTA-STS (RFC 8461 §3.3).
    FetchFailed {
        /// Why the fetch failed.
        failure: FetchFailure,
        /// How many have failed in a row.
        failures: u32,
    },
    /// A policy that applies could not be fetched again. It goes on to apply until it expires. Never
    /// raised while the mode is none.
    RefreshFailed {
        /// Why the fetch failed.
        failure: FetchFailure,
        /// How many have failed in a row.
        failures: u32,
        /// How long the policy still applies.
        remaining: Duration,
    },
    /// A policy has expired that could not be fetched again in time: the domain is without
    /// protection. Never raised if the mode was none, if the policy was too short-lived to be
    /// refreshed, or if nobody has asked for it for [`UNUSED_LIMIT`](super::UNUSED_LIMIT).
    Expired,
    /// A new policy protects less than the one that it has replaced, or other hosts.
    Weakened(Weakening),
    /// The record is gone, or no longer usable, while a policy applies, which goes on to apply.
    /// Raised once, and not while the mode is none.
    RecordVanished {
        /// What the look-up of the record said.
        record: RecordGone,
        /// What the policy host said when it was asked because of that.
        sign: Sign,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FetchFailed { failure, failures } => {
                write!(f, "{failure}, attempt {failures}: mail goes out as without MTA-STS")
            }
            Self::RefreshFailed { failure, failures, remaining } => {
                let hours = remaining.as_secs() / 3_600;
                write!(
                    f,
                    "{failure}, attempt {failures}: the cached policy applies for {hours} more hours"
                )
            }
            Self::Expired => f.write_str(
                "the cached policy has expired and could not be renewed: mail goes out as without MTA-STS",
            ),
            Self::Weakened(weakening) => write!(f, "the policy has been weakened: {weakening}"),
            Self::RecordVanished { record, sign } => write!(f, "{record}, and {sign}"),
        }
    }
}

/// How a record is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordGone {
    /// The DNS says that there is none.
    Absent,
    /// There is none that counts.
    Unusable,
}

impl fmt::Display for RecordGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the STS record is gone while a policy applies",
            Self::Unusable => "the STS record has become unusable while a policy applies",
        })
    }
}

/// Whether a vanished record looks like an attack or like a domain that gives up MTA-STS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The policy host serves mode none: the domain has opted out as RFC 8461 §8.3 wants it.
    OptedOut,
    /// The policy host serves a policy as before. Who opts out does not do that: the DNS is being
    /// tampered with, or the owner has made a mistake.
    PolicyStillServed,
    /// The policy host fails too. Either everything is blocked, as by an attacker on the path, or
    /// the owner has taken everything down without going through mode none.
    PolicyHostFails(FetchFailure),
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OptedOut => f.write_str("the policy says mode none: the domain has opted out"),
            Self::PolicyStillServed => {
                f.write_str("the policy is still served: an attack on the DNS, or a mistake")
            }
            Self::PolicyHostFails(failure) => {
                write!(f, "{failure}: an attack, or an opt-out without mode none")
            }
        }
    }
}

/// In which ways a policy protects less than the one before, or other hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakening {
    /// The mode before and now, if it is a weaker one.
    pub mode: Option<(Mode, Mode)>,
    /// Patterns that are new. Empty if the mode is none now.
    pub mx_gained: Vec<MxPattern>,
    /// Patterns that are gone. Empty if the mode is none now.
    pub mx_lost: Vec<MxPattern>,
    /// The lifetime before and now, if it is a shorter one.
    pub max_age: Option<(MaxAge, MaxAge)>,
}

impl Weakening {
    /// What is weaker in `new`; `None` if nothing is. A policy of mode none cannot be weakened.
    ///
    /// Every change of the patterns counts: a pattern that is gained lets mail go to more hosts,
    /// and one that is lost may hold it back.
    pub fn between(old: &Policy, new: &Policy) -> Option<Self> {
        if old.mode() == Mode::None {
            return None;
        }
        let mode = (strength(new.mode()) < strength(old.mode())).then(|| (old.mode(), new.mode()));
        let max_age = (new.max_age() < old.max_age()).then(|| (old.max_age(), new.max_age()));
        let (mx_gained, mx_lost) = if new.mode() == Mode::None {
            (Vec::new(), Vec::new())
        } else {
            (missing(new.mx(), old.mx()), missing(old.mx(), new.mx()))
        };
        let weaker =
            mode.is_some() || max_age.is_some() || !mx_gained.is_empty() || !mx_lost.is_empty();
        weaker.then_some(Self { mode, mx_gained, mx_lost, max_age })
    }
}

/// Which of the patterns the others lack, sorted.
fn missing(patterns: &[MxPattern], others: &[MxPattern]) -> Vec<MxPattern> {
    let others: BTreeSet<_> = others.iter().collect();
    let patterns: BTreeSet<_> = patterns.iter().collect();
    patterns.difference(&others).map(|&pattern| pattern.clone()).collect()
}

fn strength(mode: Mode) -> u8 {
    match mode {
        Mode::None => 0,
        Mode::Testing => 1,
        Mode::Enforce => 2,
    }
}

impl fmt::Display for Weakening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = self.mode.map(|(old, new)| format!("mode {old} became {new}"));
        let max_age = self.max_age.map(|(old, new)| format!("max_age {old} became {new}"));
        let gained = listed("new MX patterns", &self.mx_gained);
        let lost = listed("MX patterns gone", &self.mx_lost);
        let parts: Vec<_> = [mode, gained, lost, max_age].into_iter().flatten().collect();
        f.write_str(&parts.join("; "))
    }
}

/// At most this many patterns are written out.
const LISTED: usize = 10;

fn listed(what: &str, patterns: &[MxPattern]) -> Option<String> {
    let mut names: Vec<_> = patterns.iter().take(LISTED).map(ToString::to_string).collect();
    let more = patterns.len().saturating_sub(LISTED);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}
