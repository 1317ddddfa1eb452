//! What is asked of many reports.

use std::collections::BTreeSet;

use super::*;

/// Three domains, two reporters, six days; the second reporter sees a failure on even days.
async fn filled() -> (TempDir, Store) {
    let (folder, store) = open().await;
    let mut reports = Vec::new();
    for domain in ["a.example", "b.example", "c.example"] {
        for reporter in ["one", "two"] {
            for offset in 0..6 {
                let failed = if reporter == "two" && offset % 2 == 0 { 3 } else { 0 };
                let mut report = report(&format!("{domain} {offset}"), offset, failed);
                report.domain = Some(domain.parse().unwrap());
                report.organisation = reporter.to_owned();
                report.trust = verified(&format!("{reporter}.example"));
                report.payload = Digest::of(format!("{domain}{reporter}{offset}").as_bytes());
                report.repairs.truncate(usize::from(reporter == "two"));
                reports.push(report);
            }
        }
    }
    let count = reports.len();
    let accepted = store.reports().accept(reports).await.unwrap();
    let new: BTreeSet<_> = accepted.iter().map(|accepted| accepted.id()).collect();
    assert_eq!(new.len(), count);
    (folder, store)
}

async fn reporter(store: &Store, name: &str) -> ReporterId {
    let rows = store.reports().reporters(Scope::Counted, None, 10).await.unwrap();
    rows.iter().find(|row| row.activity.reporter.organisation == name).unwrap().id
}

fn of(domain: Option<&str>, reporter: Option<ReporterId>) -> Subject {
    Subject { domain: domain.map(|name| name.parse().unwrap()), reporter }
}

#[tokio::test]
async fn series_by_domain_and_by_reporter_add_up() {
    let (_folder, store) = filled().await;
    let two = reporter(&store, "two").await;
    let some = DayRange { first: day(1), last: day(4) };
    for (subject, expected) in [
        (of(None, None), exact(24, 240, 18)),
        (of(Some("b.example"), None), exact(8, 80, 6)),
        (of(None, Some(two)), exact(12, 120, 18)),
        (of(Some("b.example"), Some(two)), exact(4, 40, 6)),
        (of(Some("unknown.example"), None), exact(0, 0, 0)),
        (of(Some("unknown.example"), Some(two)), exact(0, 0, 0)),
    ] {
        let series = store.reports().series(Scope::Counted, subject.clone(), some).await.unwrap();
        assert_eq!(series.total(), expected, "{subject:?}");
        assert!(series.days.is_sorted_by_key(|traffic| traffic.day));
        assert_eq!(series.domain, subject.domain);
        assert_eq!(series.reporter.is_some(), subject.reporter.is_some());
    }
    let backwards = DayRange { first: day(4), last: day(1) };
    let none = store.reports().series(Scope::Counted, of(None, None), backwards).await.unwrap();
    assert_eq!(none.days, []);
    let ever = store.reports().series(Scope::Counted, of(None, None), DayRange::all()).await;
    assert_eq!(ever.unwrap().days, [], "only the last 4,000 days are looked at");
}

/// A week in one report: its bounds are on each day, and it is one report.
#[tokio::test]
async fn a_report_on_several_days_counts_once_and_on_each() {
    let (_folder, store) = open().await;
    let mut week = report("week", 6, 0);
    week.begins_at = day(0).begins_at();
    week.days = (0..7)
        .map(|offset| DayShare {
            day: day(offset),
            successful: Bounds::between(0, 70),
            failed: Bounds::default(),
        })
        .collect();
    let id = accept(&store, &week).await.id();
    let subject = of(Some("example.com"), None);
    let both =
        Subject { reporter: Some(reporter(&store, "Example Mail").await), ..subject.clone() };
    for subject in [subject, both] {
        let series = store.reports().series(Scope::Counted, subject.clone(), around_today()).await;
        let days = series.unwrap().days;
        assert_eq!(days.len(), 7, "{subject:?}");
        assert!(days.iter().all(|traffic| traffic.successful == Bounds { lower: 0, upper: 70 }));
        assert_eq!(days.iter().map(|traffic| traffic.reports).sum::<u64>(), 1);
        // Also if its last day is not among those asked for.
        let early = DayRange { first: day(1), last: day(2) };
        let series = store.reports().series(Scope::Counted, subject, early).await.unwrap();
        assert_eq!(series.days.len(), 2);
    }
    let stored = store.reports().report(id).await.unwrap().unwrap();
    assert_eq!(stored.days, week.days);
}

