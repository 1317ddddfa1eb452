//! From the store to what is shown.

mod check;
mod domain;
mod domains;
mod house;
mod incidents;
mod policies;
mod reports;
mod seen_policies;
mod sender;
mod sending;

use sealpost_evidence::traffic::{Day, Trust};
use sealpost_runtime::Clock;
use sealpost_store::{RawStore, Store, reports::DayRange};

pub(crate) use self::domains::DomainPlace;
pub(crate) use self::incidents::IncidentsWanted;
pub(crate) use self::policies::PolicyPlace;
pub(crate) use self::reports::{ReportsWanted, Submitted, place, scope};
pub(crate) use self::sender::UnreachedPlace;
pub(crate) use self::sending::{DeliveriesWanted, SessionsWanted};

/// The days that are summed up.
pub(crate) const DAYS: u32 = 30;
/// A domain without a report for so long has fallen silent; failures that are older are history.
const RECENT: u32 = 7;

/// Rows of a file, and domains that are known at a time, at most.
pub(crate) const MOST_KNOWN: usize = 50_000;
/// Rows that are read at a time for a file.
pub(crate) const BATCH: u32 = 1_000;

/// How much of a list is wanted at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What stands on a page.
    Page,
    /// As much as is read at a time, for a file.
    Batch,
}

impl Extent {
    /// Rows, where the store reads on from any place; those of a page are given.
    fn rows(self, page: u32) -> u32 {
        match self {
            Self::Page => page,
            Self::Batch => BATCH,
        }
    }

    /// Rows, where all are known before the first is given.
    fn rows_of_all(self, page: usize) -> usize {
        match self {
            Self::Page => page,
            Self::Batch => MOST_KNOWN,
        }
    }
}

/// Where everything is looked up.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) raw: Option<RawStore>,
    pub(crate) clock: Clock,
}

impl Desk {
    fn today(&self) -> Day {
        Day::of(self.clock.now().as_second())
    }

    /// So many days up to now. A reporter whose clock is a little ahead is not left out.
    fn days(&self, count: u32) -> DayRange {
        DayRange::ending(self.today().plus(1), count.saturating_add(1))
    }
}

/// Who vouches for a report, for people.
fn trust(trust: &Trust) -> String {
    match trust {
        Trust::Verified { signer } => format!("signed by {signer}"),
        Trust::Vouched { signer, server } => format!("signed by {signer}, says {server}"),
        Trust::Admitted { source, sender: None } => format!("admitted as {source}"),
        Trust::Admitted { source, sender: Some(sender) } => {
            format!("admitted as {source}, from {sender} by its own word")
        }
        Trust::Unverified { reason } => format!("nobody ({reason})"),
    }
}
