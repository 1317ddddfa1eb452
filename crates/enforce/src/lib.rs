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
//! * Where DANE and MTA-STS meet, the matrix of `sealpost-rules` decides, and no answer asks for less
//!   than the mail server's own default. DANE answers are off until it is proven that the mail
//!   server's resolver validates: without that `dane` would mean `may`, and `dane-only` never.
//!
//! # Limitations
//!
//! - Time spent in suspension does not count for waits; expiry follows the monotonic clock too.
//! - While DANE answers are off, the answer for an enforced policy takes the place of the mail
//!   server's own `dane`: for a domain that has both, a failing DANE validation is overridden, which
//!   RFC 8461 §2 forbids.
//! - For mail servers that do not check MX hosts themselves, these are looked up for each answer
//!   while DANE answers are off (through the DNS cache of `net`, not this crate's memory).
//! - For a port that is written as the name of a service that is not known here, DANE is not looked
//!   up.

// What the operator wants.
mod exceptions;
pub use exceptions::{Exception, Exceptions, ExceptionsError, Treatment};
mod section;
pub use section::{Level, Map, ProbeName, Seconds, Section, Switch, TcpTable};
mod settings;
pub use settings::{Mode, Settings};

// What is kept, and how it is found out.
mod enforcer;
pub use enforcer::{Enforcer, Standing};
mod proof;
pub use proof::{Proof, Prover};
mod last_proof;
pub use last_proof::LastProof;
mod mail_hosts;
mod routes;
pub use routes::{InvalidLookup, RouteSeen};
mod saved;
mod seldom;
mod shard;
mod time;
mod turns;

// What follows.
mod decided;
pub use decided::{Dane, Decided, Sts};

// What a report says of it.
mod remarks;
pub use remarks::Remarker;

// What is said.
mod answerer;
pub use answerer::{Answerer, DaneAnswers};
mod http;
pub use http::{DecisionCount, HttpApi};
mod memo;
mod metrics;
mod place;
pub use metrics::{
    Alarm, Decision as DecisionLabel, DnsFault, EnforceMetrics, FetchResult, RecordResult,
};
mod observations;
pub use observations::{Observation, Observations};
mod explanation;
pub use explanation::{
    DaneSeen, Explanation, HeldSeen, HostSeen, PolicySeen, Question, RecordSeen, ReplySeen,
};
mod session;
pub use session::TcpTables;

// What a Postfix needs in order to ask.
pub mod setup;

// What an operator looks at and takes over.
mod listing;
pub use listing::{Listed, ListedFailures, ListedPolicy, PolicyState};
pub mod import;
