//! From the rows of a store to what people are told.

use std::{sync::Arc, time::Duration};

use mta_sts::PolicyId;
use sealpost_evidence::{
    Dnssec, Evidence, FORMAT, Found, Lookup, Observer, Octets, Reach, Security, TextRecord,
    incident::Urgency,
};
use sealpost_rollout::{
    Actor, Cause, Check, CheckVerdict, Entry, Event, Fault, FaultKind, Move, Outlook, Owner, Past,
    Stage, Time,
};
use sealpost_rules::changes::{Change as SeenChange, Facts};
use sealpost_store::{
    Kept, Settings,
    checks::{Kept as KeptLook, Look as SeenLook, Sums},
    incidents::{Change, Deed, Incident, NoticeKind, Phase},
};
use serde::Serialize;
use tempfile::TempDir;

use super::*;
use crate::{ReceiverTerms, Terms, step};

const HOUR: i64 = 3_600;
/// A day on which nothing happens in the world.
const BEGIN: i64 = 20_000 * DAY;
const DOMAIN: &str = "example.com";

/// A store, who looks at it, and who is told.
struct World {
    _folder: TempDir,
    store: Store,
    sources: Sources,
    metrics: AlertMetrics,
    live: Vec<Incident>,
    told: Vec<(NoticeKind, &'static str, String, String)>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let sources = Sources::new(store.clone(), Vec::new());
        let metrics = AlertMetrics::default();
        Self { _folder: folder, store, sources, metrics, live: Vec::new(), told: Vec::new() }
    }

    /// Another process begins.
    fn restart(&mut self) {
        self.sources = Sources::new(self.store.clone(), Vec::new());
    }

    /// One pass: what people are told by it.
    async fn pass(&mut self, now: i64) -> Vec<(NoticeKind, &'static str, String)> {
        let receivers = vec![ReceiverTerms {
            name: "one".to_owned(),
            least: Urgency::Note,
            quiet: None,
            digest: None,
        }];
        let terms = Terms { receivers, ..Terms::default() };
        let look = self.sources.look(now, &self.metrics).await;
        let before = self.told.len();
        for Change { mut incident, deed, notices } in step(&self.live, &look, now, &terms) {
            let code = sealpost_rules::incidents::incident_cause(&incident.cause).unwrap().code;
            for notice in notices {
                let (subject, summary) = (incident.subject.clone(), incident.summary.clone());
                self.told.push((notice.kind, code, subject, summary));
            }
            self.live.retain(|one| one.id != incident.id);
            incident.revision += 1;
            if deed != Deed::Forget && incident.phase != Phase::Resolved {
                self.live.push(incident);
            }
        }
        let new = self.told.get(before..).unwrap().iter();
        new.map(|(kind, code, subject, _)| (*kind, *code, subject.clone())).collect()
    }

    /// A pass every ten minutes until then.
    async fn passes(&mut self, from: i64, to: i64) -> Vec<(NoticeKind, &'static str, String)> {
        let mut told = Vec::new();
        for now in (from..=to).step_by(600) {
            told.extend(self.pass(now).await);
        }
        told
    }

    fn said(&self) -> &str {
        self.told.last().map_or("", |(.., summary)| summary)
    }

    /// A pass of the roll-outs leaves this.
    async fn leave(&self, check: Check, outlook: Outlook) {
        let due = check.at.plus(Duration::from_secs(3_600));
        let state = Self::left(check, outlook);
        self.store.rollouts().keep_watch(domain(), due, state).await.unwrap();
    }

    /// What is left of a pass.
    fn left(check: Check, outlook: Outlook) -> String {
        #[derive(Serialize)]
        struct Left {
            check: Check,
            #[serde(flatten)]
            outlook: Outlook,
        }
        serde_json::to_string(&Left { check, outlook }).unwrap()
    }

    async fn enrol(&self, stage: Stage, at: i64) {
        self.store.rollouts().enrol(domain(), stage, Time::at(at), Past::Nothing).await.unwrap();
    }

