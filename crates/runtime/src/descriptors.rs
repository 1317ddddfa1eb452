//! How many descriptors this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The most that we ask for.
const WANTED: u64 = 65_536;

/// Raises the soft limit of descriptors to the hard one, or to 65,536 if that is less, and says what
/// it is then; `None` if there is no limit. Each connection takes one, and most systems start
/// programs with a soft limit of 1,024.
pub fn raise_descriptor_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    if limit.current.is_none_or(|current| current >= raised) {
        return limit.current;
    }
    let before = limit.current;
    limit.current = Some(raised);
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => Some(raised),
        Err(error) => {
            tracing::warn!(%error, "failed to raise the limit of descriptors");
            before
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_as_far_as_it_may_be() {
        let limit = raise_descriptor_limit();
        let hard = getrlimit(Resource::Nofile).maximum;
        let expected = hard.map_or(WANTED, |most| most.min(WANTED));
        assert!(limit.is_none_or(|limit| limit >= expected), "{limit:?}");
        assert_eq!(getrlimit(Resource::Nofile).current, limit);
    }
}
