//! The clock, the log and the metrics.
//!
//! This is the only crate that reads the time. Everything else is handed a [`Clock`], or the time
//! itself, so that days can pass in milliseconds in a test and a faulty certificate can be judged
//! as of its day.

mod clock;
pub use clock::{Clock, Stopwatch};
mod log;
pub use log::start_log;
pub mod metrics;
