//! From configuration and stages to what is served.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use sealpost_rollout::{Stage, Time};
use sealpost_runtime::Clock;
use sealpost_store::{Rollouts, Settled, StoreError};
use tokio::sync::Mutex;

use super::{Held, Shelf, held::wants_a_look, policy_host};
use crate::{Domains, HostWay, PublishedDomain};

/// Bodies that are recorded together.
const BATCH: usize = 1_000;
/// Domains that are read together.
const PAGE: u32 = 10_000;
/// How long an answer with the old body may still be under way.
const SPREAD: Duration = Duration::from_secs(60);

/// Knows what is to be served.
pub(super) struct Source {
    rollouts: Rollouts,
    clock: Clock,
    held: Arc<Held>,
    /// One at a time.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    domains: Domains,
    /// The stage by which each domain is served now; none while the policy of its stage waits.
    served: HashMap<DomainName, Option<Stage>>,
    /// Bodies that are alike lie in memory once.
    bodies: HashSet<Arc<[u8]>>,
}

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refreshed {
    /// Domains of ours.
    pub domains: usize,
    /// Domains whose policy is another than before, or is new or gone.
    pub changed: usize,
    /// Domains whose policy is configured and not served before it is seen to cover every MX host.
    pub held: usize,
}

/// A body that is to be served from now on, or none.
struct Change {
    domain: DomainName,
    stage: Stage,
    body: Option<Arc<[u8]>>,
    standing: Standing,
}

/// Whether a body is the one that is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is, and is recorded before it is served.
    Configured,
    /// That one waits; this is the one that is recorded as served.
    Before,
    /// It is the one that is recorded as served, to the octet.
    Kept,
}

impl Source {
    pub(super) fn new(rollouts: Rollouts, clock: Clock, held: Arc<Held>) -> Self {
        Self { rollouts, clock, held, state: Mutex::default() }
    }

    /// Serves by these domains from now on. Those that are gone are not served any more.
    pub(super) async fn replace(
        &self,
        domains: Domains,
        shelf: &Shelf,
    ) -> Result<Refreshed, StoreError> {
        let mut state = self.state.lock().await;
        state.domains = domains;
        self.held.forget();
        // What is alike stays alike in memory; what nobody serves any more goes.
        state.bodies.retain(|body| Arc::strong_count(body) > 1);
        // Each is made anew. What is not recorded now is still missing here, and tried again.
        let State { domains, served, .. } = &mut *state;
        served.retain(|domain, _| !is_own(domains, domain));
        self.follow(&mut state, shelf).await
    }

    /// Serves by the stages of the store as they are now.
    pub(super) async fn refresh(&self, shelf: &Shelf) -> Result<Refreshed, StoreError> {
        let mut state = self.state.lock().await;
        self.follow(&mut state, shelf).await
    }

    async fn follow(&self, state: &mut State, shelf: &Shelf) -> Result<Refreshed, StoreError> {
        let stages = self.stages().await?;
        let State { domains, served, bodies } = state;
        let gone = served.keys().filter(|domain| !is_own(domains, domain));
        let mut changes: Vec<Change> = gone.map(|domain| Change::removal(domain.clone())).collect();
        let mut others = Vec::new();
        for published in domains.iter().filter(|published| published.host == HostWay::Own) {
            // Where the mode is fixed, the stage follows the policy and changes nothing.
            let stage = match published.mode.fixed() {
                None => stages.get(&published.domain).copied().unwrap_or(Stage::Nothing),
                Some(_) => Stage::Nothing,
            };
            if served.get(&published.domain) == Some(&Some(stage)) {
                continue;
            }
            // That it is not too large was seen when the configuration was read.
            let policy = published.policy(stage).ok().flatten();
            let asks_for_none =
                matches!(stage, Stage::Record | Stage::Prerequisites | Stage::Removed);
            if asks_for_none || policy.as_ref().is_some_and(|p| p.mode() == Mode::Enforce) {
                others.push((published, stage, policy));
                continue;
            }
            changes.push(Change::of(published, stage, policy.as_ref(), bodies));
        }
        let mut held = BTreeSet::new();
        // What becomes of these depends on what is served now.
        let recorded = if others.is_empty() { HashMap::new() } else { self.recorded().await? };
        for (published, stage, policy) in others {
            let before = recorded.get(&published.domain);
            let old = before.and_then(|body| Policy::parse(body).ok());
            let is_asked = policy.is_some();
            let after = match &policy {
                Some(_) => policy,
                None => published.policy_after(stage, old.as_ref()).ok().flatten(),
            };
            let mut change = Change::of(published, stage, after.as_ref(), bodies);
            let is_it = before.map(Vec::as_slice) == change.body.as_deref();
            change.standing = match (&after, &old) {
                _ if is_it => Standing::Configured,
                (Some(after), Some(old)) if wants_a_look(old, after) => {
                    held.insert(change.domain.clone());
                    Standing::Before
                }
                (Some(after), Some(old)) if !is_asked && after == old => Standing::Kept,
                // It goes when nobody asks for it any more: a pass writes that down.
                (None, _) if stage == Stage::Removed => Standing::Before,
                _ => Standing::Configured,
            };
            if change.standing != Standing::Configured {
                change.body = before.map(|body| kept(body.clone(), bodies));
            }
            changes.push(change);
        }
        let count = held.len();
        let refreshed = self.carry_out(state, changes, shelf).await?;
        self.held.set(held);
        Ok(Refreshed { held: count, ..refreshed })
    }

