//! How a domain is led from nothing to a long `enforce`, past every change of its mail hosts, and out
//! again, without mail being lost.
//!
//! Three things are here, all of them computation. Time comes in as an argument, and what to do next
//! goes out as a value.
//!
//! * [`decide`]: the stages and their gates. [`Facts`] go in, plain values that others have gathered;
//!   a [`Decision`] comes out: a move, a proposal for a person, or what is waited for.
//! * [`History`]: every policy that was ever served, and with it the *cache horizon*: until when some
//!   sender may still hold one of them (RFC 8461 §3.3, §8.3).
//! * [`plan_change`] and [`plan_removal`]: dated steps for a change of mail hosts and for the way
//!   out. What would strand a sender that honours a policy we served is refused.
//!
//! # What a stranger can bring about
//!
//! Reports come from strangers, and whoever strips STARTTLS on a path makes honest ones fail. So no
//! number of reports weakens a policy: they make [`decide`] ask for a look of our own, and only a
//! fault that this look reproduces on our own addresses moves a domain back by itself.

// The time, as the caller tells it.
mod time;
pub use time::Time;

// Stages, and the numbers that a person may set.
mod settings;
mod stage;
pub use settings::{Autonomy, Gate, Settings};
pub use stage::{Stage, UnknownStage};

// What is known, and what follows.
mod decision;
mod facts;
mod machine;
pub use decision::{Ask, Cause, Condition, Decision, Mark, Move, Outlook, Reading, State, Step};
pub use facts::{
    Check, CheckVerdict, Facts, Fault, FaultKind, Group, GroupState, Live, Owner, Spike, Traffic,
    Waiver, Wish,
};
pub use machine::{decide, ending_soon};

// What was done, for people.
mod logbook;
pub use logbook::{Actor, Entry, Event, logbook};

// What senders may hold.
mod history;
pub use history::{
    Announced, History, Horizon, MARGIN, MxSet, Past, Served, body_time, id_time, mx_seen,
};

// How much time has passed.
mod reckoning;
pub use reckoning::{ClockReading, LONGEST_GAP, Lapse, Reckoning, Recorded, Witness};

// Changes of mail hosts, and the way out.
mod plan;
pub use plan::{
    Action, Change, Force, Plan, PlanStep, Refusal, Removal, Risk, Situation, Timing, plan_change,
    plan_removal,
};
