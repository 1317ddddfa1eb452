//! The kinds of policy that a report names (RFC 8460 section 4.4).

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A policy type of RFC 8460 section 4.4, or a name that is not defined there.
///
/// A name that is unknown here is kept and written out again as it was, as with
/// [`ResultType`](crate::ResultType).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PolicyType {
    /// `tlsa`: DANE, by TLSA records.
    Tlsa,
    /// `sts`: an MTA-STS policy.
    Sts,
    /// `no-policy-found`: neither was found for the sessions counted.
    NoPolicyFound,
    /// Any other name, as written. Made by [`From`], never with one of the names above.
    Other(String),
}

impl PolicyType {
    /// The defined types, in the order of the RFC.
    pub const DEFINED: [Self; 3] = [Self::Tlsa, Self::Sts, Self::NoPolicyFound];

    /// The name, as reports write it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tlsa => "tlsa",
            Self::Sts => "sts",
            Self::NoPolicyFound => "no-policy-found",
            Self::Other(name) => name,
        }
    }

    /// Whether RFC 8460 defines the name.
    pub fn is_defined(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//# Presently, the only three valid choices are "tlsa",
//# "sts", and the literal string "no-policy-found".
impl From<&str> for PolicyType {
    fn from(name: &str) -> Self {
        Self::DEFINED
            .into_iter()
            .find(|defined| defined.as_str() == name)
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl FromStr for PolicyType {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(name))
    }
}

impl fmt::Display for PolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for PolicyType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
