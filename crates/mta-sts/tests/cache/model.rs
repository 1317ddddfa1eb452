//! Random histories: events in any order, late completions, clocks that step, restarts at any
//! moment. Beside the machine runs a model that knows only the rules a person would write down.

use std::time::Duration;

use mta_sts::{
    Mode, PolicyId,
    cache::{
        Action, Entry, Errand, Event, FetchFailure, FetchedPolicy, Jitter, Note, Now, RecordLookup,
        Snapshot, Token, Verdict,
    },
};
use proptest::{prelude::*, sample::select};

use crate::world::{absent, found, policy, unusable};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Both clocks go on, in milliseconds.
    Pass(u64),
    /// They go on to the moment at which the entry wants to be woken, and it is.
    PassToWaking,
    Ask,
    Wake,
    /// What is under way is completed, in one of the ways for its kind.
    Complete(usize),
    /// Something is completed that nobody waits for.
    CompleteLate(usize),
    /// The fetch that is under way has had no turn.
    Postpone,
    SetWallClock(i64),
    Restart,
    Refresh,
    Purge,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..20_000u64).prop_map(Step::Pass),
        4 => (0..7_200_000u64).prop_map(Step::Pass),
        2 => (0..40 * 86_400_000u64).prop_map(Step::Pass),
        1 => (0..400 * 86_400_000u64).prop_map(Step::Pass),
        8 => Just(Step::PassToWaking),
        12 => Just(Step::Ask),
        3 => Just(Step::Wake),
        16 => any::<usize>().prop_map(Step::Complete),
        3 => any::<usize>().prop_map(Step::CompleteLate),
        2 => Just(Step::Postpone),
        1 => (-40_000_000i64..40_000_000).prop_map(Step::SetWallClock),
        1 => Just(Step::Restart),
        1 => select(vec![Step::Refresh, Step::Refresh, Step::Refresh, Step::Purge]),
    ]
}

fn lookups() -> Vec<RecordLookup> {
    vec![
        found("1", 0),
        found("1", 900),
        found("2", 86_400),
        found("3", 300),
        absent(300),
        unusable(7_200),
        RecordLookup::Unknown,
    ]
}

fn fetches() -> Vec<Result<FetchedPolicy, FetchFailure>> {
    vec![
        Ok(policy("enforce", "a.test", 604_800)),
        Ok(policy("enforce", "b.test", 31_557_600)),
        Ok(policy("enforce", "b.test", 7)),
        Ok(policy("testing", "a.test", 86_400)),
        Ok(policy("none", "a.test", 3_600)),
        Ok(policy("enforce", "a.test", 0)),
        Err(FetchFailure::NotFetched),
        Err(FetchFailure::CertificateInvalid),
        Err(FetchFailure::PolicyInvalid),
    ]
}

/// What a person would remember. Times are milliseconds of the monotonic clock; they may lie before
/// the start of the process.
#[derive(Default)]
struct Model {
    policy: Option<ModelPolicy>,
    /// What is under way: its token, its kind, the id for a fetch, and since when.
    open: Option<(Token, Errand, Option<PolicyId>, i64)>,
    /// Tokens of the past.
    past: Vec<Token>,
    last_failure: Option<i64>,
    last_look_up: Option<i64>,
    last_success: Option<i64>,
}

struct ModelPolicy {
    text: Vec<u8>,
    id: PolicyId,
    mode: Mode,
    lifetime: i64,
    fetched: i64,
    /// When it was fetched, as a store would have it.
    saved: i64,
}

impl ModelPolicy {
    fn valid(&self, monotonic: i64) -> bool {
        monotonic - self.fetched <= self.lifetime
    }
}

struct Run {
    entry: Entry,
    model: Model,
    monotonic: i64,
    wall_offset: i64,
    seed: u64,
    lookups: Vec<RecordLookup>,
    fetches: Vec<Result<FetchedPolicy, FetchFailure>>,
}

