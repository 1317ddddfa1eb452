//! New, duplicate, revision; trusted or not; ours or not.

use super::*;

#[tokio::test]
async fn a_report_comes_back_as_it_was_given() {
    let (_folder, store) = open().await;
    let mut given = report("r1", 0, 3);
    given.days = vec![share(-1, 4, 1), share(0, 6, 2)];
    given.echo = Echo::Likely;
    let Accepted::New(id) = accept(&store, &given).await else { panic!("it is new") };
    let stored = store.reports().report(id).await.unwrap().unwrap();
    assert_eq!(stored.policies, given.policies);
    assert_eq!(stored.repairs, given.repairs);
    assert_eq!(stored.days, given.days);
    assert_eq!(stored.contact, given.contact);
    assert_eq!((stored.echo, stored.unkept), (Echo::Likely, 0));
    assert_eq!(stored.revisions, []);
    let summary = &stored.summary;
    assert_eq!((summary.scope, summary.validity), (Scope::Counted, Validity::Current));
    assert_eq!(summary.trust, given.trust);
    assert_eq!(summary.domain, given.domain);
    assert_eq!(summary.reporter.organisation, given.organisation);
    assert_eq!(summary.report_id, given.report_id);
    assert_eq!((summary.begins_at, summary.ends_at), (given.begins_at, given.ends_at));
    assert_eq!((summary.received_at, summary.day), (given.received_at, day(0)));
    assert_eq!((summary.payload, summary.raw), (given.payload, given.raw));
    assert_eq!(summary.successful, Bounds::exactly(10));
    assert_eq!(summary.failed, Bounds::exactly(3));
    assert!(summary.is_failing);
    assert_eq!(store.reports().report(ReportId(id.0 + 1)).await.unwrap(), None);
}

#[tokio::test]
async fn every_kind_of_trust_comes_back() {
    let (_folder, store) = open().await;
    let text = || "example.net".to_owned();
    for (number, trust) in [
        verified("example.net"),
        Trust::Vouched { signer: text(), server: "mx.example.com".to_owned() },
        Trust::Admitted { source: "partner".to_owned(), sender: None },
        Trust::Admitted { source: "partner".to_owned(), sender: Some(text()) },
        unverified(),
    ]
    .into_iter()
    .enumerate()
    {
        let given = NewReport { trust: trust.clone(), ..report(&format!("r{number}"), 0, 0) };
        let id = accept(&store, &given).await.id();
        let stored = store.reports().report(id).await.unwrap().unwrap();
        assert_eq!(stored.summary.trust, trust);
    }
    assert_eq!(total(&store, Scope::Counted).await, exact(4, 40, 0));
    assert_eq!(total(&store, Scope::Unverified).await, exact(1, 10, 0));
}

/// Two senders behind one relay that name themselves alike and number their reports alike were one,
/// and the later report took the place of the other.
#[tokio::test]
async fn senders_behind_one_relay_are_two() {
    let (_folder, store) = open().await;
    let from = |sender: Option<&str>, failed: u64| NewReport {
        trust: Trust::Admitted { source: "relay".to_owned(), sender: sender.map(str::to_owned) },
        payload: Digest::of(format!("{sender:?} {failed}").as_bytes()),
        ..report("r1", 0, failed)
    };
    for sender in [Some("a.example"), Some("b.example"), None] {
        assert!(matches!(accept(&store, &from(sender, 1)).await, Accepted::New(_)));
        assert!(matches!(accept(&store, &from(sender, 1)).await, Accepted::Duplicate(_)));
    }
    assert_eq!(total(&store, Scope::Counted).await, exact(3, 30, 3));
    // Each may revise its own.
    assert!(matches!(accept(&store, &from(Some("a.example"), 2)).await, Accepted::Revision(_)));
    assert_eq!(total(&store, Scope::Counted).await, exact(3, 30, 4));
    // The same octets are the same report, whoever hands them on.
    let again = NewReport { trust: verified("a.example"), ..from(Some("b.example"), 1) };
    assert!(matches!(accept(&store, &again).await, Accepted::Duplicate(_)));
    let organisation = report("r1", 0, 0).organisation;
    let id = accept(&store, &from(Some("b.example"), 1)).await.id();
    let stored = store.reports().report(id).await.unwrap().unwrap();
    assert_eq!(stored.summary.reporter.signer, "relay");
    assert_eq!(stored.summary.reporter.organisation, format!("{organisation} (b.example)"));
}

