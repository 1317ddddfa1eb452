use std::sync::Arc;

use sealpost_evidence::traffic::{Bounds, Trust};
use sealpost_evidence::{
    Dialogues, Evidence, Found, Lookup, MailHosts, MxRecord, MxSource, Security,
};
use sealpost_rules::changes::Facts;
use sealpost_store::{
    Digest, Settings,
    checks::{Look, Sums},
    reports::{DayShare, Echo, NewReport, Ownership, ReportedFailure, ReportedPolicy},
};
use tempfile::TempDir;

use super::*;
use crate::sources::tests::nothing_asked_for;

/// A day on which nothing happens in the world.
const TODAY: i64 = 20_000;
const NOW: i64 = TODAY * 86_400 + 30_000;

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store)
}

pub(crate) fn report(signer: Option<&str>, offset: i64, failed: u64, host: &str) -> NewReport {
    let day = Day::new(TODAY + offset);
    let failure = ReportedFailure {
        result_type: "certificate-expired".to_owned(),
        sending_ip: Some([198, 51, 100, 1].into()),
        receiving_ip: Some([203, 0, 113, 1].into()),
        mx_host: Some(host.to_owned()),
        helo: None,
        reason: None,
        additional: None,
        sessions: failed,
    };
    let policy = ReportedPolicy {
        policy_type: "sts".to_owned(),
        policy_domain: Some("example.com".to_owned()),
        strings: ["version: STSv1", "mode: enforce", "mx: mx1.example.com", "max_age: 604800"]
            .map(str::to_owned)
            .to_vec(),
        mx_hosts: vec!["mx1.example.com".to_owned()],
        successful: 1_000,
        failed,
        failures: if failed > 0 { vec![failure] } else { Vec::new() },
    };
    let name = signer.unwrap_or("nobody");
    let begins_at = day.begins_at();
    NewReport {
        domain: Some("example.com".parse().unwrap()),
        ownership: Ownership::Ours,
        trust: match signer {
            Some(signer) => Trust::Verified { signer: signer.to_owned() },
            None => Trust::Unverified { reason: "unsigned".to_owned() },
        },
        organisation: name.to_owned(),
        contact: None,
        report_id: format!("{name} {offset}"),
        begins_at,
        ends_at: begins_at + 86_399,
        received_at: begins_at + 100_000,
        place: 0,
        payload: Digest::of(format!("{name} {offset} {failed}").as_bytes()),
        raw: Digest::of(format!("mail {name} {offset} {failed}").as_bytes()),
        days: vec![DayShare {
            day,
            successful: Bounds::exactly(1_000),
            failed: Bounds::exactly(failed),
        }],
        policies: vec![policy],
        repairs: Vec::new(),
        echo: Echo::No,
    }
}

/// What is true after these came, each with its cause and subject.
async fn found(reports: Vec<NewReport>) -> Vec<(&'static str, String, Urgency)> {
    let (_folder, store) = open().await;
    found_in(&store, reports).await
}

async fn found_in(store: &Store, reports: Vec<NewReport>) -> Vec<(&'static str, String, Urgency)> {
    store.reports().accept(reports).await.unwrap();
    let (mut watch, mut board) = (ReportsWatch::default(), Board::default());
    assert!(watch.look(store, &mut board, NOW).await.unwrap());
    let look = board.look();
    let one = |one: &Condition| (one.cause.code, one.subject.clone(), one.urgency());
    look.conditions().iter().map(one).collect()
}

#[tokio::test]
async fn failures_of_the_last_days_are_told_by_host() {
    let both = vec![
        report(Some("one.example"), -1, 3, "mx1.example.com"),
        report(Some("two.example"), -1, 2, "MX1.example.com"),
    ];
    let told = found(both).await;
    let host = ("INC101", "mx1.example.com".to_owned(), Urgency::Warning);
    assert!(told.contains(&host), "{told:?}");
}

#[tokio::test]
async fn nobody_is_alerted_by_whom_nobody_vouches_for() {
    let told = found(vec![report(None, -1, 1_000, "mx1.example.com")]).await;
    assert_eq!(told, []);
}

#[tokio::test]
async fn late_reports_change_history_alone() {
    let told = found(vec![report(Some("one.example"), -5, 1_000, "mx1.example.com")]).await;
    assert_eq!(told, []);
}

#[tokio::test]
async fn what_is_no_name_is_no_subject() {
    let hostile = "mx1\r\nBcc: x@example.org";
    let told = found(vec![report(Some("one.example"), -1, 3, hostile)]).await;
    assert!(told.iter().all(|(_, subject, _)| subject.is_empty()), "{told:?}");
    assert!(told.iter().any(|(code, ..)| *code == "INC103"), "{told:?}");
}

#[tokio::test]
async fn a_rise_and_a_silence_are_told() {
    // Two who report every day; then one sees many failures, and the other is silent.
    let mut reports = Vec::new();
    for offset in -30..=-1 {
        let failed = if offset == -1 { 500 } else { 0 };
        reports.push(report(Some("one.example"), offset, failed, "mx1.example.com"));
        if offset < -12 {
            reports.push(report(Some("two.example"), offset, 0, "mx1.example.com"));
        }
    }
    let told = found(reports).await;
    let has = |code: &str, subject: &str| told.iter().any(|(c, s, _)| *c == code && s == subject);
    assert!(has("INC401", "") && has("INC403", "two.example"), "{told:?}");
    assert!(has("INC402", "certificate-expired"), "{told:?}");
}

