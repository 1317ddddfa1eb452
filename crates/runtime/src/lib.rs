//! What every long-running part needs: the clock, the log, metrics, tasks, the service manager.
//!
//! This is the only crate that reads the time. Everything else is handed a [`Clock`], or the time
//! itself, so that days can pass in milliseconds in a test and a faulty certificate can be judged
//! as of its day.

// Time.
mod clock;
pub use clock::{Age, Clock, Hand, Stopwatch, TickStopwatch, Uptime};

// What people see of a running program.
mod log;
pub use log::{say, start_log};
pub mod metrics;

// What keeps it running.
mod descriptors;
pub use descriptors::raise_descriptor_limit;
mod state_folder;
pub use state_folder::{make_state_folder, state_folder};
mod systemd;
mod task;
pub use systemd::{Liveness, ServiceManager, ServiceManagerError};
pub use task::{
    AfterPanic, DedicatedThread, Panicked, StopRequest, run_ahead, run_beside, stand_back,
    supervise,
};
