//! The queue: what is due, who holds it, what became of it.

use proptest::prelude::*;
use sealpost_evidence::traffic::Day;
use tempfile::TempDir;

use super::*;
use crate::Settings;

const NOW: i64 = 1_900_000_000;

async fn open() -> (TempDir, Submissions) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store.submissions())
}

/// `rua` is `host/name`.
fn report(id: &str, goal: Goal, destinations: &[(&str, i64)]) -> NewSubmissions {
    let place = |(rua, due): &(&str, i64)| NewDestination {
        rua: (*rua).to_owned(),
        host: rua.split('/').next().unwrap().to_owned(),
        due: *due,
        lifetime: 86_400,
    };
    NewSubmissions {
        report_id: id.to_owned(),
        about: "example.com".parse().unwrap(),
        day: Day::of(NOW),
        queued_at: NOW,
        counted: 0,
        octets: b"\x1f\x8b octets".to_vec(),
        goal,
        destinations: destinations.iter().map(place).collect(),
    }
}

fn claiming(now: i64) -> Claiming {
    Claiming {
        owner: "node".to_owned(),
        now,
        lease_until: now + 600,
        under_way: Vec::new(),
        limit: 100,
        per_host: 10,
        per_host_a_day: 1_000,
    }
}

async fn claim(queue: &Submissions, now: i64) -> Vec<Claim> {
    queue.claim(claiming(now)).await.unwrap()
}

fn ruas(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.rua.as_str()).collect()
}

async fn settle(queue: &Submissions, claim: &Claim, outcome: Outcome, now: i64) -> usize {
    let answer = format!("{outcome:?}\0");
    let settlement = Settlement { claim: claim.clone(), outcome, answer, now };
    queue.settle(vec![settlement]).await.unwrap()
}

async fn states(queue: &Submissions) -> Vec<(String, &'static str)> {
    let all = queue.list(None, None, 1_000).await.unwrap();
    all.into_iter().map(|one| (one.rua, one.state.as_str())).collect()
}

#[tokio::test]
async fn a_report_is_queued_once_and_sent_when_it_is_due() {
    let (_folder, queue) = open().await;
    let one = report("1@r.test", Goal::All, &[("a.test/x", NOW + 10), ("b.test/y", NOW)]);
    for expected in [1, 0] {
        assert_eq!(queue.enqueue(vec![one.clone()]).await.unwrap(), expected);
    }
    assert_eq!(queue.next_due().await.unwrap(), Some(NOW));
    assert_eq!(claim(&queue, NOW - 1).await, []);

    let claims = claim(&queue, NOW).await;
    let [only] = claims.as_slice() else { panic!("{claims:?}") };
    assert_eq!((only.rua.as_str(), only.attempt), ("b.test/y", 1));
    assert_eq!((only.first_try, only.expires_at), (NOW, NOW + 86_400));
    assert_eq!((only.report_id.as_str(), only.about.as_str()), ("1@r.test", "example.com"));
    assert_eq!(only.octets, one.octets);
    assert_eq!(claim(&queue, NOW + 1).await, [], "it is held");
    assert_eq!(queue.next_due().await.unwrap(), Some(NOW + 10));

    assert_eq!(settle(&queue, only, Outcome::Accepted, NOW + 2).await, 1);
    assert_eq!(settle(&queue, only, Outcome::Refused, NOW + 3).await, 0, "it is settled");
    let listed = queue.list(Some(SubmissionState::Accepted), None, 10).await.unwrap();
    let [accepted] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((accepted.attempts, accepted.settled_at), (1, Some(NOW + 2)));
    assert_eq!(accepted.answer.as_deref(), Some("Accepted"));
    assert_eq!(queue.enqueue(vec![one]).await.unwrap(), 0, "also when it has been sent");
    assert_eq!(claim(&queue, NOW + 10).await.len(), 1);
}