impl Run {
    fn now(&self) -> Now {
        let monotonic = Duration::from_millis(u64::try_from(self.monotonic).unwrap());
        Now { wall: self.wall_offset + self.monotonic / 1_000, monotonic }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Pass(milliseconds) => self.monotonic += i64::try_from(milliseconds).unwrap(),
            Step::PassToWaking => {
                if let Some(at) = self.entry.wake_at() {
                    // Timers have whole milliseconds, and never fire early.
                    let at = i64::try_from(at.as_micros().div_ceil(1_000)).unwrap();
                    self.monotonic = self.monotonic.max(at);
                    self.handle(Event::Woken);
                }
            }
            Step::Ask => {
                self.handle(Event::Asked);
                if matches!(self.entry.verdict(self.now()), Verdict::Pending) {
                    assert!(self.entry.under_way().is_some(), "pending, and nothing under way");
                }
                self.a_question_changes_nothing_while_it_is_quiet();
            }
            Step::Wake => self.handle(Event::Woken),
            Step::Complete(which) => {
                let Some((token, errand, _, _)) = self.model.open else { return };
                self.complete(token, errand, which);
            }
            Step::CompleteLate(which) => {
                let Some(token) = self.model.past.get(which % self.model.past.len().max(1)) else {
                    return;
                };
                let errand = if which % 2 == 0 { Errand::Record } else { Errand::Policy };
                self.complete(*token, errand, which / 2);
            }
            Step::Postpone => {
                let Some((token, Errand::Policy, _, _)) = self.model.open else { return };
                self.close();
                self.handle(Event::Postponed(token));
            }
            Step::SetWallClock(seconds) => self.wall_offset += seconds,
            Step::Restart => self.restart(),
            Step::Refresh => {
                self.model.last_failure = None;
                self.model.last_look_up = None;
                self.model.last_success = None;
                self.handle(Event::Refresh);
            }
            Step::Purge => {
                let past = std::mem::take(&mut self.model.past);
                self.model = Model { past, ..Model::default() };
                self.handle(Event::Purge);
                assert!(self.entry.snapshot(self.now()).is_empty());
            }
        }
        self.check();
    }

    fn a_question_changes_nothing_while_it_is_quiet(&self) {
        let now = self.now();
        let mut entry = self.entry.clone();
        if !entry.handle(Event::Asked, now).is_empty() {
            return;
        }
        let quiet_until = entry.quiet_until(now);
        let Some(last) = quiet_until.checked_sub(Duration::from_nanos(1)) else { return };
        for monotonic in [now.monotonic, (now.monotonic + last) / 2, last] {
            if (now.monotonic..quiet_until).contains(&monotonic) {
                // Both clocks go on; a step of the wall clock may wait for the next event.
                let passed = (monotonic - now.monotonic).as_secs();
                let later = Now { monotonic, wall: now.wall.saturating_add_unsigned(passed) };
                let mut asked = entry.clone();
                assert_eq!(asked.handle(Event::Asked, later), [], "until {quiet_until:?}");
                assert!(!matches!(entry.verdict(later), Verdict::Pending), "{entry:?}");
            }
        }
    }

    fn complete(&mut self, token: Token, errand: Errand, which: usize) {
        let awaited = matches!(&self.model.open, Some((open, kind, _, _)) if *open == token && *kind == errand);
        match errand {
            Errand::Record => {
                let lookup = self.lookups[which % self.lookups.len()].clone();
                if awaited {
                    self.close();
                }
                self.handle(Event::Record(token, lookup));
            }
            Errand::Policy => {
                let result = self.fetches[which % self.fetches.len()].clone();
                if awaited {
                    let id = self.close().unwrap();
                    match &result {
                        Ok(fetched) => {
                            self.model.policy = Some(ModelPolicy {
                                text: fetched.text().to_vec(),
                                id,
                                mode: fetched.mode(),
                                lifetime: i64::from(fetched.max_age().as_secs()) * 1_000,
                                fetched: self.monotonic,
                                saved: self.now().wall,
                            });
                            self.model.last_failure = None;
                            self.model.last_success = Some(self.monotonic);
                        }
                        Err(_) => self.model.last_failure = Some(self.monotonic),
                    }
                }
                self.handle(Event::Fetched(token, result));
            }
        }
    }

    fn close(&mut self) -> Option<PolicyId> {
        let (token, _, id, _) = self.model.open.take().unwrap();
        self.model.past.push(token);
        id
    }

    fn handle(&mut self, event: Event) {
        let now = self.now();
        // What has not been completed for two minutes counts as failed.
        if let Some((_, errand, _, since)) = self.model.open
            && self.monotonic - since >= 120_000
            && !matches!(event, Event::Purge)
        {
            self.close();
            if errand == Errand::Policy {
                self.model.last_failure = Some(self.monotonic);
            }
        }
        let mode = self.model.policy.as_ref().filter(|policy| policy.valid(self.monotonic));
        let mode = mode.map(|policy| policy.mode);
        for action in self.entry.handle(event, now) {
            match action {
                Action::LookUpRecord(token) => {
                    if let Some(last) = self.model.last_look_up {
                        assert!(self.monotonic - last >= 60_000, "record looked up too often");
                    }
                    self.model.last_look_up = Some(self.monotonic);
                    self.open(token, Errand::Record, None);
                }
                Action::FetchPolicy(token, id) => {
                    if let Some(last) = self.model.last_failure {
                        let since = self.monotonic - last;
                        assert!(since >= 300_000, "fetched again {since} ms after a failure");
                    }
                    if let Some(last) = self.model.last_success {
                        let least = if mode.is_some() { 300_000 } else { 10_000 };
                        let since = self.monotonic - last;
                        assert!(since >= least, "fetched again {since} ms after a success");
                    }
                    self.open(token, Errand::Policy, Some(id));
                }
                Action::Note(Note::RefreshFailed { .. }) => {
                    assert!(matches!(mode, Some(Mode::Enforce | Mode::Testing)));
                }
                Action::Note(Note::FetchFailed { .. }) => assert_eq!(mode, None),
                Action::Note(_) | Action::Save => {}
            }
        }
        // The saved time of the fetch follows the wall clock.
        if let Some(policy) = &mut self.model.policy
            && policy.valid(self.monotonic)
        {
            let fetched = now.wall - (self.monotonic - policy.fetched) / 1_000;
            if (fetched - policy.saved).abs() > 600 {
                policy.saved = fetched;
            }
        }
        if let Some(at) = self.entry.wake_at() {
            assert!(at > now.monotonic, "wants to be woken in the past");
        }
    }

    fn open(&mut self, token: Token, errand: Errand, id: Option<PolicyId>) {
        assert!(self.model.open.is_none(), "two at a time");
        self.model.open = Some((token, errand, id, self.monotonic));
    }

    fn restart(&mut self) {
        let snapshot: Snapshot = self.entry.snapshot(self.now());
        self.wall_offset += self.monotonic / 1_000;
        let before = std::mem::replace(&mut self.monotonic, 0);
        self.seed += 1;
        self.entry = Entry::restore(snapshot, self.now(), Jitter::new(self.seed));
        if let Some((token, ..)) = self.model.open.take() {
            self.model.past.push(token);
        }
        // What the wall clock says is all that is known now.
        let wall = self.now().wall;
        let still_valid = self.model.policy.take().filter(|policy| policy.valid(before));
        self.model.policy = still_valid
            .map(|policy| ModelPolicy { fetched: -1_000 * (wall - policy.saved).max(0), ..policy });
        self.model.last_failure = None;
        self.model.last_look_up = None;
        self.model.last_success = None;
    }

    fn check(&self) {
        let now = self.now();
        let valid = self.model.policy.as_ref().filter(|policy| policy.valid(self.monotonic));
        match (self.entry.verdict(now), valid) {
            (Verdict::Apply(held), Some(policy)) => {
                assert_eq!(held.fetched().text(), policy.text);
                assert_eq!(held.id(), &policy.id);
                assert_eq!(held.mode(), policy.mode);
                assert!(!self.entry.evictable(now), "evictable while it applies");
                let snapshot = self.entry.snapshot(now);
                assert_eq!(snapshot.policy.unwrap().policy.text(), policy.text);
            }
            (Verdict::Apply(held), None) => panic!("applies beyond its life: {held:?}"),
            (weaker, Some(_)) => panic!("weaker than a policy that is still valid: {weaker:?}"),
            (_, None) => assert!(self.entry.snapshot(now).policy.is_none()),
        }
    }
}

