//! Destinations that do not take their reports, DNS that does not answer, and clocks that jump.

use sealpost_evidence::traffic::Day;
use sealpost_store::submissions::{SubmissionState, Verdict};

use crate::dns::Answer;
use crate::house::{HOUR, House, day};

#[tokio::test]
async fn who_refuses_for_a_day_and_a_half_gets_a_dozen_attempts_and_it_is_told() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day(), 5, 1).await;
    house.sink.answer(451);
    for minutes in (0..36 * 60).step_by(20) {
        house.work(day(), minutes * 60).await;
    }
    let queue = house.queue().await;
    let [only] = queue.as_slice() else { panic!("{queue:?}") };
    assert_eq!(only.state, SubmissionState::Expired, "{only:?}");
    assert!((7..=14).contains(&only.attempts), "{only:?}");
    assert!(only.answer.as_ref().unwrap().contains("451"), "{only:?}");
    assert_eq!(house.sink.mails(), []);
}

#[tokio::test]
async fn who_takes_it_after_half_a_day_gets_the_same_mail() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day(), 5, 1).await;
    house.sink.answer(451);
    house.work(day(), 0).await;
    let first = house.queue().await;
    assert_eq!(first[0].state, SubmissionState::Waiting);
    let store = house.store().await;
    assert_eq!(store.submissions().failing_destinations().await.unwrap(), 1);
    store.close().await;
    for hours in 1..24 {
        if hours == 12 {
            house.sink.answer(250);
        }
        house.work(day(), hours * HOUR).await;
    }
    assert_eq!(house.states().await, [SubmissionState::Accepted]);
    let store = house.store().await;
    assert_eq!(store.submissions().failing_destinations().await.unwrap(), 0);
    store.close().await;
    let mails = house.sink.mails();
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    let report = mail.report();
    assert_eq!(report.report_id.as_deref(), Some(&*first[0].report_id));
    assert_eq!(mail.recipient, "tls@a.test");
    assert_eq!(mail.field("Date"), "Thu, 26 Nov 2026 00:00:00 +0000", "of the first attempt");
}

#[tokio::test]
async fn a_record_that_cannot_be_looked_up_is_asked_for_again() {
    let house = House::new();
    house.dns.set("_smtp._tls.a.test", Answer::ServerFailure);
    house.had("a.test", day(), 5, 1).await;
    house.had("silent.test", day(), 5, 1).await;
    let built = house.work(day(), 0).await;
    assert_eq!((built.queued, built.without, built.later), (0, 1, 1));
    house.wants("a.test", "mailto:tls@a.test");
    let built = house.work(day(), HOUR).await;
    assert_eq!((built.queued, built.without, built.later), (1, 0, 0));
    assert_eq!(house.sink.mails().len(), 1);
    let store = house.store().await;
    let verdicts = store.submissions().verdicts(day()).await.unwrap();
    assert_eq!((verdicts.of(Verdict::Queued), verdicts.of(Verdict::NotWanted)), (1, 1));
}

#[tokio::test]
async fn sessions_that_come_after_the_report_are_told_to_be_in_none() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.wants("b.test", "mailto:tls@b.test");
    house.had("a.test", day(), 5, 1).await;
    house.had("silent.test", day(), 5, 1).await;
    house.work(day(), 0).await;
    let late = async || {
        let store = house.store().await;
        let dispatch = house.dispatch(&store, HOUR).await;
        let new = dispatch.note_late(day()).await.unwrap();
        let noted = store.submissions().verdicts(day()).await.unwrap().late();
        store.close().await;
        (new, noted)
    };
    assert_eq!(late().await, (0, 0));
    // Another node; one whose domain wants no report; and one that had none for the day.
    house.had("a.test", day(), 3, 4).await;
    house.had("silent.test", day(), 3, 4).await;
    house.had("b.test", day(), 2, 0).await;
    let built = house.work(day(), HOUR).await;
    assert_eq!((built.queued, built.without), (1, 0));
    assert_eq!(late().await, (7, 7));
    assert_eq!(late().await, (0, 7), "they are told of once");
    house.had("a.test", day(), 1, 0).await;
    assert_eq!(late().await, (1, 8));
    // None of it went out, and nothing twice.
    let mails = house.sink.mails();
    let sums = mails.iter().map(|mail| {
        let report = mail.report();
        let summary = &report.policies[0].summary;
        let number = |count: &Option<tls_rpt::SessionCount>| count.as_ref().unwrap().to_string();
        (number(&summary.successful), number(&summary.failed))
    });
    let mut sums: Vec<_> = sums.collect();
    sums.sort();
    assert_eq!(sums, [("2", "0"), ("5", "1")].map(|(one, other)| (one.into(), other.into())));
}

