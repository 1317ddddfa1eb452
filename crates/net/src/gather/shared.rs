//! What was seen of MX hosts that many domains share: each is looked at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::{Dialogues, MailHost};
use sealpost_runtime::Stopwatch;
use tokio::sync::watch;

use crate::deadline::Deadline;

/// For how long a look at a host serves for others. Who looks on wants to see soon what was mended.
const LIFE: Duration = Duration::from_secs(300);
/// The most hosts that are remembered. One that has shown a few certificates takes some ten
/// kilobytes.
const MOST_HOSTS: usize = 1024;

/// What was seen, and what is being looked at.
#[derive(Debug)]
pub(crate) struct SharedHosts {
    slots: Mutex<HashMap<Key, Slot>>,
    /// How long one look may take, whoever asks for it, with whatever time.
    patience: Duration,
}

/// A host, and how closely it is looked at.
type Key = (DomainName, Dialogues);
/// What will be known of a host. If the sender is gone and has sent nothing, it has panicked.
type Flight = watch::Receiver<Option<Arc<MailHost>>>;

#[derive(Debug)]
struct Slot {
    flight: Flight,
    since: Stopwatch,
    /// Has anybody asked since room was last made?
    is_wanted: bool,
}

impl SharedHosts {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { slots: Mutex::default(), patience }
    }

    /// What a look at a host shows, perhaps one that another has had; `None` when the deadline comes
    /// first. The look goes on then, for the next who asks.
    pub(super) async fn of<F: Future<Output = MailHost> + Send + 'static>(
        &self,
        key: Key,
        deadline: Deadline,
        look: impl FnOnce(DomainName, Deadline) -> F + Send + 'static,
    ) -> Option<MailHost> {
        let mut flight = self.flight(key, look);
        let seen = deadline.bound(flight.wait_for(Option::is_some)).await.ok()?.ok()?;
        seen.as_deref().cloned()
    }

    fn flight<F: Future<Output = MailHost> + Send + 'static>(
        &self,
        key: Key,
        look: impl FnOnce(DomainName, Deadline) -> F + Send + 'static,
    ) -> Flight {
        let mut slots = self.slots();
        if let Some(slot) = slots.get_mut(&key)
            && slot.holds()
        {
            slot.is_wanted = true;
            return slot.flight.clone();
        }
        make_room(&mut slots);
        let (sender, flight) = watch::channel(None);
        let slot = Slot { flight: flight.clone(), since: Stopwatch::start(), is_wanted: false };
        let host = key.0.clone();
        slots.insert(key, slot);
        let deadline = Deadline::after(self.patience);
        tokio::spawn(async move {
            let seen = look(host, deadline).await;
            // Nobody may be waiting any more.
            sender.send_replace(Some(Arc::new(seen)));
        });
        flight
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn is_under_way(&self) -> bool {
        self.flight.borrow().is_none() && self.flight.has_changed().is_ok()
    }

    fn holds(&self) -> bool {
        let is_known = self.flight.borrow().is_some() && self.since.elapsed() < LIFE;
        is_known || self.is_under_way()
    }
}

/// Makes room for one more, if there is none: what no longer holds goes first, then what nobody has
/// asked for a second time.
fn make_room(slots: &mut HashMap<Key, Slot>) {
    if slots.len() < MOST_HOSTS {
        return;
    }
    slots.retain(|_, slot| {
        let stays = slot.is_under_way() || (slot.is_wanted && slot.holds());
        slot.is_wanted = false;
        stays
    });
    if slots.len() >= MOST_HOSTS {
        slots.retain(|_, slot| slot.is_under_way());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;
    use crate::gather::nothing_of;

    fn key(name: &str) -> Key {
        (DomainName::parse(name).unwrap(), Dialogues::Wanted)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(1))
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_is_looked_at_once_for_all_who_ask() {
        let shared = SharedHosts::new(Duration::from_secs(60));
        let looks = Arc::new(AtomicUsize::new(0));
        let ask = async || {
            let looks = Arc::clone(&looks);
            let look = move |host: DomainName, _| async move {
                sleep(Duration::from_millis(100)).await;
                looks.fetch_add(1, Ordering::Relaxed);
                nothing_of(host.as_str().to_owned(), Some(host))
            };
            shared.of(key("mx.test"), soon(), look).await.unwrap().name
        };
        let seen = tokio::join!(ask(), ask(), ask());
        assert_eq!(seen.0, "mx.test");
        ask().await;
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_little_time_spoils_nothing_for_the_next() {
        let shared = SharedHosts::new(Duration::from_secs(60));
        let look = |host: DomainName, deadline: Deadline| async move {
            sleep(Duration::from_secs(5)).await;
            assert!(!deadline.has_passed(), "the time is that of the look");
            nothing_of(host.as_str().to_owned(), Some(host))
        };
        assert!(shared.of(key("mx.test"), soon(), look).await.is_none());
        sleep(Duration::from_secs(5)).await;
        let never = |_, _| async { unreachable!("it was looked at") };
        assert!(shared.of(key("mx.test"), soon(), never).await.is_some());
    }

    #[tokio::test]
    async fn a_look_that_panics_is_taken_again() {
        let shared = SharedHosts::new(Duration::from_secs(60));
        let panics = |_, _| async { panic!("while looking") };
        assert!(shared.of(key("mx.test"), soon(), panics).await.is_none());
        let look = |host: DomainName, _| async move { nothing_of(String::new(), Some(host)) };
        assert!(shared.of(key("mx.test"), soon(), look).await.is_some());
    }

    #[tokio::test]
    async fn what_is_asked_for_again_stays() {
        let shared = SharedHosts::new(Duration::from_secs(60));
        let look = |host: DomainName, _| async move { nothing_of(String::new(), Some(host)) };
        shared.of(key("wanted.test"), soon(), look).await.unwrap();
        for number in 0..3 * MOST_HOSTS {
            shared.of(key(&format!("n{number}.test")), soon(), look).await.unwrap();
            let never = |_, _| async { unreachable!("it was forgotten") };
            shared.of(key("wanted.test"), soon(), never).await.unwrap();
            assert!(shared.slots().len() <= MOST_HOSTS);
        }
    }
}
