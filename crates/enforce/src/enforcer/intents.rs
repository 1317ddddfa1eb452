//! What the operator has asked for through the store.

use std::{collections::BTreeSet, sync::Arc};

use mail_domain::DomainName;
use mta_sts::cache::{Entry, Event};
use sealpost_net::Freshness;
use sealpost_store::{Intent, Intents, StoreError, Verb};
use tokio::time::{Duration, sleep};

use super::{Enforcer, Shared, TICK, lock};
use crate::saved::from_store;

/// How many intents are carried out at a time, at most.
const BATCH: usize = 256;
/// How soon it goes on while there are more.
const PAUSE: Duration = Duration::from_millis(100);

impl Enforcer {
    /// Carries out intents as they come, from now on.
    pub(super) fn carry_out_intents(&self, intents: Intents) {
        let weak = Arc::downgrade(&self.shared);
        self.keep_doing("what the operator asks for", move || {
            let (weak, intents) = (weak.clone(), intents.clone());
            async move {
                // A store that cannot be written keeps them; they are not to be done every second.
                let mut carried_out = BTreeSet::new();
                loop {
                    let Some(shared) = weak.upgrade() else { return };
                    let enforcer = Self { shared };
                    let pause = match enforcer.carry_out_some(&intents, &mut carried_out).await {
                        Ok(More::Perhaps) => PAUSE,
                        Ok(More::No) => TICK,
                        Err(StoreError::Closed) => return,
                        Err(error) => {
                            if enforcer.shared.failing.is_time() {
                                tracing::error!(%error, "what the operator asked for has to wait");
                            }
                            TICK
                        }
                    };
                    drop(enforcer);
                    sleep(pause).await;
                }
            }
        });
    }

    /// Carries out the oldest intents, and removes them. Half of the look-ups and fetches that may
    /// run at a time are left to those who wait for an answer; and none is begun that would wait
    /// for its turn so long that its entry gives it up.
    async fn carry_out_some(
        &self,
        intents: &Intents,
        carried_out: &mut BTreeSet<i64>,
    ) -> Result<More, StoreError> {
        let Shared { look_ups, fetches, .. } = &*self.shared;
        let free = look_ups.free().min(fetches.free());
        let limit = (free / 2).clamp(1, BATCH);
        let pending = intents.pending(u32::try_from(limit).unwrap_or(u32::MAX)).await?;
        carried_out.extend(pending.unreadable);
        for intent in pending.intents {
            if !carried_out.contains(&intent.id) {
                self.carry_out(&intent).await?;
                carried_out.insert(intent.id);
            }
        }
        let more = if carried_out.len() < limit { More::No } else { More::Perhaps };
        if !carried_out.is_empty() {
            intents.done(carried_out.iter().copied().collect()).await?;
            carried_out.clear();
        }
        Ok(more)
    }

    /// Does it; doing it twice does no harm.
    async fn carry_out(&self, intent: &Intent) -> Result<(), StoreError> {
        let Intent { verb, domain, .. } = intent;
        match verb {
            Verb::Refresh => {
                self.take_from_store(domain).await?;
                tracing::info!(%domain, "refreshed at the operator's wish");
                self.act_on(domain, Event::Refresh, Freshness::Now);
            }
            Verb::Warm => {
                if lock(self.shard(domain)).slot(domain).is_none() {
                    self.act_on(domain, Event::Asked, Freshness::Now);
                }
            }
            Verb::Purge => {
                // First on the disk, so that what is done has no way back. What is being saved
                // meanwhile is followed by a saving of the purged entry.
                self.shared.policies.forget(vec![domain.clone()]).await?;
                tracing::warn!(%domain, "purged at the operator's wish");
                self.act(domain, Event::Purge);
            }
        }
        Ok(())
    }

    /// Takes in what another process may have stored, unless a policy applies already.
    async fn take_from_store(&self, domain: &DomainName) -> Result<(), StoreError> {
        let Some(remembered) = self.shared.policies.load(domain.clone()).await? else {
            return Ok(());
        };
        let (domain, snapshot) = from_store(remembered);
        let now = self.shared.time.now();
        let entry = Entry::restore(snapshot, now, self.shared.time.jitter());
        lock(self.shard(&domain)).take_over(&domain, entry, self.limit(), now);
        Ok(())
    }
}

/// May there be more to carry out?
enum More {
    Perhaps,
    No,
}
