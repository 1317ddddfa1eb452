//! `sealpost check` over lists, against the lab.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod forms;
mod hostile;
mod kept;
mod resume;
mod world;
