//! The memory of all domains, and the work that keeps it true.

mod intents;
mod work;
pub(crate) use work::{LONGEST_LOOK_UP, late, learnt};

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mail_domain::DomainName;
use mta_sts::cache::{Absence, Entry, Event, FetchedPolicy, Now, Snapshot, Verdict};
use sealpost_net::Network;
use sealpost_runtime::{AfterPanic, Clock, supervise};
use sealpost_store::{Policies, Store, StoreError};
use tokio::{
    pin,
    runtime::Handle,
    select,
    sync::futures::OwnedNotified,
    task::JoinSet,
    time::{interval, sleep, timeout},
};

use crate::{
    EnforceMetrics, HeldSeen, RecordSeen, Settings, memo::Lasting, place::LookUpPlace,
    saved::from_store, seldom::Seldom, shard::Shard, time::Time, turns::Turns,
};

/// How many parts the memory has. Each has a lock of its own.
const SHARDS: usize = 64;
/// How often it is looked which entries want to be woken.
const TICK: Duration = Duration::from_secs(1);
/// Failures that lie back longer than this are not remembered over a restart, in seconds. No wait
/// after a failure is as long.
const OLD: i64 = 86_400;
/// How many domains are removed from the store at a time.
const MOST_TIDIED: usize = 1_024;

/// Remembers the policies of domains, and finds them out. Clones share everything.
#[derive(Clone)]
pub struct Enforcer {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    shards: Box<[Mutex<Shard>]>,
    places: RandomState,
    network: Network,
    policies: Policies,
    time: Time,
    look_ups: Turns,
    fetches: Turns,
    metrics: Arc<EnforceMetrics>,
    tasks: Mutex<Tasks>,
    /// Domains of which nothing but old failures is stored, and when they failed last.
    useless: Mutex<Vec<(DomainName, i64)>>,
    /// Where fetches and savings run, whoever asks for them.
    runtime: Handle,
    /// Where look-ups run.
    place: LookUpPlace,
    /// Lines in the log about a lack of room, a store that fails, and a lack of turns.
    full: Seldom,
    failing: Seldom,
    crowded: Seldom,
}

/// What runs beside the answers.
#[derive(Default)]
struct Tasks {
    /// Look-ups, fetches, and what wakes entries. They may be cut off.
    flights: JoinSet<()>,
    /// Savings. They should end by themselves.
    savings: JoinSet<()>,
}

/// What holds for a domain at present.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Standing {
    /// This policy applies. Only mode enforce demands anything (RFC 8461 §5).
    Policy(FetchedPolicy),
    /// No policy applies: mail goes out as without MTA-STS.
    NoPolicy(Absence),
    /// Nothing was known, and it could not be found out in time: as without MTA-STS.
    Unknown,
}

/// What is known at once.
enum Known {
    Standing(Standing),
    /// It will be told; if not in time, this holds.
    Later(OwnedNotified, Standing),
}

impl Enforcer {
    /// Loads every stored policy, and begins to keep them fresh. Nothing is asked of the network
    /// before the first is due. Call this in a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the store cannot be read: whoever began without the policies that are there would be easy
    /// to downgrade. Mend the store, or remove it.
    pub async fn start(
        settings: Settings,
        network: Network,
        store: &Store,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let shared = Shared {
            settings,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            places: RandomState::new(),
            place: LookUpPlace::new(network.clone()),
            network,
            policies: store.policies(),
            time: Time::new(clock),
            look_ups: Turns::new(settings.look_ups, settings.slow),
            fetches: Turns::new(settings.fetches, settings.slow / 4),
            metrics: Arc::default(),
            tasks: Mutex::default(),
            useless: Mutex::default(),
            runtime: Handle::current(),
            full: Seldom::default(),
            failing: Seldom::default(),
            crowded: Seldom::default(),
        };
        let enforcer = Self { shared: Arc::new(shared) };
        enforcer.load().await?;
        enforcer.wake_entries();
        enforcer.keep_tidy();
        enforcer.carry_out_intents(store.intents());
        Ok(enforcer)
    }

