//! Numbers of which only bounds are known.

use crate::PolicyType;

/// A number of sessions between two bounds.
///
/// `lower ≤ likely ≤ upper`. The bounds are equal unless the report leaves open which sessions are
/// the same. `likely` takes it that a reporter which counts under `tlsa` and `sts` counts the same
/// sessions, as those do that are known to count under both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// At least so many.
    pub lower: u64,
    /// The number to show.
    pub likely: u64,
    /// At most so many.
    pub upper: u64,
}

impl Bounds {
    /// A number that is known.
    pub fn exactly(number: u64) -> Self {
        Self { lower: number, likely: number, upper: number }
    }

    /// Whether the number is known.
    pub fn is_exact(self) -> bool {
        self.lower == self.upper
    }

    /// Whether a number is within the bounds.
    pub fn contains(self, number: u64) -> bool {
        (self.lower..=self.upper).contains(&number)
    }

    /// The bounds of the sum of two numbers of different sessions. At the end of `u64` it stays
    /// there.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            lower: self.lower.saturating_add(other.lower),
            likely: self.likely.saturating_add(other.likely),
            upper: self.upper.saturating_add(other.upper),
        }
    }

    /// The greater of each, for two numbers of which the sessions may be the same; the upper bound is
    /// that of the sum.
    fn beside(self, other: Self) -> Self {
        Self {
            lower: self.lower.max(other.lower),
            likely: self.likely.max(other.likely),
            upper: self.upper.saturating_add(other.upper),
        }
    }
}

/// How many sessions a domain had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SessionBounds {
    /// All of them.
    pub total: Bounds,
    /// Those that failed under no policy.
    pub successful: Bounds,
    /// Those that failed under some policy.
    pub failed: Bounds,
}

impl SessionBounds {
    /// Whether all three are known.
    pub fn is_exact(&self) -> bool {
        self.total.is_exact() && self.successful.is_exact() && self.failed.is_exact()
    }

    /// From the numbers by policy. Both must have the same classes in the same order.
    pub(super) fn of(successful: &Classes, failed: &Classes) -> Self {
        let mut all = Classes::default();
        for (classes, of_class) in [successful, failed].into_iter().flat_map(|c| &c.0) {
            all.add(classes.clone(), *of_class);
        }
        let total = all.together();
        let failures = failed.together();
        let lower = successes_at_least(successful, failed);
        let upper = successful.together().upper;
        // Both are the numbers of the greatest overlap, so the difference is too. It is within the
        // bounds, save where sums have come to the end of `u64`.
        let likely = total.likely.saturating_sub(failures.likely).max(lower).min(upper);
        Self { total, successful: Bounds { lower, likely, upper }, failed: failures }
    }
}

/// The successes of a policy, less the failures under all others that may be of the same sessions.
fn successes_at_least(successful: &Classes, failed: &Classes) -> u64 {
    let without_policy = successful.of(&Class::NoPolicy).lower;
    let at_least = |(class, sessions): &(Class, Bounds)| {
        // Sessions without a policy are others than those with one, and both may have failed under
        // what we do not know: those failures are taken off once.
        let beside = if class.is_found() { without_policy } else { 0 };
        let failures_elsewhere = failed
            .0
            .iter()
            .filter(|(other, _)| other != class && other.may_share_with(class))
            .fold(0, |sum: u64, (_, sessions)| sum.saturating_add(sessions.upper));
        sessions.lower.saturating_add(beside).saturating_sub(failures_elsewhere)
    };
    // Of the rest nobody knows whose failures are elsewhere.
    let known = successful.0.iter().filter(|(class, _)| *class != Class::Rest);
    known.map(at_least).max().unwrap_or(0)
}

/// Which sessions a policy type counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    /// Those with DANE.
    Tlsa,
    /// Those with MTA-STS.
    Sts,
    /// Those with neither, so none of the two above.
    NoPolicy,
    /// Those with something else, or with what the report does not say. They may be any.
    Other(Option<String>),
    /// Those of all kinds above [`MOST_OTHERS`]. They may be any, and the same among themselves.
    Rest,
}

/// So many kinds of policy that we do not know are told apart. There is none today, and a report that
/// invents thousands must not cost the square of them.
const MOST_OTHERS: usize = 16;

impl Class {
    pub(super) fn of(policy_type: Option<&PolicyType>) -> Self {
        match policy_type {
            Some(PolicyType::Tlsa) => Self::Tlsa,
            Some(PolicyType::Sts) => Self::Sts,
            Some(PolicyType::NoPolicyFound) => Self::NoPolicy,
            other => Self::Other(other.map(|name| name.as_str().to_owned())),
        }
    }

    fn is_found(&self) -> bool {
        matches!(self, Self::Tlsa | Self::Sts)
    }

    /// Whether a session can be counted under both.
    fn may_share_with(&self, other: &Self) -> bool {
        let is_apart = |one: &Self, two: &Self| *one == Self::NoPolicy && two.is_found();
        !is_apart(self, other) && !is_apart(other, self)
    }
}

/// A number for each class.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes(Vec<(Class, Bounds)>);

impl Classes {
    /// Adds other sessions of a class. Two entries of one policy type count different sessions: the
    /// policy changed, or the MX is another.
    pub(super) fn add(&mut self, class: Class, sessions: Bounds) {
        if let Some((_, sum)) = self.0.iter_mut().find(|(known, _)| *known == class) {
            *sum = if class == Class::Rest { sum.beside(sessions) } else { sum.plus(sessions) };
            return;
        }
        let others = self.0.iter().filter(|(known, _)| matches!(known, Class::Other(_))).count();
        if others < MOST_OTHERS || !matches!(class, Class::Other(_) | Class::Rest) {
            self.0.push((class, sessions));
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == Class::Rest) {
            Some((_, rest)) => *rest = rest.beside(sessions),
            None => self.0.push((Class::Rest, sessions)),
        }
    }

    fn of(&self, class: &Class) -> Bounds {
        self.0.iter().find(|(known, _)| known == class).map_or(Bounds::default(), |(_, sum)| *sum)
    }

    /// The sessions of all classes, each once.
    pub(super) fn together(&self) -> Bounds {
        let found = self.of(&Class::Tlsa).beside(self.of(&Class::Sts));
        let known = found.plus(self.of(&Class::NoPolicy));
        self.0
            .iter()
            .filter(|(class, _)| matches!(class, Class::Other(_) | Class::Rest))
            .fold(known, |known, (_, sessions)| known.beside(*sessions))
    }
}
