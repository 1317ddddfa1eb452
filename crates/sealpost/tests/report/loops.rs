//! Reports on reports: they end, whatever the mail server tells.

use sealpost_store::submissions::Verdict;

use crate::house::{HOUR, House, day};

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# SHOULD NOT include this SMTP session in the
//# next report.
/// The mail server tells of the session that brought our report, each day.
#[tokio::test]
async fn sessions_that_brought_reports_make_no_report() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day(), 7, 0).await;
    house.work(day(), HOUR).await;
    assert_eq!(house.sink.mails().len(), 1);
    // The report of the first day went out on the second.
    let second = day().plus(1);
    house.had("a.test", second, 1, 0).await;
    house.work(second, 25 * HOUR).await;
    assert_eq!(house.sink.mails().len(), 1, "the loop goes on");
    let store = house.store().await;
    let verdicts = store.submissions().verdicts(second).await.unwrap();
    assert_eq!(verdicts.of(Verdict::OnlyReports), 1);
    store.close().await;
    // With other mail beside it, it is the other mail that counts.
    let third = day().plus(2);
    house.had("a.test", third, 4, 2).await;
    house.work(third, 49 * HOUR).await;
    let mails = house.sink.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(totals(&mails[1].report()), (4, 2), "no report went out on that day");
    let fourth = day().plus(3);
    house.had("a.test", fourth, 4, 2).await;
    house.work(fourth, 73 * HOUR).await;
    let mails = house.sink.mails();
    assert_eq!(totals(&mails[2].report()), (3, 2), "one of them brought the third day's");
}

/// Where all sessions fail, so does the one that brings the report.
#[tokio::test]
async fn failed_sessions_that_brought_reports_make_no_report() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day(), 0, 5).await;
    house.work(day(), HOUR).await;
    assert_eq!(house.sink.mails().len(), 1);
    let second = day().plus(1);
    house.had("a.test", second, 0, 1).await;
    house.work(second, 25 * HOUR).await;
    assert_eq!(house.sink.mails().len(), 1, "the loop goes on");
    let third = day().plus(2);
    house.had("a.test", third, 0, 3).await;
    house.work(third, 49 * HOUR).await;
    let mails = house.sink.mails();
    assert_eq!(totals(&mails[1].report()), (0, 3), "no report went out on that day");
    let fourth = day().plus(3);
    house.had("a.test", fourth, 0, 3).await;
    house.work(fourth, 73 * HOUR).await;
    let mails = house.sink.mails();
    assert_eq!(totals(&mails[2].report()), (0, 2), "one of them brought the third day's");
}

/// Where the destination is in another domain, that domain is the one with the sessions.
#[tokio::test]
async fn the_domain_that_got_the_mail_is_the_one_that_is_asked() {
    let house = House::new();
    for domain in ["a.test", "b.test"] {
        house.wants(domain, "mailto:tls@collector.test");
        house.had(domain, day(), 1, 0).await;
    }
    house.wants("collector.test", "mailto:own@collector.test");
    house.work(day(), HOUR).await;
    assert_eq!(house.sink.mails().len(), 2);
    let second = day().plus(1);
    house.had("collector.test", second, 2, 0).await;
    house.had("a.test", second, 1, 0).await;
    house.work(second, 25 * HOUR).await;
    let mails = house.sink.mails();
    assert_eq!(mails.len(), 3);
    assert_eq!(mails[2].field("TLS-Report-Domain"), "a.test");
}

#[tokio::test]
async fn where_the_mail_server_does_not_tell_of_them_nothing_is_left_out() {
    let mut house = House::new();
    house.more = "own_mails = \"uncounted\"".to_owned();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day(), 1, 0).await;
    house.work(day(), HOUR).await;
    house.had("a.test", day().plus(1), 1, 0).await;
    house.work(day().plus(1), 25 * HOUR).await;
    assert_eq!(house.sink.mails().len(), 2);
}

fn totals(report: &tls_rpt::Report) -> (u64, u64) {
    report.policies.iter().fold((0, 0), |sum, entry| {
        let summary = &entry.summary;
        (sum.0 + u64::from(summary.successful.unwrap()), sum.1 + u64::from(summary.failed.unwrap()))
    })
}