    /// What holds for a domain, known or found out; within [`Settings::deadline`].
    pub async fn standing(&self, domain: &DomainName) -> Standing {
        let now = self.shared.time.now();
        if let Some(standing) = self.at_once(domain, now) {
            return standing;
        }
        self.act(domain, Event::Asked);
        let mut known = self.known(domain);
        if let Known::Standing(standing) = known {
            return standing;
        }
        let deadline = sleep(self.shared.settings.deadline);
        pin!(deadline);
        loop {
            match known {
                Known::Standing(standing) => return standing,
                Known::Later(told, otherwise) => select! {
                    biased;
                    () = told => known = self.known(domain),
                    () = &mut deadline => return otherwise,
                },
            }
        }
    }

    /// What holds for a domain about which a question changes nothing at present, which is most of
    /// them.
    fn at_once(&self, domain: &DomainName, now: Now) -> Option<Standing> {
        let shard = lock(self.shard(domain));
        let slot = shard.slot(domain).filter(|slot| slot.is_quiet(now) && !slot.unsaved)?;
        match slot.entry().verdict(now) {
            Verdict::Apply(held) => Some(Standing::Policy(held.fetched().clone())),
            Verdict::NoPolicy(absence) => Some(Standing::NoPolicy(absence)),
            Verdict::Pending => None,
        }
    }

    /// How long a reply about a domain may be kept that follows from what is known now.
    pub(crate) fn lasting(&self, domain: &DomainName) -> Option<Lasting> {
        let now = self.shared.time.now();
        lock(self.shard(domain)).slot(domain)?.lasting(now)
    }

    /// The monotonic clock of what is known shows no more than this, as [`Time::at_latest`] has it.
    pub(crate) fn at_latest(&self) -> Duration {
        self.shared.time.at_latest()
    }

    /// What is known of a domain's record, and what is kept of it.
    pub(crate) fn seen(&self, domain: &DomainName) -> (RecordSeen, Option<HeldSeen>) {
        let now = self.shared.time.now();
        match lock(self.shard(domain)).slot(domain) {
            Some(slot) => {
                let entry = slot.entry();
                (RecordSeen::of_entry(entry, now), HeldSeen::of_entry(entry, now))
            }
            None => (RecordSeen::NotLookedUp, None),
        }
    }