fn start(seed: u64) -> Run {
    let now = Now { wall: 1_800_000_000, monotonic: Duration::ZERO };
    Run {
        entry: Entry::new(now, Jitter::new(seed)),
        model: Model::default(),
        monotonic: 0,
        wall_offset: now.wall,
        seed,
        lookups: lookups(),
        fetches: fetches(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    /// A verdict is never weaker than a policy that is still valid, and none applies beyond its
    /// life; what is asked for is bounded, and waking makes progress.
    #[test]
    fn the_machine_does_as_the_model(
        seed in any::<u64>(),
        steps in prop::collection::vec(steps(), 1..400),
    ) {
        let mut run = start(seed);
        for step in steps {
            run.step(step);
        }
    }

    /// Waits after failures are kept over restarts while the clock does not step.
    #[test]
    fn restarts_do_not_shorten_the_wait(
        seed in any::<u64>(),
        pauses in prop::collection::vec(0..200_000u64, 1..60),
    ) {
        let mut run = start(seed);
        let (mut elapsed, mut failures) = (0, Vec::new());
        for pause in pauses {
            run.step(Step::Pass(pause));
            elapsed += pause;
            // Found with id 1, and a fetch that fails.
            run.step(Step::Ask);
            for completion in [1, 6] {
                let fetching = matches!(run.model.open, Some((_, Errand::Policy, _, _)));
                run.step(Step::Complete(completion));
                if fetching {
                    failures.push(elapsed);
                    break;
                }
            }
            run.step(Step::Restart);
        }
        for (number, pair) in failures.windows(2).enumerate() {
            let least = (300_000u64 << number.min(5)).min(14_400_000);
            // The saved time of a failure has whole seconds, and so has the clock at each restart.
            let rounding = 1_000 * 61;
            prop_assert!(pair[1] - pair[0] + rounding >= least, "{failures:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// While record and policy host work and the entry is woken in time, a policy never lapses, and
    /// each fetch is followed by the next within a day.
    #[test]
    fn with_everything_at_work_no_policy_lapses(
        seed in any::<u64>(),
        max_age in prop_oneof![600u64..7_200, 600u64..200_000, 600u64..40_000_000],
        pauses in prop::collection::vec(0..3 * 86_400u64, 1..60),
    ) {
        let served = policy("enforce", "a.test", max_age);
        let mut world = crate::world::World::seeded(seed, found("1", 900), Ok(served));
        world.ask();
        for pause in pauses {
            world.pass(pause);
            prop_assert!(world.applies());
            world.ask();
        }
        let late = world.fetches.windows(2).find(|pair| pair[1].0 - pair[0].0 > 86_400);
        prop_assert!(late.is_none(), "{late:?}");
        prop_assert!(world.notes.is_empty());
    }
}
