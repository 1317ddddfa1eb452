use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::*;

fn days(seed: u64, days: u32) -> Month {
    let first = Timestamp::from_second(1_790_000_000).unwrap();
    Month::new(MonthOptions { seed, first, days, signed: None, ways: Ways::MailAndPosts })
}

/// Signing takes its time: it is made once.
fn month() -> &'static Month {
    static MONTH: LazyLock<Month> = LazyLock::new(|| days(7, 31));
    &MONTH
}

fn text(sending: &Sending) -> String {
    match &sending.way {
        Way::Mail { octets, .. } => String::from_utf8(octets.clone()).unwrap(),
        Way::Post { body, .. } => String::from_utf8_lossy(body).into_owned(),
    }
}

#[test]
fn what_is_told_is_what_took_place() {
    let month = month();
    let mut sums: BTreeMap<(Reporter, &str), (u64, u64)> = BTreeMap::new();
    for sessions in &month.sessions {
        let sum = sums.entry((sessions.reporter, sessions.domain.name)).or_default();
        match sessions.failure {
            None => sum.0 += sessions.count,
            Some(_) => sum.1 += sessions.count,
        }
    }
    for told in &month.told {
        let sum = sums.get_mut(&(told.reporter, told.domain.name)).unwrap();
        *sum = (sum.0 - told.successful, sum.1 - told.failed);
    }
    // What is missing is in the reports that a gateway has changed.
    let altered = |reporter, name| {
        month.sendings.iter().any(|sending| {
            sending.kind == Kind::Altered
                && (sending.reporter, sending.domain.name) == (reporter, name)
        })
    };
    for ((reporter, name), sum) in sums {
        assert!(sum == (0, 0) || altered(reporter, name), "{reporter:?} {name}: {sum:?}");
    }
}

#[test]
fn each_kind_occurs_and_each_report_once() {
    let month = month();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for sending in &month.sendings {
        *times.entry(sending.kind.name()).or_default() += 1;
    }
    assert_eq!(times.len(), 7 + Forgery::ALL.len(), "{times:?}");
    assert!(times.values().all(|times| *times >= 2), "{times:?}");
    let counting = month.sendings.iter().filter(|sending| sending.kind.counts()).count();
    assert_eq!(counting, month.told.len());
    assert!(month.sendings.is_sorted_by_key(|sending| sending.at));
    let names: BTreeSet<_> = month.told.iter().map(|told| told.domain.name).collect();
    assert!(names.len() >= 10);
    assert!(month.told.iter().any(|told| !told.is_of_one_day()));
    assert!(month.told.iter().any(|told| told.ends - told.begins == 3600));
}

#[test]
fn the_same_seed_sends_the_same() {
    assert_eq!(days(1, 5).sendings, days(1, 5).sendings);
    assert_ne!(days(1, 5).told, days(2, 5).told);
}

#[test]
fn who_wants_mails_only_gets_no_post() {
    let first = Timestamp::from_second(1_790_000_000).unwrap();
    let options =
        MonthOptions { seed: 1, first, days: 5, signed: Some(first), ways: Ways::MailOnly };
    for sending in Month::new(options).sendings {
        assert!(matches!(sending.way, Way::Mail { .. }));
        let is_signed = text(&sending).contains(" t=1790000000;");
        assert_eq!(is_signed, sending.kind != Kind::Forged(Forgery::Unsigned));
    }
}

#[test]
fn mails_can_be_sent_as_they_are() {
    for sending in &month().sendings {
        let Way::Mail { to, octets } = &sending.way else { continue };
        let text = String::from_utf8(octets.clone()).unwrap();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text}");
        assert!(text.lines().all(|line| !line.starts_with('.') && line.len() < 998), "{text}");
        assert!(text.contains(to.as_str()), "{text}");
        let (header, _) = text.split_once("\r\n\r\n").unwrap();
        for line in header.lines() {
            assert!(line.starts_with([' ', '\t']) || line.contains(": "), "{line}");
        }
    }
}

#[test]
fn each_reporter_has_its_quirks() {
    let month = month();
    let of = |reporter: Reporter| {
        let texts = month.sendings.iter().filter(move |sending| {
            sending.reporter == reporter && matches!(sending.kind, Kind::OnTime | Kind::Late)
        });
        texts.map(text).collect::<Vec<_>>()
    };
    let has = |reporter, words: &str| of(reporter).iter().any(|text| text.contains(words));
    assert!(has(Reporter::Google, "\r\n\th=to:from:subject") || has(Reporter::Google, "h=to:from"));
    assert!(has(Reporter::Google, "; x="));
    assert!(has(Reporter::Google, " -0700\r\n"));
    assert!(has(Reporter::Microsoft, "Content-Type: text/html"));
    assert!(has(Reporter::MailRu, "Submitter: like-mail-ru.test Report-ID: <"));
    assert!(has(Reporter::Stalwart, "a=ed25519-sha256"));
    assert!(has(Reporter::PostfixTwin, "TLS-Report-Submitter: Example Inc.\r\n"));
    assert!(has(Reporter::PostfixTwin, "{\"organization-name\": \"Example Inc.\", "));
}
