//! `sealpost check` over lists, against the lab.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod crowd;
mod forms;
mod hostile;
mod kept;
mod resume;
mod shown;
mod world;