#[tokio::test]
async fn the_same_octets_count_once() {
    let (_folder, store) = open().await;
    let given = report("r1", 0, 2);
    let Accepted::New(id) = accept(&store, &given).await else { panic!("it is new") };
    // However it comes again: later, in another submission, signed by another.
    for again in [
        given.clone(),
        NewReport { received_at: given.received_at + 5, raw: Digest::of(b"2"), ..given.clone() },
        NewReport { trust: verified("relay.example"), ..given.clone() },
        NewReport { trust: unverified(), ..given.clone() },
        NewReport { ownership: Ownership::NotOurs, ..given.clone() },
    ] {
        assert_eq!(accept(&store, &again).await, Accepted::Duplicate(id), "{again:?}");
    }
    let twice = store.reports().accept(vec![given.clone(), given]).await.unwrap();
    assert_eq!(twice, [Accepted::Duplicate(id), Accepted::Duplicate(id)]);
    assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 2));
    for scope in [Scope::Unverified, Scope::NotOurs] {
        assert_eq!(total(&store, scope).await, exact(0, 0, 0));
    }
}

/// `<day>_idx1_<domain>` is what every installation of one reporting program calls its report.
#[tokio::test]
async fn a_report_id_that_many_use_joins_nothing() {
    let (_folder, store) = open().await;
    let given = report("2026-11-26_idx1_example.com", 0, 0);
    let others = [
        NewReport { organisation: "Other".to_owned(), payload: Digest::of(b"1"), ..given.clone() },
        NewReport { trust: verified("other.net"), payload: Digest::of(b"2"), ..given.clone() },
        NewReport { ends_at: given.ends_at + 1, payload: Digest::of(b"3"), ..given.clone() },
        NewReport {
            domain: Some("other.example".parse().unwrap()),
            payload: Digest::of(b"4"),
            ..given.clone()
        },
        // One payload may tell of several domains.
        NewReport { domain: Some("third.example".parse().unwrap()), ..given.clone() },
        NewReport { domain: None, ..given.clone() },
    ];
    assert!(matches!(accept(&store, &given).await, Accepted::New(_)));
    for other in &others {
        assert!(matches!(accept(&store, other).await, Accepted::New(_)), "{other:?}");
    }
    assert_eq!(total(&store, Scope::Counted).await, exact(7, 70, 0));
}

#[tokio::test]
async fn of_two_revisions_the_later_counts_whichever_is_read_first() {
    let old = report("r1", 0, 2);
    let new = NewReport { received_at: old.received_at + 1, ..report("r1", 0, 5) };
    for order in [[&old, &new], [&new, &old]] {
        let (_folder, store) = open().await;
        let first = accept(&store, order[0]).await;
        let second = accept(&store, order[1]).await;
        assert!(matches!(first, Accepted::New(_)));
        assert!(matches!(second, Accepted::Revision(_)));
        assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 5));
        for again in order {
            assert!(matches!(accept(&store, again).await, Accepted::Duplicate(_)));
        }
        let history = store
            .reports()
            .failure_history(Scope::Counted, None, day(-1), HistoryPlace::default(), 10)
            .await
            .unwrap();
        assert_eq!((history[0].history.reports, history[0].history.sessions), (1, 5));
        // Both are kept, and know of each other.
        let stored = store.reports().report(first.id()).await.unwrap().unwrap();
        assert_eq!(stored.revisions, [second.id()]);
        let is_old = order[0].received_at == old.received_at;
        let expected = if is_old { Validity::Superseded } else { Validity::Current };
        assert_eq!(stored.summary.validity, expected);
        let all = ReportFilter {
            scope: Scope::Counted,
            subject: Subject::default(),
            days: around_today(),
            content: Content::Any,
        };
        assert_eq!(store.reports().list(all, None, 10).await.unwrap().len(), 1);
    }
}

