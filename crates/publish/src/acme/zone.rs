//! The zone in which challenges by dns-01 are answered: what a way to write there must be able to do.
//!
//! Records are replaced as a set, so that to do a thing twice is to do it once, and after a write
//! every authoritative server is asked: a step that rests on a record is done only when all of them
//! have it.

use std::{fmt, pin::Pin, sync::Arc};

/// What a writer is doing.
pub type Writing<'a, T> = Pin<Box<dyn Future<Output = Result<T, ZoneError>> + Send + 'a>>;

/// A way to write TXT records.
///
/// Owner names are absolute, without the dot at the end; they may have underscores. Nothing here
/// follows a CNAME: who delegates `_acme-challenge` elsewhere names that place.
pub trait ChallengeZone: fmt::Debug + Send + Sync {
    /// The TXT records of this name are these texts from now on, and no others.
    fn set_txt<'a>(&'a self, owner: &'a str, texts: &'a [String], ttl: u32) -> Writing<'a, ()>;

    /// There are no TXT records of this name from now on.
    fn remove_txt<'a>(&'a self, owner: &'a str) -> Writing<'a, ()>;

    /// Asks every authoritative server whether the TXT records of this name are these texts and no
    /// others; with none, whether there are none.
    fn check_txt<'a>(&'a self, owner: &'a str, texts: &'a [String]) -> Writing<'a, Confirmation>;
}

/// What the authoritative servers say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Confirmation {
    /// All of them have it.
    Everywhere,
    /// These do not, or do not answer; each with what it said.
    NotYet(Vec<String>),
}

/// Why nothing was written, or nobody could be asked. The text fits after "failed to "; the next
/// run may try again, for nothing is half done that a repetition would not mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZoneError {
    /// No zone is configured that holds the name.
    #[error("write {owner}: no zone that is configured holds it")]
    NoZone {
        /// The name.
        owner: String,
    },
    /// The server refused, or did not answer.
    #[error("write {owner}: {reason}")]
    Failed {
        /// The name.
        owner: String,
        /// What it said, for people.
        reason: String,
    },
}

/// A writer that several parts share.
pub type SharedZone = Arc<dyn ChallengeZone>;
