//! What failures mean to the receiver, and what to do about them: from the table of `rules`.

use sealpost_rules::diagnosis::{Cause, cause_of_result, read_reason};

/// What a result type means, or rather what its reason says, where all failures have one that is
/// known.
pub(super) fn cause(result: Option<&str>, common_reason: Option<&str>) -> &'static Cause {
    match common_reason.map(read_reason).as_deref() {
        Some([reason]) => reason.cause,
        _ => cause_of_result(result.unwrap_or_default()),
    }
}

/// What a reason code means, where that is known.
pub(super) fn meaning(reason: &str) -> Option<String> {
    let known = read_reason(reason);
    let meanings: Vec<&str> = known.iter().map(|reason| reason.means).collect();
    (!meanings.is_empty()).then(|| meanings.join("; "))
}