#[tokio::test]
async fn what_fails_is_due_again_and_keeps_the_time_of_its_first_attempt() {
    let (_folder, queue) = open().await;
    queue.enqueue(vec![report("1@r.test", Goal::All, &[("a.test/x", NOW)])]).await.unwrap();
    let first = claim(&queue, NOW).await.remove(0);
    assert_eq!(settle(&queue, &first, Outcome::Later { due: NOW + 300 }, NOW + 5).await, 1);
    assert_eq!(claim(&queue, NOW + 299).await, []);
    let second = claim(&queue, NOW + 300).await.remove(0);
    assert_eq!((second.attempt, second.first_try, second.expires_at), (2, NOW, NOW + 86_400));
    assert_eq!(settle(&queue, &second, Outcome::Expired, NOW + 400).await, 1);
    assert_eq!(states(&queue).await, [("a.test/x".to_owned(), "expired")]);
    assert_eq!(queue.next_due().await.unwrap(), None);

    let id = second.id;
    assert_eq!(queue.retry(vec![id, SubmissionId(99)], NOW + 9_000).await.unwrap(), 1);
    let third = claim(&queue, NOW + 9_000).await.remove(0);
    assert_eq!((third.attempt, third.first_try), (3, NOW + 9_000));
    assert_eq!(queue.drop_waiting(vec![id], NOW + 9_001).await.unwrap(), 1);
    assert_eq!(settle(&queue, &third, Outcome::Accepted, NOW + 9_002).await, 0);
}

#[tokio::test]
async fn what_a_process_left_comes_back_when_its_lease_is_over() {
    let (folder, queue) = open().await;
    queue.enqueue(vec![report("1@r.test", Goal::All, &[("a.test/x", NOW)])]).await.unwrap();
    let lost = claim(&queue, NOW).await.remove(0);
    queue.store.close().await;

    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    let queue = store.submissions();
    assert_eq!(queue.next_due().await.unwrap(), Some(NOW + 600));
    assert_eq!(claim(&queue, NOW + 599).await, []);
    let again = claim(&queue, NOW + 600).await.remove(0);
    assert_eq!(again.attempt, 2);
    // Whoever comes late with the old one changes nothing.
    assert_eq!(settle(&queue, &lost, Outcome::Accepted, NOW + 601).await, 0);
    assert_eq!(settle(&queue, &again, Outcome::Accepted, NOW + 602).await, 1);
}

#[tokio::test]
async fn what_an_owner_is_still_at_is_held_on_when_the_clock_has_jumped() {
    let (_folder, queue) = open().await;
    let places = [("a.test/x", NOW), ("a.test/y", NOW + 9_000)];
    queue.enqueue(vec![report("1@r.test", Goal::All, &places)]).await.unwrap();
    let claimed = claim(&queue, NOW).await.remove(0);
    let under_way = vec![(claimed.id, claimed.attempt)];
    let jumped = Claiming { under_way, per_host: 1, ..claiming(NOW + 9_000) };
    assert_eq!(queue.claim(jumped).await.unwrap(), [], "it counts for its host as well");
    assert_eq!(settle(&queue, &claimed, Outcome::Accepted, NOW + 9_001).await, 1);

    // What another one has taken meanwhile is that one’s.
    let other = Claiming { owner: "other".to_owned(), ..claiming(NOW + 9_100) };
    let first = claim(&queue, NOW + 9_001).await.remove(0);
    let theirs = queue.claim(Claiming { now: NOW + 9_700, lease_until: NOW + 9_800, ..other });
    let theirs = theirs.await.unwrap().remove(0);
    let late = Claiming { under_way: vec![(first.id, first.attempt)], ..claiming(NOW + 9_750) };
    assert_eq!(queue.claim(late).await.unwrap(), []);
    assert_eq!(claim(&queue, NOW + 9_800).await.len(), 1, "the lease of the other one is its own");
    assert_eq!(settle(&queue, &theirs, Outcome::Accepted, NOW + 9_801).await, 0);
}

