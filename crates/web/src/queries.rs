//! From the store to what is shown.

mod check;
mod domain;
mod domains;
mod house;
mod incidents;
mod policies;
mod reports;

use sealpost_evidence::traffic::{Day, Trust};
use sealpost_runtime::Clock;
use sealpost_store::{RawStore, Store, reports::DayRange};

pub(crate) use self::incidents::IncidentsWanted;
pub(crate) use self::reports::{ReportsWanted, place, scope};

/// The days that are summed up.
pub(crate) const DAYS: u32 = 30;
/// A domain without a report for so long has fallen silent; failures that are older are history.
const RECENT: u32 = 7;

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
        Trust::Admitted { source } => format!("admitted as {source}"),
        Trust::Unverified { reason } => format!("nobody ({reason})"),
    }
}
