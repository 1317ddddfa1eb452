use std::collections::BTreeSet;

use proptest::prelude::*;
use sealpost_evidence::incident::Basis;
use sealpost_rules::incidents::{INC101, INC301, INC601};
use sealpost_store::incidents::Acknowledgement;

use super::*;
use crate::{Board, Source};

const HOLD: i64 = INC101.hold as i64;
const CLEAR: i64 = INC101.clear as i64;

fn condition(cause: &'static IncidentCause, at_most: Urgency) -> Condition {
    let domain = "example.com".parse().unwrap();
    Condition::new(cause, &domain, Basis::Look, "it fails")
        .about("mx1.example.com")
        .at_most(at_most)
}

fn terms() -> Terms {
    let receiver = |name: &str, least| ReceiverTerms {
        name: name.to_owned(),
        least,
        quiet: None,
        digest: None,
    };
    let receivers = vec![receiver("all", Urgency::Note), receiver("some", Urgency::Critical)];
    Terms { receivers, ..Terms::default() }
}

/// What the store would do.
#[derive(Default)]
struct World {
    live: Vec<Incident>,
    over: Vec<Incident>,
    /// Every notice in the order in which it was queued: when, to whom, which kind, of which
    /// incident.
    told: Vec<(i64, String, NoticeKind, IncidentId)>,
    keys: BTreeSet<(String, String)>,
}

impl World {
    fn step(&mut self, look: &Look, now: i64, terms: &Terms) {
        for change in step(&self.live, look, now, terms) {
            let Change { mut incident, deed, notices } = change;
            for notice in notices {
                let key = (notice.key.clone(), notice.receiver.clone());
                assert!(self.keys.insert(key), "a key names one notice");
                assert!(notice.key.len() <= 64 && notice.due >= now);
                self.told.push((now, notice.receiver, notice.kind, incident.id.clone()));
            }
            self.live.retain(|one| one.id != incident.id);
            incident.revision += 1;
            match (deed, incident.phase) {
                (Deed::Forget, phase) => assert_eq!(phase, Phase::Pending),
                (_, Phase::Resolved) => self.over.push(incident),
                (..) => self.live.push(incident),
            }
        }
    }

    fn kinds(&self, receiver: &str) -> Vec<NoticeKind> {
        let of = self.told.iter().filter(|(_, to, ..)| to == receiver);
        of.map(|(_, _, kind, _)| *kind).collect()
    }
}

fn with(conditions: &[Condition]) -> Look {
    Look::whole(conditions.to_vec())
}

#[test]
fn an_incident_opens_after_a_while_and_is_told_once() {
    let mut world = World::default();
    let look = with(&[condition(&INC101, Urgency::Warning)]);
    for now in [0, HOLD - 1] {
        world.step(&look, now, &terms());
        assert_eq!(world.told, [], "it may pass");
    }
    for now in HOLD..HOLD + 50 {
        world.step(&look, now, &terms());
    }
    assert_eq!(world.kinds("all"), [NoticeKind::Opened]);
    assert_eq!(world.kinds("some"), [], "it does not press enough");

    // It presses more: that is told once, and to whom it is new as new.
    let worse = with(&[condition(&INC101, Urgency::Critical)]);
    world.step(&worse, 1_000, &terms());
    world.step(&look, 1_100, &terms());
    world.step(&worse, 1_200, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened, NoticeKind::Worsened]);
    assert_eq!(world.kinds("some"), [NoticeKind::Opened]);

    world.step(&with(&[]), 2_000, &terms());
    world.step(&with(&[]), 2_000 + CLEAR - 1, &terms());
    assert_eq!(world.live.len(), 1, "it may come back");
    world.step(&with(&[]), 2_000 + CLEAR, &terms());
    let resolved = [NoticeKind::Opened, NoticeKind::Worsened, NoticeKind::Resolved];
    assert_eq!((world.kinds("all"), world.live.len()), (resolved.to_vec(), 0));
    assert_eq!(world.kinds("some"), [NoticeKind::Opened, NoticeKind::Resolved]);
}

#[test]
fn what_flaps_is_one_incident() {
    let mut world = World::default();
    let there = with(&[condition(&INC101, Urgency::Warning)]);
    for now in (0..10 * HOLD).step_by(60) {
        let look = if now / 60 % 3 == 0 { there.clone() } else { with(&[]) };
        world.step(&look, now, &terms());
    }
    assert_eq!(world.kinds("all"), [NoticeKind::Opened]);
}

