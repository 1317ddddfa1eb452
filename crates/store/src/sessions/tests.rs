use mta_sts::PolicyId;
use tempfile::TempDir;
use tls_rpt::{PolicyType, ResultType};

use super::{text::Text, *};
use crate::{Backoff, Digest, Remembered, Settings};

const AT: i64 = 1_795_650_000;

async fn open() -> (TempDir, Sessions) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store.sessions())
}

fn day() -> Day {
    Day::of(AT)
}

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn policy(line: &str) -> SeenPolicy {
    let mut policy = SeenPolicy::new(PolicyType::Sts, domain("a.test"));
    policy.strings.push(line.to_owned());
    policy
}

fn counts(name: &str, line: &str, successful: u64, failed: u64) -> SessionCounts {
    let mut failure = SessionFailure::new(ResultType::CertificateExpired);
    failure.failure_reason_code = Some("nul \0 is no text".to_owned());
    let failures = vec![(Arc::new(failure), FailureCount { failed, recovered: 1 })];
    SessionCounts {
        day: day(),
        domain: domain(name),
        policy: Arc::new(CountedPolicy::of(&policy(line))),
        successful,
        failed,
        failures: if failed > 0 { failures } else { Vec::new() },
        record: Some("v=TLSRPTv1; rua=mailto:a@a.test".into()),
        seen_at: AT,
        hours: None,
    }
}

fn sums(sessions: &DomainSessions) -> (u64, u64, u64) {
    let totals = sessions.totals.iter();
    let (successful, failed) = totals.fold((0, 0), |sum, it| (sum.0 + it.1, sum.1 + it.2));
    (successful, failed, sessions.failures.iter().map(|it| it.2.failed).sum())
}

#[tokio::test]
async fn what_is_written_twice_is_there_once() {
    let (_folder, sessions) = open().await;
    let epoch = sessions.begin("node", AT).await.unwrap();
    for _ in 0..3 {
        sessions.save(&epoch, vec![counts("a.test", "x", 5, 2)]).await.unwrap();
    }
    assert_eq!(sums(&sessions.of(day(), domain("a.test")).await.unwrap()), (5, 2, 2));
    sessions.save(&epoch, vec![counts("a.test", "x", 9, 3)]).await.unwrap();
    // One that was on its way for long.
    sessions.save(&epoch, vec![counts("a.test", "x", 7, 2)]).await.unwrap();
    let found = sessions.of(day(), domain("a.test")).await.unwrap();
    assert_eq!(sums(&found), (9, 3, 3));
    assert_eq!((found.totals.len(), found.failures.len(), found.unreadable), (1, 1, 0));
    assert_eq!(found.totals[0].0, policy("x"));
    assert_eq!(found.failures[0].2.recovered, 1);
    assert_eq!(found.record.as_deref(), Some("v=TLSRPTv1; rua=mailto:a@a.test"));
    assert_eq!(
        sessions.of(day().plus(1), domain("a.test")).await.unwrap(),
        DomainSessions::default()
    );
}

#[tokio::test]
async fn epochs_and_nodes_are_added_up() {
    let (_folder, sessions) = open().await;
    let first = sessions.begin("one", AT).await.unwrap();
    // The clock has stepped back.
    let second = sessions.begin("one", AT - 1_000).await.unwrap();
    let other = sessions.begin("two", AT).await.unwrap();
    assert!(first.number() < second.number());
    assert_ne!(second, other);
    for epoch in [&first, &second, &other, &other] {
        sessions.save(epoch, vec![counts("a.test", "x", 1, 1)]).await.unwrap();
        sessions.save(epoch, vec![counts("a.test", "y", 10, 0)]).await.unwrap();
        sessions.save(epoch, vec![counts("b.test", "y", 0, 4)]).await.unwrap();
    }
    let found = sessions.of(day(), domain("a.test")).await.unwrap();
    assert_eq!(sums(&found), (33, 3, 3));
    assert_eq!((found.totals.len(), found.failures.len()), (2, 1));
    let days = sessions.days(day(), 10).await.unwrap();
    let expected = SessionDay { day: day(), domains: 2, successful: 33, failed: 15, seen_at: AT };
    assert_eq!(days, [expected]);
    assert_eq!(sessions.days(day().plus(1), 10).await.unwrap(), []);
    let names = |list: Vec<DomainSums>| -> Vec<_> {
        list.into_iter()
            .map(|sums| (sums.domain.to_string(), sums.successful, sums.failed))
            .collect()
    };
    let first = sessions.domains(day(), None, 1).await.unwrap();
    assert_eq!(names(first.clone()), [("a.test".to_owned(), 33, 3)]);
    let after = first.first().map(|sums| sums.domain.clone());
    let rest = sessions.domains(day(), after, 10).await.unwrap();
    assert_eq!(names(rest), [("b.test".to_owned(), 0, 12)]);
}

