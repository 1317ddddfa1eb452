//! From configuration and stages to what is served.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use sealpost_net::Network;
use sealpost_rollout::{Actor, Entry, Event, Horizon, Stage, Time};
use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{Hosted, Rollouts, Settled, StoreError, read_clock};
use tokio::{sync::Mutex, task::JoinSet};

use super::{
    Held, Shelf,
    held::wants_a_look,
    newcomers::{self, Newcomers, Obstacle},
    policy_host,
};
use crate::{Domains, HostWay, PublishedDomain, certificates::Whereabouts, drive};

/// Bodies that are recorded together.
const BATCH: usize = 1_000;
/// Domains that are read together.
const PAGE: u32 = 10_000;
/// How long an answer with the old body may still be under way.
const SPREAD: Duration = Duration::from_secs(60);
/// Newcomers that are looked at together.
const AT_ONCE: usize = 64;
/// From one look at a domain that was taken out to the next.
const HOURLY: Duration = Duration::from_secs(3_600);
/// For how long the looks at newcomers are gathered before what came of them is carried out.
const GATHERED: Duration = Duration::from_secs(1);

/// Knows what is to be served.
pub(super) struct Source {
    /// How this host is called among those that share the store.
    name: String,
    rollouts: Rollouts,
    clock: Clock,
    held: Arc<Held>,
    network: Network,
    /// How many newcomers wait.
    waiting: AtomicUsize,
    /// How many domains were taken out and are served on, and whether others than before.
    parted: AtomicUsize,
    has_parted: AtomicBool,
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
    newcomers: Newcomers,
    /// Whether it is known which domains were taken out.
    is_sorted: bool,
    /// Domains that were taken out of the configuration, and whose policy senders may hold.
    gone: HashMap<DomainName, Gone>,
    /// Those whose policy nobody can hold any more.
    over: HashSet<DomainName>,
    /// Those that are for another host to serve which shares the store.
    elsewhere: HashSet<DomainName>,
    /// How often other domains were configured.
    turn: u64,
}

/// A domain that was taken out of the configuration.
#[derive(Debug)]
struct Gone {
    /// Until when senders may hold its policy.
    horizon: Horizon,
    /// Since it was looked at in the DNS.
    looked: Option<Stopwatch>,
    /// Whether its policy lies on the shelf.
    is_served: bool,
    /// Where its policy host is to be found, as it was configured last.
    whereabouts: Whereabouts,
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
    /// Domains that the store does not know, and that are looked at before they are taken up.
    pub new: usize,
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
    /// It is the one that is recorded as served, to the octet; so it is of a domain that is configured
    /// no longer. Or another host records what is served.
    Kept,
}

impl Source {
    pub(super) fn new(
        name: String,
        rollouts: Rollouts,
        (clock, network): (Clock, Network),
        held: Arc<Held>,
    ) -> Self {
        let (waiting, parted) = (AtomicUsize::default(), AtomicUsize::default());
        let (has_parted, state) = (AtomicBool::default(), Mutex::default());
        Self { name, rollouts, clock, held, network, waiting, parted, has_parted, state }
    }

    /// How many domains wait for a look at what is live of them, or for a person because of it.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many domains were taken out of the configuration, and are served on.
    pub(super) fn parted(&self) -> usize {
        self.parted.load(Ordering::Relaxed)
    }

    /// Whether those are others than when this was asked the last time.
    pub(super) fn has_parted(&self) -> bool {
        self.has_parted.swap(false, Ordering::Relaxed)
    }

    /// The domains that were taken out of the configuration, and are served on; with where their policy
    /// hosts are to be found. `None` if that could not be told yet.
    pub(super) async fn gone(&self) -> Option<Vec<(DomainName, Whereabouts)>> {
        let state = self.state.lock().await;
        let gone = state.gone.iter();
        let gone = gone.map(|(domain, gone)| (domain.clone(), gone.whereabouts.clone()));
        state.is_sorted.then(|| gone.collect())
    }

