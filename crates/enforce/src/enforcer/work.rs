//! What entries ask for: look-ups, fetches, savings, and words for the operator.

use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::cache::{Action, Entry, Event, FetchFailure, Note, RecordLookup, Snapshot, Token};
use sealpost_evidence::{Lookup, LookupFault, LookupFaultKind, TextRecord};
use sealpost_runtime::{AfterPanic, Stopwatch, supervise};
use sealpost_store::StoreError;
use tokio::time::{sleep, timeout};

use super::{Enforcer, lock};
use crate::{Alarm, DnsFault, FetchResult, RecordResult, saved::to_store, shard::Saving};

/// How long a look-up may take, with the wait for its turn: nobody can make many of them last long.
pub(crate) const LONGEST_LOOK_UP: Duration = Duration::from_secs(30);
/// The same for a fetch, which may take a minute by itself.
const LONGEST_FETCH: Duration = Duration::from_secs(90);
/// How long to wait before what could not be saved is saved again.
const SAVE_AGAIN: Duration = Duration::from_secs(30);

impl Enforcer {
    /// Lets an entry handle an event, and does what it wants done.
    pub(super) fn act(&self, domain: &DomainName, event: Event) {
        let shared = &self.shared;
        let now = shared.time.now();
        let new = || Entry::new(now, shared.time.jitter());
        let handled = lock(self.shard(domain)).handle(domain, event, self.limit(), now, new);
        let Ok(actions) = handled else {
            if shared.full.is_time() {
                tracing::error!(%domain, "too many domains are being looked up, some are not");
            }
            return;
        };
        for action in actions {
            match action {
                Action::LookUpRecord(token) => self.look_up(domain.clone(), token),
                Action::FetchPolicy(token, _) => self.fetch(domain.clone(), token),
                Action::Save => self.save(domain),
                Action::Note(note) => {
                    shared.metrics.alarms.increment(Alarm::of(&note));
                    tell(domain, &note);
                }
            }
        }
    }

    fn look_up(&self, domain: DomainName, token: Token) {
        let enforcer = self.clone();
        self.fly(async move {
            let shared = &enforcer.shared;
            let metrics = &shared.metrics;
            let look_up = async {
                let since = Stopwatch::start();
                let lookup = shared.network.sts_records(&domain).await;
                metrics.record_seconds.observe(since.elapsed());
                lookup
            };
            let lookup = timeout(LONGEST_LOOK_UP, shared.look_ups.take(look_up)).await;
            let lookup = lookup.unwrap_or_else(|_| Lookup::Unknown(late()));
            if let Lookup::Unknown(fault) = &lookup {
                metrics.record_faults.increment(DnsFault::of(fault));
                tracing::info!(%domain, fault = fault.text, "failed to look up the STS record");
            }
            let learnt = learnt(lookup);
            metrics.record_lookups.increment(RecordResult::of(&learnt));
            enforcer.act(&domain, Event::Record(token, learnt));
        });
    }

    fn fetch(&self, domain: DomainName, token: Token) {
        let enforcer = self.clone();
        self.fly(async move {
            let shared = &enforcer.shared;
            let fetch = async {
                let since = Stopwatch::start();
                let fetched = shared.network.sts_policy(&domain).await;
                shared.metrics.fetch_seconds.observe(since.elapsed());
                fetched
            };
            let result = match timeout(LONGEST_FETCH, shared.fetches.take(fetch)).await {
                Ok(fetched) => fetched.map_err(|error| {
                    tracing::info!(%domain, "failed to {error}");
                    error.failure()
                }),
                Err(_) => Err(FetchFailure::NotFetched),
            };
            shared.metrics.fetches.increment(FetchResult(result.as_ref().err().copied()));
            enforcer.act(&domain, Event::Fetched(token, result));
        });
    }

