use tempfile::TempDir;

use super::*;
use crate::Settings;

async fn store() -> (TempDir, Incidents) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store.incidents())
}

fn opened(id: u8, subject: &str, receivers: &[&str]) -> Change {
    let id = IncidentId::of([0, 0, 0, 0, 0, 0, 0, id]);
    let notices = receivers.iter().map(|receiver| notice(&format!("{id}.1"), receiver, 10));
    let notices = notices.collect();
    let incident = Incident {
        cause: "INC101".to_owned(),
        domain: "example.com".parse().unwrap(),
        subject: subject.to_owned(),
        phase: Phase::Open,
        urgency: Urgency::Critical,
        basis: Basis::Both,
        since: 5,
        opened_at: Some(10),
        gone_since: None,
        resolved_at: None,
        told: Some(Urgency::Critical),
        told_to: receivers.iter().map(|name| (*name).to_owned()).collect(),
        summary: "x".repeat(2_000),
        grounds: vec!["a ground".to_owned(); 100],
        silent_until: None,
        acknowledged: None,
        revision: 0,
        number: 0,
        id,
    };
    Change { incident, deed: Deed::Add, notices }
}

fn notice(key: &str, receiver: &str, due: i64) -> NewNotice {
    NewNotice {
        key: key.to_owned(),
        receiver: receiver.to_owned(),
        kind: NoticeKind::Opened,
        content: "{}".to_owned(),
        made_at: 10,
        due,
    }
}

fn claiming(owner: &str, now: i64) -> NoticeClaiming {
    NoticeClaiming {
        owner: owner.to_owned(),
        receiver: "mail".to_owned(),
        now,
        lease_until: now + 60,
        most: 100,
    }
}

#[tokio::test]
async fn an_incident_comes_back_as_it_was_stored() {
    let (_folder, incidents) = store().await;
    let change = opened(1, "mx1.example.com", &["mail", "hook"]);
    assert_eq!(incidents.apply(vec![change.clone()]).await.unwrap(), 1);
    let (found, notices) = incidents.incident(change.incident.id.clone()).await.unwrap().unwrap();
    let summary = "x".repeat(LONGEST_TEXT);
    let grounds = vec!["a ground".to_owned(); MOST_GROUNDS];
    let kept = Incident { summary, grounds, revision: 1, number: 1, ..change.incident };
    assert_eq!(found, kept);
    assert_eq!(notices.len(), 2);
    assert_eq!(incidents.live(0, 10).await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(
        incidents.list(Phase::Open, None, None, 10).await.unwrap(),
        std::slice::from_ref(&kept)
    );
    let of = Some(kept.domain.clone());
    assert_eq!(incidents.list(Phase::Open, of.clone(), None, 10).await.unwrap(), [kept]);
    assert_eq!(incidents.list(Phase::Resolved, of, None, 10).await.unwrap(), []);
    assert_eq!(incidents.open_counts().await.unwrap(), [0, 0, 1]);
}

/// Two who look at the same time tell once.
#[tokio::test]
async fn of_the_same_there_is_one_at_a_time() {
    let (_folder, incidents) = store().await;
    let first = opened(1, "mx1.example.com", &["mail"]);
    assert_eq!(incidents.apply(vec![first.clone(), first.clone()]).await.unwrap(), 1);
    // Another id, since another process began to see it a second later.
    assert_eq!(incidents.apply(vec![opened(2, "mx1.example.com", &["mail"])]).await.unwrap(), 0);
    assert_eq!(incidents.waiting(10).await.unwrap().len(), 1);

    let mut over = first.incident;
    (over.phase, over.resolved_at) = (Phase::Resolved, Some(99));
    let resolved = |revision| Change {
        incident: Incident { revision, ..over.clone() },
        deed: Deed::Change,
        notices: vec![notice("two", "mail", 99)],
    };
    assert_eq!(incidents.apply(vec![resolved(7)]).await.unwrap(), 0, "it was thought of another");
    assert_eq!(incidents.apply(vec![resolved(1)]).await.unwrap(), 1);
    assert_eq!(incidents.apply(vec![resolved(1)]).await.unwrap(), 0);
    assert_eq!(incidents.waiting(10).await.unwrap().len(), 2);
    assert_eq!(incidents.apply(vec![opened(2, "mx1.example.com", &["mail"])]).await.unwrap(), 1);
}

/// In quiet hours the opening waits for the morning; what presses does not wait, and comes after it.
#[tokio::test]
async fn what_waits_is_told_no_later_than_what_follows_from_it() {
    let (_folder, incidents) = store().await;
    let mut first = opened(1, "a.example.com", &["mail", "hook"]);
    first.notices.iter_mut().for_each(|notice| notice.due = 500);
    let mut other = opened(2, "b.example.com", &["mail"]);
    other.notices[0].due = 500;
    let worsened = Change {
        incident: Incident { revision: 1, ..first.incident.clone() },
        deed: Deed::Change,
        notices: vec![NewNotice { kind: NoticeKind::Worsened, ..notice("worse", "mail", 20) }],
    };
    assert_eq!(incidents.apply(vec![first, other]).await.unwrap(), 2);
    assert_eq!(incidents.next_due().await.unwrap(), Some(500));
    assert_eq!(incidents.apply(vec![worsened]).await.unwrap(), 1);
    let batch = incidents.claim(claiming("one", 20)).await.unwrap().unwrap();
    let kinds: Vec<NoticeKind> = batch.notices.iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::Opened, NoticeKind::Worsened]);
    assert_eq!(batch.notices[0].incident, batch.notices[1].incident);
    let waiting = incidents.waiting(10).await.unwrap();
    let due = |receiver: &str| {
        let of = waiting.iter().filter(|notice| notice.receiver == receiver);
        of.map(|notice| notice.due).collect::<Vec<_>>()
    };
    assert_eq!(due("hook"), [500], "nothing followed for that one");
    assert_eq!(due("mail"), [20, 500, 20], "nothing followed from the other incident");
}