    /// What is served of each domain, as far as the store knows.
    async fn recorded(&self) -> Result<HashMap<DomainName, Vec<u8>>, StoreError> {
        let mut recorded = HashMap::new();
        let mut behind = None;
        loop {
            let page = self.rollouts.live_bodies(behind.clone(), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(recorded) };
            behind = Some(last.clone());
            recorded.extend(page);
        }
    }

    /// Records, and then serves.
    async fn carry_out(
        &self,
        state: &mut State,
        changes: Vec<Change>,
        shelf: &Shelf,
    ) -> Result<Refreshed, StoreError> {
        let mut changed = 0;
        for changes in changes.chunks(BATCH) {
            let mut put = Vec::new();
            let mut settled = Vec::new();
            let mut record = Vec::new();
            for Change { domain, body, standing, .. } in changes {
                let Some(host) = policy_host(domain) else { continue };
                if shelf.body(host.as_str()) != *body {
                    match (standing, settle(&state.domains, domain)) {
                        (Standing::Before | Standing::Kept, _) => {}
                        (_, Some(fixed)) => settled.push(fixed),
                        (_, None) => {
                            record.push((domain.clone(), body.as_deref().map(<[u8]>::to_vec)));
                        }
                    }
                    put.push((host, body.clone()));
                }
            }
            changed += put.len();
            if !put.is_empty() {
                let now = Time::at(self.clock.now().as_second());
                self.rollouts.settle_all(settled, now, SPREAD).await?;
                self.rollouts.serve_all(record, now, SPREAD).await?;
                shelf.put(put);
            }
            for Change { domain, stage, standing, .. } in changes {
                if is_own(&state.domains, domain) {
                    let is_it = *standing != Standing::Before;
                    state.served.insert(domain.clone(), is_it.then_some(*stage));
                } else {
                    state.served.remove(domain);
                }
            }
        }
        Ok(Refreshed { domains: state.served.len(), changed, held: 0 })
    }

    async fn stages(&self) -> Result<HashMap<DomainName, Stage>, StoreError> {
        let mut stages = HashMap::new();
        let mut behind = None;
        loop {
            let page = self.rollouts.domains(behind.clone(), PAGE).await?;
            let Some((last, ..)) = page.last() else { return Ok(stages) };
            behind = Some(last.clone());
            stages.extend(page.into_iter().map(|(domain, stage, _)| (domain, stage)));
        }
    }
}

/// What is recorded of a domain whose mode is fixed, whatever its stage.
fn settle(domains: &Domains, domain: &DomainName) -> Option<Settled> {
    let published = domains.of(domain).filter(|published| published.host == HostWay::Own)?;
    let stage = published.fixed_stage()?;
    let policy = published.policy(stage).ok().flatten()?;
    Some(Settled { domain: domain.clone(), stage, policy })
}

fn is_own(domains: &Domains, domain: &DomainName) -> bool {
    domains.of(domain).is_some_and(|published| published.host == HostWay::Own)
}

/// A body as it lies in memory once.
fn kept(body: Vec<u8>, known: &mut HashSet<Arc<[u8]>>) -> Arc<[u8]> {
    if let Some(known) = known.get(body.as_slice()) {
        return Arc::clone(known);
    }
    let body: Arc<[u8]> = body.into();
    known.insert(Arc::clone(&body));
    body
}

impl Change {
    fn of(
        published: &PublishedDomain,
        stage: Stage,
        policy: Option<&Policy>,
        bodies: &mut HashSet<Arc<[u8]>>,
    ) -> Self {
        let body = policy.map(|policy| kept(policy.to_string().into_bytes(), bodies));
        let domain = published.domain.clone();
        Self { domain, stage, body, standing: Standing::Configured }
    }

    fn removal(domain: DomainName) -> Self {
        Self { domain, stage: Stage::Removed, body: None, standing: Standing::Configured }
    }
}
