//! A domain over weeks: passes and a policy host as they are, time and the world simulated, and
//! senders that do what RFC 8461 lets them do.

use std::collections::HashMap;

use mta_sts::{Mode, Policy, PolicyId};
use sealpost_evidence::Evidence;
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_rollout::Witness;
use sealpost_runtime::Clock;
use sealpost_store::{Settings, Store};

use super::super::seen::{HostSeen, IdSeen, RuaSeen, Ttl};
use super::*;
use crate::{Domains, PolicyHost, Section};

const START: i64 = 1_793_491_200;
const DAY: i64 = 86_400;
const HOST: &str = "mta-sts.a.test";
/// The TTL of the STS record and of the MX records.
const TTL: i64 = 3_600;

/// What was so, each since when.
type Line<T> = Vec<(i64, T)>;

struct World {
    _folder: tempfile::TempDir,
    store: Store,
    driver: Driver,
    network: Network,
    evidence: Evidence,
    domain: DomainName,
    terms: String,
    /// As it is, whatever the clock shows.
    now: i64,
    /// By how much the clock is ahead.
    ahead: i64,
    /// How often the machine was started, and when.
    boot: (u32, i64),
    bodies: Line<Option<Policy>>,
    ids: Line<Option<PolicyId>>,
    mx: Line<Vec<DomainName>>,
    stages: Line<Stage>,
}

fn network() -> Network {
    let resolvers = vec!["127.0.0.1:1".parse().unwrap()];
    let settings = NetworkSettings { resolvers, ..NetworkSettings::default() };
    Network::new(settings, Clock::system()).unwrap()
}

fn order(to: Stage) -> Order {
    Order { to, by: "Kim".to_owned(), reason: "asked for".to_owned(), force: false }
}

/// Until when each was so.
fn spans<T>(line: &[(i64, T)]) -> impl Iterator<Item = (i64, i64, &T)> {
    let ends = line.iter().skip(1).map(|(since, _)| *since).chain([i64::MAX]);
    line.iter().zip(ends).map(|((since, what), until)| (*since, until, what))
}

impl World {
    async fn new(stage: Stage, terms: &str, mx: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let domain: DomainName = "a.test".parse().unwrap();
        let enrolled =
            store.rollouts().enrol(domain.clone(), stage, Time::at(START), Past::Nothing).await;
        assert!(enrolled.unwrap());
        let network = network();
        let driver = Driver::new(store.clone(), network.clone(), HashMap::new());
        let terms = format!("host = \"own\"\n{terms}");
        let evidence = driver.look(configured(&terms).iter().next().unwrap()).await;
        let mut world = Self {
            _folder: folder,
            store,
            driver,
            network,
            evidence,
            domain,
            terms,
            now: START,
            ahead: 0,
            boot: (1, START - 100),
            bodies: vec![(0, None)],
            ids: vec![(0, None)],
            mx: Vec::new(),
            stages: vec![(0, stage)],
        };
        world.publish_mx(mx);
        world
    }

    fn publish_mx(&mut self, mx: &[&str]) {
        self.mx.push((self.now, mx.iter().map(|host| host.parse().unwrap()).collect()));
    }

    fn configure(&mut self, terms: &str) {
        self.terms = format!("host = \"own\"\n{terms}");
    }

    /// What the clock shows.
    fn clock(&self) -> i64 {
        self.now + self.ahead
    }

    fn reading(&self) -> ClockReading {
        let (boot, since) = self.boot;
        let up = std::time::Duration::from_secs((self.now - since).unsigned_abs());
        let witness = Witness::Machine { boot: format!("boot {boot}"), up };
        ClockReading { now: Time::at(self.clock()), witness }
    }

    fn start_again(&mut self) {
        self.boot = (self.boot.0 + 1, self.now);
    }

    fn stage(&self) -> Stage {
        self.stages.last().unwrap().1
    }

    fn served(&self) -> Option<&Policy> {
        self.bodies.last().unwrap().1.as_ref()
    }

    /// The policy host as it serves now, after a start.
    async fn serve(&mut self) {
        let clock = Clock::simulated(jiff::Timestamp::from_second(self.clock()).unwrap());
        let (section, domains) = (Section::default(), configured(&self.terms));
        let network = self.network.clone();
        let host =
            PolicyHost::prepare(&section, domains, &self.store, network, clock).await.unwrap();
        let body = host.served(HOST).map(|body| Policy::parse(&body).unwrap());
        if self.bodies.last().unwrap().1 != body {
            self.bodies.push((self.now, body));
        }
    }