#[tokio::test]
async fn the_newest_record_is_told() {
    let (_folder, sessions) = open().await;
    let epoch = sessions.begin("node", AT).await.unwrap();
    for (line, record, seen_at) in
        [("x", Some("old"), AT), ("y", Some("new"), AT + 5), ("z", None, AT + 9)]
    {
        let record = record.map(Into::into);
        let counts = SessionCounts { record, seen_at, ..counts("a.test", line, 1, 0) };
        sessions.save(&epoch, vec![counts]).await.unwrap();
    }
    let found = sessions.of(day(), domain("a.test")).await.unwrap();
    assert_eq!(found.record.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_text_that_is_noted_as_stored_is_not_made_again() {
    let (folder, sessions) = open().await;
    let epoch = sessions.begin("node", AT).await.unwrap();
    let stored = Arc::new(CountedPolicy::of(&policy("x")));
    for successful in 1..4 {
        let counts = counts("a.test", "x", successful, 1);
        let counts = SessionCounts { policy: Arc::clone(&stored), ..counts };
        sessions.save(&epoch, vec![counts]).await.unwrap();
    }
    assert!(stored.is_stored());
    // It is written again all the same if its row is gone.
    let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
    other.execute("DELETE FROM session_totals", []).unwrap();
    let counts = SessionCounts { policy: Arc::clone(&stored), ..counts("a.test", "x", 3, 1) };
    sessions.save(&epoch, vec![counts]).await.unwrap();
    let found = sessions.of(day(), domain("a.test")).await.unwrap();
    assert_eq!((sums(&found), found.unreadable), ((3, 1, 1), 0));
    assert_eq!(found.totals[0].0, policy("x"));
}

#[tokio::test]
async fn a_policy_that_could_not_be_fetched_is_of_its_day() {
    let (_folder, sessions) = open().await;
    let failed = |failed_at| Remembered {
        domain: domain("a.test"),
        policy: None,
        backoff: Some(Backoff {
            id: PolicyId::parse("1").unwrap(),
            failure: "sts-policy-fetch-error".to_owned(),
            failures: 1,
            failed_at,
        }),
        last_used: AT,
    };
    let begins = day().begins_at();
    let whole_day = 86_400;
    for (failed_at, is_told) in [
        (begins - 1, false),
        (begins, true),
        (begins + whole_day - 1, true),
        (begins + whole_day, false),
    ] {
        sessions.store.policies().save(failed(failed_at)).await.unwrap();
        let found = sessions.of(day(), domain("a.test")).await.unwrap();
        let expected = is_told.then(|| "sts-policy-fetch-error".to_owned());
        assert_eq!(found.policy_failure, expected, "{failed_at}");
        assert_eq!(sessions.of(day(), domain("b.test")).await.unwrap().policy_failure, None);
    }
}

#[tokio::test]
async fn old_days_are_forgotten_with_their_texts() {
    let (folder, sessions) = open().await;
    let epoch = sessions.begin("node", AT).await.unwrap();
    for back in 0..5 {
        let mut counts = counts("a.test", &format!("of {back}"), 1, 1);
        counts.day = day().plus(-back);
        sessions.save(&epoch, vec![counts]).await.unwrap();
    }
    while sessions.prune(day().plus(-1), 1).await.unwrap() > 0 {}
    let days = sessions.days(Day::new(0), 10).await.unwrap();
    assert_eq!(days.iter().map(|it| it.day).collect::<Vec<_>>(), [day(), day().plus(-1)]);
    let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
    for (table, rows) in [("session_totals", 2), ("session_texts", 0), ("session_failures", 0)] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(other.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap(), rows);
    }
}

/// Counters as they were written before they had their texts with them.
#[tokio::test]
async fn counters_of_an_older_file_are_read_replaced_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let old = Connection::open(&path).unwrap();
    for migration in &crate::schema::STORE.migrations[..19] {
        old.execute_batch(migration).unwrap();
    }
    old.execute_batch("PRAGMA application_id = 1399153004; PRAGMA user_version = 19").unwrap();
    let expired = SessionFailure::new(ResultType::CertificateExpired);
    let text = Text::of(policy("x").to_json());
    let failure = Text::of(expired.to_json());
    for text in [&text, &failure] {
        let values = params![text.digest, text.content, day().number()];
        old.execute("INSERT INTO session_texts VALUES ($1, $2, $3)", values).unwrap();
    }
    for (node, epoch, failed) in [("node", 7, 2), ("import", 0, 1)] {
        let values = params![day().number(), text.digest, node, epoch, failed, AT];
        let totals = "INSERT INTO session_totals (day, domain, policy, node, epoch, successful,
                                                  failed, seen_at, record, hours)
                      VALUES ($1, 'a.test', $2, $3, $4, 5, $5, $6, 'the record', '1:5')";
        old.execute(totals, values).unwrap();
        let values = params![day().number(), text.digest, failure.digest, node, epoch, failed];
        let failures = "INSERT INTO session_failures (day, domain, policy, failure, node, epoch,
                                                      failed, recovered)
                        VALUES ($1, 'a.test', $2, $3, $4, $5, $6, 1)";
        old.execute(failures, values).unwrap();
    }
    drop(old);

    let sessions = Store::open(Settings::at(&path)).await.unwrap().sessions();
    let of = async || sessions.of(day(), domain("a.test")).await.unwrap();
    let found = of().await;
    assert_eq!((sums(&found), found.unreadable), ((10, 3, 3), 0));
    assert_eq!((found.totals.len(), found.failures.len()), (1, 1));
    assert_eq!(found.failures[0].1, expired);
    assert_eq!(
        (found.record.as_deref(), found.hours.to_string()),
        (Some("the record"), "1:10".into())
    );
    // What is counted from now on stands beside it.
    let epoch = sessions.begin("node", AT).await.unwrap();
    sessions.save(&epoch, vec![counts("a.test", "x", 1, 1)]).await.unwrap();
    assert_eq!(sums(&of().await), (11, 4, 4));
    // An import that is repeated takes the place of the first time, its failures included.
    let import = Epoch::of_import("import");
    sessions.save(&import, vec![counts("a.test", "x", 6, 2)]).await.unwrap();
    let found = of().await;
    assert_eq!((sums(&found), found.failures.len()), ((12, 5, 5), 2));

    while sessions.prune(day().plus(1), 10).await.unwrap() > 0 {}
    assert_eq!(of().await, DomainSessions::default());
    let other = Connection::open(&path).unwrap();
    for table in ["session_totals", "session_texts", "session_failures"] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(other.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{table}");
    }
}

