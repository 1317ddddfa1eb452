//! Servers that do not change at the same time, and senders that ask them.

use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::{Mode, MxPattern, Policy, PolicyId};
use proptest::arbitrary::StrategyFor;
use proptest::{prelude::*, test_runner::TestCaseError};
use sealpost_rollout::Timing;

/// Servers of each kind.
const SERVERS: usize = 3;
/// The longest that a fetch takes, in seconds.
const LONGEST_FETCH: u64 = 120;

/// What one kind of server says, by server, each with when it begins to say so.
#[derive(Debug)]
struct Told<T> {
    servers: [Vec<(u64, T)>; SERVERS],
    spread: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    bodies: Told<Option<Policy>>,
    ids: Told<Option<PolicyId>>,
    mx: Told<Vec<DomainName>>,
    retired: Vec<(u64, DomainName)>,
    /// When the policy host was switched off.
    host_gone_at: Option<u64>,
    txt_ttl: u64,
    mx_ttl: u64,
    lags: Vec<u8>,
    changes: Vec<u64>,
    plan_begins: u64,
    /// How many of the changes were before.
    changes_before: usize,
    old_hosts: Vec<DomainName>,
}

/// One attempt of a sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wake {
    change: u8,
    offset: u8,
    fine: u16,
    pub(crate) dice: u16,
}

impl Arbitrary for Wake {
    type Parameters = ();
    type Strategy =
        prop::strategy::Map<StrategyFor<(u8, u8, u16, u16)>, fn((u8, u8, u16, u16)) -> Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        any::<(u8, u8, u16, u16)>().prop_map(|(change, offset, fine, dice)| Self {
            change,
            offset,
            fine,
            dice,
        })
    }
}

impl<T: Clone + PartialEq> Told<T> {
    fn new(first: T, spread: Duration) -> Self {
        let servers = [(); SERVERS].map(|()| vec![(0, first.clone())]);
        Self { servers, spread: spread.as_secs() }
    }

    fn change(&mut self, at: u64, to: &T, lags: &mut impl Iterator<Item = u8>) {
        for server in &mut self.servers {
            // The first and the last of what is allowed are the most telling.
            let lag = match lags.next().unwrap() {
                0..96 => 0,
                96..192 => self.spread,
                part => self.spread * u64::from(part) / 256,
            };
            // What a server was told later holds, however late the earlier comes.
            server.retain(|(since, _)| *since < at + lag);
            server.push((at + lag, to.clone()));
        }
    }

    fn at(&self, server: usize, time: u64) -> &T {
        let told = &self.servers[server % SERVERS];
        &told.iter().rev().find(|(since, _)| *since <= time).unwrap().1
    }
}

impl World {
    pub(crate) fn new(lags: &[u8], timing: &Timing, mx_ttl: Duration) -> Self {
        Self {
            bodies: Told::new(None, timing.body_spread),
            ids: Told::new(None, timing.zone_spread),
            mx: Told::new(Vec::new(), timing.zone_spread),
            retired: Vec::new(),
            host_gone_at: None,
            txt_ttl: timing.txt_ttl.as_secs(),
            mx_ttl: mx_ttl.as_secs(),
            lags: lags.to_vec(),
            changes: Vec::new(),
            plan_begins: u64::MAX,
            changes_before: 0,
            old_hosts: Vec::new(),
        }
    }

    pub(crate) fn serve(&mut self, at: u64, policy: Option<Policy>) {
        if policy.is_none() {
            self.host_gone_at = Some(at);
        }
        let mut lags = self.lags(at);
        self.bodies.change(at, &policy, &mut lags);
    }

    pub(crate) fn announce(&mut self, at: u64, id: Option<PolicyId>) {
        let mut lags = self.lags(at);
        self.ids.change(at, &id, &mut lags);
    }

    pub(crate) fn set_mx(&mut self, at: u64, hosts: Vec<DomainName>) {
        let mut lags = self.lags(at);
        self.mx.change(at, &hosts, &mut lags);
    }

    pub(crate) fn retire(&mut self, at: u64, hosts: &[DomainName]) {
        self.changes.push(at);
        self.retired.extend(hosts.iter().map(|host| (at, host.clone())));
    }

    pub(crate) fn plan_begins(&mut self, at: u64) {
        self.plan_begins = at;
        self.changes_before = self.changes.len();
        self.old_hosts = self.mx.at(0, at).clone();
    }

    /// What is served and announced when all servers agree.
    pub(crate) fn live(&self, at: u64) -> (Option<Policy>, Option<PolicyId>) {
        (self.bodies.at(0, at).clone(), self.ids.at(0, at).clone())
    }

    /// Lags for the change at this time, another piece of them each time.
    fn lags(&mut self, at: u64) -> impl Iterator<Item = u8> + use<> {
        self.changes.push(at);
        self.lags.rotate_left(SERVERS);
        self.lags.clone().into_iter().cycle()
    }