    /// A pass, and what the operator does because of it; then the time until the next is over.
    async fn pass(&mut self, order: Option<&Order>) -> Pass {
        self.serve().await;
        let ttl = std::time::Duration::from_secs(TTL.unsigned_abs());
        let seen = Seen {
            host: match self.served() {
                None => HostSeen::Nothing,
                Some(policy) => HostSeen::Bodies {
                    bodies: vec![policy.to_string().into_bytes()],
                    everywhere: true,
                },
            },
            addresses: Vec::new(),
            id: match &self.ids.last().unwrap().1 {
                None => IdSeen::Nothing,
                Some(id) => IdSeen::Id(id.clone(), Ttl::Published(ttl)),
            },
            rua: RuaSeen::To(Vec::new()),
            mail_hosts: Some((self.mx.last().unwrap().1.clone(), Ttl::Published(ttl))),
        };
        let all = configured(&self.terms);
        let published = all.of(&self.domain).unwrap();
        let (reading, looked) = (self.reading(), (&self.evidence, &seen));
        let pass =
            self.driver.pass_on(published, &reading, Doing::All, order, looked).await.unwrap();
        if self.stage() != pass.stage {
            self.stages.push((self.now, pass.stage));
        }
        self.now += 10;
        self.serve().await;
        for todo in &pass.todo {
            if let Some((_, id)) = todo.split_once("id=").filter(|_| todo.starts_with("set _mta")) {
                let id: String = id.chars().take_while(char::is_ascii_alphanumeric).collect();
                self.ids.push((self.now, Some(id.parse().unwrap())));
            } else if todo.starts_with("remove the TXT record") {
                self.ids.push((self.now, None));
            }
        }
        self.now = (pass.due.seconds() - self.ahead).max(self.now + 1);
        pass
    }

    async fn passes_for(&mut self, seconds: i64) {
        let end = self.now + seconds;
        while self.now < end {
            self.pass(None).await;
        }
    }

    /// Policies that some sender holds at a time: it fetched one as late as it could, or kept it for
    /// the id that it still saw.
    fn held_at(&self, time: i64) -> impl Iterator<Item = &Policy> {
        spans(&self.bodies).filter_map(move |(since, until, policy)| {
            let policy = policy.as_ref().filter(|_| since <= time)?;
            let ids = spans(&self.ids).filter(|(_, _, id)| id.is_some());
            let seen = ids.map(|(from, to, _)| (from, to.saturating_add(TTL)));
            let kept = seen.filter(|(from, to)| *from < until && *to > since).map(|(_, to)| to);
            let last = kept.max().unwrap_or(until).max(until).min(time + 1) - 1;
            (last + i64::from(policy.max_age().as_secs()) > time).then_some(policy)
        })
    }

    /// Every ten minutes of what was: nobody is stranded, what is announced is served, and what is
    /// removed is forgotten.
    fn is_fair(&self) {
        for time in (START..self.now).step_by(600) {
            let is_seen =
                |since: i64, until: i64| since <= time && until.saturating_add(TTL) > time;
            let seen: Vec<&DomainName> = spans(&self.mx)
                .filter(|(since, until, _)| is_seen(*since, *until))
                .flat_map(|(_, _, hosts)| hosts)
                .collect();
            let after = time - START;
            for policy in self.held_at(time).filter(|policy| policy.mode() == Mode::Enforce) {
                for host in &seen {
                    assert!(policy.covers(host).is_some(), "{after}: {host} by {policy}");
                }
            }
            let at = |since: i64, until: i64| since <= time && time < until;
            let (.., stage) = spans(&self.stages).find(|(s, u, _)| at(*s, *u)).unwrap();
            let binding = self.held_at(time).find(|policy| policy.mode() != Mode::None);
            assert!(*stage != Stage::Removed || binding.is_none(), "{after}: {binding:?}");
            let is_announced =
                spans(&self.ids).any(|(since, until, id)| id.is_some() && is_seen(since, until));
            let (.., body) = spans(&self.bodies).find(|(s, u, _)| at(*s, *u)).unwrap();
            assert!(!is_announced || body.is_some(), "{after}: a record and no policy");
        }
    }
}

fn configured(terms: &str) -> Domains {
    let text = format!("[domains.\"a.test\"]\n{terms}");
    let section: Section = toml::from_str(&text).unwrap();
    Domains::load(&section, "sealpost.toml", &text).unwrap()
}

