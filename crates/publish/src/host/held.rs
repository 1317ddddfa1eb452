//! Policies that are configured and wait to be served.
//!
//! A policy of mode enforce makes senders hold back mail to every MX host that it leaves out. Whether
//! it leaves one out is seen by a pass of the driver, which writes the policy down if it does not;
//! before that the one of before is served.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use tokio::sync::Notify;

/// The domains whose policy waits.
#[derive(Debug, Default)]
pub(crate) struct Held {
    names: Mutex<Names>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Names {
    all: BTreeSet<DomainName>,
    /// Those that nobody has looked at since they wait.
    fresh: BTreeSet<DomainName>,
}

/// Whether a policy is served only after a look at the MX records: one of mode enforce, unless it
/// allows every host that the one before it made senders insist on already.
pub(crate) fn wants_a_look(before: &Policy, after: &Policy) -> bool {
    let is_wider =
        before.mode() == Mode::Enforce && before.mx().iter().all(|mx| after.mx().contains(mx));
    after.mode() == Mode::Enforce && !is_wider
}

impl Held {
    /// These wait from now on, and no others. Those that did not before are to be looked at.
    pub(super) fn set(&self, all: BTreeSet<DomainName>) {
        let mut names = self.names();
        let fresh: Vec<DomainName> = all.difference(&names.all).cloned().collect();
        names.fresh.retain(|name| all.contains(name));
        let has_news = !fresh.is_empty();
        names.fresh.extend(fresh);
        names.all = all;
        drop(names);
        if has_news {
            self.news.notify_one();
        }
    }

    /// Nobody has looked at any with what is configured now.
    pub(super) fn forget(&self) {
        *self.names() = Names::default();
    }

    pub(super) fn count(&self) -> usize {
        self.names().all.len()
    }

    /// Those that wait for a look, once.
    pub(crate) fn take_fresh(&self) -> BTreeSet<DomainName> {
        std::mem::take(&mut self.names().fresh)
    }

    /// Until there are some for [`take_fresh`](Self::take_fresh).
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mode: &str, mx: &[&str]) -> Policy {
        let mx: String = mx.iter().map(|mx| format!("mx: {mx}\n")).collect();
        Policy::parse(format!("version: STSv1\nmode: {mode}\n{mx}max_age: 86400\n").as_bytes())
            .unwrap()
    }

    #[test]
    fn what_may_leave_out_a_host_is_looked_at() {
        for (before, after, wants) in [
            (policy("enforce", &["a.test"]), policy("enforce", &["a.test"]), false),
            (policy("enforce", &["a.test"]), policy("enforce", &["b.test", "a.test"]), false),
            (policy("enforce", &["a.test"]), policy("enforce", &["b.test"]), true),
            (policy("enforce", &["a.test", "b.test"]), policy("enforce", &["b.test"]), true),
            // A pattern in place of its hosts is another one: whether it covers them is seen.
            (policy("enforce", &["a.b.test"]), policy("enforce", &["*.b.test"]), true),
            (policy("testing", &["a.test"]), policy("enforce", &["a.test"]), true),
            (policy("none", &[]), policy("enforce", &["a.test"]), true),
            (policy("enforce", &["a.test"]), policy("testing", &["b.test"]), false),
            (policy("enforce", &["a.test"]), policy("none", &[]), false),
        ] {
            assert_eq!(wants_a_look(&before, &after), wants, "{before}{after}");
        }
    }

    #[test]
    fn each_is_looked_at_once() {
        let held = Held::default();
        let names = |names: &[&str]| -> BTreeSet<DomainName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        held.set(names(&["a.test", "b.test"]));
        held.set(names(&["b.test", "c.test"]));
        assert_eq!(held.take_fresh(), names(&["b.test", "c.test"]));
        held.set(names(&["b.test", "c.test"]));
        assert_eq!((held.take_fresh(), held.count()), (names(&[]), 2));
        held.forget();
        held.set(names(&["b.test"]));
        assert_eq!(held.take_fresh(), names(&["b.test"]));
    }
}
