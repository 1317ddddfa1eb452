//! No compliant sender is ever stranded, whatever is planned and whenever it looks.
//!
//! The senders here are written from RFC 8461 and share nothing with the planner. They fetch, look
//! at the id, keep what they hold and ask DNS at arbitrary times, most of them close to a moment at
//! which something changes, through servers that do not change at the same time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and gives away what it made"
)]

mod world;

use std::cell::Cell;
use std::time::Duration;

use mta_sts::{MaxAge, Mode, MxPattern, Policy, PolicyId};
use proptest::{
    prelude::*,
    sample::{select, subsequence},
    test_runner::TestRunner,
};
use sealpost_rollout::{
    Action, Change, History, MxSet, Past, Plan, Refusal, Removal, Situation, Time, Timing,
    plan_change, plan_removal,
};
use world::{Sender, Wake, World, host};

/// When the first body was served.
const BEGINNING: u64 = 1_700_000_000;
/// Hosts before the change, and hosts that may come.
const OLD: [&str; 3] = ["mx1.old.test", "mx2.old.test", "in.other.test"];
const NEW: [&str; 4] = ["mx3.old.test", "mx1.new.test", "*.provider.test", "a.new.test"];

/// A body of the past, and what was done with its id.
#[derive(Clone, Debug)]
struct Earlier {
    policy: Policy,
    /// For how long it was served.
    seconds: u64,
    id: IdHabit,
}

/// How an owner who did not use this planner went about the id.
#[derive(Clone, Copy, Debug)]
enum IdHabit {
    /// After the body.
    Later,
    /// At the same time.
    Together,
    /// Before the body, which is wrong.
    Sooner,
    /// Not at all.
    Never,
}

#[derive(Clone, Debug)]
struct Case {
    hosts: Vec<&'static str>,
    before_history: Vec<Earlier>,
    earlier: Vec<Earlier>,
    live: Policy,
    live_id: IdHabit,
    /// What the plan will serve was served once, and then another under its id.
    comes_back: bool,
    timing: Timing,
    mx_ttl: Duration,
    /// Delays of the servers, as parts of 256 of what is allowed.
    lags: Vec<u8>,
    /// How long after its date each step is done; none if all are done as first planned.
    delays: Option<Vec<u64>>,
    change: Option<(Vec<&'static str>, Vec<&'static str>)>,
    senders: Vec<(u8, Vec<Wake>)>,
}

fn seconds(choice: &'static [u64]) -> impl Strategy<Value = u64> + Clone {
    select(choice)
}

fn policy(patterns: Vec<&'static str>, covers: &[&'static str]) -> BoxedStrategy<Policy> {
    let covers: Vec<&str> = covers.to_vec();
    let modes = select(&[Mode::Enforce, Mode::Enforce, Mode::Enforce, Mode::Testing, Mode::None]);
    let ages = seconds(&[0, 60, 3_600, 86_400, 604_800, 31_557_600]);
    (subsequence(patterns.clone(), 1..=patterns.len()), modes, ages)
        .prop_map(move |(patterns, mode, age)| {
            let texts = covers.iter().copied().chain(patterns);
            let mx: Vec<MxPattern> = texts.map(|text| text.parse().unwrap()).collect();
            Policy::new(mode, MaxAge::clamped_from_secs(age), mx).unwrap()
        })
        .boxed()
}

fn earlier() -> impl Strategy<Value = Earlier> {
    let patterns = [&OLD[..], &NEW[..], &["*.old.test", "*.new.test"]].concat();
    let habits = select(&[IdHabit::Later, IdHabit::Together, IdHabit::Sooner, IdHabit::Never]);
    (policy(patterns, &[]), seconds(&[5, 3_600, 90_000, 2_000_000]), habits)
        .prop_map(|(policy, seconds, id)| Earlier { policy, seconds, id })
}

fn case() -> impl Strategy<Value = Case> {
    let changes = (
        subsequence(NEW.to_vec(), 0..=2),
        subsequence([&OLD[..], &["*.old.test"]].concat(), 0..=2),
    );
    let wakes = proptest::collection::vec(any::<Wake>(), 30);
    let timing = (
        seconds(&[0, 300, 3_600, 86_400]),
        seconds(&[0, 60, 3_600]),
        seconds(&[0, 60, 3_600]),
        seconds(&[0, 300, 86_400]),
    );
    subsequence(OLD.to_vec(), 1..=3).prop_flat_map(move |hosts| {
        let live = policy([&OLD[..], &["*.old.test", "mx1.new.test"]].concat(), &hosts);
        let live_ids = select(&[IdHabit::Later, IdHabit::Together]);
        (
            (Just(hosts), live, timing.clone()),
            (live_ids, any::<bool>()),
            proptest::collection::vec(earlier(), 0..3),
            proptest::collection::vec(earlier(), 0..3),
            proptest::collection::vec(any::<u8>(), 48),
            proptest::option::of(proptest::collection::vec(
                seconds(&[0, 0, 0, 1, 700, 90_000, 3_000_000]),
                16,
            )),
            proptest::option::weighted(0.75, changes.clone()),
            proptest::collection::vec((any::<u8>(), wakes.clone()), 4),
        )
            .prop_map(
                |(
                    (hosts, live, timing),
                    (live_id, comes_back),
                    before_history,
                    earlier,
                    lags,
                    delays,
                    change,
                    senders,
                )| {
                    let (txt_ttl, body_spread, zone_spread, mx_ttl) = timing;
                    let second = Duration::from_secs;
                    let (txt_ttl, body_spread) = (second(txt_ttl), second(body_spread));
                    let timing = Timing { txt_ttl, body_spread, zone_spread: second(zone_spread) };
                    let mx_ttl = second(mx_ttl);
                    Case {
                        hosts,
                        before_history,
                        earlier,
                        live,
                        live_id,
                        comes_back,
                        timing,
                        mx_ttl,
                        lags,
                        delays,
                        change,
                        senders,
                    }
                },
            )
    })
}