/// The operator drops the old host from the policy at the moment at which the MX records change.
#[tokio::test]
async fn an_old_host_leaves_the_policy_when_no_cache_remembers_it() {
    let mut world =
        World::new(Stage::EnforceDay, "mx = [\"mx1.a.test\", \"mx2.a.test\"]\n", &["mx1.a.test"])
            .await;
    world.passes_for(2 * DAY).await;
    assert_eq!(world.served().map(|policy| policy.mx().len()), Some(2));
    world.publish_mx(&["mx2.a.test"]);
    world.configure("mx = [\"mx2.a.test\"]\n");
    world.passes_for(2 * DAY).await;
    assert_eq!(world.served().map(|policy| policy.mx().len()), Some(1));
    world.is_fair();
}

#[tokio::test]
async fn a_domain_leaves_by_itself_and_its_policy_host_goes_last() {
    let terms = "mx = [\"mx1.a.test\"]\nrollout = { autonomy = \"auto\" }\n";
    let mut world = World::new(Stage::EnforceDay, terms, &["mx1.a.test"]).await;
    world.passes_for(2 * DAY).await;
    let left = world.now;
    world.pass(Some(&order(Stage::Leaving))).await;
    world.passes_for(DAY / 2).await;
    assert_eq!(
        (world.stage(), world.served().map(Policy::mode)),
        (Stage::Leaving, Some(Mode::None))
    );
    world.passes_for(2 * DAY).await;
    assert_eq!((world.stage(), world.served()), (Stage::Removed, None));
    let (removed, ..) = spans(&world.stages).last().unwrap();
    assert!((left + DAY..left + DAY + 4 * TTL).contains(&removed), "{}", removed - left);
    let ((no_record, _), (no_policy, _)) =
        (world.ids.last().unwrap(), world.bodies.last().unwrap());
    assert!(world.ids.last().unwrap().1.is_none() && no_record + TTL < *no_policy);
    world.is_fair();
}

/// Back to the record, and out of it again, is no way round the wait.
#[tokio::test]
async fn who_turns_round_on_the_way_out_waits_all_the_same() {
    for turns_at in [Stage::Record, Stage::Prerequisites] {
        let terms = "mx = [\"mx1.a.test\"]\nrollout = { autonomy = \"auto\" }\n";
        let mut world = World::new(Stage::EnforceDay, terms, &["mx1.a.test"]).await;
        world.passes_for(2 * DAY).await;
        world.pass(Some(&order(Stage::Leaving))).await;
        if turns_at == Stage::Prerequisites {
            world.passes_for(TTL).await;
        }
        world.pass(Some(&order(Stage::Record))).await;
        while world.stage() != turns_at {
            world.pass(None).await;
        }
        assert_eq!(world.served().map(Policy::mode), Some(Mode::None));
        let pass = world.pass(Some(&order(Stage::Removed))).await;
        assert_eq!((pass.stage, pass.refused), (Stage::Leaving, None));
        world.passes_for(3 * DAY).await;
        assert_eq!((world.stage(), world.served()), (Stage::Removed, None));
        world.is_fair();
    }
}

const AUTO: &str = "mx = [\"mx1.a.test\"]\nrollout = { autonomy = \"auto\" }\n";

/// Sets the clock of a domain that is on its way out, or takes everybody's eyes off it.
type Event = fn(&mut World);

const EVENTS: [(&str, Event); 8] = [
    ("a year forward", |world| world.ahead += 366 * DAY),
    ("a day forward", |world| world.ahead += DAY),
    ("an hour forward", |world| world.ahead += 3_600),
    ("a year back", |world| world.ahead -= 366 * DAY),
    ("a day back", |world| world.ahead -= DAY),
    ("an outage of two days", |world| world.now += 2 * DAY),
    ("another start", World::start_again),
    ("a start with the clock a year ahead", |world| {
        world.start_again();
        world.ahead += 366 * DAY;
    }),
];

/// By one reading of a clock that was wrong the record went, and the policy after it.
#[tokio::test]
async fn a_clock_that_is_set_strands_no_sender_on_the_way_out_and_makes_nobody_wait_for_long() {
    for (name, event) in EVENTS {
        for at in [-DAY / 2, DAY / 2] {
            let mut world = World::new(Stage::EnforceDay, AUTO, &["mx1.a.test"]).await;
            world.passes_for(DAY).await;
            if at < 0 {
                event(&mut world);
                world.passes_for(-at).await;
            }
            world.pass(Some(&order(Stage::Leaving))).await;
            if at > 0 {
                world.passes_for(at).await;
                event(&mut world);
            }
            world.passes_for(DAY / 4).await;
            assert_eq!(world.stage(), Stage::Leaving, "{name} at {at}");
            world.passes_for(2 * DAY).await;
            assert_eq!((world.stage(), world.served()), (Stage::Removed, None), "{name} at {at}");
            world.is_fair();
        }
    }
}

