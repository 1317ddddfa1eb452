//! What a sender remembers of one policy domain, and what it does next: a machine without I/O.
//!
//! An [`Entry`] stands for one policy domain. The caller tells it what happened ([`Event`]), with
//! the time; it answers with what is to be done ([`Action`]): look up the record, fetch the policy,
//! save the entry, tell the operator. [`Entry::verdict`] says at any moment which policy applies,
//! and [`Entry::wake_at`] when the entry wants to hear [`Event::Woken`]. Nothing here opens a
//! socket, reads a clock or draws a random number.
//!
//! A policy is held in one place, and only two things put one there: a successful fetch, and the
//! restoring of what a successful fetch had put there before. Only its own age, or the operator
//! ([`Event::Purge`]), takes it away. A look-up or fetch that fails, whatever the reason, has no
//! way to touch it.
//!
//! ```
//! use std::time::Duration;
//! use mta_sts::{Mode, cache::*};
//!
//! // The caller's clocks: seconds since 1970, and time since some start that only goes forward.
//! let now = |seconds: u64| Now {
//!     wall: 1_800_000_000 + seconds as i64,
//!     monotonic: Duration::from_secs(seconds),
//! };
//! let mut entry = Entry::new(now(0), Jitter::new(0x5eed));
//!
//! // A message waits. Nothing is known yet, and the entry asks for the record.
//! let actions = entry.handle(Event::Asked, now(0));
//! let [Action::LookUpRecord(token)] = actions[..] else { panic!() };
//! assert!(matches!(entry.verdict(now(0)), Verdict::Pending));
//!
//! // There is a record, so it asks for the policy.
//! let records = ["v=STSv1; id=20261101;"];
//! let found = RecordLookup::answered(records, Duration::from_secs(300));
//! let actions = entry.handle(Event::Record(token, found), now(1));
//! let [Action::FetchPolicy(token, _)] = actions[..] else { panic!() };
//!
//! // The policy is there: it is to be saved, and it applies.
//! let body = b"version: STSv1\nmode: enforce\nmx: mx.example.net\nmax_age: 604800\n";
//! let fetched = Ok(FetchedPolicy::parse(*body)?);
//! assert_eq!(entry.handle(Event::Fetched(token, fetched), now(2)), [Action::Save]);
//! let Verdict::Apply(held) = entry.verdict(now(2)) else { panic!() };
//! assert_eq!(held.mode(), Mode::Enforce);
//!
//! // Within a day it wants to fetch again, long before the policy expires.
//! assert!(entry.wake_at() <= Some(Duration::from_secs(86_400 + 2)));
//! # Ok::<(), mta_sts::PolicyError>(())
//! ```
//!
//! # How to drive it
//!
//! - Hand in [`Event::Asked`] for every message (or query) and then ask for the verdict, both with
//!   the same [`Now`]. On [`Verdict::Pending`] wait for the next completion, not longer than mail
//!   should wait; past that, deliver as without MTA-STS.
//! - Carry out every action, in any order. Hand in each completion at once: the lifetime of a
//!   policy counts from the moment at which [`Event::Fetched`] is handled.
//! - To have a policy on disk before any answer relies on it, handle the event on a clone, save
//!   the clone's [`snapshot`](Entry::snapshot), and put the clone in the entry's place.
//! - A time-out of a look-up or fetch is the caller's, and shorter than [`FLIGHT_LIMIT`].
//!
//! # Limitations
//!
//! - The monotonic clock measures age. If it stands still while the machine sleeps, policies apply
//!   that much longer; use a clock that counts sleep where there is one.
//! - Across a restart only the wall clock can say how old a policy is. A clock that has stepped
//!   forward in between makes policies expire early; nothing in a snapshot could tell such a step
//!   from a long sleep. A step backwards makes them at most `max_age` old from the restart.
//! - An entry does not know its domain: which name to look up (RFC 8461 §3.4 for smart hosts) is
//!   the caller's, and so is how many entries there are and which of the
//!   [`evictable`](Entry::evictable) ones goes first.

// The machine.
mod entry;
pub use entry::{Absence, Entry, Verdict};

// What goes in, and what comes out.
mod event;
mod note;
pub use event::{Action, Errand, Event, RecordLookup, RecordState, Token};
pub use note::{Note, RecordGone, Sign, Weakening};

// What is held.
mod fetched;
mod held;
pub use fetched::{FetchFailure, FetchedPolicy};
pub use held::Held;
mod backoff;
pub use backoff::Backoff;

// What outlives the process.
mod snapshot;
pub use snapshot::{SavedBackoff, SavedPolicy, Snapshot};

// Times.
mod time;
pub use time::{
    FIRST_BACKOFF, FLIGHT_LIMIT, FRESH_AT_LEAST, FRESH_AT_MOST, Jitter, LONGEST_BACKOFF,
    LONGEST_BACKOFF_OF_ANOTHER_ID, LONGEST_REFRESH, Now, SHORTEST_DISTANCE, SHORTEST_REFRESH,
    UNUSED_LIMIT,
};