/// A report that came weeks later belongs to the day of its sessions.
#[tokio::test]
async fn a_late_report_changes_history() {
    let (_folder, store) = filled().await;
    let before = total(&store, Scope::Counted).await;
    let late = NewReport { received_at: day(40).begins_at(), ..report("late", 1, 4) };
    accept(&store, &late).await;
    let one = DayRange { first: day(1), last: day(1) };
    let series = store.reports().series(Scope::Counted, of(None, None), one).await.unwrap();
    assert_eq!(series.total(), exact(7, 70, 4));
    assert_eq!(total(&store, Scope::Counted).await.0, before.0 + 1);
}

#[tokio::test]
async fn lists_page_through_everything_once_newest_first() {
    let (_folder, store) = filled().await;
    let two = reporter(&store, "two").await;
    for (subject, content, expected) in [
        (of(None, None), Content::Any, 36),
        (of(None, None), Content::Failures, 9),
        (of(Some("b.example"), None), Content::Any, 12),
        (of(Some("b.example"), None), Content::Failures, 3),
        (of(None, Some(two)), Content::Any, 18),
        (of(None, Some(two)), Content::Failures, 9),
        (of(Some("b.example"), Some(two)), Content::Any, 6),
        (of(Some("b.example"), Some(two)), Content::Failures, 3),
        (of(Some("unknown.example"), None), Content::Any, 0),
    ] {
        let filter = ReportFilter {
            scope: Scope::Counted,
            subject: subject.clone(),
            days: around_today(),
            content,
        };
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.reports().list(filter.clone(), after, 5).await.unwrap();
            after = page.last().map(ReportSummary::place);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen.len(), expected, "{subject:?} {content:?}");
        assert!(seen.is_sorted_by(|one, next| (one.day, one.id) > (next.day, next.id)));
        let of_subject =
            seen.iter().all(|report| subject.domain.is_none() || report.domain == subject.domain);
        assert!(of_subject);
        assert!(content == Content::Any || seen.iter().all(|report| report.is_failing));
    }
}

#[tokio::test]
async fn failures_that_are_alike_are_one_group() {
    let (_folder, store) = filled().await;
    let reports = store.reports();
    let all = reports.failure_groups(Scope::Counted, of(None, None), around_today(), 10).await;
    let all = all.unwrap();
    assert_eq!((all.groups.len(), all.reports, all.unlisted), (3, 9, 0));
    assert_eq!(all.unread_before, None);
    let group = &all.groups[0];
    assert_eq!((group.sessions, group.reports), (9, 3));
    assert_eq!((group.first_day, group.last_day), (day(0), day(4)));
    assert_eq!(group.receiving_ip, Some([203, 0, 113, 1].into()));
    assert_eq!(group.sending_ip, Some([198, 51, 100, 1].into()));
    assert_eq!(group.reason.as_deref(), Some("expired"));
    assert_eq!(group.mx_host.as_deref(), Some("mx1.example.com"));
    assert_eq!(group.reporter.signer, "two.example");
    assert_eq!(
        (group.policy_type.as_str(), group.result_type.as_str()),
        ("sts", "certificate-expired")
    );

    let some = DayRange { first: day(1), last: day(3) };
    let two = reporter(&store, "two").await;
    let subject = of(Some("a.example"), Some(two));
    let few = reports.failure_groups(Scope::Counted, subject, some, 10).await.unwrap();
    assert_eq!((few.groups[0].sessions, few.groups.len()), (3, 1));
    let cut = reports.failure_groups(Scope::Counted, of(None, Some(two)), some, 1).await.unwrap();
    assert_eq!((cut.groups.len(), cut.unlisted), (1, 2));
    for scope in [Scope::Unverified, Scope::NotOurs] {
        let none = reports.failure_groups(scope, of(None, None), around_today(), 10).await.unwrap();
        assert_eq!(none, FailureGroups::default());
    }
}