/// It was wrong for a while, and what was written then has a time that lies far from all others.
#[tokio::test]
async fn what_is_written_while_the_clock_is_wrong_is_held_neither_shorter_nor_longer() {
    for wrong in [366 * DAY, 3 * DAY, -3 * DAY, -366 * DAY] {
        let mut world = World::new(Stage::EnforceDay, AUTO, &["mx1.a.test"]).await;
        world.passes_for(DAY).await;
        world.ahead = wrong;
        world.pass(Some(&order(Stage::Leaving))).await;
        world.passes_for(3 * 3_600).await;
        assert_eq!(world.served().map(Policy::mode), Some(Mode::None));
        world.ahead = 0;
        world.passes_for(DAY / 2).await;
        assert_eq!(world.stage(), Stage::Leaving, "{wrong}");
        world.passes_for(DAY).await;
        assert_eq!((world.stage(), world.served()), (Stage::Removed, None), "{wrong}");
        world.is_fair();
    }
}

/// The policy that leaves out the old host came as soon as the clock was past its TTL.
#[tokio::test]
async fn a_clock_that_is_set_forward_takes_no_old_host_out_of_the_policy() {
    let both = "mx = [\"mx1.a.test\", \"mx2.a.test\"]\n";
    let mut world = World::new(Stage::EnforceDay, both, &["mx1.a.test"]).await;
    world.passes_for(DAY).await;
    world.publish_mx(&["mx2.a.test"]);
    world.pass(None).await;
    world.configure("mx = [\"mx2.a.test\"]\n");
    world.ahead += 366 * DAY;
    world.pass(None).await;
    assert_eq!(world.served().map(|policy| policy.mx().len()), Some(2));
    world.passes_for(DAY).await;
    assert_eq!(world.served().map(|policy| policy.mx().len()), Some(1));
    world.is_fair();
}

/// Whatever happens to the clock, the machine and those who look, in any order.
#[tokio::test]
async fn no_sender_is_stranded_whatever_becomes_of_the_clock() {
    let mut state = 0x5eed_u64;
    let mut pick = |count: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % count
    };
    for _ in 0..5 {
        let mut world = World::new(Stage::EnforceDay, AUTO, &["mx1.a.test"]).await;
        let leaves = pick(6);
        let mut told = Vec::new();
        for turn in 0..12 {
            if turn == leaves {
                world.pass(Some(&order(Stage::Leaving))).await;
                told.push("leaves");
            }
            let (name, event) = EVENTS[pick(EVENTS.len())];
            event(&mut world);
            told.push(name);
            world.passes_for(i64::try_from(pick(10)).unwrap() * 3_600).await;
        }
        world.passes_for(2 * DAY).await;
        assert_eq!((world.stage(), world.served()), (Stage::Removed, None), "{told:?}");
        world.is_fair();
    }
}

/// What nobody saw for hours is no time in the stage, and who was away for longer begins anew.
#[tokio::test]
async fn days_in_a_stage_are_those_on_which_it_was_seen() {
    let days = |pass: &Pass| {
        let mut readings = pass.decision.readings.iter();
        let days = readings.find(|one| one.condition == sealpost_rollout::Condition::Days);
        let text = &days.unwrap().text;
        text.split(' ').next().unwrap().parse::<i64>().unwrap()
    };
    for (name, event, wanted) in [
        ("a year forward", (|world| world.ahead += 366 * DAY) as Event, 2),
        ("a year back", |world| world.ahead -= 366 * DAY, 2),
        ("four hours", |world| world.now += 4 * 3_600, 2),
        ("two days", |world| world.now += 2 * DAY, 1),
        ("a start", World::start_again, 2),
    ] {
        let mut world = World::new(Stage::EnforceDay, AUTO, &["mx1.a.test"]).await;
        world.passes_for(DAY + 3 * 3_600).await;
        event(&mut world);
        world.passes_for(DAY + 3 * 3_600).await;
        let pass = world.pass(None).await;
        assert_eq!(days(&pass), wanted, "{name}");
        world.is_fair();
    }
}