/// A clock that was a year ahead has planned and held what it made.
#[tokio::test]
async fn a_clock_that_was_ahead_holds_up_no_notice() {
    const YEAR: i64 = 365 * 86_400;
    let (_folder, incidents) = store().await;
    let mut change = opened(1, "a.example.com", &["mail", "hook"]);
    for notice in &mut change.notices {
        (notice.made_at, notice.due) = (YEAR, YEAR);
    }
    incidents.apply(vec![change]).await.unwrap();
    let batch = incidents.claim(claiming("one", YEAR)).await.unwrap().unwrap();
    assert_eq!(incidents.claim(claiming("two", 1_000)).await.unwrap(), None, "it is held");
    assert_eq!(incidents.set_right(1_000).await.unwrap(), 2);
    assert_eq!(incidents.set_right(1_000).await.unwrap(), 0);
    assert_eq!(incidents.next_due().await.unwrap(), Some(1_000));
    assert!(incidents.waiting(10).await.unwrap().iter().all(|one| one.made_at == 1_000));
    // Who held it when the clock was set may note what came of it.
    assert!(incidents.settle(&batch, Sending::Later(1_060), "", 1_000).await.unwrap());
    let mut of_hook = claiming("two", 1_000);
    of_hook.receiver = "hook".to_owned();
    assert!(incidents.claim(of_hook).await.unwrap().is_some());

    // What waits as long as anything may is left alone.
    let mut morning = opened(2, "b.example.com", &["late"]);
    morning.notices[0].made_at = 1_000;
    morning.notices[0].due = 1_000 + 24 * 3_600;
    incidents.apply(vec![morning]).await.unwrap();
    assert_eq!(incidents.set_right(1_000).await.unwrap(), 0);
    // Nor is it late before, and not since long when its time has come.
    let due = |state: QueueState| state.due;
    let before = incidents.queue_state(1_000 + 24 * 3_600 - 1).await.unwrap();
    let then = incidents.queue_state(1_000 + 24 * 3_600).await.unwrap();
    assert_eq!(due(then) - due(before), 1);
}