#[tokio::test]
async fn the_last_refused_datagrams_are_kept() {
    let (_folder, sessions) = open().await;
    let refused = |number: u8| RefusedDatagram {
        refused_at: AT + i64::from(number),
        cause: "not-json".to_owned(),
        length: 100_000,
        octets: vec![number; 100_000],
    };
    sessions.refuse("node", (0..7).map(refused).collect(), 5).await.unwrap();
    sessions.refuse("node", vec![refused(7)], 5).await.unwrap();
    sessions.refuse("other", vec![refused(8)], 5).await.unwrap();
    let found = sessions.refused(10).await.unwrap();
    let firsts: Vec<u8> = found.iter().map(|it| it.octets[0]).collect();
    assert_eq!(firsts, [8, 7, 6, 5, 4, 3]);
    assert_eq!((found[0].length, found[0].octets.len()), (100_000, MOST_KEPT));
}

const MOST_KEPT: usize = 8 << 10;

#[tokio::test]
async fn rows_that_make_no_sense_are_counted() {
    let (folder, sessions) = open().await;
    let epoch = sessions.begin("node", AT).await.unwrap();
    sessions.save(&epoch, vec![counts("a.test", "x", 5, 2)]).await.unwrap();
    let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
    for (change, expected) in [
        ("UPDATE session_totals SET failures = failures || '1 x {}'", ((5, 2, 2), 1)),
        ("UPDATE session_totals SET failures = '1 2 {}'", ((5, 2, 0), 1)),
        ("UPDATE session_totals SET hours = '24:1'", ((5, 2, 0), 2)),
        ("UPDATE session_totals SET content = '{}'", ((0, 0, 0), 2)),
        ("UPDATE session_totals SET content = NULL", ((0, 0, 0), 2)),
    ] {
        assert_eq!(other.execute(change, []).unwrap(), 1);
        let found = sessions.of(day(), domain("a.test")).await.unwrap();
        assert_eq!((sums(&found), found.unreadable), expected, "{change}");
    }
}

