//! Domains that the operator treats otherwise, each with a reason and an end.

mod file;
pub use file::ExceptionsError;

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use mail_domain::DomainName;
use mta_sts::Policy;

/// What the operator wants to be done otherwise. Empty by default.
///
/// They are read from a file of TOML:
///
/// ```toml
/// [[exception]]
/// domain = "example.com"   # or ".example.com": all below it, not itself
/// do = "testing"           # off, testing, pin, require, ignore-dane-tempfail, observe, enforce
/// reason = "their certificate expired, they are told"
/// until = "2027-01-31"     # the last day on which it holds, in UTC
/// # for pin: mx = ["mx1.example.com", "*.mx.example.net"]
/// ```
///
/// Of several that fit a domain, that for the domain itself holds, and else the one for the longest
/// suffix. One that has ended does nothing; [`ended`](Self::ended) tells of it.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    exact: HashMap<DomainName, Exception>,
    below: HashMap<DomainName, Exception>,
}

/// What is done otherwise about a domain, why, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// What is done.
    pub treatment: Treatment,
    /// Why, in the operator's words: printable, at most 200 characters.
    pub reason: String,
    /// The last day, as it was written.
    pub until: String,
    /// The first second after it, since 1970.
    ends_at: i64,
}

/// What is done about a domain instead of what its policy and its TLSA records say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// `off`: nothing is found, whatever there is.
    Off,
    /// `testing`: a policy is as one in mode testing. DANE goes on.
    Testing,
    /// `pin`: this policy holds, and no other is looked for.
    Pin(Arc<Policy>),
    /// `require`: mail goes to hosts that prove who they are, or waits, even where the domain has no
    /// policy to enforce.
    Require,
    /// `ignore-dane-tempfail`: DNS look-ups for DANE that fail count as finding nothing.
    IgnoreDaneTempfail,
    /// `observe`: as the mode of that name, for this domain.
    Observe,
    /// `enforce`: as the mode of that name, for this domain.
    Enforce,
}

impl Exceptions {
    /// Reads a file of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`ExceptionsError`] says where and what. Go on with the exceptions of before.
    pub fn load(path: &Path) -> Result<Self, ExceptionsError> {
        file::load(path)
    }

    /// The exception for a domain that holds at a time, in seconds since 1970.
    pub fn of(&self, domain: &DomainName, now: i64) -> Option<&Exception> {
        let holds = |exception: &&Exception| now < exception.ends_at;
        if let Some(exception) = self.exact.get(domain).filter(holds) {
            return Some(exception);
        }
        if self.below.is_empty() {
            return None;
        }
        let mut suffix = domain.parent();
        while let Some(name) = suffix {
            if let Some(exception) = self.below.get(&name).filter(holds) {
                return Some(exception);
            }
            suffix = name.parent();
        }
        None
    }

    /// Those that have ended by then, as their domains are written.
    pub fn ended(&self, now: i64) -> impl Iterator<Item = (String, &Exception)> {
        self.all().filter(move |(_, exception)| exception.ends_at <= now)
    }

    /// Those that have ended by then, and not by `before`.
    pub fn ended_since(&self, before: i64, now: i64) -> impl Iterator<Item = (String, &Exception)> {
        self.ended(now).filter(move |(_, exception)| exception.ends_at > before)
    }

    /// All, as their domains are written.
    pub fn all(&self) -> impl Iterator<Item = (String, &Exception)> {
        let exact = self.exact.iter().map(|(domain, exception)| (domain.to_string(), exception));
        exact.chain(self.below.iter().map(|(domain, exception)| (format!(".{domain}"), exception)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.exact.len().saturating_add(self.below.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.below.is_empty()
    }
}

impl Exception {
    /// The first second after its last day, since 1970.
    pub fn ends_at(&self) -> i64 {
        self.ends_at
    }
}

impl Treatment {
    /// The word for it in the file.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Testing => "testing",
            Self::Pin(_) => "pin",
            Self::Require => "require",
            Self::IgnoreDaneTempfail => "ignore-dane-tempfail",
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}: {}", self.treatment.as_str(), self.until, self.reason)
    }
}

#[cfg(test)]
mod tests;
