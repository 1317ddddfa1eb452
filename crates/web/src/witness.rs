//! What roles know that is not in the store.

use crate::{Decisions, Examination};

/// Tells what roles that run know beside what they keep; the program supplies it.
pub trait Witness: Send + Sync {
    /// What `enforce` has decided since it was started; `None` while it does not run.
    fn decisions(&self) -> Option<Decisions>;

    /// Whether our reports would be believed, as far as that was looked at; `None` while `report` does
    /// not run. If that was long ago, it is looked at again, beside this: nobody waits for it.
    fn examination(&self) -> Option<Examination>;
}