    /// A scheduled look finds these records, and that this has changed.
    async fn see(&self, records: &[&str], at: i64, changes: Vec<SeenChange>) {
        let before = self.store.checks().before(domain()).await.unwrap();
        let evidence = evidence(records, at);
        let findings = Sums { verdict: None, errors: 0, warnings: 0, certificate_end: None };
        let look = SeenLook {
            facts: Facts::of(&evidence),
            evidence: Arc::new(evidence),
            findings,
            changes,
            due: at + 6 * HOUR,
        };
        let kept = self.store.checks().keep(look, before.map(|before| before.at)).await.unwrap();
        assert_eq!(kept, KeptLook::Done);
    }
}

fn domain() -> DomainName {
    DOMAIN.parse().unwrap()
}

fn green(at: i64) -> Check {
    Check { at: Time::at(at), verdict: CheckVerdict::Green }
}

fn faulty(at: i64, looks: u32) -> Check {
    let fault = Fault {
        host: "mx1.example.com".parse().unwrap(),
        address: None,
        owner: Owner::Ours,
        kind: FaultKind::MailHost,
        looks,
        text: "the certificate has expired".to_owned(),
    };
    Check { at: Time::at(at), verdict: CheckVerdict::Faulty(vec![fault]) }
}

fn evidence(records: &[&str], at: i64) -> Evidence {
    let record = |text: &&str| TextRecord { strings: vec![Octets::new(text.as_bytes())] };
    let found = Found {
        value: records.iter().map(record).collect(),
        ttl: 60,
        aliases: vec![],
        security: Security::Insecure,
    };
    Evidence { sts_records: Some(Lookup::Found(found)), ..nothing_asked_for(domain(), at) }
}

/// Evidence of a look in which nothing was asked for.
pub(super) fn nothing_asked_for(domain: DomainName, at: i64) -> Evidence {
    Evidence {
        format: FORMAT,
        domain,
        observed: jiff::Timestamp::from_second(at).unwrap(),
        took_ms: 1,
        observer: Observer {
            software: "test".to_owned(),
            ehlo_name: "probe.test".to_owned(),
            resolvers: vec![],
            https_port: 443,
            smtp_port: 25,
            trust_roots: "test".to_owned(),
            dnssec: Dnssec::Nobody,
            ipv4: Reach::Routed,
            ipv6: Reach::Routed,
        },
        sts_records: None,
        policy_host: None,
        mail_hosts: None,
        tls_rpt_records: None,
        report_destinations: vec![],
        surroundings: None,
    }
}

fn one(
    kind: NoticeKind,
    code: &'static str,
    subject: &str,
) -> Vec<(NoticeKind, &'static str, String)> {
    vec![(kind, code, subject.to_owned())]
}

const OPENED: NoticeKind = NoticeKind::Opened;
const RESOLVED: NoticeKind = NoticeKind::Resolved;

