//! Incidents over restarts: what a process knows is in the store, and nowhere else.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::Time, tz::TimeZone};
use mail_domain::DomainName;
use proptest::prelude::*;
use sealpost_alert::{
    Condition, Digest, DigestTimes, Look, QuietHours, ReceiverTerms, Terms, Told, digests, step,
};
use sealpost_evidence::incident::{Basis, Urgency};
use sealpost_rules::incidents::INC101;
use sealpost_store::{
    Incidents, Settings, Store,
    incidents::{Acknowledgement, Batch, Notice, NoticeClaiming, NoticeKind, Sending},
};

/// 11:30 UTC of some day; what follows may take until the next morning.
const BEGIN: i64 = 20_000 * 86_400 + 41_400;
/// In seconds of a day: when the one who sleeps goes to bed, when he gets up, when he wants a digest.
const BED: i64 = 43_200;
const UP: i64 = 46_800;
const DIGEST: i64 = 45_000;
/// Who is told at once, and who sleeps.
const RECEIVERS: [&str; 2] = ["awake", "asleep"];

/// What happens between two looks.
#[derive(Clone, Debug)]
enum Happening {
    /// A look: how much it presses.
    Look(Option<Urgency>),
    /// Another process has looked at the same time, and thinks the same.
    LookOfTwo(Option<Urgency>),
    /// The process is killed, and another one begins.
    Restart,
    /// What is due is sent; the receivers have it or not.
    Send(bool),
    /// A process is killed after the receivers have answered, and before that was noted.
    SendAndDie,
    /// Somebody takes it in hand.
    Take(i64),
    /// Nothing, for so long.
    Wait(i64),
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
        1 => (0_i64..3_000).prop_map(Happening::Wait),
    ]
}

fn look(there: Option<Urgency>) -> Look {
    let domain: DomainName = "example.com".parse().unwrap();
    let found = there
        .map(|urgency| Condition::new(&INC101, &domain, Basis::Look, "it fails").at_most(urgency));
    Look::whole(found.into_iter().collect())
}

fn terms() -> Terms {
    let clock = |seconds: i64| {
        let hour = i8::try_from(seconds / 3_600).unwrap();
        Time::new(hour, i8::try_from(seconds / 60 % 60).unwrap(), 0, 0).unwrap()
    };
    let quiet = QuietHours {
        from: clock(BED),
        to: clock(UP),
        zone: TimeZone::UTC,
        below: Urgency::Critical,
    };
    let digest = DigestTimes { every: Digest::Daily, at: clock(DIGEST), zone: TimeZone::UTC };
    let receivers = RECEIVERS.map(|name| {
        let sleeps = name == "asleep";
        ReceiverTerms {
            name: name.to_owned(),
            least: Urgency::Note,
            quiet: sleeps.then(|| quiet.clone()),
            digest: sleeps.then(|| digest.clone()),
        }
    });
    let receivers = receivers.to_vec();
    Terms { hold: Some(60), clear: Some(600), receivers, ..Terms::default() }
}

fn is_bedtime(at: i64) -> bool {
    (BED..UP).contains(&at.rem_euclid(86_400))
}

fn claiming(owner: &str, receiver: &str, now: i64) -> NoticeClaiming {
    NoticeClaiming {
        owner: owner.to_owned(),
        receiver: receiver.to_owned(),
        now,
        lease_until: now + 60,
        most: 3,
    }
}

/// A message: to whom, when it was sent first, and what was in it.
#[derive(Clone, Debug)]
struct Message {
    receiver: String,
    sent_at: i64,
    attempt: u32,
    notices: Vec<Notice>,
}

impl Message {
    fn of(batch: &Batch, sent_at: i64) -> Self {
        let Batch { receiver, attempt, notices, .. } = batch.clone();
        Self { receiver, sent_at, attempt, notices }
    }
}

/// What came of it all.
#[derive(Default)]
struct Outcome {
    /// Each attempt, whether the receiver had it or not.
    tried: Vec<Message>,
    /// What receivers got, as often as they got it.
    got: Vec<Message>,
    /// The days on which somebody looked after the time of the digest.
    days: BTreeSet<i64>,
}

