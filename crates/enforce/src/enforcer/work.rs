//! What entries ask for: look-ups, fetches, savings, and words for the operator.

use std::{pin::pin, time::Duration};

use mail_domain::DomainName;
use mta_sts::cache::{Action, Entry, Event, Note, RecordLookup, Snapshot, Token};
use sealpost_evidence::{Lookup, LookupFault, LookupFaultKind, TextRecord};
use sealpost_net::{Freshness, PolicyFetchError};
use sealpost_runtime::{AfterPanic, Stopwatch, supervise};
use sealpost_store::StoreError;
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::{Enforcer, lock};
use crate::{Alarm, DnsFault, FetchResult, RecordResult, saved::to_store, shard::ToSave};

/// How long a look-up may take, with the wait for its turn: nobody can make many of them last long.
pub(crate) const LONGEST_LOOK_UP: Duration = Duration::from_secs(30);
/// How long a fetch may wait for its turn. It may take a minute by itself.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long to wait before what could not be saved is saved again.
const SAVE_AGAIN: Duration = Duration::from_secs(30);

impl Enforcer {
    /// Lets an entry handle an event, and does what it wants done.
    pub(super) fn act(&self, domain: &DomainName, event: Event) {
        self.act_on(domain, event, Freshness::WithinTtl);
    }

    /// The same, with the DNS asked as freshly as this.
    pub(super) fn act_on(&self, domain: &DomainName, event: Event, freshness: Freshness) {
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
                Action::LookUpRecord(token) => self.look_up(domain.clone(), token, freshness),
                Action::FetchPolicy(token, _) => self.fetch(domain.clone(), token, freshness),
                Action::Save => self.save(domain),
                Action::Note(note) => {
                    shared.metrics.alarms.increment(Alarm::of(&note));
                    tell(domain, &note);
                }
            }
        }
    }

    fn look_up(&self, domain: DomainName, token: Token, freshness: Freshness) {
        let enforcer = self.clone();
        self.fly(&self.shared.place.runtime(), async move {
            let shared = &enforcer.shared;
            let metrics = &shared.metrics;
            let look_up = pin!(async {
                let since = Stopwatch::start();
                let lookup = shared.network.sts_records(&domain, freshness).await;
                metrics.record_seconds.observe(since.elapsed());
                lookup
            });
            let lookup = timeout(LONGEST_LOOK_UP, shared.look_ups.take(look_up)).await;
            let lookup = lookup.unwrap_or_else(|_| Lookup::Unknown(late()));
            if let Lookup::Unknown(fault) = &lookup {
                metrics.record_faults.increment(DnsFault::of(fault));
                tracing::info!(%domain, fault = fault.text, "failed to look up the STS record");
            }
            let learnt = learnt(lookup);
            metrics.record_lookups.increment(RecordResult::of(&learnt));
            enforcer.act_on(&domain, Event::Record(token, learnt), freshness);
        });
    }

    fn fetch(&self, domain: DomainName, token: Token, freshness: Freshness) {
        let enforcer = self.clone();
        self.fly(&self.shared.runtime, async move {
            let shared = &enforcer.shared;
            let fetch = pin!(async {
                let since = Stopwatch::start();
                let fetched = shared.network.sts_policy(&domain, freshness).await;
                shared.metrics.fetch_seconds.observe(since.elapsed());
                fetched
            });
            let fetched = shared.fetches.take_within(LONGEST_WAIT, fetch).await;
            let result = match fetched {
                None | Some(Err(PolicyFetchError::NotTried)) => {
                    shared.metrics.postponed.increment();
                    if shared.crowded.is_time() {
                        tracing::error!(%domain, "too many policies are being fetched, some wait");
                    }
                    return enforcer.act_on(&domain, Event::Postponed(token), freshness);
                }
                Some(Ok(policy)) => Ok(policy),
                Some(Err(error)) => {
                    tracing::info!(%domain, "failed to {error}");
                    Err(error.failure())
                }
            };
            shared.metrics.fetches.increment(FetchResult(result.as_ref().err().copied()));
            enforcer.act_on(&domain, Event::Fetched(token, result), freshness);
        });
    }

    fn fly(&self, runtime: &Handle, flight: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.shared.tasks);
        while tasks.flights.try_join_next().is_some() {}
        tasks.flights.spawn_on(flight, runtime);
    }

    /// Saves what is known of a domain, once at a time.
    fn save(&self, domain: &DomainName) {
        if !lock(self.shard(domain)).begin_saving(domain) {
            return;
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
        loop {
            match self.save_once(&domain).await {
                Next::Nothing => return,
                Next::AtOnce => {}
                Next::Later => {
                    sleep(SAVE_AGAIN).await;
                    if !lock(self.shard(&domain)).save_again(&domain) {
                        return;
                    }
                }
            }
        }
    }

    async fn save_once(&self, domain: &DomainName) -> Next {
        let now = self.shared.time.now();
        let Some(ToSave { snapshot, purged }) = lock(self.shard(domain)).next_to_save(domain, now)
        else {
            return Next::Nothing;
        };
        let saved = self.put(domain.clone(), snapshot, purged).await;
        if saved.is_err() {
            self.shared.metrics.store_failures.increment();
        }
        if let Err(error) = &saved
            && self.shared.failing.is_time()
        {
            tracing::error!(%domain, %error, source = source(error), "policies are not on the disk, answers go on from memory");
        }
        let mut shard = lock(self.shard(domain));
        match saved {
            Ok(()) | Err(StoreError::Refused { .. } | StoreError::Closed) => {
                if shard.saved(domain) { Next::AtOnce } else { Next::Nothing }
            }
            Err(_) => {
                shard.not_saved(domain, purged);
                Next::Later
            }
        }
    }

    async fn put(
        &self,
        domain: DomainName,
        snapshot: Snapshot,
        purged: bool,
    ) -> Result<(), StoreError> {
        let policies = &self.shared.policies;
        if snapshot.is_empty() {
            policies.forget(vec![domain]).await.map(|_| ())
        } else if purged {
            policies.replace(to_store(domain, snapshot)).await
        } else {
            policies.save(to_store(domain, snapshot)).await
        }
    }
}

/// Is there more to save?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    AtOnce,
    Later,
    Nothing,
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
