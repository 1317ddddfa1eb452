//! What was seen of MX hosts that many domains share: each is looked at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::{Dialogues, MailHost};
use sealpost_runtime::{Age, Clock};
use tokio::sync::watch;

use crate::deadline::Deadline;
use crate::shelf::Shelf;

/// For how long a look at a host serves for others. Who looks on wants to see soon what was mended.
const LIFE: Duration = Duration::from_secs(300);
/// The most that what was seen may take, in octets. A host that has shown a few certificates takes
/// some ten thousand.
const MOST_OCTETS: usize = 2 * 1024 * 1024;

/// What was seen, and what is being looked at.
#[derive(Debug)]
pub(crate) struct SharedHosts {
    slots: Arc<Mutex<Shelf<Key, Slot>>>,
    /// How long one look may take, whoever asks for it, with whatever time.
    patience: Duration,
    clock: Clock,
}

/// A host, and how closely it is looked at.
type Key = (DomainName, Dialogues);
/// What will be known of a host. If the sender is gone and has sent nothing, it has panicked.
type Flight = watch::Receiver<Option<Arc<MailHost>>>;

#[derive(Debug)]
enum Slot {
    UnderWay(Flight),
    /// What was seen, as the JSON of it: a fifth of what it takes otherwise, and in one piece.
    Seen(Box<[u8]>, Age),
}

/// What there is for one who asks.
enum Turn {
    Seen(Box<MailHost>),
    Wait(Flight),
}

impl SharedHosts {
    pub(crate) fn new(patience: Duration, clock: Clock) -> Self {
        Self { slots: Arc::new(Mutex::new(Shelf::new(MOST_OCTETS))), patience, clock }
    }

    /// What a look at a host shows, perhaps one that another has had; `None` when the deadline comes
    /// first. The look goes on then, for the next who asks.
    pub(super) async fn of<F: Future<Output = MailHost> + Send + 'static>(
        &self,
        key: Key,
        deadline: Deadline,
        look: impl FnOnce(DomainName, Deadline) -> F + Send + 'static,
    ) -> Option<MailHost> {
        match self.turn(key, look) {
            Turn::Seen(host) => Some(*host),
            Turn::Wait(mut flight) => {
                let seen = deadline.bound(flight.wait_for(Option::is_some)).await.ok()?.ok()?;
                seen.as_deref().cloned()
            }
        }
    }

    fn turn<F: Future<Output = MailHost> + Send + 'static>(
        &self,
        key: Key,
        look: impl FnOnce(DomainName, Deadline) -> F + Send + 'static,
    ) -> Turn {
        let mut slots = lock(&self.slots);
        if let Some(turn) = slots.get(&key).and_then(|slot| slot.turn()) {
            return turn;
        }
        let (sender, flight) = watch::channel(None);
        let name = key.0.as_str().len();
        slots.insert(key.clone(), Slot::UnderWay(flight.clone()), name);
        drop(slots);
        let (slots, deadline) = (Arc::clone(&self.slots), Deadline::after(self.patience));
        let since = self.clock.age();
        tokio::spawn(async move {
            let seen = look(key.0.clone(), deadline).await;
            // What can't be written is looked at again; it always can.
            if let Ok(octets) = serde_json::to_vec(&seen) {
                let heap = name + octets.len();
                let slot = Slot::Seen(octets.into_boxed_slice(), since);
                lock(&slots).insert(key, slot, heap);
            }
            // Nobody may be waiting any more.
            sender.send_replace(Some(Arc::new(seen)));
        });
        Turn::Wait(flight)
    }
}

impl Slot {
    /// What it is good for; `None` when the host must be looked at anew.
    fn turn(&self) -> Option<Turn> {
        match self {
            Self::UnderWay(flight) => {
                // A look that has panicked has left nothing.
                let holds = flight.borrow().is_some() || flight.has_changed().is_ok();
                holds.then(|| Turn::Wait(flight.clone()))
            }
            Self::Seen(octets, since) if since.elapsed() < LIFE => {
                serde_json::from_slice(octets).ok().map(|host| Turn::Seen(Box::new(host)))
            }
            Self::Seen(..) => None,
        }
    }
}

fn lock(slots: &Mutex<Shelf<Key, Slot>>) -> MutexGuard<'_, Shelf<Key, Slot>> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
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
        let shared = SharedHosts::new(Duration::from_secs(60), Clock::system());
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
        let shared = SharedHosts::new(Duration::from_secs(60), Clock::system());
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
        let shared = SharedHosts::new(Duration::from_secs(60), Clock::system());
        let panics = |_, _| async { panic!("while looking") };
        assert!(shared.of(key("mx.test"), soon(), panics).await.is_none());
        let look = |host: DomainName, _| async move { nothing_of(String::new(), Some(host)) };
        assert!(shared.of(key("mx.test"), soon(), look).await.is_some());
    }

    #[tokio::test]
    async fn what_is_asked_for_again_stays() {
        let shared = SharedHosts::new(Duration::from_secs(60), Clock::system());
        // Ten thousand octets each.
        let look = |host: DomainName, _| async move { nothing_of("n".repeat(10_000), Some(host)) };
        shared.of(key("wanted.test"), soon(), look).await.unwrap();
        for number in 0..3 * MOST_OCTETS / 10_000 {
            shared.of(key(&format!("n{number}.test")), soon(), look).await.unwrap();
            let never = |_, _| async { unreachable!("it was forgotten") };
            shared.of(key("wanted.test"), soon(), never).await.unwrap();
        }
        let gone = |host: DomainName, _| async move { nothing_of("again".to_owned(), Some(host)) };
        assert_eq!(shared.of(key("n0.test"), soon(), gone).await.unwrap().name, "again");
    }

    #[tokio::test]
    async fn what_was_seen_is_old_when_the_clock_was_set_forward() {
        let begin = jiff::Timestamp::from_second(1_900_000_000).unwrap();
        let (clock, hand) = Clock::steered(begin);
        let shared = SharedHosts::new(Duration::from_secs(60), clock);
        let looks = Arc::new(AtomicUsize::new(0));
        for (after, expected) in [(0, 1), (299, 1), (300, 2)] {
            hand.set_forward(begin + Duration::from_secs(after));
            let looks = Arc::clone(&looks);
            let counted = Arc::clone(&looks);
            let look = move |host: DomainName, _| async move {
                looks.fetch_add(1, Ordering::Relaxed);
                nothing_of(host.as_str().to_owned(), Some(host))
            };
            shared.of(key("mx.test"), soon(), look).await.unwrap();
            assert_eq!(counted.load(Ordering::Relaxed), expected, "{after}");
        }
    }
}