impl Outcome {
    async fn look(&mut self, incidents: &Incidents, there: Option<Urgency>, now: i64) {
        let live = incidents.live(0, 1_000).await.unwrap();
        incidents.apply(step(&live, &look(there), now, &terms())).await.unwrap();
        incidents.queue(digests(&live, now, &terms())).await.unwrap();
        if now.rem_euclid(86_400) >= DIGEST {
            self.days.insert(now.div_euclid(86_400));
        }
    }
}

async fn run(happenings: Vec<Happening>) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let mut store = Store::open(settings.clone()).await.unwrap();
    let (mut outcome, mut now, mut owner) = (Outcome::default(), BEGIN, 0);
    for happening in happenings {
        now += 45;
        let incidents = store.incidents();
        match happening {
            Happening::Wait(seconds) => now += seconds,
            Happening::Look(there) => outcome.look(&incidents, there, now).await,
            Happening::LookOfTwo(there) => {
                let live = incidents.live(0, 1_000).await.unwrap();
                let other = step(&live, &look(there), now + 1, &terms());
                outcome.look(&incidents, there, now).await;
                incidents.apply(other).await.unwrap();
            }
            Happening::Restart => {
                store.close().await;
                store = Store::open(settings.clone()).await.unwrap();
                owner += 1;
            }
            Happening::Send(_) | Happening::SendAndDie => {
                for receiver in RECEIVERS {
                    let claiming = claiming(&owner.to_string(), receiver, now);
                    let Some(batch) = incidents.claim(claiming).await.unwrap() else { continue };
                    let message = Message::of(&batch, now);
                    if !matches!(happening, Happening::Send(false)) {
                        outcome.got.push(message.clone());
                    }
                    outcome.tried.push(message);
                    let sending = match happening {
                        Happening::Send(true) => Sending::Sent,
                        Happening::Send(false) => Sending::Later(now + 30),
                        _ => continue,
                    };
                    assert!(incidents.settle(&batch, sending, "", now).await.unwrap());
                }
                if matches!(happening, Happening::SendAndDie) {
                    owner += 1;
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
    // The receivers are well again, and everything is sent.
    let incidents = store.incidents();
    while !incidents.waiting(1).await.unwrap().is_empty() {
        now += 100;
        for receiver in RECEIVERS {
            let claiming = claiming("last", receiver, now);
            let Some(batch) = incidents.claim(claiming).await.unwrap() else { continue };
            outcome.tried.push(Message::of(&batch, now));
            outcome.got.push(Message::of(&batch, now));
            assert!(incidents.settle(&batch, Sending::Sent, "", now).await.unwrap());
        }
    }
    outcome
}

/// What a receiver that goes by the keys has heard, each once, in the order in which it came; and how
/// much came more than once.
fn heard(outcome: &Outcome, receiver: &str) -> (Vec<Notice>, usize) {
    let (mut seen, mut once, mut again) = (BTreeMap::new(), Vec::new(), 0);
    let messages = outcome.got.iter().filter(|message| message.receiver == receiver);
    for notice in messages.flat_map(|message| &message.notices) {
        match seen.insert(notice.key.clone(), notice.kind) {
            None => once.push(notice.clone()),
            Some(before) => {
                assert_eq!(before, notice.kind, "one key, one notice");
                again += 1;
            }
        }
    }
    (once, again)
}

fn urgency(notice: &Notice) -> String {
    Told::from_json(&notice.content).unwrap().incidents[0].urgency.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Who tells by the key hears each story once and in order, whatever is killed in between, and
    /// whatever waits for the morning; a notice comes again only where somebody died before he could
    /// note that it had arrived.
    #[test]
    fn each_story_is_told_once_and_whole(
        happenings in prop::collection::vec(happening(), 1..80),
    ) {
        let deaths = happenings.iter().filter(|one| matches!(one, Happening::SendAndDie)).count();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let outcome = runtime.block_on(run(happenings));
        for receiver in RECEIVERS {
            let (once, again) = heard(&outcome, receiver);
            prop_assert!(again <= 3 * deaths, "{again} of {}", once.len());
            let mut told: BTreeMap<_, Vec<NoticeKind>> = BTreeMap::new();
            for notice in &once {
                if let Some(incident) = &notice.incident {
                    told.entry(incident.clone()).or_default().push(notice.kind);
                }
            }
            for (incident, kinds) in told {
                let opened = kinds.iter().filter(|kind| **kind == NoticeKind::Opened).count();
                let resolved = kinds.iter().filter(|kind| **kind == NoticeKind::Resolved).count();
                prop_assert!(opened == 1 && resolved <= 1, "{receiver} {incident}: {kinds:?}");
                prop_assert_eq!(kinds.first(), Some(&NoticeKind::Opened));
                if resolved == 1 {
                    prop_assert_eq!(kinds.last(), Some(&NoticeKind::Resolved));
                }
            }
            // One digest for each day, and to nobody else.
            let digests: Vec<&str> = once
                .iter()
                .filter(|notice| notice.kind == NoticeKind::Digest)
                .map(|notice| notice.key.as_str())
                .collect();
            let days = outcome.days.iter().map(|day| {
                let noon = jiff::Timestamp::from_second(day * 86_400 + 43_200).unwrap();
                format!("digest.{}", noon.to_zoned(TimeZone::UTC).date())
            });
            let days: Vec<String> = days.filter(|_| receiver == "asleep").collect();
            prop_assert_eq!(digests, days, "{}", receiver);
        }
        // Nobody is woken by what was made while he sleeps and does not press, unless it is the
        // beginning of what does.
        for message in &outcome.tried {
            let Message { receiver, sent_at, attempt, notices } = message;
            if receiver != "asleep" || *attempt > 1 || !is_bedtime(*sent_at) {
                continue;
            }
            // What presses may be in the next message: one has room for a few.
            let to_him = outcome.tried.iter().filter(|one| one.receiver == *receiver);
            let known = to_him.flat_map(|one| &one.notices).filter(|one| one.made_at <= *sent_at);
            let known: Vec<&Notice> = known.collect();
            for notice in notices.iter().filter(|one| one.incident.is_some()) {
                let presses = |one: &&Notice| {
                    one.incident == notice.incident && one.id >= notice.id
                        && urgency(one) == "critical"
                };
                let was_made_before = !is_bedtime(notice.made_at);
                prop_assert!(was_made_before || known.iter().any(presses), "{message:?}");
            }
        }
    }
}

/// In the night, it opens and then presses; it is over before the morning.
#[tokio::test]
async fn who_sleeps_hears_a_story_from_its_beginning() {
    let (warning, critical) = (Some(Urgency::Warning), Some(Urgency::Critical));
    let mut happenings = vec![Happening::Wait(BED - 41_400)];
    for there in [warning, warning, warning, critical] {
        happenings.extend([Happening::Look(there), Happening::Send(true)]);
    }
    for _ in 0..8 {
        happenings.extend([Happening::Look(None), Happening::Send(true)]);
    }
    let outcome = run(happenings).await;
    let kinds = |receiver: &str| {
        let messages = outcome.got.iter().filter(|message| message.receiver == receiver);
        let kinds = |message: &Message| {
            let kinds = message.notices.iter().map(|notice| notice.kind);
            kinds.filter(|kind| *kind != NoticeKind::Digest).collect::<Vec<_>>()
        };
        messages.map(kinds).filter(|kinds| !kinds.is_empty()).collect::<Vec<_>>()
    };
    use NoticeKind::{Opened, Resolved, Worsened};
    assert_eq!(kinds("awake"), [vec![Opened], vec![Worsened], vec![Resolved]]);
    assert_eq!(kinds("asleep"), [vec![Opened, Worsened], vec![Resolved]]);
    let woken = outcome.got.iter().find(|message| message.receiver == "asleep").unwrap();
    assert!(is_bedtime(woken.sent_at), "it presses");
}
