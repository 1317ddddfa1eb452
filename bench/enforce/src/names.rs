//! Domains, by what becomes of them. The load client asks about them, the store and the DNS
//! responder know them by their first word.

use std::fmt;

/// A kind of domain, of which there are as many as are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its policy, mode enforce, is in the store.
    Cached,
    /// It has no record, and that is known after the first question.
    Negative,
    /// Nobody has asked about it before, and it has no record.
    Cold,
    /// The same, but of fifty the first never gets an answer from the DNS.
    Mixed,
}

/// How many domains of the last kind share one that is never answered.
const SILENT_ONE_IN: u64 = 50;
/// The first word of names about which the DNS responder says nothing at all.
pub const SILENT: &str = "silent";
/// The first word of names that it keeps back, as a resolver that validates does with forgeries.
pub const BOGUS: &str = "bogus";
/// The first word of names that have a record.
pub const CACHED: &str = "cached";

impl Kind {
    /// Reads the name of a kind.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Cached, Self::Negative, Self::Cold, Self::Mixed]
            .into_iter()
            .find(|kind| kind.to_string() == text)
    }

    /// A domain of this kind. `run` keeps those that must be new apart from earlier ones.
    pub fn domain(self, run: u64, number: u64) -> String {
        match self {
            Self::Cached => format!("{CACHED}-{number}.example.com"),
            Self::Negative => format!("negative-{number}.example.com"),
            Self::Cold => format!("cold-{run}-{number}.example.com"),
            Self::Mixed if self.is_silent(number) => {
                format!("{SILENT}-{run}-{number}.example.com")
            }
            Self::Mixed => format!("mixed-{run}-{number}.example.com"),
        }
    }

    /// Whether the DNS says nothing about this domain.
    pub fn is_silent(self, number: u64) -> bool {
        self == Self::Mixed && number.is_multiple_of(SILENT_ONE_IN)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cached => "cached",
            Self::Negative => "negative",
            Self::Cold => "cold",
            Self::Mixed => "mixed",
        })
    }
}