#[tokio::test]
async fn a_clock_that_jumps_makes_no_second_report() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day(), 5, 1).await;
    for after in [60, 30 * 24 * HOUR, -20 * HOUR, 2 * HOUR, 60] {
        house.work(day(), after).await;
    }
    assert_eq!(house.sink.mails().len(), 1);
    assert_eq!(house.states().await, [SubmissionState::Accepted]);
}

#[tokio::test]
async fn the_first_of_several_destinations_that_accepts_is_enough() {
    use SubmissionState::{Accepted, Refused, Spared};
    let mut house = House::new();
    house.more = "destinations = \"first\"".to_owned();
    house.wants("a.test", "mailto:refused@a.test,mailto:two@a.test,mailto:three@a.test");
    house.had("a.test", day(), 5, 1).await;
    house.work(day(), 0).await;
    let states = house.states().await;
    assert_eq!(states, [Refused, Accepted, Spared]);
    let mails = house.sink.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipient, "two@a.test");
}

#[tokio::test]
async fn who_refuses_three_reports_in_turn_is_held_back() {
    let mut house = House::new();
    house.more = "mail = \"direct\"".to_owned();
    house.dns.set("a.test", Answer::Exchange("mx.test"));
    house.wants("a.test", "mailto:tls@a.test");
    house.sink.answer(550);
    for days in 0..5 {
        house.had("a.test", day().plus(days), 5, 1).await;
        house.work(day().plus(days), days * 24 * HOUR).await;
    }
    assert_eq!(house.states().await, [SubmissionState::Refused; 3]);
    let store = house.store().await;
    let verdicts = store.submissions().verdicts(day().plus(4)).await.unwrap();
    assert_eq!(verdicts.of(Verdict::Suppressed), 1);
    store.close().await;
    // Seven days later it is tried again.
    house.sink.answer(250);
    let later = day().plus(12);
    house.had("a.test", later, 5, 1).await;
    house.work(later, 12 * 24 * HOUR).await;
    assert_eq!(house.sink.mails().len(), 1);
}

#[tokio::test]
async fn a_host_sees_no_more_attempts_a_day_than_it_may() {
    let mut house = House::new();
    house.more = "per_host_a_day = 3".to_owned();
    for number in 0..5 {
        let domain = format!("d{number}.test");
        house.wants(&domain, "mailto:tls@big.test");
        house.had(&domain, day(), 1, 0).await;
    }
    house.work(day(), 0).await;
    assert_eq!(house.sink.mails().len(), 3);
    house.work(day(), 23 * HOUR).await;
    assert_eq!(house.sink.mails().len(), 3);
    house.work(day(), 24 * HOUR).await;
    assert_eq!(house.sink.mails().len(), 5);
}

#[tokio::test]
async fn days_before_the_first_start_are_not_reported_by_themselves() {
    let house = House::new();
    let store = house.store().await;
    house.dispatch(&store, 60).await;
    let since = store.submissions().sending().await.unwrap().unwrap().since;
    assert_eq!(since, day().plus(1));
    // It stays so.
    house.dispatch(&store, 40 * 24 * HOUR).await;
    assert_eq!(store.submissions().sending().await.unwrap().unwrap().since, since);
    assert!(since > Day::of(0));
}