#[tokio::test]
async fn a_fault_that_a_look_finds_is_told_after_a_second_look() {
    let mut world = World::new().await;
    let broken = ["v=STSv1; id=;"];
    world.see(&broken, BEGIN, vec![]).await;
    assert_eq!(
        world.passes(BEGIN + 60, BEGIN + 2 * HOUR).await,
        [],
        "one look may have met a moment"
    );
    world.see(&broken, BEGIN + 2 * HOUR, vec![]).await;
    let told = world.passes(BEGIN + 2 * HOUR + 60, BEGIN + 3 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC203", ""));
    // A new process knows as much.
    world.restart();
    assert_eq!(world.passes(BEGIN + 3 * HOUR, BEGIN + 4 * HOUR).await, []);
    world.see(&["v=STSv1; id=1;"], BEGIN + 4 * HOUR, vec![]).await;
    let told = world.passes(BEGIN + 4 * HOUR + 60, BEGIN + 6 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC203", ""));
    assert!(!world.said().contains("Nobody looks"), "{}", world.said());
}

#[tokio::test]
async fn what_nobody_looks_at_any_more_does_not_stay_open() {
    let mut world = World::new().await;
    let broken = ["v=STSv1; id=;"];
    for at in [BEGIN, BEGIN + HOUR] {
        world.see(&broken, at, vec![]).await;
        world.passes(at + 60, at + HOUR).await;
    }
    assert_eq!(world.told.len(), 1, "{:?}", world.told);
    // Its next look is due seven hours after the beginning; nobody comes.
    let until = BEGIN + 7 * HOUR + OVERDUE;
    assert_eq!(world.passes(BEGIN + 2 * HOUR, until).await, [], "somebody may be back");
    assert_eq!(world.passes(until + 600, until + 2 * HOUR).await, one(RESOLVED, "INC203", ""));
    assert!(world.said().starts_with("Nobody looks at example.com any more."), "{}", world.said());
}

/// All were down for a week. What is to be looked at is looked at first.
#[tokio::test]
async fn who_was_away_takes_nothing_for_over() {
    let mut world = World::new().await;
    let broken = ["v=STSv1; id=;"];
    for at in [BEGIN, BEGIN + HOUR] {
        world.see(&broken, at, vec![]).await;
        world.passes(at + 60, at + HOUR).await;
    }
    let back = BEGIN + 7 * DAY;
    world.restart();
    assert_eq!(world.passes(back, back + 1_200).await, []);
    world.see(&broken, back + 1_260, vec![]).await;
    assert_eq!(world.passes(back + 1_800, back + 6 * HOUR).await, [], "it is the same incident");
}

#[tokio::test]
async fn a_policy_that_changes_under_its_id_is_told_wherever_it_is_served() {
    let mut world = World::new().await;
    let body = |mx: &str, age: u32| {
        vec![format!("version: STSv1\nmode: enforce\nmx: {mx}\nmax_age: {age}\n")]
    };
    let change = |before: &[String], after: &[String]| SeenChange::IdUnchanged {
        id: "1".to_owned(),
        before: before.to_vec(),
        after: after.to_vec(),
    };
    let (old, new) = (body("mx1.example.com", 604_800), body("mx2.example.com", 604_800));
    let record = ["v=STSv1; id=1;"];
    world.see(&record, BEGIN, vec![]).await;
    assert_eq!(world.pass(BEGIN + 60).await, []);
    world.see(&record, BEGIN + HOUR, vec![change(&old, &new)]).await;
    assert_eq!(world.passes(BEGIN + HOUR + 60, BEGIN + 3 * HOUR).await, [], "it may be on its way");
    world.see(&record, BEGIN + 3 * HOUR, vec![]).await;
    let told = world.passes(BEGIN + 3 * HOUR + 60, BEGIN + 4 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC202", ""));

    let announced = SeenChange::StsRecordChanged {
        before: vec!["v=STSv1; id=1;".to_owned()],
        after: vec!["v=STSv1; id=2;".to_owned()],
    };
    world.see(&["v=STSv1; id=2;"], BEGIN + 5 * HOUR, vec![announced]).await;
    let told = world.passes(BEGIN + 5 * HOUR + 60, BEGIN + 6 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC202", ""));
}

/// Nobody holds the policy of before any more.
#[tokio::test]
async fn a_policy_that_has_run_out_matters_no_more() {
    let mut world = World::new().await;
    let body =
        |mx: &str| vec![format!("version: STSv1\nmode: enforce\nmx: {mx}\nmax_age: 86400\n")];
    let record = ["v=STSv1; id=1;"];
    let changed = SeenChange::IdUnchanged {
        id: "1".to_owned(),
        before: body("mx1.example.com"),
        after: body("mx2.example.com"),
    };
    world.see(&record, BEGIN, vec![]).await;
    world.see(&record, BEGIN + 60, vec![changed]).await;
    let mut told = Vec::new();
    for hour in 1..30 {
        let at = BEGIN + hour * HOUR;
        told.extend(world.passes(at, at + 3_000).await);
        world.see(&record, at + 3_060, vec![]).await;
    }
    let whole = [one(OPENED, "INC202", ""), one(RESOLVED, "INC202", "")].concat();
    assert_eq!(told, whole);
}

#[tokio::test]
async fn an_id_that_is_older_than_its_policy_is_told() {
    let mut world = World::new().await;
    let rollouts = world.store.rollouts();
    world.enrol(Stage::EnforceWeek, BEGIN).await;
    let (ttl, spread) = (Duration::from_secs(60), Duration::ZERO);
    let id = |text: &str| Some(text.parse::<PolicyId>().unwrap());
    let body = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmax_age: 604800\r\n";
    rollouts.announce(domain(), id("1"), ttl, Time::at(BEGIN), spread).await.unwrap();
    rollouts.serve(domain(), Some(body.to_vec()), Time::at(BEGIN + 60), spread).await.unwrap();
    world.leave(green(BEGIN + 60), Outlook::default()).await;
    assert_eq!(world.passes(BEGIN + 120, BEGIN + HOUR).await, [], "it may be on its way");
    let told = world.passes(BEGIN + HOUR, BEGIN + 2 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC202", ""));
    rollouts.announce(domain(), id("2"), ttl, Time::at(BEGIN + 2 * HOUR), spread).await.unwrap();
    world.leave(green(BEGIN + 2 * HOUR), Outlook::default()).await;
    let told = world.passes(BEGIN + 2 * HOUR + 60, BEGIN + 3 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC202", ""));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_got_is_told() {
    let mut world = World::new().await;
    let certificates = world.store.certificates();
    let host: DomainName = "mta-sts.example.com".parse().unwrap();
    for tries in 1..=3 {
        let at = BEGIN + tries * 600;
        certificates.trouble(host.clone(), at + HOUR, "CAA forbids it").await.unwrap();
        assert_eq!(world.pass(at).await, [], "it may pass");
    }
    let told = world.passes(BEGIN + 1_800, BEGIN + 2 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC302", "mta-sts.example.com"));
    let kept = |not_before: i64| Kept {
        host: host.clone(),
        directory: "https://ca.example/".to_owned(),
        chain: b"a chain".to_vec(),
        key: b"a key".to_vec(),
        not_before,
        not_after: not_before + 90 * DAY,
        renew_at: None,
        ask_at: None,
    };
    certificates.keep(kept(BEGIN)).await.unwrap();
    let told = world.passes(BEGIN + 3 * HOUR, BEGIN + 4 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC302", "mta-sts.example.com"));

    // It is not renewed, since the domain is published no more: that does not last for ever.
    let end = BEGIN + 90 * DAY;
    let told = world.pass(end - 20 * DAY).await;
    assert_eq!(told, one(OPENED, "INC301", "mta-sts.example.com"));
    assert_eq!(
        world.pass(end - 5 * DAY).await,
        one(NoticeKind::Worsened, "INC301", "mta-sts.example.com")
    );
    assert_eq!(world.passes(end + DAY, end + DAY + HOUR).await, []);
    let told = world.passes(end + 4 * DAY, end + 4 * DAY + HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC301", "mta-sts.example.com"));
}

#[tokio::test]
async fn what_waits_for_a_person_is_told() {
    let mut world = World::new().await;
    world.enrol(Stage::Testing, BEGIN).await;
    let proposed = Move {
        from: Stage::Testing,
        to: Stage::EnforceDay,
        cause: Cause::GateOpen,
        mark: None,
        grounds: vec!["7 reporters".to_owned()],
    };
    let open = Outlook { proposed: Some(proposed), ..Outlook::default() };
    world.leave(green(BEGIN), open).await;
    assert_eq!(world.pass(BEGIN + 60).await, one(OPENED, "INC501", ""));
    assert!(world.said().contains("may move from testing"), "{}", world.said());
    let todo = vec!["set the record at _mta-sts.example.com".to_owned()];
    world.leave(green(BEGIN + 600), Outlook { todo, ..Outlook::default() }).await;
    let told = world.passes(BEGIN + 660, BEGIN + 2 * HOUR).await;
    assert_eq!(told, [one(RESOLVED, "INC501", ""), one(OPENED, "INC303", "")].concat());
    world.leave(green(BEGIN + 2 * HOUR), Outlook::default()).await;
    let told = world.passes(BEGIN + 2 * HOUR + 60, BEGIN + 3 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC303", ""));
}

#[tokio::test]
async fn who_is_not_taken_up_is_told_until_that_is_settled() {
    let mut world = World::new().await;
    let rollouts = world.store.rollouts();
    let turn_away = async || {
        let todo = vec!["take the domain over as it is".to_owned()];
        let left = serde_json::to_string(&Outlook { todo, ..Outlook::default() }).unwrap();
        rollouts.turn_away(vec![(domain(), left)], Time::at(BEGIN)).await.unwrap();
    };
    turn_away().await;
    assert_eq!(world.pass(BEGIN).await, []);
    let told = world.passes(BEGIN + 600, BEGIN + 2 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC303", ""));
    assert_eq!(world.said(), "take the domain over as it is");
    // It is not configured any more.
    rollouts.forget_turned_away(vec![domain()]).await.unwrap();
    let told = world.passes(BEGIN + 3 * HOUR, BEGIN + 4 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC303", ""));
    // Or it is taken up.
    turn_away().await;
    let told = world.passes(BEGIN + 5 * HOUR, BEGIN + 7 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC303", ""));
    world.enrol(Stage::Testing, BEGIN + 7 * HOUR).await;
    world.leave(green(BEGIN + 7 * HOUR), Outlook::default()).await;
    let told = world.passes(BEGIN + 8 * HOUR, BEGIN + 9 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC303", ""));
}

#[tokio::test]
async fn a_domain_that_falls_back_is_told_until_it_moves_on() {
    let mut world = World::new().await;
    let rollouts = world.store.rollouts();
    let moved = |from, to, cause, at| Entry {
        at: Time::at(at),
        by: Actor::Itself,
        event: Event::Moved { from, to, cause },
        grounds: vec!["mx1.example.com: the certificate has expired".to_owned()],
    };
    world.enrol(Stage::EnforceWeek, BEGIN).await;
    world.leave(green(BEGIN), Outlook::default()).await;
    assert_eq!(world.pass(BEGIN + 60).await, []);
    let (from, to) = (Stage::EnforceWeek, Stage::Testing);
    let back = moved(from, to, Cause::FaultReproduced, BEGIN + 600);
    let _ = rollouts.advance(domain(), from, to, None, back).await.unwrap();
    world.leave(faulty(BEGIN + 600, 1), Outlook::default()).await;
    assert_eq!(world.pass(BEGIN + 660).await, one(OPENED, "INC502", ""));
    assert!(world.said().contains("was moved back from"), "{}", world.said());

    // What has led to it holds, as another pass sees.
    assert_eq!(world.passes(BEGIN + 1_200, BEGIN + HOUR).await, [], "one pass has seen it");
    world.leave(faulty(BEGIN + HOUR, 2), Outlook::default()).await;
    let told = world.passes(BEGIN + HOUR + 60, BEGIN + 2 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC101", "mx1.example.com"));

    let on = moved(to, from, Cause::GateOpen, BEGIN + 3 * HOUR);
    let _ = rollouts.advance(domain(), to, from, None, on).await.unwrap();
    world.leave(green(BEGIN + 3 * HOUR), Outlook::default()).await;
    let told = world.passes(BEGIN + 3 * HOUR + 60, BEGIN + 5 * HOUR).await;
    let over = [one(RESOLVED, "INC502", ""), one(RESOLVED, "INC101", "mx1.example.com")];
    assert_eq!(told, over.concat());
}

fn blind(at: i64) -> Check {
    let why = "the resolvers did not answer".to_owned();
    Check { at: Time::at(at), verdict: CheckVerdict::Unknown { why } }
}

#[tokio::test]
async fn what_waits_for_a_person_is_told_also_while_no_look_can_be_had() {
    let mut world = World::new().await;
    world.enrol(Stage::Testing, BEGIN).await;
    let todo = vec!["set the record at _mta-sts.example.com".to_owned()];
    world.leave(blind(BEGIN), Outlook { todo, ..Outlook::default() }).await;
    let told = world.passes(BEGIN + 60, BEGIN + 2 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC303", ""));
    world.leave(blind(BEGIN + 2 * HOUR), Outlook::default()).await;
    let told = world.passes(BEGIN + 2 * HOUR + 60, BEGIN + 3 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC303", ""));
}

#[tokio::test]
async fn a_domain_that_has_fallen_back_is_told_also_while_no_look_can_be_had() {
    let mut world = World::new().await;
    world.enrol(Stage::EnforceWeek, BEGIN).await;
    world.leave(faulty(BEGIN, 1), Outlook::default()).await;
    world.leave(faulty(BEGIN + 60, 2), Outlook::default()).await;
    assert_eq!(world.pass(BEGIN + 120).await, []);
    let (from, to) = (Stage::EnforceWeek, Stage::Testing);
    let back = Entry {
        at: Time::at(BEGIN + 600),
        by: Actor::Itself,
        event: Event::Moved { from, to, cause: Cause::FaultReproduced },
        grounds: vec![],
    };
    let _ = world.store.rollouts().advance(domain(), from, to, None, back).await.unwrap();
    world.leave(blind(BEGIN + 600), Outlook::default()).await;
    assert_eq!(world.pass(BEGIN + 660).await, one(OPENED, "INC502", ""));
    // What the looks of before found is neither told nor over.
    assert_eq!(world.passes(BEGIN + 1_200, BEGIN + 3 * HOUR).await, []);
    assert!(world.live.iter().any(|one| one.cause == "INC101"), "{:?}", world.live);
}

#[tokio::test]
async fn that_nothing_can_be_told_for_hours_is_told_once() {
    let mut world = World::new().await;
    world.enrol(Stage::EnforceWeek, BEGIN).await;
    world.leave(green(BEGIN), Outlook::default()).await;
    let mut told = world.passes(BEGIN + 60, BEGIN + HOUR).await;
    for hour in 1..=12 {
        let at = BEGIN + hour * HOUR;
        world.leave(blind(at), Outlook::default()).await;
        told.extend(world.passes(at + 60, at + HOUR).await);
        assert_eq!(told.is_empty(), hour <= 6, "{hour}: {told:?}");
    }
    assert_eq!(told, one(OPENED, "INC503", ""));
    assert!(world.said().contains("the resolvers did not answer"), "{}", world.said());
    world.leave(green(BEGIN + 13 * HOUR), Outlook::default()).await;
    let told = world.passes(BEGIN + 13 * HOUR + 60, BEGIN + 14 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC503", ""));

    // One that could not be taken up, since it could not be told what is live, is to get one.
    let mut world = World::new().await;
    let waits = vec!["could not tell what is live: no answer".to_owned()];
    let left = World::left(blind(BEGIN), Outlook { waits, ..Outlook::default() });
    world.store.rollouts().turn_away(vec![(domain(), left)], Time::at(BEGIN)).await.unwrap();
    assert_eq!(world.passes(BEGIN + 60, BEGIN + 6 * HOUR).await, []);
    let told = world.passes(BEGIN + 6 * HOUR + 60, BEGIN + 7 * HOUR).await;
    assert_eq!(told, one(OPENED, "INC503", ""));

    // Before there is a policy, nothing is missed.
    let mut world = World::new().await;
    world.enrol(Stage::Prerequisites, BEGIN).await;
    world.leave(blind(BEGIN), Outlook::default()).await;
    assert_eq!(world.passes(BEGIN + 60, BEGIN + 20 * HOUR).await, []);
}

/// The domain is taken out of the configuration while it is faulty.
#[tokio::test]
async fn a_roll_out_that_nobody_leads_any_more_does_not_stay_open() {
    let mut world = World::new().await;
    world.enrol(Stage::EnforceWeek, BEGIN).await;
    for looks in 1..=2 {
        let at = BEGIN + i64::from(looks) * HOUR;
        world.leave(faulty(at, looks), Outlook::default()).await;
        world.passes(at + 60, at + HOUR).await;
    }
    assert_eq!(world.told.len(), 1, "{:?}", world.told);
    let until = BEGIN + 2 * HOUR + OVERDUE;
    assert_eq!(world.passes(BEGIN + 3 * HOUR, until).await, [], "somebody may be back");
    let told = world.passes(until + 600, until + 2 * HOUR).await;
    assert_eq!(told, one(RESOLVED, "INC101", "mx1.example.com"));
    assert!(world.said().starts_with("Nobody looks at example.com any more."), "{}", world.said());
}

#[tokio::test]
async fn when_all_reporters_fall_silent_that_is_told() {
    let mut world = World::new().await;
    let mut reports = Vec::new();
    for offset in -45..=-14 {
        for signer in ["one.example", "two.example", "three.example"] {
            let report = reports::tests::report(Some(signer), offset, 0, "mx1.example.com");
            reports.push(report);
        }
    }
    world.store.reports().accept(reports).await.unwrap();
    let told = world.passes(BEGIN, BEGIN + 2 * HOUR).await;
    assert!(told.contains(&(OPENED, "INC404", String::new())), "{told:?}");
}