#[tokio::test]
async fn posts_are_noted_with_their_counters_and_forgotten_by_age_and_number() {
    let (_folder, sessions) = open().await;
    let epoch = sessions.begin("node", AT).await.unwrap();
    let post = |number: u8| SessionPost {
        key: Digest::of(&[number]),
        content: Digest::of(b"content"),
        counted: 2,
        uncounted: 1,
        posted_at: AT + i64::from(number),
    };
    let both = vec![post(1), post(2)];
    sessions.save_posted(&epoch, vec![counts("a.test", "x", 5, 2)], both).await.unwrap();
    assert_eq!(sums(&sessions.of(day(), domain("a.test")).await.unwrap()), (5, 2, 2));
    // What was noted of another content stays.
    let other = SessionPost { content: Digest::of(b"other"), counted: 9, ..post(1) };
    let corrected = SessionPost { counted: 1, uncounted: 2, ..post(2) };
    sessions.note_posts(vec![other, corrected, post(3), post(4), post(5)]).await.unwrap();
    assert_eq!(sessions.post(post(1).key).await.unwrap(), Some(post(1)));
    assert_eq!(sessions.post(post(2).key).await.unwrap(), Some(corrected));
    sessions.forget_post(post(2).key).await.unwrap();
    assert_eq!(sessions.post(post(2).key).await.unwrap(), None);
    assert_eq!(sessions.prune_posts(AT + 1, 9, 1).await.unwrap(), 0);
    assert_eq!(sessions.prune_posts(AT + 2, 9, 1).await.unwrap(), 1, "by its age");
    assert_eq!(sessions.prune_posts(AT + 2, 1, 1).await.unwrap(), 1, "one at a time");
    while sessions.prune_posts(AT + 2, 1, 1).await.unwrap() > 0 {}
    for (number, is_there) in [(1, false), (3, false), (4, false), (5, true)] {
        assert_eq!(sessions.post(post(number).key).await.unwrap().is_some(), is_there, "{number}");
    }
}

#[tokio::test]
async fn a_key_is_held_by_one_until_its_post_is_noted_or_forgotten() {
    let (_folder, sessions) = open().await;
    let one = sessions.begin("posts at one", AT).await.unwrap();
    let two = sessions.begin("posts at two", AT).await.unwrap();
    let post = SessionPost {
        key: Digest::of(b"key"),
        content: Digest::of(b"content"),
        counted: 2,
        uncounted: 0,
        posted_at: AT,
    };
    let other = SessionPost { content: Digest::of(b"other"), posted_at: AT + 1, ..post };
    let hold = async |post, holder| sessions.hold_post(post, holder).await.unwrap();
    assert_eq!(hold(post, &one).await, HeldPost::New);
    assert_eq!(hold(post, &two).await, HeldPost::Elsewhere(post));
    assert_eq!(hold(other, &two).await, HeldPost::Elsewhere(post));
    // The same process has not counted it after all.
    assert_eq!(hold(post, &one).await, HeldPost::New);
    // Another node that begins anew frees nothing; this one, when it does, frees what it held.
    let two = sessions.begin("posts at two", AT + 5).await.unwrap();
    assert_eq!(hold(post, &two).await, HeldPost::Elsewhere(post));
    let one = sessions.begin("posts at one", AT + 5).await.unwrap();
    assert_eq!(hold(other, &two).await, HeldPost::New);
    assert_eq!(hold(post, &one).await, HeldPost::Elsewhere(other));

    sessions.forget_post(post.key).await.unwrap();
    assert_eq!(hold(post, &one).await, HeldPost::New);
    let counted = SessionPost { counted: 1, uncounted: 1, ..post };
    let epoch = sessions.begin("one", AT).await.unwrap();
    sessions.save_posted(&epoch, vec![counts("a.test", "x", 1, 0)], vec![counted]).await.unwrap();
    for holder in [&one, &two] {
        assert_eq!(hold(other, holder).await, HeldPost::Counted(counted));
    }
    sessions.begin("posts at one", AT + 9).await.unwrap();
    assert_eq!(hold(post, &two).await, HeldPost::Counted(counted));
}