    /// Serves by these domains from now on. Those that are gone are served as they are for as long as
    /// senders may hold their policy.
    pub(super) async fn replace(
        &self,
        domains: Domains,
        shelf: &Shelf,
    ) -> Result<Refreshed, StoreError> {
        let mut state = self.state.lock().await;
        state.domains = domains;
        state.turn = state.turn.wrapping_add(1);
        state.is_sorted = false;
        state.newcomers.forget();
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

    /// Looks at what is live of the newcomers whose look is due. Who may be taken up is served, also
    /// while others are looked at.
    pub(super) async fn look_at_newcomers(&self, shelf: &Shelf) -> Result<(), StoreError> {
        let (turn, due) = {
            let state = self.state.lock().await;
            let due = state.newcomers.due().filter_map(|domain| state.domains.of(domain));
            let due: Vec<_> = due.map(|one| (one.domain.clone(), one.fixed_id())).collect();
            (state.turn, due)
        };
        let (mut due, mut running, mut looked) = (due.into_iter(), JoinSet::new(), Vec::new());
        let mut watch = Stopwatch::start();
        loop {
            while running.len() < AT_ONCE
                && let Some((domain, own)) = due.next()
            {
                let network = self.network.clone();
                running.spawn(async move {
                    let found = newcomers::look(&network, &domain, own.as_ref()).await;
                    (domain, found)
                });
            }
            let Some(ended) = running.join_next().await else { break };
            // One that panicked is still due.
            looked.extend(ended);
            if watch.elapsed() >= GATHERED {
                if !self.take_up(turn, std::mem::take(&mut looked), shelf).await? {
                    return Ok(());
                }
                watch = Stopwatch::start();
            }
        }
        self.take_up(turn, looked, shelf).await.map(drop)
    }

    /// Takes down what looks have found, and carries it out; unless they are looked at again, because
    /// other domains were configured meanwhile.
    async fn take_up(
        &self,
        turn: u64,
        looked: Vec<(DomainName, Result<(), Obstacle>)>,
        shelf: &Shelf,
    ) -> Result<bool, StoreError> {
        let mut state = self.state.lock().await;
        if state.turn != turn {
            return Ok(false);
        }
        if looked.is_empty() {
            return Ok(true);
        }
        let mut news = Vec::new();
        for (domain, found) in looked {
            news.extend(state.newcomers.take(&domain, found).map(|obstacle| (domain, obstacle)));
        }
        self.follow(&mut state, shelf).await?;
        drop(state);
        let now = self.now();
        let told = news.iter().map(|(domain, obstacle)| (domain.clone(), obstacle.into()));
        let written = drive::turn_away(&self.rollouts, told, (now, now)).await;
        // After it is written: whoever reads this and asks `publish status` is told the same.
        tell(&news);
        written.map(|()| true)
    }

    /// Looks whether senders can still come by the policies of domains that were taken out. What
    /// nobody can hold any more is let go.
    pub(super) async fn look_at_gone(&self, shelf: &Shelf) -> Result<(), StoreError> {
        let now = self.now();
        let (turn, due) = {
            let state = self.state.lock().await;
            let is_due = |gone: &Gone| {
                !gone.horizon.is_ahead(now)
                    || gone.looked.as_ref().is_none_or(|looked| looked.elapsed() >= HOURLY)
            };
            let due = state.gone.iter().filter(|(_, gone)| is_due(gone));
            let due: Vec<_> = due.map(|(domain, _)| domain.clone()).collect();
            (state.turn, due)
        };
        let (mut due, mut running, mut looked) = (due.into_iter(), JoinSet::new(), Vec::new());
        loop {
            while running.len() < AT_ONCE
                && let Some(domain) = due.next()
            {
                let (network, rollouts) = (self.network.clone(), self.rollouts.clone());
                let reading = read_clock(&self.clock);
                running.spawn(async move {
                    let parting =
                        drive::look_at_parting(&network, &rollouts, &domain, &reading).await;
                    (domain, parting)
                });
            }
            let Some(ended) = running.join_next().await else { break };
            // One that panicked is still due.
            looked.extend(ended);
        }
        if looked.is_empty() {
            return Ok(());
        }
        let mut state = self.state.lock().await;
        if state.turn != turn {
            return Ok(());
        }
        let now = self.now();
        for (domain, parting) in looked {
            let horizon = parting?.horizon;
            if !horizon.is_ahead(now) {
                state.gone.remove(&domain);
                state.over.insert(domain);
            } else if let Some(gone) = state.gone.get_mut(&domain) {
                (gone.horizon, gone.looked) = (horizon, Some(Stopwatch::start()));
            }
        }
        self.let_go(&mut state, shelf).await
    }

    /// Finds out which domains of those that are served here are configured no longer, and says so.
    /// Whoever may still hold their policy must not find it gone.
    async fn sort_out(&self, state: &mut State) -> Result<(), StoreError> {
        self.forget_turned_away(&state.domains).await?;
        let (mut gone, mut over) = (HashMap::new(), HashSet::new());
        let mut elsewhere = HashSet::new();
        let mut behind = None;
        loop {
            let page = self.rollouts.hosted(&self.name, behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.domain.clone());
            let mut moved = Vec::new();
            for Hosted { domain, taken_out_at, is_elsewhere, whereabouts } in page {
                let reading = read_clock(&self.clock);
                let entry = |event: Event, grounds: Vec<String>| Entry {
                    at: reading.now,
                    by: Actor::Itself,
                    event,
                    grounds,
                };
                let published = state.domains.of(&domain);
                if let Some(published) = published.filter(|one| one.host == HostWay::Own) {
                    let now = Whereabouts::of(published).write();
                    if whereabouts.as_ref() != Some(&now) {
                        moved.push((domain.clone(), now));
                    }
                }
                match (published.map(|published| published.host), taken_out_at) {
                    (Some(HostWay::Own), None) => {}
                    (Some(HostWay::Own), Some(_)) => {
                        let entry = entry(Event::TakenBack, Vec::new());
                        self.rollouts.take_back(&self.name, domain, entry).await?;
                    }
                    (Some(HostWay::External), _) => {
                        self.rollouts.host_elsewhere(&self.name, domain).await?;
                    }
                    (None, _) if is_elsewhere => {
                        self.rollouts.host_elsewhere(&self.name, domain.clone()).await?;
                        tracing::info!("{domain}: another host that shares the store serves it");
                        elsewhere.insert(domain);
                    }
                    (None, _) => {
                        let (rollouts, is_new) = (&self.rollouts, taken_out_at.is_none());
                        let parting =
                            drive::reckon_parting(rollouts, &domain, is_new, &reading).await?;
                        if !parting.horizon.is_ahead(reading.now) {
                            over.insert(domain);
                            continue;
                        }
                        let entry = entry(Event::TakenOut, vec![parting.words.clone()]);
                        self.rollouts.take_out(&self.name, domain.clone(), entry).await?;
                        tracing::warn!(
                            "{domain}: taken out of the configuration; {}",
                            parting.words
                        );
                        let known = Gone {
                            horizon: parting.horizon,
                            looked: None,
                            is_served: false,
                            whereabouts: Whereabouts::read(whereabouts.as_deref()),
                        };
                        gone.insert(domain, known);
                    }
                }
            }
            self.rollouts.host(&self.name, moved).await?;
        }
        (state.gone, state.over, state.is_sorted) = (gone, over, true);
        state.elsewhere = elsewhere;
        self.has_parted.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Nobody needs to know why a domain was not taken up that is configured no longer. One that is not
    /// configured here may be another host's, where hosts have names.
    async fn forget_turned_away(&self, domains: &Domains) -> Result<(), StoreError> {
        let mut behind = None;
        while self.name.is_empty() {
            let mut page = self.rollouts.turned_away(behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.clone());
            page.retain(|domain| domains.of(domain).is_none());
            self.rollouts.forget_turned_away(page).await?;
        }
        Ok(())
    }

    /// Lets those go whose policy nobody can hold any more: they are served no longer, and if they
    /// come back they are new.
    async fn let_go(&self, state: &mut State, shelf: &Shelf) -> Result<(), StoreError> {
        self.parted.store(state.gone.len(), Ordering::Relaxed);
        let over: Vec<DomainName> = state.over.iter().cloned().collect();
        for domains in over.chunks(BATCH) {
            let (by, event) = (Actor::Itself, Event::LetGo);
            let entry = Entry { at: self.now(), by, event, grounds: Vec::new() };
            self.rollouts.let_go(&self.name, domains.to_vec(), entry, SPREAD).await?;
            shelf.put(domains.iter().filter_map(policy_host).map(|host| (host, None)));
            for domain in domains {
                tracing::info!("{domain}: let go, and its policy is served no longer");
                self.has_parted.store(true, Ordering::Relaxed);
                state.over.remove(domain);
                state.served.remove(domain);
            }
        }
        Ok(())
    }

    async fn follow(&self, state: &mut State, shelf: &Shelf) -> Result<Refreshed, StoreError> {
        if !state.is_sorted {
            self.sort_out(state).await?;
        }
        self.let_go(state, shelf).await?;
        let stages = self.stages().await?;
        let State { domains, served, bodies, newcomers, gone, elsewhere, .. } = state;
        newcomers.retain(|domain| !stages.contains_key(domain));
        let leave =
            served.keys().filter(|domain| !is_own(domains, domain) && !gone.contains_key(*domain));
        let mut changes: Vec<Change> =
            leave.map(|domain| Change::removal(domain, elsewhere.contains(domain))).collect();
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
            let is_new =
                published.mode.fixed().is_some() && !stages.contains_key(&published.domain);
            if is_new && !newcomers.may_begin(&published.domain) {
                served.insert(published.domain.clone(), None);
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
        let is_known = others.is_empty() && gone.values().all(|gone| gone.is_served);
        let recorded = if is_known { HashMap::new() } else { self.recorded().await? };
        for (domain, _) in gone.iter().filter(|(_, gone)| !gone.is_served) {
            let body = recorded.get(domain).map(|body| kept(body.clone(), bodies));
            let (domain, stage, standing) = (domain.clone(), Stage::Removed, Standing::Kept);
            changes.push(Change { domain, stage, body, standing });
        }
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
        let (count, new) = (held.len(), newcomers.count());
        self.waiting.store(new, Ordering::Relaxed);
        let refreshed = self.carry_out(state, changes, shelf).await?;
        self.held.set(held);
        Ok(Refreshed { held: count, new, ..refreshed })
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
            let mut hosted = Vec::new();
            for Change { domain, body, standing, .. } in changes {
                let Some(host) = policy_host(domain) else { continue };
                let before = shelf.body(host.as_str());
                if before != *body {
                    match (standing, settle(&state.domains, domain)) {
                        (Standing::Before | Standing::Kept, _) => {}
                        (_, Some(fixed)) => settled.push(fixed),
                        (_, None) => {
                            record.push((domain.clone(), body.as_deref().map(<[u8]>::to_vec)));
                        }
                    }
                    if before.is_none() && body.is_some() {
                        let own = state.domains.of(domain);
                        let own = own.filter(|published| published.host == HostWay::Own);
                        hosted.extend(
                            own.map(|published| {
                                (domain.clone(), Whereabouts::of(published).write())
                            }),
                        );
                    }
                    put.push((host, body.clone()));
                }
            }
            changed += put.len();
            if !put.is_empty() {
                let now = self.now();
                self.rollouts.host(&self.name, hosted).await?;
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
                    if let Some(gone) = state.gone.get_mut(domain) {
                        gone.is_served = true;
                    }
                }
            }
        }
        Ok(Refreshed { domains: state.served.len(), changed, held: 0, new: 0 })
    }

    fn now(&self) -> Time {
        Time::at(self.clock.now().as_second())
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

/// Says in the log why newcomers wait: of many at a resolver that does not answer, one is enough.
fn tell(news: &[(DomainName, Obstacle)]) {
    let mut unknown = Vec::new();
    for (domain, obstacle) in news {
        match obstacle {
            Obstacle::Live { .. } => tracing::warn!("{domain}: {obstacle}"),
            Obstacle::Unknown { .. } => unknown.push((domain, obstacle)),
        }
    }
    match unknown.as_slice() {
        [] => {}
        [(domain, obstacle)] => tracing::warn!("{domain}: {obstacle}"),
        [(domain, obstacle), others @ ..] => {
            tracing::warn!("{domain}, and {} others: {obstacle}", others.len());
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

    fn removal(domain: &DomainName, is_served_elsewhere: bool) -> Self {
        let standing = if is_served_elsewhere { Standing::Kept } else { Standing::Configured };
        Self { domain: domain.clone(), stage: Stage::Removed, body: None, standing }
    }
}
