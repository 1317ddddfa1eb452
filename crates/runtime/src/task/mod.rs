//! Work that goes on beside other work, and what becomes of its panics.

mod supervise;
mod thread;
pub use supervise::{AfterPanic, supervise};
pub use thread::{DedicatedThread, StopRequest, run_ahead, run_beside, stand_back};

use std::any::Any;

/// Some work panicked. The text fits after "failed to ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("go on with {name}: it panicked: {said:?}")]
pub struct Panicked {
    /// What panicked.
    pub name: String,
    /// What it said, if it said something.
    pub said: String,
}

impl Panicked {
    fn new(name: &str, panic: &(dyn Any + Send)) -> Self {
        let said = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (None, Some(text)) => text.as_str(),
            (None, None) => "",
        };
        Self { name: name.to_owned(), said: said.to_owned() }
    }
}