/// An import gives all its reports one time of arrival, and reads some of them side by side.
#[tokio::test]
async fn of_two_revisions_in_one_second_the_one_with_the_later_place_counts() {
    let at = |place, failed| NewReport { place, ..report("r1", 0, failed) };
    let (old, new) = (at(7, 2), at(8, 5));
    for order in [[&old, &new], [&new, &old]] {
        let (_folder, store) = open().await;
        accept(&store, order[0]).await;
        assert!(matches!(accept(&store, order[1]).await, Accepted::Revision(_)));
        assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 5));
    }
    // A time says more than a place: the raw file may have begun anew.
    let later = NewReport { received_at: new.received_at + 1, ..at(1, 9) };
    for order in [[&new, &later], [&later, &new]] {
        let (_folder, store) = open().await;
        store.reports().accept(order.map(Clone::clone).to_vec()).await.unwrap();
        assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 9));
    }
}

/// They have one place.
#[tokio::test]
async fn of_two_revisions_in_one_submission_the_one_that_is_taken_in_later_counts() {
    for (old, new) in [(2, 5), (5, 2), (7, 8), (8, 7)] {
        let (_folder, store) = open().await;
        accept(&store, &report("r1", 0, old)).await;
        let second = accept(&store, &report("r1", 0, new)).await;
        assert!(matches!(second, Accepted::Revision(_)));
        assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, new));
    }
}

#[tokio::test]
async fn revisions_without_end_are_not_kept_without_end() {
    let (_folder, store) = open().await;
    let given = report("r1", 0, 0);
    for number in 1..=30 {
        let received_at = given.received_at + i64::try_from(number).unwrap();
        let revision = NewReport { received_at, ..report("r1", 0, number) };
        accept(&store, &revision).await;
    }
    assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 30));
    let count = store.writer.write(|connection| {
        Ok(connection.query_row("SELECT COUNT(*) FROM reports", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(count.await.unwrap(), 8);
}

/// Who pretends to be another can neither replace nor suppress what the other said.
#[tokio::test]
async fn an_unverified_report_touches_no_verified_one() {
    let (_folder, store) = open().await;
    let good = report("r1", 0, 2);
    let bad = NewReport {
        trust: unverified(),
        received_at: good.received_at + 10,
        ..report("r1", 0, 9_999)
    };
    assert!(matches!(accept(&store, &bad).await, Accepted::New(_)));
    assert!(matches!(accept(&store, &good).await, Accepted::New(_)));
    assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 2));
    assert_eq!(total(&store, Scope::Unverified).await, exact(1, 10, 9_999));
    // Not even with the same octets beforehand.
    let foretold = report("r2", 0, 1);
    accept(&store, &NewReport { trust: unverified(), ..foretold.clone() }).await;
    assert!(matches!(accept(&store, &foretold).await, Accepted::New(_)));
    assert_eq!(total(&store, Scope::Counted).await, exact(2, 20, 3));
    assert_eq!(total(&store, Scope::Unverified).await, exact(1, 10, 9_999));
}

/// A domain that was added to the settings, a source that is admitted now: reading again what
/// came moves it.
#[tokio::test]
async fn what_is_read_again_with_better_knowledge_moves() {
    let (_folder, store) = open().await;
    let given = report("r1", 0, 1);
    let foreign = NewReport { ownership: Ownership::NotOurs, trust: unverified(), ..given.clone() };
    accept(&store, &foreign).await;
    assert_eq!(total(&store, Scope::NotOurs).await, exact(1, 10, 1));
    accept(&store, &NewReport { trust: unverified(), ..given.clone() }).await;
    assert_eq!(total(&store, Scope::NotOurs).await, exact(0, 0, 0));
    assert_eq!(total(&store, Scope::Unverified).await, exact(1, 10, 1));
    accept(&store, &given).await;
    assert_eq!(total(&store, Scope::Unverified).await, exact(0, 0, 0));
    assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 1));
    let repairs = store.reports().repairs(Scope::Unverified, ReporterId(1)).await.unwrap();
    assert_eq!(repairs, []);
}

