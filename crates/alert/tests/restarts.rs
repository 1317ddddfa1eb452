//! Incidents over restarts: what a process knows is in the store, and nowhere else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use mail_domain::DomainName;
use proptest::prelude::*;
use sealpost_alert::{Condition, Look, ReceiverTerms, Terms, step};
use sealpost_evidence::incident::{Basis, Urgency};
use sealpost_rules::incidents::INC101;
use sealpost_store::{
    Settings, Store,
    incidents::{Acknowledgement, NoticeClaiming, NoticeKind, Sending},
};

/// What happens between two looks.
#[derive(Clone, Debug)]
enum Happening {
    /// A look: how much it presses.
    Look(Option<Urgency>),
    /// Another process has looked at the same time, and thinks the same.
    LookOfTwo(Option<Urgency>),
    /// The process is killed, and another one begins.
    Restart,
    /// What is due is sent; the receiver has it or not.
    Send(bool),
    /// A process is killed after the receiver has answered, and before that was noted.
    SendAndDie,
    /// Somebody takes it in hand.
    Take(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let urgency = || prop::option::of(prop::sample::select(Urgency::ALL.to_vec()));
    prop_oneof![
        6 => urgency().prop_map(Happening::Look),
        1 => urgency().prop_map(Happening::LookOfTwo),
        1 => Just(Happening::Restart),
        3 => any::<bool>().prop_map(Happening::Send),
        1 => Just(Happening::SendAndDie),
        1 => (0_i64..3_000).prop_map(Happening::Take),
    ]
}

fn look(there: Option<Urgency>) -> Look {
    let domain: DomainName = "example.com".parse().unwrap();
    let found = there
        .map(|urgency| Condition::new(&INC101, &domain, Basis::Look, "it fails").at_most(urgency));
    Look::whole(found.into_iter().collect())
}

fn terms() -> Terms {
    let receiver = ReceiverTerms { name: "one".to_owned(), least: Urgency::Note, quiet: None };
    Terms { hold: Some(60), clear: Some(600), receivers: vec![receiver], ..Terms::default() }
}

/// Everything that the receiver got: the key and what it was, in the order in which it came.
type Got = Vec<(String, NoticeKind)>;

async fn run(happenings: Vec<Happening>) -> (Got, Got) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let mut store = Store::open(settings.clone()).await.unwrap();
    let (mut got, mut now, mut owner) = (Got::new(), 1_000_000, 0);
    for happening in happenings {
        now += 45;
        let incidents = store.incidents();
        match happening {
            Happening::Look(there) => {
                let live = incidents.live(0, 1_000).await.unwrap();
                incidents.apply(step(&live, &look(there), now, &terms())).await.unwrap();
            }
            Happening::LookOfTwo(there) => {
                let live = incidents.live(0, 1_000).await.unwrap();
                let one = step(&live, &look(there), now, &terms());
                let other = step(&live, &look(there), now + 1, &terms());
                incidents.apply(one).await.unwrap();
                incidents.apply(other).await.unwrap();
            }
            Happening::Restart => {
                store.close().await;
                store = Store::open(settings.clone()).await.unwrap();
                owner += 1;
            }
            Happening::Send(_) | Happening::SendAndDie => {
                let claiming = NoticeClaiming {
                    owner: owner.to_string(),
                    receiver: "one".to_owned(),
                    now,
                    lease_until: now + 60,
                    most: 3,
                };
                let Some(batch) = incidents.claim(claiming).await.unwrap() else { continue };
                if !matches!(happening, Happening::Send(false)) {
                    got.extend(batch.notices.iter().map(|one| (one.key.clone(), one.kind)));
                }
                match happening {
                    Happening::Send(true) => {
                        assert!(incidents.settle(&batch, Sending::Sent, "", now).await.unwrap());
                    }
                    Happening::Send(false) => {
                        let later = Sending::Later(now + 30);
                        assert!(incidents.settle(&batch, later, "", now).await.unwrap());
                    }
                    _ => owner += 1,
                }
            }
            Happening::Take(seconds) => {
                let open = incidents.live(0, 1_000).await.unwrap();
                let Some(open) = open.first() else { continue };
                let (by, reason) = ("Kim".to_owned(), "known".to_owned());
                let word = Acknowledgement { by, at: now, until: now + seconds, reason };
                incidents.acknowledge(open.id.clone(), word).await.unwrap();
            }
        }
    }
    // The receiver is well again, and everything is sent.
    loop {
        now += 100;
        let claiming = NoticeClaiming {
            owner: "last".to_owned(),
            receiver: "one".to_owned(),
            now,
            lease_until: now + 60,
            most: 3,
        };
        let incidents = store.incidents();
        let Some(batch) = incidents.claim(claiming).await.unwrap() else {
            if incidents.waiting(10).await.unwrap().is_empty() {
                break;
            }
            continue;
        };
        got.extend(batch.notices.iter().map(|one| (one.key.clone(), one.kind)));
        assert!(incidents.settle(&batch, Sending::Sent, "", now).await.unwrap());
    }
    let mut stories: BTreeMap<String, NoticeKind> = BTreeMap::new();
    let mut once = Got::new();
    for (key, kind) in &got {
        if let Some(before) = stories.insert(key.clone(), *kind) {
            assert_eq!(before, *kind, "one key, one notice");
        } else {
            once.push((key.clone(), *kind));
        }
    }
    (got, once)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Who tells by the key hears each story once and in order, whatever is killed in between; and
    /// a notice comes again only where somebody died before he could note that it had arrived.
    #[test]
    fn each_story_is_told_once_and_whole(
        happenings in prop::collection::vec(happening(), 1..60),
    ) {
        let deaths = happenings.iter().filter(|one| matches!(one, Happening::SendAndDie)).count();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (got, once) = runtime.block_on(run(happenings));
        prop_assert!(got.len() - once.len() <= 3 * deaths, "{} of {}", got.len(), once.len());
        let mut told: BTreeMap<String, Vec<NoticeKind>> = BTreeMap::new();
        for (key, kind) in once {
            let incident = key.split('.').next().unwrap_or_default().to_owned();
            told.entry(incident).or_default().push(kind);
        }
        for (incident, kinds) in told {
            let opened = kinds.iter().filter(|kind| **kind == NoticeKind::Opened).count();
            let resolved = kinds.iter().filter(|kind| **kind == NoticeKind::Resolved).count();
            prop_assert!(opened == 1 && resolved <= 1, "{incident}: {kinds:?}");
            prop_assert_eq!(kinds.first(), Some(&NoticeKind::Opened));
            if resolved == 1 {
                prop_assert_eq!(kinds.last(), Some(&NoticeKind::Resolved));
            }
        }
    }
}
