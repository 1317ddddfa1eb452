//! The role that tells people: incidents, not messages.
//!
//! What is true now is collected as [`Condition`]s from what the other roles keep in the store.
//! [`step`] compares them with the incidents that are on, and says what becomes of each, and who is
//! told: once when it opens, once if it presses more, once when it is over. That is arithmetic, and
//! what comes of it is stored in one transaction with the notices, so nothing is told twice or lost
//! over restarts. Then each receiver is told, for as long as it takes.
//!
//! # What a report can't do
//!
//! Only reports count that somebody vouches for, and alone they never press more than a warning.
//! Reports on days that are long over change history and alert nobody.
//!
//! # Limitations
//!
//! - Where a receiver has answered and we end before that is written down, it is told again. Each
//!   notice has an id that stays the same, so that receivers can tell.
//! - The reports of a domain are looked at every ten minutes while sessions fail, and else every six
//!   hours; of very many domains at most 200 a minute.

// What is true, and what follows.
mod condition;
pub use condition::{Board, Condition, Look, Source};
mod digest;
pub use digest::{DigestTimes, digests};
mod step;
pub use step::{ReceiverTerms, Terms, step};
mod told;
pub use told::{Told, ToldIncident};

// What the operator writes.
mod quiet;
mod section;
pub use quiet::QuietHours;
pub use section::{Channel, Digest, Receiver, Section};

// Where it is known from.
mod sources;
pub use sources::{Ending, Sources};

// Who is told, and how.
mod channel;
pub use channel::{Delivered, Messenger, MessengerError};

// The work.
mod job;
pub use job::{Job, JobParts, Retired};
mod metrics;
pub use metrics::{AlertMetrics, Became, FailedSource, OfUrgency, SendOutcome};