impl Case {
    /// What is live when the plan is made. Where its id came at the same time it covers the new hosts
    /// too, so that the plan has no reason to change the id.
    fn live(&self) -> Policy {
        let new: &[&str] = match (self.live_id, &self.change) {
            (IdHabit::Together, Some((add, _))) => add,
            _ => &[],
        };
        let new = new.iter().map(|text| text.parse().unwrap());
        let patterns = self.live.mx().iter().cloned().chain(new);
        Policy::new(self.live.mode(), self.live.max_age(), patterns).unwrap()
    }

    /// Two earlier bodies, if they are wanted: one that the plan will serve again, and another that
    /// was served later under the same id.
    fn planned_before(&self) -> Vec<Earlier> {
        let (true, Some(other)) = (self.comes_back, self.earlier.first()) else {
            return Vec::new();
        };
        let simple = Self { before_history: Vec::new(), comes_back: false, ..self.clone() };
        let Ok(plan) = Scene::new(&simple).plan() else { return Vec::new() };
        let planned = plan.steps.into_iter().find_map(|step| match step.action {
            Action::Serve(policy) => Some(policy),
            _ => None,
        });
        let Some(policy) = planned else { return Vec::new() };
        let first = Earlier { policy, seconds: 3_600, id: IdHabit::Later };
        vec![first, Earlier { id: IdHabit::Never, ..other.clone() }]
    }
}

/// The world with its past, what the planner is told of it, and now.
struct Scene<'a> {
    case: &'a Case,
    world: World,
    situation: Situation,
    counter: i64,
}

impl<'a> Scene<'a> {
    fn new(case: &'a Case) -> Self {
        let world = World::new(&case.lags, &case.timing, case.mx_ttl);
        let hosts: Vec<_> = case.hosts.iter().map(|name| host(name)).collect();
        let mut scene = Scene {
            case,
            world,
            situation: Situation {
                now: time(BEGINNING),
                history: History::new(time(BEGINNING), Past::Nothing),
                mx: vec![MxSet { hosts: hosts.clone(), ttl: case.mx_ttl, until: None }],
                timing: case.timing,
            },
            counter: 0,
        };
        scene.world.set_mx(BEGINNING, hosts);
        let mut now = BEGINNING;
        for earlier in &case.before_history {
            now = scene.live_through(now, &earlier.policy, IdHabit::Together, earlier.seconds);
        }
        if let Some(longest) = case.before_history.iter().map(|e| e.policy.max_age()).max() {
            // Whoever takes a domain over knows nothing of this, or is told the longest max_age.
            now += case.timing.body_spread.as_secs() + case.timing.zone_spread.as_secs();
            let past = if case.lags[0] < 128 { Past::Unknown } else { Past::AtMost(longest) };
            scene.situation.history = History::new(time(now), past);
            scene.adopt(now);
        }
        for earlier in case.planned_before().iter().chain(&case.earlier) {
            now = scene.live_through(now, &earlier.policy, earlier.id, earlier.seconds);
        }
        now = scene.live_through(now, &case.live(), case.live_id, 200_000);
        scene.situation.now = time(now);
        scene.world.plan_begins(now);
        scene
    }

    /// What is live is taken over as it is.
    fn adopt(&mut self, now: u64) {
        let (policy, id) = self.world.live(now);
        let Timing { txt_ttl, body_spread, zone_spread } = self.case.timing;
        self.situation.history.serve(policy, time(now), body_spread);
        if let Some(id) = id {
            self.situation.history.announce(id, time(now), txt_ttl, zone_spread);
        }
    }