    /// The time, in seconds since 1970.
    pub(crate) fn wall(&self) -> i64 {
        self.shared.time.now().wall
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &Arc<EnforceMetrics> {
        &self.shared.metrics
    }

    /// How many domains are remembered with a policy that applies, and without.
    pub fn sizes(&self) -> (usize, usize) {
        let sizes = self.shared.shards.iter().map(|shard| lock(shard).sizes());
        sizes.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    /// Ends what runs beside the answers, and waits until everything is saved, for
    /// [`Settings::grace`] at most. The store is left open.
    pub async fn stop(&self) {
        let Tasks { mut flights, mut savings } = std::mem::take(&mut *lock(&self.shared.tasks));
        flights.shutdown().await;
        let saved = async { while savings.join_next().await.is_some() {} };
        if timeout(self.shared.settings.grace, saved).await.is_err() {
            tracing::error!(domains = savings.len(), "could not save everything in time");
        }
    }

    async fn load(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        let mut loading = shared.policies.load_all().await?;
        while let Some(rows) = loading.next().await? {
            for remembered in rows {
                let (domain, snapshot) = from_store(remembered);
                let now = shared.time.now();
                if let Some(failed_at) = old_failures(&snapshot, now) {
                    lock(&shared.useless).push((domain, failed_at));
                    continue;
                }
                let entry = Entry::restore(snapshot, now, shared.time.jitter());
                let limit = self.limit();
                lock(self.shard(&domain)).restore(&domain, entry, limit, now);
            }
        }
        Ok(())
    }

    /// Removes from the store what is of no use any more, a part at a time.
    fn keep_tidy(&self) {
        let weak = Arc::downgrade(&self.shared);
        self.keep_doing("the removal of old failures", move || {
            let weak = weak.clone();
            async move {
                loop {
                    sleep(TICK).await;
                    let Some(shared) = weak.upgrade() else { return };
                    Self { shared }.tidy().await;
                }
            }
        });
    }

    async fn tidy(&self) {
        let mut useless = {
            let mut useless = lock(&self.shared.useless);
            for shard in &self.shared.shards {
                useless.append(&mut lock(shard).take_forgotten());
            }
            let rest = useless.len().saturating_sub(MOST_TIDIED);
            useless.split_off(rest)
        };
        if useless.is_empty() {
            return;
        }
        useless.shrink_to_fit();
        // What cannot be removed now is at the next start.
        if let Err(error) = self.shared.policies.forget_failures(useless).await
            && self.shared.failing.is_time()
        {
            tracing::error!(%error, "old failures stay on the disk");
        }
    }

    /// Wakes the entries that want it, every second.
    fn wake_entries(&self) {
        let weak = Arc::downgrade(&self.shared);
        self.keep_doing("the waking of entries", move || {
            let weak = weak.clone();
            async move {
                let mut ticks = interval(TICK);
                loop {
                    ticks.tick().await;
                    let Some(shared) = weak.upgrade() else { return };
                    let enforcer = Self { shared };
                    for shard in &enforcer.shared.shards {
                        let due = lock(shard).due(enforcer.shared.time.now());
                        for domain in due {
                            enforcer.act(&domain, Event::Woken);
                        }
                    }
                }
            }
        });
    }

    /// Lets something run beside the answers, and begins it anew if it panics.
    fn keep_doing<F>(&self, name: &'static str, make: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let metrics = Arc::clone(&self.shared.metrics);
        lock(&self.shared.tasks).flights.spawn(async move {
            // It gives up never.
            let _ = supervise(name, AfterPanic::Restart, &metrics.panics, make).await;
        });
    }

    fn known(&self, domain: &DomainName) -> Known {
        let now = self.shared.time.now();
        let mut shard = lock(self.shard(domain));
        let Some(slot) = shard.slot(domain) else {
            // There is no room for it: it is not even being found out.
            return Known::Standing(Standing::Unknown);
        };
        let standing = match slot.entry().verdict(now) {
            Verdict::Apply(held) => Standing::Policy(held.fetched().clone()),
            Verdict::NoPolicy(absence) => return Known::Standing(Standing::NoPolicy(absence)),
            //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
            //# If a valid TXT record is found but no policy can be fetched via HTTPS
            //# (for any reason), and there is no valid (non-expired) previously
            //# cached policy, senders MUST continue with delivery as though the
            //# domain has not implemented MTA-STS.
            Verdict::Pending => {
                return Known::Later(shard.waiting(domain).notified_owned(), Standing::Unknown);
            }
        };
        if slot.unsaved {
            return Known::Later(shard.waiting(domain).notified_owned(), standing);
        }
        Known::Standing(standing)
    }

    fn shard(&self, domain: &DomainName) -> &Mutex<Shard> {
        let shared = &*self.shared;
        let count = shared.shards.len() as u64;
        let place = shared.places.hash_one(domain).checked_rem(count).unwrap_or(0);
        let index = usize::try_from(place).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "the index is a remainder by the length")]
        &shared.shards[index]
    }

    /// How many domains without a policy each shard may hold.
    fn limit(&self) -> usize {
        self.shared.settings.without_policy.div_ceil(SHARDS)
    }
}

/// When the last of its failures was, if nothing but failures is stored of a domain, and all of them
/// so long ago that nothing waits for their sake.
fn old_failures(snapshot: &Snapshot, now: Now) -> Option<i64> {
    let failed_at = snapshot.backoff.as_ref()?.failed_at;
    let is_old = now.wall.saturating_sub(failed_at) > OLD;
    (snapshot.policy.is_none() && is_old).then_some(failed_at)
}

/// Locks, also after a panic of another thread: every change behind these locks is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
