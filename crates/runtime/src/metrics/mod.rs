//! Numbers for monitoring, in the text format of Prometheus.
//!
//! [`metric_table!`](crate::metric_table) defines each metric once: its field, its kind, its name
//! and its help. The reference page and the text that is scraped come from there. To count is one
//! relaxed atomic addition at a place that is known beforehand: no lock, no map, no allocation.
//!
//! # Limitations
//!
//! - A metric has one label at most, and its values are known when the program is built. Nothing
//!   that came from outside becomes a label.
//! - Histograms measure time, and all have the same buckets.

// What there is.
mod definition;
mod table;
pub use definition::{Definition, Kind};
pub use table::Table;

// What counts.
mod histogram;
mod instrument;
pub use histogram::Histogram;
pub use instrument::{Counter, CounterVec, Gauge, GaugeVec, Instrument, Label};

// What is shown.
mod exposition;
mod process;
mod reference;
pub use exposition::{Exposition, Series};
pub use process::{Process, count_connection_panic};
pub use reference::reference_page;

#[cfg(test)]
mod tests;
