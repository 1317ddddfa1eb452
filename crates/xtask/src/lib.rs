//! Tasks of the house, run as `cargo run -p xtask -- TASK`.
//!
//! `citations` compares what the sources say about the RFCs with the RFCs themselves; `tests` runs the
//! tests of the workspace, several at a time. The architecture invariants are this crate's integration test `house`.

// What the RFCs say.
mod requirement;
mod specification;
pub use requirement::{Keyword, Requirement};
pub use specification::{Section, Specification, normalise};

// What the sources say about them.
mod citation;
mod exceptions;
pub use citation::{Citation, Fault, Kind, Place, read_citations};
pub use exceptions::{Exception, read_exceptions};

// The two side by side.
mod coverage;
mod report;
pub use coverage::{COVERED_SECTIONS, Claims, Coverage, Row, compare};
pub use report::{markdown, summary};

// The tree that is looked at.
mod tree;
pub use tree::{Error, Tree};

// The tests of the workspace.
mod test_run;

// The command line.
mod command;
pub use command::run;