#[test]
fn what_passes_is_never_told() {
    let mut world = World::default();
    world.step(&with(&[condition(&INC101, Urgency::Critical)]), 0, &terms());
    world.step(&with(&[]), 60, &terms());
    world.step(&with(&[]), 60 + HOLD, &terms());
    assert_eq!((world.live.len(), world.told.len(), world.over.len()), (0, 0, 0));
    world.step(&with(&[condition(&INC301, Urgency::Warning)]), 0, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened], "an end is not waited for");
}

/// A host that answered 454 once, and is looked at every six hours.
#[test]
fn one_look_opens_nothing_that_may_pass() {
    let mut world = World::default();
    let found = |at| with(&[condition(&INC101, Urgency::Critical).seen_at(at)]);
    for now in (100..100 + 20 * HOLD).step_by(60) {
        world.step(&found(90), now, &terms());
    }
    assert_eq!((world.live.len(), world.kinds("all")), (1, vec![]), "nobody has looked again");
    let now = 100 + 20 * HOLD;
    world.step(&found(now - 10), now, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened], "another look has found it too");

    // The second look finds it soon, and it must hold all the same.
    let mut world = World::default();
    world.step(&found(90), 100, &terms());
    world.step(&found(300), 310, &terms());
    world.step(&found(300), 100 + HOLD - 1, &terms());
    assert_eq!(world.kinds("all"), []);
    world.step(&found(300), 100 + HOLD, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened]);

    // The second look does not find it.
    let mut world = World::default();
    world.step(&found(90), 100, &terms());
    world.step(&with(&[]), 310, &terms());
    world.step(&with(&[]), 310 + HOLD, &terms());
    assert_eq!((world.live.len(), world.kinds("all")), (0, vec![]));
}

#[test]
fn a_clock_that_was_ahead_holds_up_no_incident() {
    const YEAR: i64 = 365 * 86_400;
    let mut world = World::default();
    let there = with(&[condition(&INC101, Urgency::Critical)]);
    world.step(&there, YEAR, &terms());
    world.step(&there, 1_000, &terms());
    world.step(&there, 1_000 + HOLD, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened]);
    world.step(&with(&[]), YEAR, &terms());
    world.step(&with(&[]), 5_000, &terms());
    world.step(&with(&[]), 5_000 + CLEAR, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened, NoticeKind::Resolved]);
}

/// The domain was taken out of the configuration.
#[test]
fn what_nobody_looks_at_any_more_is_over_and_that_is_said() {
    let mut world = World::default();
    let one = condition(&INC101, Urgency::Critical);
    let hold = Terms { hold: Some(0), ..terms() };
    let mut board = Board::default();
    for source in Source::ALL {
        board.complete(source, &BTreeSet::from([one.domain.clone()]));
    }
    board.put(Source::Looks, &one.domain, vec![one.clone()]);
    world.step(&board.look(), 0, &hold);
    board.cannot_tell(Source::Looks, &one.domain);
    world.step(&board.look(), 100_000, &hold);
    assert_eq!(world.kinds("all"), [NoticeKind::Opened], "it is not known");
    board.let_go(Source::Looks, &one.domain);
    world.step(&board.look(), 200_000, &hold);
    world.step(&board.look(), 200_000 + CLEAR, &hold);
    assert_eq!(world.kinds("all"), [NoticeKind::Opened, NoticeKind::Resolved]);
    assert_eq!(world.over[0].summary, "Nobody looks at example.com any more. Before: it fails");
}

#[test]
fn what_cannot_be_told_neither_opens_nor_ends() {
    let mut world = World::default();
    let mut board = Board::default();
    let one = condition(&INC601, Urgency::Note);
    board.put(Source::Exceptions, &one.domain, vec![one.clone()]);
    board.complete(Source::Exceptions, &BTreeSet::from([one.domain.clone()]));
    world.step(&board.look(), 0, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened]);
    // A new process, which has not looked yet.
    world.step(&Board::default().look(), 1_000_000, &terms());
    assert_eq!(world.live.len(), 1);
    let mut board = Board::default();
    board.complete(Source::Exceptions, &BTreeSet::new());
    world.step(&board.look(), 1_000_001, &terms());
    assert_eq!(world.kinds("all"), [NoticeKind::Opened, NoticeKind::Resolved]);
}