#[tokio::test]
async fn a_host_with_many_reports_does_not_stand_before_the_others() {
    let (_folder, queue) = open().await;
    let many = (0..50).map(|n| report(&format!("{n}@r.test"), Goal::All, &[("big.test/x", NOW)]));
    queue.enqueue(many.collect()).await.unwrap();
    let other = report("z@r.test", Goal::All, &[("small.test/x", NOW + 5)]);
    queue.enqueue(vec![other]).await.unwrap();
    let few = Claiming { limit: 4, per_host: 3, ..claiming(NOW + 5) };
    let claims = queue.claim(few.clone()).await.unwrap();
    assert_eq!(ruas(&claims), ["big.test/x", "big.test/x", "big.test/x", "small.test/x"]);
    assert_eq!(queue.claim(few.clone()).await.unwrap(), [], "both are at their limit");
    settle(&queue, &claims[0], Outcome::Accepted, NOW + 6).await;
    assert_eq!(queue.claim(few).await.unwrap().len(), 1);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# the report SHOULD NOT be considered
//# successfully delivered until one of the endpoints accepts delivery of
//# the report
#[tokio::test]
async fn the_first_destination_that_accepts_spares_the_others() {
    let (_folder, queue) = open().await;
    let places = [("a.test/x", NOW), ("b.test/x", NOW), ("c.test/x", NOW)];
    queue.enqueue(vec![report("1@r.test", Goal::First, &places)]).await.unwrap();
    let first = claim(&queue, NOW).await;
    assert_eq!(ruas(&first), ["a.test/x"]);
    settle(&queue, &first[0], Outcome::Later { due: NOW + 300 }, NOW).await;
    assert_eq!(claim(&queue, NOW).await, [], "it is not over with the first");
    let first = claim(&queue, NOW + 300).await;
    settle(&queue, &first[0], Outcome::Refused, NOW + 301).await;
    let second = claim(&queue, NOW + 301).await;
    assert_eq!(ruas(&second), ["b.test/x"]);
    settle(&queue, &second[0], Outcome::Accepted, NOW + 302).await;
    assert_eq!(
        states(&queue).await.iter().map(|(_, state)| *state).collect::<Vec<_>>(),
        ["refused", "accepted", "spared"]
    );
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.of(SubmissionState::Spared), counts.of(SubmissionState::Waiting)), (1, 0));
}

#[tokio::test]
async fn who_is_suppressed_gets_nothing_until_it_ends() {
    let (_folder, queue) = open().await;
    let places = [("a.test/x", NOW), ("a.test/y", NOW), ("b.test/x", NOW)];
    queue.enqueue(vec![report("1@r.test", Goal::All, &places)]).await.unwrap();
    let suppress = async |destination: &str, until: i64| {
        let (destination, reason) = (destination.to_owned(), format!("until {until}"));
        queue.suppress(Suppression { destination, since: NOW, until, reason }).await.unwrap();
    };
    suppress("b.test", NOW + 100).await;
    suppress("a.test/x", NOW + 50).await;
    suppress("a.test/x", NOW + 20).await; // the end does not move back
    let listed = queue.suppressed(NOW, None, 10).await.unwrap();
    let shown: Vec<_> =
        listed.iter().map(|one| (one.destination.as_str(), one.until - NOW)).collect();
    assert_eq!(shown, [("a.test/x", 50), ("b.test", 100)]);
    assert_eq!(listed[0].reason, format!("until {}", NOW + 50));
    assert_eq!(ruas(&claim(&queue, NOW).await), ["a.test/y"]);
    assert_eq!(ruas(&claim(&queue, NOW + 50).await), ["a.test/x"]);
    for expected in [true, false] {
        assert_eq!(queue.lift("b.test".to_owned()).await.unwrap(), expected);
    }
    assert_eq!(ruas(&claim(&queue, NOW + 51).await), ["b.test/x"]);
    assert_eq!(queue.suppressed(NOW, Some("b.test".to_owned()), 10).await.unwrap(), []);
}

