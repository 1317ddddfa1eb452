//! The version of Postfix, and the map that goes with it.

use std::fmt;
use std::str::FromStr;

use sealpost_wire::postfix::MapName;

/// The version of a Postfix: `3.10.5`, or `3.11-20250301` for a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostfixVersion {
    major: u16,
    minor: u16,
    /// A snapshot comes before the first release of its name.
    patch: Option<u16>,
}

/// What Postfix says is its version cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the version of Postfix: `{0}` is none that is known")]
pub struct VersionError(String);

impl PostfixVersion {
    /// A release.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch: Some(patch) }
    }

    /// The map whose answers this version understands, if its parameters are as the version says.
    pub(super) fn map_name(self) -> MapName {
        if self >= Self::new(3, 10, 5) {
            MapName::Postfix
        } else if self >= Self::new(3, 10, 0) {
            MapName::Postfix3_10
        } else if self >= Self::new(3, 4, 0) {
            MapName::Postfix3_9
        } else {
            MapName::Postfix3_3
        }
    }
}

impl FromStr for PostfixVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let unknown = || VersionError(text.chars().filter(|c| !c.is_control()).take(64).collect());
        // `3.11.0-RC1` is 3.11.0, and `3.11-20250301` a snapshot on the way to it.
        let (numbers, _) = text.split_once('-').unwrap_or((text, ""));
        let mut numbers = numbers.split('.').map(str::parse);
        let mut next = || numbers.next().transpose();
        match (next(), next(), next(), next()) {
            (Ok(Some(major)), Ok(Some(minor)), Ok(patch), Ok(None)) => {
                Ok(Self { major, minor, patch })
            }
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for PostfixVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            Some(patch) => write!(f, "{}.{}.{patch}", self.major, self.minor),
            None => write!(f, "{}.{} (a snapshot)", self.major, self.minor),
        }
    }
}