#[test]
fn who_has_it_in_hand_is_left_in_peace_until_the_end() {
    let mut world = World::default();
    let hold = Terms { hold: Some(0), ..terms() };
    let look = with(&[condition(&INC101, Urgency::Warning)]);
    world.step(&look, 0, &hold);
    let take = |world: &mut World, until| {
        world.live[0].silent_until = Some(until);
        let by = "Kim".to_owned();
        let reason = "known".to_owned();
        world.live[0].acknowledged = Some(Acknowledgement { by, at: 0, until, reason });
    };
    take(&mut world, 500);
    let worse = with(&[condition(&INC101, Urgency::Critical)]);
    world.step(&worse, 100, &hold);
    world.step(&worse, 499, &hold);
    assert_eq!(world.kinds("all"), [NoticeKind::Opened]);
    world.step(&worse, 500, &hold);
    assert_eq!(world.kinds("all"), [NoticeKind::Opened, NoticeKind::Worsened], "it is not lost");
    take(&mut world, 600);
    world.step(&worse, 600, &hold);
    world.step(&worse, 700, &hold);
    let so_far = [NoticeKind::Opened, NoticeKind::Worsened, NoticeKind::StillOpen];
    assert_eq!(world.kinds("all"), so_far);
    take(&mut world, 1 << 40);
    world.step(&with(&[]), 800, &hold);
    world.step(&with(&[]), 800 + CLEAR, &hold);
    assert_eq!(world.kinds("all").last(), Some(&NoticeKind::Resolved), "that is the end of it");
}

/// A moment of a random history.
#[derive(Clone, Debug)]
struct Moment {
    wait: i64,
    /// How much it presses; `None` if it is not so.
    there: Option<Urgency>,
    is_known: bool,
    /// Somebody takes it in hand for so long.
    taken_for: Option<i64>,
}

fn moment() -> impl Strategy<Value = Moment> {
    let urgency = prop::option::of(prop::sample::select(Urgency::ALL.to_vec()));
    let taken = prop::option::weighted(0.1, 0_i64..5_000);
    (1_i64..2_000, urgency, prop::bool::weighted(0.8), taken)
        .prop_map(|(wait, there, is_known, taken_for)| Moment { wait, there, is_known, taken_for })
}

/// The same by counting alone: since when it has been there, since when it is known to be gone.
#[derive(Default)]
struct Model {
    first: Option<i64>,
    gone: Option<i64>,
    is_open: bool,
    told: Option<Urgency>,
    silent: Option<i64>,
    expected: Vec<NoticeKind>,
}

impl Model {
    fn step(&mut self, there: Option<Urgency>, is_known: bool, now: i64) {
        let Some(urgency) = there else {
            if self.first.is_none() {
                return;
            }
            let since = if is_known { *self.gone.get_or_insert(now) } else { now };
            let over = if self.is_open { CLEAR } else { HOLD };
            if now - since >= over {
                if self.is_open {
                    self.expected.push(NoticeKind::Resolved);
                }
                let expected = std::mem::take(&mut self.expected);
                *self = Self { expected, ..Self::default() };
            } else if self.silent.is_some_and(|until| until <= now) {
                self.silent = None;
            }
            return;
        };
        self.gone = None;
        let first = *self.first.get_or_insert(now);
        if !self.is_open {
            if now - first >= HOLD {
                self.is_open = true;
                self.told = Some(urgency);
                self.expected.push(NoticeKind::Opened);
            }
            return;
        }
        let ends = self.silent.is_some_and(|until| until <= now);
        if ends {
            self.silent = None;
        }
        if self.silent.is_some() {
            return;
        }
        if Some(urgency) > self.told {
            self.told = Some(urgency);
            self.expected.push(NoticeKind::Worsened);
        } else if ends {
            self.expected.push(NoticeKind::StillOpen);
        }
    }
}

proptest! {
    #[test]
    fn every_history_is_told_as_counting_says(
        moments in prop::collection::vec(moment(), 1..80),
    ) {
        let (mut world, mut model, mut now) = (World::default(), Model::default(), 0);
        for moment in moments {
            now += moment.wait;
            if let Some(seconds) = moment.taken_for
                && let Some(open) = world.live.iter_mut().find(|one| one.phase == Phase::Open)
            {
                open.silent_until = Some(now + seconds);
                model.silent = Some(now + seconds);
            }
            let conditions: Vec<Condition> =
                moment.there.map(|urgency| condition(&INC101, urgency)).into_iter().collect();
            let look = if moment.is_known {
                with(&conditions)
            } else {
                let mut board = Board::default();
                let domain = "example.com".parse().unwrap();
                board.put(Source::Rollouts, &domain, conditions);
                board.look()
            };
            world.step(&look, now, &terms());
            model.step(moment.there, moment.is_known, now);
            prop_assert_eq!(&world.kinds("all"), &model.expected, "at {}", now);
        }
        // Each receiver sees whole stories: one beginning, then what follows, then one end.
        for receiver in ["all", "some"] {
            let mut is_open = false;
            for kind in world.kinds(receiver) {
                prop_assert_eq!(kind == NoticeKind::Opened, !is_open, "{:?}", kind);
                is_open = kind != NoticeKind::Resolved;
            }
        }
        prop_assert!(world.live.len() <= 1);
    }
}
