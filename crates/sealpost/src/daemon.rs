//! What runs until it is told to stop: roles, on ground that they share.
//!
//! The command of a role runs it alone, and a fault that it cannot go on after ends the process, as
//! service managers like it. `sealpost serve` runs several, and starts the one that failed again.

mod alert;
mod check;
mod doors;
mod enforce;
mod entrance;
mod front;
mod ground;
mod hands;
mod metrics;
mod publish;
mod reader;
mod receive;
mod report;
mod role;
mod run;
mod signals;
mod witness;

pub(crate) use self::alert::{endings, messengers};
pub(crate) use self::metrics::ServeMetrics;
pub(crate) use self::publish::{Hosting, UNCHANGED, has_door, load_domains};
pub(crate) use self::receive::{Watched, watch_maildir};
pub(crate) use self::role::{RoleName, takes_up_work};
pub(crate) use self::run::{Company, Setup, run};
pub(crate) use self::signals::{Cause, Signals};