/// Nobody was told of failures of which a report gives the number alone.
#[tokio::test]
async fn failures_of_which_nothing_is_said_are_told() {
    let mut bare = report(Some("one.example"), -1, 10, "mx1.example.com");
    for policy in &mut bare.policies {
        policy.failures.clear();
    }
    assert_eq!(found(vec![bare]).await, [("INC103", String::new(), Urgency::Warning)]);
}

/// What `serve` has seen of the domain was not asked: then no host is a stranger.
#[tokio::test]
async fn mail_that_was_led_to_a_stranger_is_told() {
    let reports = || vec![report(Some("one.example"), -1, 3, "mx.elsewhere.example")];
    assert!(found(reports()).await.iter().all(|(code, ..)| *code != "INC104"));
    let (_folder, store) = open().await;
    keep_look(&store, NOW - 60, &["mx1.example.com"]).await;
    let told = found_in(&store, reports()).await;
    let host = ("INC104", "mx.elsewhere.example".to_owned(), Urgency::Critical);
    assert!(told.contains(&host), "{told:?}");
    // One that is ours is no stranger.
    let (_folder, store) = open().await;
    let told = found_in(&store, vec![report(Some("one.example"), -1, 3, "mx1.example.com")]).await;
    assert!(told.iter().all(|(code, ..)| *code != "INC104"), "{told:?}");
}

/// Whoever had changed its MX hosts was woken at night.
#[tokio::test]
async fn mail_that_was_led_to_a_host_of_ours_of_yesterday_or_tomorrow_is_not_told() {
    let yesterday = Day::new(TODAY - 1).begins_at();
    let elsewhere = "mx.elsewhere.example";
    let told = async |looks: &[(i64, &str)]| {
        let (_folder, store) = open().await;
        for (at, host) in looks {
            keep_look(&store, *at, &[host]).await;
        }
        let told = found_in(&store, vec![report(Some("one.example"), -1, 3, elsewhere)]).await;
        told.iter().any(|(code, ..)| *code == "INC104")
    };
    let (ours, now) = ("mx1.example.com", NOW - 60);
    assert!(told(&[(now, ours)]).await);
    // The last look was before the sessions, or among them: it may be new.
    assert!(!told(&[(yesterday - 60, ours)]).await);
    assert!(!told(&[(yesterday + 60, ours)]).await);
    // It was ours for a while, on that day or shortly before.
    assert!(!told(&[(yesterday, ours), (yesterday + 3_600, elsewhere), (now, ours)]).await);
    assert!(!told(&[(yesterday - 86_400, elsewhere), (now, ours)]).await);
    assert!(
        told(&[(yesterday - 3 * 86_400, elsewhere), (yesterday - 60, ours), (now, ours)]).await
    );
}

/// Days were compared: of reports whose days end at eight the last one was never over, and the
/// incident went with each and came back with the next look.
#[tokio::test]
async fn mail_that_was_led_to_a_stranger_is_told_by_the_end_of_a_range_not_of_a_day() {
    const HOUR: i64 = 3_600;
    let (today, elsewhere) = (Day::new(TODAY).begins_at(), "mx.elsewhere.example");
    // Ranges from eight to eight.
    let until_eight = |offset: i64| {
        let mut report = report(Some("one.example"), offset, 3, elsewhere);
        report.begins_at = Day::new(TODAY + offset - 1).begins_at() + 8 * HOUR;
        report.ends_at = report.begins_at + 86_399;
        report
    };
    let told = async |at: i64, offsets: &[i64]| {
        let (_folder, store) = open().await;
        keep_look(&store, at, &["mx1.example.com"]).await;
        let reports = offsets.iter().map(|offset| until_eight(*offset)).collect();
        let told = found_in(&store, reports).await;
        told.iter().any(|(code, ..)| *code == "INC104")
    };
    assert!(!told(today + 7 * HOUR, &[0]).await);
    assert!(told(today + 9 * HOUR, &[0]).await);
    // What was told stays so when the next report comes, though nobody has looked since.
    assert!(told(today - 15 * HOUR, &[-1]).await);
    assert!(told(today - 15 * HOUR, &[-1, 0]).await);
}

/// Keeps a look at the domain with these MX hosts.
async fn keep_look(store: &Store, at: i64, hosts: &[&str]) {
    let checks = store.checks();
    let domain = "example.com".parse().unwrap();
    let before = checks.before(domain).await.unwrap();
    let evidence = seen(at, hosts);
    let facts = Facts::of(&evidence);
    let known = before.as_ref().and_then(|before| before.facts.as_ref());
    let look = Look {
        changes: known.map(|known| known.changes_to(&facts)).unwrap_or_default(),
        facts,
        evidence: Arc::new(evidence),
        findings: Sums { verdict: None, errors: 0, warnings: 0, certificate_end: None },
        due: NOW + 1,
    };
    let _ = checks.keep(look, before.map(|before| before.at)).await.unwrap();
}

/// The domain with these MX hosts, as it was seen; nothing else was asked for.
fn seen(at: i64, hosts: &[&str]) -> Evidence {
    let record = |host: &&str| MxRecord { preference: 10, exchange: (*host).to_owned() };
    let value = hosts.iter().map(record).collect();
    let security = Security::Insecure;
    Evidence {
        mail_hosts: Some(MailHosts {
            records: Lookup::Found(Found { value, ttl: 60, aliases: vec![], security }),
            source: MxSource::Records,
            dialogues: Dialogues::Unwanted,
            hosts: vec![],
        }),
        ..nothing_asked_for("example.com".parse().unwrap(), at)
    }
}