    /// When the attempts are: close before and after changes, or one lifetime behind them.
    pub(crate) fn times_of(&self, wakes: &[Wake]) -> Vec<(u64, Wake)> {
        let time = |wake: &Wake| {
            // Half of them at what the plan changes.
            let before = self.changes_before.min(self.changes.len() - 1);
            let from = if wake.offset >= 128 { before } else { 0 };
            let place = from + usize::from(wake.change) % (self.changes.len() - from);
            let change = self.changes[place];
            let fine = u64::from(wake.fine % 256);
            match wake.offset % 12 {
                0 => change.saturating_sub(1),
                1 => change.saturating_sub(fine),
                2 => change,
                3 => change + 1,
                4 => change + fine,
                5 => change + self.bodies.spread.saturating_sub(1),
                6 => change + self.ids.spread.saturating_sub(1),
                7 => change + self.txt_ttl.saturating_sub(fine % 3),
                8 => change + self.ids.spread + self.txt_ttl.saturating_sub(1),
                9 => change + self.ids.spread + self.mx_ttl.saturating_sub(1),
                10 => change + u64::from(wake.fine) * 40,
                _ => change.saturating_sub(u64::from(wake.fine) * 40),
            }
        };
        let mut times: Vec<_> = wakes.iter().map(|wake| (time(wake), *wake)).collect();
        times.sort_by_key(|(at, _)| *at);
        times
    }
}

pub(crate) fn host(name: &str) -> DomainName {
    name.parse().unwrap()
}

/// A host that this pattern stands for.
pub(crate) fn a_host_of(pattern: &MxPattern) -> DomainName {
    if pattern.is_wildcard() {
        pattern.base().child("mx-7").unwrap()
    } else {
        pattern.base().clone()
    }
}

/// A sender that honours policies.
pub(crate) struct Sender {
    /// Takes an unchanged id for a reason to go on with what it holds.
    extends: bool,
    /// Looks at the id while it holds a policy: never, now and then, always.
    looks: u8,
    held: Option<Held>,
    txt: Option<(Option<PolicyId>, u64)>,
    mx: Option<(Vec<DomainName>, u64)>,
}

struct Held {
    id: PolicyId,
    policy: Policy,
    until: u64,
    fetched_at: u64,
}

impl Sender {
    pub(crate) fn new(habits: u8) -> Self {
        let looks = habits / 2 % 3;
        Self { extends: habits.is_multiple_of(2), looks, held: None, txt: None, mx: None }
    }

    /// An attempt to deliver: RFC 8461 §5.1, with the cache rules of §3.3.
    pub(crate) fn deliver(
        &mut self,
        world: &World,
        at: u64,
        wake: Wake,
    ) -> Result<(), TestCaseError> {
        let dice = |shift: u16| usize::from(wake.dice >> shift);
        let hosts = self.mx(world, at, dice(0)).to_vec();
        let is_held = self.held.as_ref().is_some_and(|held| held.until > at);
        let looks = !is_held || self.looks == 2 || (self.looks == 1 && dice(2) % 2 == 0);
        let fetch_works = dice(3) % 8 != 0;
        if looks && let Some(id) = self.txt(world, at, dice(6)).clone() {
            let is_gone = world.host_gone_at.is_some_and(|gone| gone <= at);
            prop_assert!(!is_gone, "{id} is seen at {at}, and the policy host is off");
            let same = self.held.as_mut().filter(|held| is_held && held.id == id);
            match same {
                Some(held) if self.extends => {
                    held.until = at + u64::from(held.policy.max_age().as_secs());
                }
                Some(_) => {}
                None if fetch_works => self.fetch(world, at, id, wake),
                None => {}
            }
        } else if is_held && dice(8) % 8 == 0 && fetch_works {
            // A refresh in the background, under the id that it knows.
            let id = self.held.as_ref().unwrap().id.clone();
            self.fetch(world, at, id, wake);
        }
        self.judge(world, at, &hosts)
    }

    fn mx(&mut self, world: &World, at: u64, server: usize) -> &[DomainName] {
        if self.mx.as_ref().is_none_or(|(_, until)| *until <= at) {
            self.mx = Some((world.mx.at(server, at).clone(), at + world.mx_ttl));
        }
        &self.mx.as_ref().unwrap().0
    }

    fn txt(&mut self, world: &World, at: u64, server: usize) -> &Option<PolicyId> {
        if self.txt.as_ref().is_none_or(|(_, until)| *until <= at) {
            self.txt = Some((world.ids.at(server, at).clone(), at + world.txt_ttl));
        }
        &self.txt.as_ref().unwrap().0
    }

    fn fetch(&mut self, world: &World, at: u64, id: PolicyId, wake: Wake) {
        // The body is the server's at the beginning; its age is counted from the end.
        if let Some(policy) = world.bodies.at(usize::from(wake.dice >> 10), at).clone() {
            let end = at + u64::from(wake.fine) % LONGEST_FETCH;
            let until = end + u64::from(policy.max_age().as_secs());
            self.held = Some(Held { id, policy, until, fetched_at: at });
        }
    }

    fn judge(&self, world: &World, at: u64, hosts: &[DomainName]) -> Result<(), TestCaseError> {
        for (since, host) in &world.retired {
            prop_assert!(*since > at || !hosts.contains(host), "{host} is off, and seen at {at}");
        }
        let Some(held) = self.held.as_ref().filter(|held| held.until > at) else { return Ok(()) };
        let is_old_fault = hosts == world.old_hosts && held.fetched_at < world.plan_begins;
        if held.policy.mode() != Mode::Enforce || is_old_fault {
            return Ok(());
        }
        let refused = hosts.iter().find(|host| held.policy.covers(host).is_none());
        prop_assert!(
            refused.is_none(),
            "at {at} mail to {} is held back by the policy fetched at {} under {}: {}",
            refused.unwrap(),
            held.fetched_at,
            held.id,
            held.policy
        );
        Ok(())
    }
}
