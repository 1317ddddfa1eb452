//! What sealpost remembers: the only crate that speaks SQL.
//!
//! A [`Store`] is one SQLite file, and a [`RawStore`] is another one beside it, for what came in as
//! it came: large, and with a retention of its own. Each owner of tables has a handle with methods that are named
//! for the domain; each method is one whole, idempotent transaction. No connection, transaction or
//! statement leaves this crate. Times are integers that the caller passes in.
//!
//! A write is answered after it is committed and has been given to the disk (`synchronous = FULL`):
//! what was answered survives a kill at any moment. One thread does all the writing. It takes what
//! has queued up into one transaction, each of several commands behind a savepoint of its own, so
//! that a command that fails takes nobody with it. A full queue makes callers wait.
//!
//! # When the file cannot be written
//!
//! A full disk, a read-only file system or a damaged file are errors of the single call. The writer
//! lives on: after an error that may concern the file as a whole it closes the file and opens it
//! again for the next command, without ever making a new one in its place. A file that can be read
//! but not written opens all the same, and only writes fail: a sender that forgot its policies
//! because of a full disk would be easy to downgrade.
//!
//! # Limitations
//!
//! - After a failed write to the disk nobody can say what the disk holds: a command that failed
//!   with [`StoreError::Unavailable`] may turn out to be stored. Repeating it is always right.
//! - Several processes may use one file on one machine. A file on a network file system may not be
//!   shared: its locks cannot be trusted.

// The store itself.
mod settings;
mod store;
pub use settings::{Moment, Settings, raw_path_beside};
pub use store::Store;

// What can go wrong.
mod error;
pub use error::{Cause, StoreError};

// The owners of tables.
mod policies;
pub use policies::{Adoption, Backoff, FetchedPolicy, Loading, Policies, Remembered};
mod intents;
pub use intents::{Intent, Intents, Pending, Verb};
mod mailboxes;
pub use mailboxes::{Mailboxes, Place};
mod certificates;
pub use certificates::{
    Account, Allowance, Begun, Certificates, Kept, KnownHost, Spending, Trouble,
};
mod rollout;
pub use rollout::{Advance, Hosted, Rollout, Rollouts, Settled, Word, WordKind, read_clock};
mod tokens;
pub use tokens::{Rights, Token, Tokens};
mod audit;
pub use audit::{Act, ActKind, Audit};
pub mod checks;
pub use checks::Checks;
pub mod incidents;
pub use incidents::Incidents;
pub mod reports;
pub use reports::Reports;
pub mod sessions;
pub use sessions::Sessions;
pub mod submissions;
pub use submissions::Submissions;

// The file of what came in.
mod raw;
pub use raw::{
    Arrival, Digest, DigestError, Held, Incoming, MOST_ARRIVALS, MOST_OCTETS, Origin, PackedAll,
    RawCounts, RawEntry, RawOutcomes, RawState, RawStore, Room, Standing, Stored, Vouched,
};

// The files of other programs.
mod collectd;
mod peer;
pub use collectd::{CollectdRow, CollectdRows};
pub use peer::{PeerRow, PeerRows};

// SQLite underneath.
mod backup;
mod column;
mod connection;
mod readers;
mod schema;
mod statement;
mod writer;

#[cfg(test)]
mod postgres_tests;
