//! Values that are mostly what they should be.

use std::fmt;
use std::net::IpAddr;

use mail_domain::DomainName;
use serde::{Serialize, Serializer};

/// A value that was read, or the text that stands in its place.
///
/// A reporter that writes a name where an address belongs has still said something; it is kept, and
/// nobody can take it for an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parsed<T> {
    /// The value.
    Valid(T),
    /// Some other text, as written; never empty in a report that was read.
    Text(String),
}

impl<T> Parsed<T> {
    /// The value, if it is one.
    pub fn valid(&self) -> Option<&T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Text(_) => None,
        }
    }
}

impl From<IpAddr> for Parsed<IpAddr> {
    fn from(address: IpAddr) -> Self {
        Self::Valid(address)
    }
}

impl From<DomainName> for Parsed<DomainName> {
    fn from(name: DomainName) -> Self {
        Self::Valid(name)
    }
}

impl<T: fmt::Display> fmt::Display for Parsed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid(value) => value.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<T: fmt::Display> Serialize for Parsed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