    /// An owner of former times serves a body for a while.
    fn live_through(&mut self, at: u64, policy: &Policy, id: IdHabit, seconds: u64) -> u64 {
        let spread = self.case.timing.body_spread.as_secs();
        let (body_at, id_at) = match id {
            IdHabit::Later => (at, Some(at + spread + 1)),
            IdHabit::Together => (at, Some(at)),
            IdHabit::Sooner => (at + 40, Some(at)),
            IdHabit::Never => (at, None),
        };
        self.counter += 1;
        self.serve(policy, body_at);
        // The first needs an id, or nobody ever fetches.
        if let Some(id_at) = id_at.or((self.counter == 1).then_some(at)) {
            // Some make it of the content, so that it may come back.
            let id = match self.case.lags[1] % 2 {
                0 => format!("old{}", self.counter).parse().unwrap(),
                _ => policy.id(),
            };
            self.announce(&id, id_at);
        }
        at.max(body_at).max(id_at.unwrap_or(0)) + seconds
    }

    fn serve(&mut self, policy: &Policy, at: u64) {
        self.world.serve(at, Some(policy.clone()));
        let spread = self.case.timing.body_spread;
        self.situation.history.serve(Some(policy.clone()), time(at), spread);
    }

    fn announce(&mut self, id: &PolicyId, at: u64) {
        self.world.announce(at, Some(id.clone()));
        let Timing { txt_ttl, zone_spread, .. } = self.case.timing;
        self.situation.history.announce(id.clone(), time(at), txt_ttl, zone_spread);
    }

    fn plan(&self) -> Result<Plan, Refusal> {
        match &self.case.change {
            Some((add, remove)) => {
                let patterns = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
                let (add, remove) = (patterns(add), patterns(remove));
                plan_change(&self.situation, &Change { add, remove, ..Change::default() })
            }
            None => {
                let max_age = MaxAge::clamped_from_secs(86_400);
                let removal = Removal { max_age, remove_at: None, force: None };
                plan_removal(&self.situation, &removal)
            }
        }
    }

    /// Does a step, in the world and in what is known of it.
    fn perform(&mut self, action: &Action, at: u64) {
        let zone_spread = self.case.timing.zone_spread;
        match action {
            Action::Serve(policy) => self.serve(policy, at),
            Action::Announce(id) => self.announce(id, at),
            Action::SwitchMx { to } => {
                let hosts: Vec<_> = to.iter().map(world::a_host_of).collect();
                self.world.set_mx(at, hosts.clone());
                for set in self.situation.mx.iter_mut().filter(|set| set.until.is_none()) {
                    set.until = Some(time(at).plus(zone_spread));
                }
                self.situation.mx.push(MxSet { hosts, ttl: self.case.mx_ttl, until: None });
            }
            Action::RetireHosts(hosts) => self.world.retire(at, hosts),
            Action::RemoveRecord => {
                self.world.announce(at, None);
                self.situation.history.stop_announcing(time(at).plus(zone_spread));
                // Nothing is promised any more: from now on mail may be received anywhere.
                self.world.set_mx(at, vec![host("unprotected.elsewhere.test")]);
            }
            Action::RemovePolicyHost => {
                self.world.serve(at, None);
                self.situation.history.stop_serving(time(at));
            }
        }
    }

    /// Carries the plan out; `false` if there is nothing to carry out.
    fn carry_out(&mut self) -> bool {
        let first = match self.plan() {
            Ok(plan) => plan,
            Err(Refusal::NothingToDo | Refusal::NoHostLeft) => return false,
            // Two bodies were served under the id that is announced.
            Err(Refusal::NoEnd) if matches!(self.case.live_id, IdHabit::Together) => return false,
            Err(refusal) => panic!("{refusal}"),
        };
        let Some(delays) = &self.case.delays else {
            for step in &first.steps {
                self.perform(&step.action, second(step.not_before));
            }
            return true;
        };
        for delay in delays {
            let plan = match self.plan() {
                Ok(plan) => plan,
                Err(Refusal::NothingToDo) => return true,
                Err(refusal) => panic!("{refusal}"),
            };
            let step = &plan.steps[0];
            let at = second(step.not_before) + delay;
            assert!(time(at) >= self.situation.now, "{step:?} is planned for the past");
            self.perform(&step.action, at);
            self.situation.now = time(at);
        }
        panic!("the plan does not end");
    }
}

fn time(seconds: u64) -> Time {
    Time::at(i64::try_from(seconds).unwrap())
}

fn second(time: Time) -> u64 {
    u64::try_from(time.seconds()).unwrap()
}

/// Changes that ask for nothing, or for no mail host, are among the cases, and test nothing.
#[test]
fn no_sender_is_ever_stranded() {
    const CASES: u32 = 4_000;
    let planned = Cell::new(0);
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(CASES) };
    let tried = TestRunner::new(config).run(&case(), |case| {
        let mut scene = Scene::new(&case);
        if scene.carry_out() {
            planned.set(planned.get() + 1);
            for (habits, wakes) in &case.senders {
                let mut sender = Sender::new(*habits);
                for (at, wake) in scene.world.times_of(wakes) {
                    sender.deliver(&scene.world, at, wake)?;
                }
            }
        }
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
    assert!(planned.get() >= CASES / 2, "only {} of {CASES} had a plan", planned.get());
}