#[tokio::test]
async fn the_history_of_failures_is_paged() {
    let (_folder, store) = filled().await;
    let reports = store.reports();
    let (mut seen, mut place) = (Vec::new(), HistoryPlace::default());
    loop {
        let page = reports.failure_history(Scope::Counted, None, day(0), place.clone(), 2).await;
        let page = page.unwrap();
        let Some(last) = page.last() else { break };
        place = last.place.clone();
        seen.extend(page.into_iter().map(|row| row.history));
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|history| (history.reports, history.sessions) == (3, 9)));
    assert!(seen.iter().all(|kind| (kind.first_day, kind.last_day) == (day(0), day(4))));
    let domain = Some("b.example".parse().unwrap());
    let start = HistoryPlace::default;
    let one = reports.failure_history(Scope::Counted, domain.clone(), day(0), start(), 9).await;
    assert_eq!(one.unwrap()[0].history.domain, domain);
    let later = reports.failure_history(Scope::Counted, domain, day(5), start(), 9).await;
    assert_eq!(later.unwrap(), []);
}

#[tokio::test]
async fn reporters_show_their_habits_and_their_repairs() {
    let (_folder, store) = filled().await;
    let reports = store.reports();
    let first = reports.reporters(Scope::Counted, None, 1).await.unwrap();
    let rest = reports.reporters(Scope::Counted, Some(first[0].id), 10).await.unwrap();
    assert_eq!((first.len(), rest.len()), (1, 1));
    let activity = &first[0].activity;
    assert_eq!((activity.first_day, activity.last_day), (day(0), day(5)));
    assert_eq!(activity.last_received_at, day(5).begins_at() + 100_000);
    assert_eq!(activity.days, (0..6).map(day).collect::<Vec<_>>());
    assert_eq!(activity.contact.as_deref(), Some("postmaster@example.net"));
    let two = reporter(&store, "two").await;
    let repairs = reports.repairs(Scope::Counted, two).await.unwrap();
    assert_eq!((repairs[0].code.as_str(), repairs[0].reports), ("mx-host-string", 18));
    let one = reporter(&store, "one").await;
    assert_eq!(reports.repairs(Scope::Counted, one).await.unwrap(), []);
    assert_eq!(reports.reporters(Scope::Unverified, None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn domains_are_paged_with_their_sums() {
    let (_folder, store) = filled().await;
    let reports = store.reports();
    let some = DayRange { first: day(4), last: day(9) };
    let first = reports.domains(Scope::Counted, some, None, 2).await.unwrap();
    let rest = reports.domains(Scope::Counted, some, Some(first[1].id), 2).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
    let traffic = rest[0].traffic.unwrap();
    assert_eq!(rest[0].domain, Some("c.example".parse().unwrap()));
    assert_eq!((traffic.reports, traffic.day, rest[0].last_day), (4, day(5), day(5)));
    assert_eq!((traffic.successful, traffic.failed), (Bounds::exactly(40), Bounds::exactly(3)));
    let later = DayRange { first: day(8), last: day(9) };
    let quiet = reports.domains(Scope::Counted, later, None, 9).await.unwrap();
    assert!(quiet.iter().all(|domain| domain.traffic.is_none() && domain.last_day == day(5)));
    let totals = reports.totals(around_today()).await.unwrap();
    assert_eq!(totals[0], (Scope::Counted, 36, Bounds::exactly(360), Bounds::exactly(27)));
    assert_eq!(totals[1].1, 0);
}

/// They were in no group, and so nobody was told of them.
#[tokio::test]
async fn failures_without_details_are_a_group_of_their_own() {
    let (_folder, store) = open().await;
    let mut bare = report("1", 0, 10);
    bare.policies[0].failures.clear();
    let mut some = report("2", 1, 10);
    some.policies[0].failures[0].sessions = 4;
    let mut more = report("3", 2, 10);
    more.policies[0].failures[0].sessions = 11;
    for one in [&bare, &some, &more] {
        accept(&store, one).await;
    }
    let reports = store.reports();
    let subject = || of(Some("example.com"), None);
    let groups = |days| reports.failing_reports(Scope::Counted, subject(), days, 10);
    let (found, failing) = groups(around_today()).await.unwrap();
    let told = |group: &sealpost_evidence::traffic::FailureGroup| {
        (group.is_said(), group.sessions, group.reports, group.first_day, group.last_day)
    };
    let groups_told: Vec<_> = found.groups.iter().map(told).collect();
    assert_eq!(groups_told, [(false, 16, 2, day(0), day(1)), (true, 15, 2, day(1), day(2))]);
    assert_eq!(found.groups[0].kind(), "sts//-");
    // The newest first.
    let parts: Vec<_> = failing.iter().map(|report| (report.failed, &report.parts)).collect();
    assert_eq!(parts, [(10, &vec![(1, 11)]), (10, &vec![(1, 4), (0, 6)]), (10, &vec![(0, 10)])]);
    assert_eq!(failing[0].at_most(|_| true), 10);
    assert_eq!(failing[1].at_most(|group| group == 0), 6);
    assert_eq!(failing[1].at_most(|_| false), 0);
    // What has no place in the answer is not explained by anybody.
    let (one, failing) =
        reports.failing_reports(Scope::Counted, subject(), around_today(), 1).await.unwrap();
    assert_eq!((one.groups.len(), one.unlisted), (1, 1));
    assert_eq!(failing[1].at_most(|_| false), 4);
    // The history knows of them, until they are forgotten.
    let history = async || {
        let place = HistoryPlace::default();
        let page = reports.failure_history(Scope::Counted, None, day(0), place, 10).await.unwrap();
        let told = |row: HistoryRow| {
            (row.history.result_type, row.history.sessions, row.history.first_day)
        };
        page.into_iter().map(told).collect::<Vec<_>>()
    };
    let said = || ("certificate-expired".to_owned(), 15, day(1));
    assert_eq!(history().await, [(String::new(), 16, day(0)), said()]);
    // A revision takes away what it replaces.
    let mut revision = report("1", 0, 0);
    revision.received_at += 1;
    accept(&store, &revision).await;
    assert_eq!(history().await, [(String::new(), 6, day(1)), said()]);
}

/// A failure is judged by the policy under which it happened, not by that of the newest failure.
#[tokio::test]
async fn each_group_has_the_policy_of_the_newest_report_that_told_of_it() {
    let (_folder, store) = open().await;
    let holding = |id: &str, offset, result_type: &str, mx_hosts: &[&str]| {
        let mut report = report(id, offset, 3);
        let policy = &mut report.policies[0];
        policy.failures[0].result_type = result_type.to_owned();
        policy.mx_hosts = mx_hosts.iter().map(|&host| host.to_owned()).collect();
        report
    };
    let mut two = holding("3", 2, "starttls-not-supported", &["new.example.com"]);
    // A report may have two policies of one type, of which one has this failure.
    let mut other = two.policies[0].clone();
    other.mx_hosts = vec!["other.example.com".to_owned()];
    other.failures[0].mx_host = Some("mx9.example.com".to_owned());
    two.policies.push(other);
    for one in [
        holding("1", 0, "certificate-expired", &["oldest.example.com"]),
        holding("2", 1, "certificate-expired", &["old.example.com"]),
        two,
    ] {
        accept(&store, &one).await;
    }
    let domain = "example.com".parse().unwrap();
    let reports = store.reports();
    let gathered = reports.gather(Scope::Counted, &domain, around_today(), 10).await.unwrap();
    let mut told: Vec<_> = gathered
        .groups
        .groups
        .iter()
        .map(|group| {
            let policy = gathered.policy(group).unwrap();
            let host = group.mx_host.as_deref().unwrap();
            (group.result_type.as_str(), host, policy.mx_hosts[0].as_str())
        })
        .collect();
    told.sort_unstable();
    let expected = [
        ("certificate-expired", "mx1.example.com", "old.example.com"),
        ("starttls-not-supported", "mx1.example.com", "new.example.com"),
        ("starttls-not-supported", "mx9.example.com", "other.example.com"),
    ];
    assert_eq!(told, expected);
}