    fn fly(&self, flight: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.shared.tasks);
        while tasks.flights.try_join_next().is_some() {}
        tasks.flights.spawn_on(flight, &self.shared.runtime);
    }

    /// Saves what is known of a domain, once at a time.
    fn save(&self, domain: &DomainName) {
        if let Some(slot) = lock(self.shard(domain)).slot_mut(domain) {
            if slot.saving != Saving::Idle {
                slot.saving = Saving::Outdated;
                return;
            }
            slot.saving = Saving::Running;
        }
        let (enforcer, domain) = (self.clone(), domain.clone());
        let mut tasks = lock(&self.shared.tasks);
        while tasks.savings.try_join_next().is_some() {}
        let saving = enforcer.supervised(domain, Self::save_until_done);
        tasks.savings.spawn_on(saving, &self.shared.runtime);
    }

    /// Lets a saving run to its end. One that panics is begun anew, and until it is over answers go on
    /// from memory.
    async fn supervised<F>(self, domain: DomainName, saving: impl Fn(Self, DomainName) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut has_panicked = false;
        let make = || {
            if std::mem::replace(&mut has_panicked, true) {
                lock(self.shard(&domain)).no_longer_unsaved(&domain);
            }
            saving(self.clone(), domain.clone())
        };
        let panics = &self.shared.metrics.panics;
        // It gives up never.
        let _ = supervise("the saving of a policy", AfterPanic::Restart, panics, make).await;
    }

    async fn save_until_done(self, domain: DomainName) {
        while self.save_once(&domain).await.is_again() {}
    }

    async fn save_once(&self, domain: &DomainName) -> Next {
        let Some(snapshot) = self.snapshot(domain) else { return Next::Nothing };
        let saved = self.put(domain.clone(), snapshot).await;
        if saved.is_err() {
            self.shared.metrics.store_failures.increment();
        }
        if let Err(error) = &saved
            && self.shared.failing.is_time()
        {
            tracing::error!(%domain, %error, source = source(error), "policies are not on the disk, answers go on from memory");
        }
        let is_over = match &saved {
            Ok(()) | Err(StoreError::Refused { .. } | StoreError::Closed) => true,
            Err(_) => false,
        };
        let next = self.after_saving(domain, is_over);
        if !is_over {
            sleep(SAVE_AGAIN).await;
        }
        next
    }

    /// What is to be saved now.
    fn snapshot(&self, domain: &DomainName) -> Option<Snapshot> {
        let now = self.shared.time.now();
        let mut shard = lock(self.shard(domain));
        let slot = shard.slot_mut(domain)?;
        slot.saving = Saving::Running;
        Some(slot.entry().snapshot(now))
    }

    async fn put(&self, domain: DomainName, snapshot: Snapshot) -> Result<(), StoreError> {
        let policies = &self.shared.policies;
        if snapshot.is_empty() {
            policies.forget(vec![domain]).await.map(|_| ())
        } else {
            policies.save(to_store(domain, snapshot)).await
        }
    }

    fn after_saving(&self, domain: &DomainName, is_over: bool) -> Next {
        let mut shard = lock(self.shard(domain));
        let Some(slot) = shard.slot_mut(domain) else { return Next::Nothing };
        if !is_over {
            // Answers go on from memory.
            shard.no_longer_unsaved(domain);
            return Next::Again;
        }
        if slot.saving == Saving::Outdated {
            return Next::Again;
        }
        slot.saving = Saving::Idle;
        shard.no_longer_unsaved(domain);
        Next::Nothing
    }
}

/// Is there more to save?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Again,
    Nothing,
}

impl Next {
    fn is_again(self) -> bool {
        self == Self::Again
    }
}

/// The fault of a look-up that was given up.
pub(crate) fn late() -> LookupFault {
    let text =
        format!("no answer within {} s, the wait for a turn included", LONGEST_LOOK_UP.as_secs());
    LookupFault { kind: LookupFaultKind::TimedOut, text }
}

/// What an entry makes of a look-up of the record.
pub(crate) fn learnt(lookup: Lookup<Vec<TextRecord>>) -> RecordLookup {
    match lookup {
        Lookup::Found(found) => {
            let texts = found.value.iter().map(TextRecord::text);
            RecordLookup::answered(texts, Duration::from_secs(found.ttl.into()))
        }
        Lookup::Absent(absence) => {
            RecordLookup::Absent { ttl: Duration::from_secs(absence.ttl.into()) }
        }
        Lookup::Unknown(_) => RecordLookup::Unknown,
    }
}

fn tell(domain: &DomainName, note: &Note) {
    match note {
        Note::Expired | Note::Weakened(_) | Note::RecordVanished { .. } => {
            tracing::error!(%domain, "{note}");
        }
        _ => tracing::warn!(%domain, "{note}"),
    }
}

fn source(error: &StoreError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests;
