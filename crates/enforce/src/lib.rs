//! The enforce role: what a sending mail server must ask before it delivers.
//!
//! An [`Enforcer`] remembers the MTA-STS policies (RFC 8461) of the domains that are asked about,
//! finds out those of new ones, and refreshes them while anybody asks. An [`Answerer`] puts that into
//! the words of the mail server that asks; as a [`Handler`](sealpost_listen::Handler) it speaks
//! socketmap. [`Explanation`] is the same for people.
//!
//! * A question about a known domain is answered from memory. Look-ups and fetches happen beside it,
//!   one at a time for each domain and some hundreds in all.
//! * A policy is on the disk before an answer relies on it, so that no kill forgets it. When the disk
//!   fails, answers go on from memory, with errors in the log.
//! * A policy that applies is never forgotten to make room. What is known of domains without one is.
//!
//! # Limitations
//!
//! - MTA-STS only. Where a domain has no policy to enforce, the answer is that nothing was found,
//!   and the mail server does as it would by itself, DANE included. But the answer for an enforced
//!   policy takes the place of the mail server's own `dane`: for a domain that has both, a failing
//!   DANE validation is overridden, which RFC 8461 §2 forbids. Until answers follow the matrix of
//!   `rules`, a mail server whose default level is `dane` should not ask us.
//! - Time spent in suspension does not count for waits; expiry follows the monotonic clock too.
//! - For mail servers that do not check MX hosts themselves, these are looked up for each answer
//!   (through the DNS cache of `net`, not this crate's memory).

// What is kept, and how it is found out.
mod settings;
pub use settings::Settings;
mod enforcer;
pub use enforcer::{Enforcer, Standing};
mod saved;
mod seldom;
mod shard;
mod time;

// What is said.
mod answerer;
pub use answerer::Answerer;
mod explanation;
pub use explanation::{Decision, Explanation, MxHostSeen, PolicySeen, RecordSeen, ReplySeen};
mod session;

// What an operator looks at and takes over.
mod listing;
pub use listing::{Listed, ListedFailures, ListedPolicy, PolicyState};
pub mod import;
