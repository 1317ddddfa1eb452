//! What counts as ours of what was reported.

use sealpost_evidence::traffic::{Bounds, Trust};
use sealpost_net::{Network, Scope as Parts, Settings as NetworkSettings};
use sealpost_rollout::Past;
use sealpost_runtime::Clock;
use sealpost_store::reports::{
    DayShare, Echo, NewReport, Ownership, ReportedFailure, ReportedPolicy,
};
use sealpost_store::{Digest, Settings as StoreSettings, Store};

use super::*;

const NOW: Time = Time::at(1_793_577_600);
const ENTERED: Time = Time::at(1_793_577_600 - 30 * 86_400);
const FETCH: &str = "sts-policy-fetch-error";

/// A report of some days up to yesterday: sessions that went well and that failed, on each, and
/// details of all.
fn report(signer: &str, days: i64, each: (u64, u64), details: &[(&str, &str, u64)]) -> NewReport {
    let last = Day::of(NOW.seconds()).plus(-1);
    let days: Vec<DayShare> = (0..days)
        .map(|back| DayShare {
            day: last.plus(-back),
            successful: Bounds::exactly(each.0),
            failed: Bounds::exactly(each.1),
        })
        .collect();
    let count = u64::try_from(days.len()).unwrap();
    let failure = |(result, reason, sessions): &(&str, &str, u64)| ReportedFailure {
        result_type: (*result).to_owned(),
        reason: Some((*reason).to_owned()),
        sessions: *sessions,
        ..ReportedFailure::default()
    };
    let policy = ReportedPolicy {
        policy_type: "sts".to_owned(),
        policy_domain: Some("a.test".to_owned()),
        successful: each.0 * count,
        failed: each.1 * count,
        failures: details.iter().map(failure).collect(),
        ..ReportedPolicy::default()
    };
    NewReport {
        domain: Some("a.test".parse().unwrap()),
        ownership: Ownership::Ours,
        trust: Trust::Verified { signer: signer.to_owned() },
        organisation: signer.to_owned(),
        contact: None,
        report_id: "1".to_owned(),
        begins_at: last.plus(1).begins_at() - 86_400 * i64::try_from(count).unwrap(),
        ends_at: last.plus(1).begins_at() - 1,
        received_at: last.plus(1).begins_at(),
        place: 0,
        payload: Digest::of(signer.as_bytes()),
        raw: Digest::of(signer.as_bytes()),
        days,
        policies: vec![policy],
        repairs: Vec::new(),
        echo: Echo::No,
    }
}

/// The same, so many days earlier.
fn earlier(mut report: NewReport, by: i64) -> NewReport {
    for share in &mut report.days {
        share.day = share.day.plus(-by);
    }
    report.begins_at -= by * 86_400;
    report.ends_at -= by * 86_400;
    report.received_at -= by * 86_400;
    report.report_id = format!("{by} days earlier");
    report.payload = Digest::of(format!("{} {by}", report.organisation).as_bytes());
    report.raw = report.payload;
    report
}

fn accepted(subject: &str, at: Time) -> Word {
    let (by, reason) = ("Kim".to_owned(), "an old sender".to_owned());
    Word { kind: WordKind::Accepted, subject: subject.to_owned(), by, reason, at }
}

async fn read(reports: Vec<NewReport>) -> Reported {
    read_with(reports, Stage::Testing, &[]).await
}

async fn read_with(reports: Vec<NewReport>, stage: Stage, words: &[Word]) -> Reported {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let store = Store::open(StoreSettings::at(folder.path().join("store.sqlite"))).await.unwrap();
    store.reports().accept(reports).await.unwrap();
    // Nobody answers there.
    let resolvers = vec!["127.0.0.1:1".parse().unwrap()];
    let network = NetworkSettings { resolvers, ..NetworkSettings::default() };
    let network = Network::new(network, Clock::system()).unwrap();
    let domain = "a.test".parse().unwrap();
    let evidence = network.gather(&domain, Parts::all()).await;
    let (settings, history) = (Settings::default(), History::new(ENTERED, Past::Nothing));
    let question = Question {
        domain: &domain,
        settings: &settings,
        stage,
        entered_at: ENTERED,
        now: NOW,
        evidence: &evidence,
        history: &history,
        words,
    };
    question.read(&store.reports()).await.unwrap()
}

/// Two details of one reporter explained the failures of another, of which nothing was said.
#[tokio::test]
async fn details_explain_no_more_sessions_than_failed() {
    // Each of twenty sessions is listed twice; others succeed at the same time.
    let twice = [(FETCH, "404", 20), (FETCH, "500", 20)];
    let one = report("one.test", 1, (4_960, 20), &twice);
    let alone = read(vec![one.clone(), report("two.test", 1, (5_000, 0), &[])]).await;
    assert_eq!((alone.traffic.recent_sessions, alone.traffic.recent_ours), (9_980, 0));
    let both = read(vec![one, report("two.test", 1, (5_000, 20), &[])]).await;
    assert_eq!((both.traffic.recent_sessions, both.traffic.recent_ours), (10_000, 20));
    let unsaid = both.groups.iter().find(|group| group.text == "sts//-").unwrap();
    assert_eq!((unsaid.sessions, &unsaid.state), (20, &GroupState::Open));
}