#[tokio::test]
async fn only_what_is_over_is_forgotten() {
    let (_folder, queue) = open().await;
    for id in ["1@r.test", "2@r.test"] {
        queue.enqueue(vec![report(id, Goal::All, &[("a.test/x", NOW)])]).await.unwrap();
    }
    let claims = claim(&queue, NOW).await;
    settle(&queue, &claims[0], Outcome::Accepted, NOW + 1).await;
    assert_eq!(queue.prune(NOW, 100).await.unwrap(), 0, "it is not old");
    assert_eq!(queue.prune(NOW + 1, 100).await.unwrap(), 1);
    assert_eq!(queue.prune(NOW + 1, 100).await.unwrap(), 0, "the other is on its way");
    assert_eq!(queue.list(None, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_breaks_a_bound_is_refused_whole() {
    let (_folder, queue) = open().await;
    let good = report("1@r.test", Goal::All, &[("a.test/x", NOW)]);
    let refused = async |bad: NewSubmissions| {
        let error = queue.enqueue(vec![good.clone(), bad]).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    };
    let long = "x".repeat(3_000);
    refused(report("", Goal::All, &[("a.test/x", NOW)])).await;
    refused(report(&long, Goal::All, &[("a.test/x", NOW)])).await;
    refused(report("2\0", Goal::All, &[("a.test/x", NOW)])).await;
    refused(report("2", Goal::All, &[])).await;
    refused(report("2", Goal::All, &[(&long, NOW)])).await;
    refused(report("2", Goal::All, &[("a/x", NOW); 101])).await;
    refused(NewSubmissions { octets: vec![0; (16 << 20) + 1], ..good.clone() }).await;
    assert_eq!(queue.list(None, None, 10).await.unwrap(), []);
    // Of the same URI twice the first counts.
    let twice = report("2", Goal::All, &[("a.test/x", NOW), ("a.test/x", NOW + 9)]);
    queue.enqueue(vec![twice]).await.unwrap();
    assert_eq!(queue.list(None, None, 10).await.unwrap().len(), 1);
}

/// What can happen to a queue.
#[derive(Clone, Debug)]
enum Step {
    Enqueue(u8, Goal),
    Claim,
    /// The claim of this number, counted from the newest, has this outcome; also an old one.
    Settle(usize, u8),
    Wait(i64),
    Retry,
}

fn step() -> impl Strategy<Value = Step> {
    let goal = prop::sample::select(vec![Goal::All, Goal::First]);
    prop_oneof![
        2 => (0..6_u8, goal).prop_map(|(id, goal)| Step::Enqueue(id, goal)),
        3 => Just(Step::Claim),
        4 => (0..8_usize, 0..4_u8).prop_map(|(back, outcome)| Step::Settle(back, outcome)),
        2 => (1..800_i64).prop_map(Step::Wait),
        1 => Just(Step::Retry),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn after_any_history_the_queue_makes_sense(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (_folder, queue) = open().await;
            let (mut now, mut claims) = (NOW, Vec::<Claim>::new());
            let mut accepted = std::collections::HashSet::new();
            for step in steps {
                match step {
                    Step::Enqueue(id, goal) => {
                        let places = [("a.test/x", now), ("b.test/y", now + 60)];
                        let id = format!("{id}@r.test");
                        queue.enqueue(vec![report(&id, goal, &places)]).await.unwrap();
                    }
                    Step::Claim => {
                        let two = Claiming { per_host: 2, ..claiming(now) };
                        claims.extend(queue.claim(two).await.unwrap());
                    }
                    Step::Settle(back, outcome) => {
                        let Some(claim) = claims.iter().rev().nth(back) else { continue };
                        let outcome = match outcome {
                            0 => Outcome::Accepted,
                            1 => Outcome::Refused,
                            2 => Outcome::Expired,
                            _ => Outcome::Later { due: now + 30 },
                        };
                        let changed = settle(&queue, claim, outcome, now).await;
                        if changed == 1 && outcome == Outcome::Accepted {
                            assert!(accepted.insert(claim.id), "accepted twice");
                        }
                    }
                    Step::Wait(seconds) => now += seconds,
                    Step::Retry => {
                        let all = queue.list(None, None, 100).await.unwrap();
                        let ids = all.iter().map(|one| one.id).collect();
                        queue.retry(ids, now).await.unwrap();
                    }
                }
                let all = queue.list(None, None, 100).await.unwrap();
                for host in ["a.test", "b.test"] {
                    let held = all.iter().filter(|one| one.rua.starts_with(host));
                    let held = held.filter(|one| one.held_until.is_some_and(|end| end > now));
                    assert!(held.count() <= 2);
                }
                for one in &all {
                    let is_waiting = one.state == SubmissionState::Waiting;
                    assert!(is_waiting || one.held_until.is_none(), "{one:?}");
                    assert!(one.held_until.is_none() || one.first_try.is_some(), "{one:?}");
                    let is_accepted = one.state == SubmissionState::Accepted;
                    assert_eq!(accepted.contains(&one.id), is_accepted, "{one:?}");
                }
                // Nothing stays in reserve when all before it is over.
                for one in all.iter().filter(|one| one.state == SubmissionState::Reserve) {
                    let is_open = all.iter().any(|other| {
                        other.report_id == one.report_id && other.state == SubmissionState::Waiting
                    });
                    assert!(is_open, "{all:?}");
                }
            }
        });
    }
}

#[tokio::test]
async fn what_is_decided_of_a_domain_on_a_day_is_decided_once() {
    let (_folder, queue) = open().await;
    let one = report("1@r.test", Goal::All, &[("a.test/x", NOW)]);
    let none = |why| Decision::None { day: one.day, about: one.about.clone(), why, now: NOW };
    let other = Decision::None {
        day: one.day,
        about: "other.test".parse().unwrap(),
        why: Verdict::NotWanted,
        now: NOW,
    };
    let decided = queue.decide(vec![Decision::Report(one.clone()), other]).await.unwrap();
    assert_eq!(decided, [true, true]);
    let again = vec![none(Verdict::Suppressed), Decision::Report(one.clone())];
    assert_eq!(queue.decide(again).await.unwrap(), [false, false]);
    let verdicts = queue.verdicts(one.day).await.unwrap();
    let all = Verdict::ALL.map(|verdict| verdicts.of(verdict));
    assert_eq!(all, [1, 1, 0, 0, 0, 0, 0]);
    assert_eq!(states(&queue).await.len(), 1);
    assert_eq!(queue.prune_decisions(one.day, 10).await.unwrap(), 0);
    assert_eq!(queue.prune_decisions(one.day.plus(1), 1).await.unwrap(), 1);
    assert_eq!(queue.prune_decisions(one.day.plus(1), 1).await.unwrap(), 1);
}

#[tokio::test]
async fn the_first_beginning_holds() {
    let (_folder, queue) = open().await;
    assert!(queue.sending().await.unwrap().is_none());
    for (day, secret) in [(10, "one"), (5, "two")] {
        let begin = Sending { since: Day::new(day), secret: secret.to_owned() };
        let begun = queue.begin_sending(begin).await.unwrap();
        assert_eq!((begun.since, begun.secret.as_str()), (Day::new(10), "one"));
    }
}

#[tokio::test]
async fn what_an_owner_held_is_given_back_and_nobody_elses() {
    let (_folder, queue) = open().await;
    let places = [("a.test/x", NOW), ("b.test/x", NOW)];
    queue.enqueue(vec![report("1@r.test", Goal::All, &places)]).await.unwrap();
    let mine = queue.claim(Claiming { limit: 1, ..claiming(NOW) }).await.unwrap();
    let theirs = Claiming { owner: "other".to_owned(), ..claiming(NOW) };
    assert_eq!(queue.claim(theirs).await.unwrap().len(), 1);
    assert_eq!(queue.release("node".to_owned()).await.unwrap(), 1);
    let again = claim(&queue, NOW + 1).await;
    assert_eq!((ruas(&again), again[0].attempt), (ruas(&mine), 2));
    assert_eq!(settle(&queue, &mine[0], Outcome::Accepted, NOW + 2).await, 0, "it is another's");
}

#[tokio::test]
async fn what_is_held_back_for_too_long_expires() {
    let (_folder, queue) = open().await;
    let places = [("a.test/x", NOW), ("b.test/x", NOW)];
    queue.enqueue(vec![report("1@r.test", Goal::First, &places)]).await.unwrap();
    let suppression = Suppression {
        destination: "a.test".to_owned(),
        since: NOW,
        until: NOW + 1_000_000,
        reason: String::new(),
    };
    queue.suppress(suppression).await.unwrap();
    assert_eq!(queue.expire_held_back(NOW + 86_400).await.unwrap(), 0);
    assert_eq!(queue.expire_held_back(NOW + 86_401).await.unwrap(), 1);
    assert_eq!(
        states(&queue).await,
        [("a.test/x".to_owned(), "expired"), ("b.test/x".to_owned(), "waiting")]
    );
}

#[tokio::test]
async fn refusals_count_from_the_last_acceptance_on() {
    let (_folder, queue) = open().await;
    let outcomes = [Outcome::Refused, Outcome::Accepted, Outcome::Refused, Outcome::Refused];
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let id = format!("{number}@r.test");
        let at = NOW + 10 * i64::try_from(number).unwrap();
        queue.enqueue(vec![report(&id, Goal::All, &[("a.test/x", at)])]).await.unwrap();
        let claims = claim(&queue, at).await;
        settle(&queue, &claims[0], outcome, at).await;
    }
    let refusals = |since| queue.refusals("a.test/x".to_owned(), since);
    assert_eq!(refusals(NOW - 5).await.unwrap(), 2);
    assert_eq!(refusals(NOW + 25).await.unwrap(), 1);
    assert_eq!(queue.refusals("b.test/x".to_owned(), NOW).await.unwrap(), 0);
}