#[tokio::test]
async fn what_is_tried_stays_together_and_is_in_one_hand() {
    let (_folder, incidents) = store().await;
    let changes =
        vec![opened(1, "a.example.com", &["mail"]), opened(2, "b.example.com", &["mail"])];
    incidents.apply(changes).await.unwrap();
    assert_eq!(incidents.claim(claiming("one", 9)).await.unwrap(), None, "it is not due");
    let batch = incidents.claim(claiming("one", 10)).await.unwrap().unwrap();
    assert_eq!((batch.notices.len(), batch.attempt), (2, 1));
    assert_eq!(incidents.claim(claiming("two", 69)).await.unwrap(), None, "it is held");

    // The first one dies. Meanwhile there is something new.
    incidents.apply(vec![opened(3, "c.example.com", &["mail"])]).await.unwrap();
    let again = incidents.claim(claiming("two", 70)).await.unwrap().unwrap();
    assert_eq!((again.number, again.notices.len(), again.attempt), (batch.number, 2, 2));
    // It was not dead after all, and comes too late.
    assert!(!incidents.settle(&batch, Sending::Sent, "", 71).await.unwrap());
    assert!(incidents.settle(&again, Sending::Later(200), "busy", 71).await.unwrap());
    // What waits for the next attempt is late as well.
    let late = QueueState { due: 3, oldest: Some(10) };
    assert_eq!(incidents.queue_state(199).await.unwrap(), late);
    assert_eq!(incidents.claim(claiming("two", 199)).await.unwrap(), None, "what is new waits");
    let last = incidents.claim(claiming("two", 200)).await.unwrap().unwrap();
    assert_eq!(last.notices.first().unwrap().answer.as_deref(), Some("busy"));
    assert!(incidents.settle(&last, Sending::Sent, "ok", 201).await.unwrap());
    assert!(!incidents.settle(&last, Sending::Sent, "ok", 201).await.unwrap());
    let next = incidents.claim(claiming("two", 201)).await.unwrap().unwrap();
    assert_eq!(next.notices.len(), 1);
    assert_eq!(incidents.release("two".to_owned()).await.unwrap(), 1);
    assert_eq!(incidents.queue_state(300).await.unwrap(), QueueState { due: 1, oldest: Some(10) });
    assert_eq!(incidents.next_due().await.unwrap(), Some(10));
    assert_eq!(incidents.expire(300, 10).await.unwrap(), 0);
    assert_eq!(incidents.expire(300, 11).await.unwrap(), 1);
    assert_eq!(incidents.waiting(10).await.unwrap(), []);
}

#[tokio::test]
async fn what_somebody_has_in_hand_is_not_told() {
    let (_folder, incidents) = store().await;
    let change = opened(1, "a.example.com", &["mail"]);
    let id = change.incident.id.clone();
    let word = Acknowledgement {
        by: "Kim".to_owned(),
        at: 20,
        until: 900,
        reason: "the hoster knows".to_owned(),
    };
    assert!(!incidents.acknowledge(id.clone(), word.clone()).await.unwrap());
    incidents.apply(vec![change]).await.unwrap();
    assert!(incidents.acknowledge(id.clone(), word.clone()).await.unwrap());
    let (found, notices) = incidents.incident(id).await.unwrap().unwrap();
    assert_eq!((found.silent_until, found.acknowledged), (Some(900), Some(word)));
    assert!(found.told_to.is_empty(), "he has not heard of it");
    assert_eq!(notices.first().unwrap().state, NoticeState::Dropped);
    assert_eq!(incidents.claim(claiming("one", 30)).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_over_is_forgotten_when_all_is_told() {
    let (_folder, incidents) = store().await;
    let mut change = opened(1, "a.example.com", &["mail"]);
    (change.incident.phase, change.incident.resolved_at) = (Phase::Resolved, Some(50));
    let id = change.incident.id.clone();
    incidents.apply(vec![change]).await.unwrap();
    let test = NewNotice { kind: NoticeKind::Test, ..notice("test.1", "hook", 10) };
    assert_eq!(incidents.queue(vec![test.clone(), test]).await.unwrap(), 1);
    assert_eq!(incidents.prune(51, 10).await.unwrap(), 0, "it is not told yet");
    let batch = incidents.claim(claiming("one", 60)).await.unwrap().unwrap();
    assert!(incidents.settle(&batch, Sending::Sent, "", 60).await.unwrap());
    assert_eq!(incidents.prune(50, 10).await.unwrap(), 0);
    assert_eq!(incidents.prune(51, 10).await.unwrap(), 1);
    assert_eq!(incidents.incident(id).await.unwrap(), None);
}