#[tokio::test]
async fn an_absurd_count_falsifies_no_sum() {
    let (_folder, store) = open().await;
    let most = u64::MAX;
    for number in 0..20 {
        let mut absurd = report(&format!("r{number}"), 0, 1);
        absurd.payload = Digest::of(&[number]);
        absurd.days = vec![share(0, most, most)];
        absurd.policies[0].failures[0].sessions = most;
        accept(&store, &absurd).await;
    }
    let expected = 20 * MOST_SESSIONS;
    assert_eq!(total(&store, Scope::Counted).await, exact(20, expected, expected));
}

#[tokio::test]
async fn bounds_hold_for_text_and_for_what_there_is_much_of() {
    let (_folder, store) = open().await;
    let long = "\u{1F4A9}\0x".repeat(5_000);
    let mut large = report("r1", 0, 1);
    large.organisation = long.clone();
    large.report_id = long.clone();
    large.contact = Some(long.clone());
    large.trust = verified(&long);
    large.repairs =
        (0..1000).map(|n| Repair { code: format!("c{n}{long}"), place: long.clone() }).collect();
    let policy = &mut large.policies[0];
    policy.policy_type = long.clone();
    policy.strings = vec!["\u{1}".repeat(5000); 300];
    policy.mx_hosts = vec![long.clone(); 1000];
    let failure = ReportedFailure {
        result_type: long.clone(),
        mx_host: Some(long.clone()),
        helo: Some(long.clone()),
        reason: Some(long.clone()),
        additional: Some(long.clone()),
        ..policy.failures[0].clone()
    };
    policy.failures = vec![failure; 3_000];
    let id = accept(&store, &large).await.id();
    let stored = store.reports().report(id).await.unwrap().unwrap();
    assert!(stored.unkept > 1_000, "{}", stored.unkept);
    let kept: usize = stored.policies.iter().map(|policy| policy.failures.len()).sum();
    assert_eq!(u64::try_from(kept).unwrap() + stored.unkept, 3_000);
    assert_eq!(stored.repairs.len(), 256);
    assert_eq!(stored.policies[0].strings.len(), 32);
    assert_eq!(stored.summary.report_id.chars().count(), 1024);
    assert!(matches!(accept(&store, &large).await, Accepted::Duplicate(_)));

    let days = (0..101).map(|offset| share(-offset, 1, 0)).collect();
    for days in
        [days, vec![share(0, 1, 0), share(0, 1, 0)], vec![share(0, 1, 0), share(-100, 1, 0)]]
    {
        let refused = store.reports().accept(vec![NewReport { days, ..report("r2", 0, 0) }]).await;
        assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    }
    assert_eq!(total(&store, Scope::Counted).await.0, 1);
}

#[tokio::test]
async fn a_report_on_nothing_but_report_mails_is_an_echo() {
    let (_folder, store) = open().await;
    // Two mails with reports on yesterday come in during this day.
    for (name, number) in [("r1", 1), ("r2", 2)] {
        let mut yesterday = report(name, -1, 0);
        yesterday.raw = Digest::of(&[number]);
        yesterday.received_at = day(0).begins_at() + 3600;
        accept(&store, &yesterday).await;
    }
    for (name, successful, failed, echo) in [
        ("one", 1, 0, Echo::Likely),
        ("two", 1, 1, Echo::Likely),
        ("three", 3, 0, Echo::No),
        ("none", 0, 0, Echo::No),
    ] {
        let mut today = report(name, 0, 0);
        today.days = vec![share(0, successful, failed)];
        today.raw = Digest::of(name.as_bytes());
        today.received_at = day(1).begins_at() + 3600;
        let id = accept(&store, &today).await.id();
        let stored = store.reports().report(id).await.unwrap().unwrap();
        assert_eq!(stored.echo, echo, "{name}");
        assert_eq!(store.reports().echoes(vec![stored.summary]).await.unwrap(), [echo], "{name}");
    }
    // A domain whose reports go elsewhere has mail of its own.
    let mut elsewhere = report("elsewhere", 0, 0);
    elsewhere.domain = Some("b.example".parse().unwrap());
    elsewhere.days = vec![share(0, 1, 0)];
    elsewhere.raw = Digest::of(b"elsewhere");
    elsewhere.received_at = day(1).begins_at() + 3600;
    let id = accept(&store, &elsewhere).await.id();
    assert_eq!(store.reports().report(id).await.unwrap().unwrap().echo, Echo::No);
}