/// A report of a fortnight explained a fortnight's failures in the gate's week.
#[tokio::test]
async fn details_explain_no_more_than_their_share_of_the_days_that_are_looked_at() {
    let long = report("one.test", 14, (500, 10), &[(FETCH, "404", 140)]);
    let other = report("two.test", 1, (500, 10), &[]);
    let found = read(vec![long, other]).await;
    // The window has today too, of which there is no report.
    assert_eq!(found.traffic.recent_ours, 10);
    // Of what is ours the same share counts.
    let both = [(FETCH, "404", 70), ("", "", 70)];
    let found =
        read(vec![report("one.test", 14, (500, 10), &both), report("two.test", 1, (500, 0), &[])])
            .await;
    assert_eq!(found.traffic.recent_ours, 35);
}

/// What may be ours and what is not is said of the same sessions: then they are ours.
#[tokio::test]
async fn a_session_that_failed_in_a_way_of_ours_is_ours_whatever_else_it_failed_by() {
    let both = [(FETCH, "404", 20), ("", "", 20)];
    let one = report("one.test", 1, (500, 20), &both);
    let found = read(vec![one, report("two.test", 1, (500, 0), &[])]).await;
    assert_eq!(found.traffic.recent_ours, 20);
}

/// A gate that looked at the last week let domains pass that nobody had looked after for longer.
#[tokio::test]
async fn a_failure_is_open_until_it_is_explained_however_long_ago_it_was() {
    let failing = report("one.test", 1, (500, 1), &[("validation-failure", "chain", 1)]);
    let since = |found: &Reported| {
        let open = found.groups.iter().filter(|group| group.state == GroupState::Open);
        open.map(|group| group.text.clone()).collect::<Vec<_>>()
    };
    let kind = "sts/validation-failure/-/chain".to_owned();
    for (by, stage, is_seen) in [
        (1, Stage::Testing, true),
        (20, Stage::Testing, true),
        (29, Stage::Testing, true),
        (30, Stage::Testing, false),
        // It came too late for the gate before.
        (38, Stage::EnforceDay, true),
        (40, Stage::EnforceDay, false),
    ] {
        let reports = vec![earlier(failing.clone(), by), report("two.test", 1, (500, 0), &[])];
        let found = read_with(reports, stage, &[]).await;
        let wanted = if is_seen { vec![kind.clone()] } else { Vec::new() };
        assert_eq!(since(&found), wanted, "{by} days before, in {stage}");
    }
    // Those of the week and those before it are of one kind.
    let reports = vec![earlier(failing.clone(), 20), failing];
    let found = read_with(reports, Stage::Testing, &[]).await;
    assert_eq!(found.groups.len(), 1);
    assert_eq!(found.groups[0].sessions, 2);
}

#[tokio::test]
async fn an_acceptance_has_an_end_and_is_of_one_kind() {
    let days = |days: i64| Time::at(NOW.seconds() - days * 86_400);
    let kind = "sts/validation-failure/-/chain";
    let failing = |reason| report("one.test", 1, (500, 9), &[("validation-failure", reason, 9)]);
    let state = async |reason, word: Word| {
        let found = read_with(vec![failing(reason)], Stage::Testing, &[word]).await;
        let [group] = found.groups.as_slice() else { panic!("{:?}", found.groups) };
        (group.state != GroupState::Open, group.text.clone(), found.traffic.recent_ours)
    };
    let (is_accepted, text, ours) = state("chain", accepted(kind, days(89))).await;
    assert_eq!((is_accepted, text.as_str(), ours), (true, kind, 0));
    // It is over, and people hear of what was said.
    let (is_accepted, text, ours) = state("chain", accepted(kind, days(90))).await;
    assert_eq!((is_accepted, ours), (false, 9));
    assert_eq!(text, format!("{kind} (accepted by Kim, until {NOW})"));
    // A word of the future is one that a clock was wrong for.
    assert!(!state("chain", accepted(kind, days(-365))).await.0);
    // Another reason is another kind.
    for other in ["Chain of another", "chain/", "cha_in"] {
        assert!(!state(other, accepted(kind, days(1))).await.0, "{other}");
    }
    assert!(!state("", accepted(kind, days(1))).await.0);
}

/// Each day, one mail brings a report: that it came is a session, and the next report tells of it.
#[tokio::test]
async fn mails_with_reports_are_no_sessions_that_a_gate_counts() {
    let mails = (0..20).map(|by| earlier(report("one.test", 1, (1, 0), &[]), by));
    let found = read(mails.clone().collect()).await;
    // Before the first of them came no mail.
    assert_eq!((found.traffic.sessions, found.traffic.recent_sessions), (1, 0));
    assert_eq!(found.traffic.reporters, 1);
    let others = (0..20).map(|by| earlier(report("two.test", 1, (5, 0), &[]), by));
    let found = read(mails.chain(others).collect()).await;
    assert_eq!((found.traffic.sessions, found.traffic.recent_sessions), (101, 35));
}
