//! What reported failures mean: their cause, whose fault it looks like, what to do.
//!
//! [`diagnose`] joins one failure group, as reporters told of it, with what is [`Known`] of the
//! domain. [`judge_groups`] looks at all groups of a domain at once and says who sees a failure and
//! who does not. [`spikes`], [`recurring`], [`new_failures`] and [`silences`] look along the days.
//!
//! Everything is a pure function of its arguments: the day is one of them.
//!
//! # What a report can't do
//!
//! A report is a stranger's word. No diagnosis advises to weaken a policy, and one that rests on
//! reports that nobody vouches for says so and is at most a warning. Text from a report is shown
//! only as [`Quoted`](crate::Quoted), and no command is made of it.
//!
//! # Limitations
//!
//! What was seen of a domain is later than what was reported. Where the two differ, the fault may
//! have been mended in between; the grounds of a diagnosis give both times.

// The table: causes, result types, reason codes.
mod causes;
pub use causes::{Cause, Fault, cause, causes};
mod reason;
pub use reason::{Reason, ReasonMatch, read_reason, reasons};
mod result;
pub use result::{RESULT_NAMES, cause_of_result, read_result};

// One failure group.
mod known;
pub use known::{Known, KnownHost, KnownHosts, PublishedPolicy, ReportedPolicy};
mod case;
mod dane;
mod mail_host;
mod path;
mod policy;
mod policy_host;
mod verdict;
pub use verdict::{Diagnosis, Standing, diagnose};

// All groups of a domain.
mod overlap;
pub use overlap::{sessions_of, under_any_policy};
mod spread;
pub use spread::{Spread, judge_groups};

// Along the days.
mod days;
pub use days::{
    Anomaly, AnomalyKind, Certainty, Thresholds, anomalies, new_failures, recurring, silences,
    spikes,
};
