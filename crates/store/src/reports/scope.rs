//! Which reports a question is about.

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Day, Trust};

use super::Ownership;

/// Reports that may be counted together. Each report is in exactly one scope, every sum is kept
/// for each scope apart, and every question names one: so that what is not trusted cannot slip
/// into a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// What counts: verified or admitted, and about a domain of ours.
    #[default]
    Counted,
    /// About a domain of ours, and nobody vouches for it.
    Unverified,
    /// About a domain that is not ours, verified or not.
    NotOurs,
}

/// The number of a report in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId(pub i64);

/// The number of a reporter in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReporterId(pub i64);

/// The number of a policy domain in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(pub i64);

/// Some days, the first and the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// The first.
    pub first: Day,
    /// The last. If it is before the first, there are none.
    pub last: Day,
}

/// What a series is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// One domain, or all.
    pub domain: Option<DomainName>,
    /// One reporter, or all.
    pub reporter: Option<ReporterId>,
}

/// Which reports are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFilter {
    /// Of which scope.
    pub scope: Scope,
    /// About whom and by whom.
    pub subject: Subject,
    /// With sessions whose last day is one of these.
    pub days: DayRange,
    /// With what in them.
    pub content: Content,
}

/// What is in a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Anything.
    #[default]
    Any,
    /// Failures.
    Failures,
}

impl Scope {
    /// All scopes, the one that counts first.
    pub const ALL: [Self; 3] = [Self::Counted, Self::Unverified, Self::NotOurs];

    /// The scope of a report.
    pub fn of(trust: &Trust, ownership: Ownership) -> Self {
        match ownership {
            Ownership::NotOurs => Self::NotOurs,
            Ownership::Ours if trust.counts() => Self::Counted,
            Ownership::Ours => Self::Unverified,
        }
    }

    /// The scope as one lower-case word or two.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Unverified => "unverified",
            Self::NotOurs => "not-ours",
        }
    }

    pub(super) fn number(self) -> i64 {
        match self {
            Self::Counted => 1,
            Self::Unverified => 2,
            Self::NotOurs => 3,
        }
    }

    /// Scope and domain, or scope and reporter, in one number: all of a scope lie together.
    pub(super) fn with(self, subject: i64) -> i64 {
        scoped(self.number(), subject)
    }

    pub(super) fn numbered(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.number() == number)
    }
}

impl DayRange {
    /// All days that there can be.
    pub fn all() -> Self {
        Self { first: Day::new(0), last: Day::new(i64::MAX) }
    }

    /// So many days, of which this is the last.
    pub fn ending(last: Day, days: u32) -> Self {
        Self { first: last.plus(1 - i64::from(days)), last }
    }
}

/// As [`Scope::with`], for the number of a scope.
pub(super) fn scoped(scope: i64, subject: i64) -> i64 {
    scope.saturating_mul(1 << 40).saturating_add(subject)
}
