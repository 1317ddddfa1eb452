//! Our own domains, looked at again and again: what was seen is kept, and what has changed.
//!
//! # Limitations
//!
//! Who shares a store looks at each domain once in the interval, whoever has it in hand. When it is
//! looked at follows from its name and the interval, so two processes with other intervals look as
//! often as the shorter one says.

mod job;
mod metrics;
mod schedule;
mod section;
pub use job::{Job, Watched};
pub use metrics::{CheckMetrics, Judged, Kind, LookFailure};
pub use section::Section;
