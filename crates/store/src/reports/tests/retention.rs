//! Forgetting.

use super::*;

async fn prune(store: &Store, offset: i64) -> Pruned {
    let now = day(offset).begins_at() + 5;
    store.reports().prune(now, Retention::default(), 100).await.unwrap()
}

#[tokio::test]
async fn addresses_go_and_figures_stay() {
    let (_folder, store) = open().await;
    let mut given = report("r1", 0, 3);
    let other = ReportedFailure {
        sending_ip: Some([198, 51, 100, 2].into()),
        sessions: 4,
        ..given.policies[0].failures[0].clone()
    };
    let elsewhere = ReportedFailure { mx_host: None, sessions: 5, ..other.clone() };
    given.policies[0].failures.extend([other, elsewhere]);
    let id = accept(&store, &given).await.id();
    let before = total(&store, Scope::Counted).await;
    assert_eq!(prune(&store, 400).await, Pruned::default());
    let pruned = prune(&store, 401).await;
    assert_eq!((pruned.addresses, pruned.is_more), (1, false));
    assert_eq!(prune(&store, 401).await, Pruned::default());

    assert_eq!(total(&store, Scope::Counted).await, before);
    let stored = store.reports().report(id).await.unwrap().unwrap();
    let failures = &stored.policies[0].failures;
    let kept: Vec<_> =
        failures.iter().map(|failure| (failure.mx_host.as_deref(), failure.sessions)).collect();
    assert_eq!(kept, [(None, 5), (Some("mx1.example.com"), 7)]);
    for failure in failures {
        assert_eq!((failure.sending_ip, failure.receiving_ip), (None, None));
        assert_eq!((&failure.reason, &failure.helo, &failure.additional), (&None, &None, &None));
    }
    // It can still be taken out of the sums.
    let history = || async {
        let place = HistoryPlace::default();
        let rows = store.reports().failure_history(Scope::Counted, None, day(0), place, 9).await;
        rows.unwrap().into_iter().map(|row| row.history.sessions).collect::<Vec<_>>()
    };
    assert_eq!(history().await, [12]);
    let received_at = given.received_at + 1;
    accept(&store, &NewReport { received_at, ..report("r1", 0, 1) }).await;
    assert_eq!(history().await, [1]);
}

#[tokio::test]
async fn what_does_not_count_goes_sooner_with_its_names() {
    let (_folder, store) = open().await;
    let good = report("r1", 0, 1);
    accept(&store, &good).await;
    for (number, ownership) in [(2, Ownership::Ours), (3, Ownership::NotOurs)] {
        let apart = NewReport {
            trust: unverified(),
            ownership,
            organisation: format!("Stranger {number}"),
            domain: Some(format!("d{number}.example").parse().unwrap()),
            ..report(&format!("r{number}"), 0, 1)
        };
        accept(&store, &apart).await;
    }
    assert_eq!(prune(&store, 90).await, Pruned::default());
    let pruned = prune(&store, 93).await;
    assert_eq!((pruned.reports, pruned.addresses), (2, 0));
    for scope in [Scope::Unverified, Scope::NotOurs] {
        assert_eq!(total(&store, scope).await, exact(0, 0, 0));
    }
    assert_eq!(total(&store, Scope::Counted).await, exact(1, 10, 1));
    let names = store.writer.write(|connection| {
        let count = |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            Ok::<i64, StoreError>(connection.query_row(&sql, [], |row| row.get(0))?)
        };
        Ok((count("reporters")?, count("report_domains")?, count("day_counts")?))
    });
    assert_eq!(names.await.unwrap(), (1, 1, 3));
}

#[tokio::test]
async fn one_call_forgets_only_so_much() {
    let (_folder, store) = open().await;
    let reports: Vec<NewReport> = (0..7)
        .map(|number| NewReport { trust: unverified(), ..report(&format!("r{number}"), 0, 1) })
        .collect();
    store.reports().accept(reports).await.unwrap();
    let (now, retention) = (day(1000).begins_at(), Retention::default());
    let mut calls = Vec::new();
    loop {
        let pruned = store.reports().prune(now, retention, 3).await.unwrap();
        calls.push(pruned.reports);
        if !pruned.is_more {
            break;
        }
    }
    assert_eq!(calls, [3, 3, 1]);
}
