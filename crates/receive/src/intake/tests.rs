use sealpost_evidence::traffic::{Bounds, Day};
use sealpost_store::{
    Origin, Settings, Store,
    reports::{DayRange, Scope},
};

use super::*;
use crate::notary::tests::{KEY_NAME, record, signed};
use sealpost_dkim::KeyAnswer;

fn report(failed: u64) -> Incoming {
    let json = format!(
        r#"{{"organization-name":"R","contact-info":"a@r.example","report-id":"1","date-range":
        {{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}},
        "policies":[{{"policy":{{"policy-type":"no-policy-found","policy-domain":"a.example"}},
        "summary":{{"total-successful-session-count":0,"total-failure-session-count":{failed}}}}}]}}"#
    );
    let arrival =
        Arrival { origin: Origin::Import, at: 1_795_600_000, peer: None, recipient: None };
    Incoming { octets: Arc::new(json.into_bytes()), arrival }
}

/// An intake, its raw file and its reports, in a folder that goes with the first of them.
async fn intake() -> (tempfile::TempDir, Intake, RawStore, Reports) {
    intake_with(Notary::offline()).await
}

async fn intake_with(notary: Notary) -> (tempfile::TempDir, Intake, RawStore, Reports) {
    // Nothing here is about the disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let raw = RawStore::open(settings.raw_beside()).await.unwrap();
    let reports = Store::open(settings).await.unwrap().reports();
    let ours = ["a.example".parse().unwrap()].into_iter().collect();
    let (limits, clock) = (Limits::default(), Clock::system());
    let intake = Intake::new(raw.clone(), reports.clone(), notary, ours, limits, clock);
    (folder, intake, raw, reports)
}

/// To note each time that something was read would be a commit more, for each that stores something.
#[tokio::test]
async fn what_was_read_is_noted_with_what_comes_next() {
    let (_folder, intake, raw, _) = intake().await;
    let states = async || {
        let entries = raw.list(0, 10).await.unwrap();
        entries.into_iter().map(|entry| (entry.state, entry.reader)).collect::<Vec<_>>()
    };
    let (new, read) = ((RawState::New, 0), (RawState::Read, READER));
    let put = intake.put_all(vec![report(1), report(2)]).await.unwrap();
    assert_eq!(intake.read_put(put).await.unwrap().len(), 2);
    assert_eq!(states().await, [new.clone(), new.clone()]);
    let put = intake.put_all(vec![report(3)]).await.unwrap();
    assert_eq!(states().await, [read.clone(), read.clone(), new.clone()]);
    let odd = Incoming { octets: Arc::new(b"no report".to_vec()), ..report(0) };
    intake.read_put(put).await.unwrap();
    // Who takes everything in at once has it noted at once.
    intake.take_all(vec![odd]).await.unwrap();
    let quarantined = states().await.pop().unwrap();
    assert_eq!(states().await, [read.clone(), read.clone(), read, quarantined.clone()]);
    assert!(matches!(quarantined, (RawState::Quarantined { .. }, READER)), "{quarantined:?}");
    // There is nothing left to be noted.
    assert!(intake.unnoted().outcomes.is_empty());
}

/// All of an import comes in one second, and what is read first of it is chance.
#[tokio::test]
async fn of_revisions_that_came_together_the_last_one_counts_in_whatever_order_they_are_read() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (_folder, intake, _, reports) = intake().await;
        let put = intake.put_all(vec![report(3), report(7), report(5)]).await.unwrap();
        let unread: Vec<Unread> = put.into_iter().filter_map(|(_, unread)| unread).collect();
        for place in order {
            let unread = unread.get(place).unwrap().clone();
            intake.read_all(vec![unread]).await.unwrap();
        }
        let total = async || {
            let days = DayRange::ending(Day::of(1_795_600_000), 30);
            let totals = reports.totals(days).await.unwrap();
            let of = |scope| totals.iter().find(|(found, ..)| *found == scope).cloned().unwrap();
            of(Scope::Unverified)
        };
        let once = (Scope::Unverified, 1, Bounds::exactly(0), Bounds::exactly(5));
        assert_eq!(total().await, once, "{order:?}");
        // Nor does it matter how often.
        for place in order {
            intake.read(unread.get(place).unwrap().digest).await.unwrap();
        }
        assert_eq!(total().await, once, "{order:?}");
    }
}

/// A range above 400 days was taken in with no session at all, one of 101 to 400 was not.
#[tokio::test]
async fn reports_on_too_many_days_to_say_anything_of_one_lie_in_quarantine() {
    let (_folder, intake, raw, reports) = intake().await;
    let of_range = |start: &str| {
        let text = String::from_utf8(Arc::unwrap_or_clone(report(3).octets)).unwrap();
        let text =
            text.replace("start-datetime\":\"2026-11-24", &format!("start-datetime\":\"{start}"));
        Incoming { octets: Arc::new(text.into_bytes()), ..report(0) }
    };
    // 100, 101, 400, 401 and 700 days.
    let starts = ["2026-08-17", "2026-08-16", "2025-10-21", "2025-10-20", "2024-12-25"];
    intake.take_all(starts.map(of_range).to_vec()).await.unwrap();
    let states = raw.list(0, 10).await.unwrap().into_iter().map(|entry| entry.state);
    let apart = || RawState::Quarantined { reason: "range-too-long".to_owned() };
    let expected = [RawState::Read, apart(), apart(), apart(), apart()];
    assert_eq!(states.collect::<Vec<_>>(), expected);
    let days = DayRange::ending(Day::of(1_795_600_000), 400);
    let total = reports.series(Scope::Unverified, Default::default(), days).await.unwrap().total();
    assert_eq!(total, (1, Bounds::exactly(0), Bounds::exactly(3)));
}

/// After a day without DNS a report was never asked about again.
#[tokio::test]
async fn a_key_is_asked_for_when_its_report_is_shown_already() {
    // Nobody answers there.
    let resolvers = vec!["127.0.0.1:1".parse().unwrap()];
    let settings = sealpost_net::Settings { resolvers, ..Default::default() };
    let network = sealpost_net::Network::new(settings, Clock::system()).unwrap();
    let (_folder, intake, _, _) = intake_with(Notary::new(network)).await;
    let taken = async |id: i64, age: i64| {
        let at = intake.now() - age;
        let json = String::from_utf8(Arc::unwrap_or_clone(report(id.unsigned_abs()).octets));
        let mail = format!(
            "From: <a@r.example>\r\nContent-Type: application/tlsrpt+json\r\n\r\n{}\r\n",
            json.unwrap().replace('\n', "\r\n")
        );
        let octets = Arc::new(signed(&mail, at).into_bytes());
        let arrival = Arrival { at, ..report(0).arrival };
        let mut arrived = intake.take_all(vec![Incoming { octets, arrival }]).await.unwrap();
        let taken = arrived.pop().unwrap().taken.unwrap();
        (taken.state, taken.trusts)
    };
    let unknown = || vec![Trust::Unverified { reason: "key-unknown".to_owned() }];
    // What is no report waits as long, so that it is known who signed it.
    let apart = async |rest: &str, age: i64| {
        let at = intake.now() - age;
        let mail = format!("From: <a@r.example>\r\n{rest}\r\n");
        let octets = Arc::new(signed(&mail, at).into_bytes());
        let arrival = Arrival { at, ..report(0).arrival };
        let mut arrived = intake.take_all(vec![Incoming { octets, arrival }]).await.unwrap();
        arrived.pop().unwrap().taken.unwrap().state
    };
    let reason = "not-a-report".to_owned();
    let report = "Content-Type: application/tlsrpt+json\r\n\r\n{}";
    assert_eq!(apart(report, 3_600).await, RawState::New);
    assert_eq!(apart(report, 2 * 86_400).await, RawState::New);
    assert_eq!(apart(report, 15 * 86_400).await, RawState::Quarantined { reason });
    // An advertisement waits for nobody.
    let reason = "no-report-in-mail".to_owned();
    assert_eq!(apart("\r\nBuy now!", 3_600).await, RawState::Quarantined { reason });
    assert_eq!(taken(1, 3_600).await, (RawState::New, vec![]));
    assert_eq!(taken(2, 2 * 86_400).await, (RawState::New, unknown()));
    assert_eq!(taken(3, 15 * 86_400).await, (RawState::Read, unknown()));
}

/// A report with so many policies.
fn with_policies(id: usize, policies: usize) -> Incoming {
    let text = String::from_utf8(Arc::unwrap_or_clone(report(1).octets)).unwrap();
    let text = text.replace("report-id\":\"1\"", &format!("report-id\":\"{id}\""));
    let (head, policy) = text.split_once("\"policies\":[").unwrap();
    let policy = policy.strip_suffix("]}").unwrap();
    let text = format!("{head}\"policies\":[{}]}}", vec![policy; policies].join(","));
    Incoming { octets: Arc::new(text.into_bytes()), ..report(0) }
}

/// What comes out of a submission was bounded by nothing but the number of those that are read.
#[tokio::test]
async fn what_is_not_small_is_read_by_itself() {
    let (_folder, intake, raw, _) = intake().await;
    // The large ones stand between others, and each has its answer.
    let all = [1, 3_000, 2, 4_000].into_iter().enumerate();
    let all: Vec<Incoming> = all.map(|(id, policies)| with_policies(id, policies)).collect();
    let arrived = intake.take_all(all).await.unwrap();
    let taken: Vec<_> = arrived.iter().map(|arrived| arrived.taken.as_ref().unwrap()).collect();
    assert!(taken.iter().all(|taken| taken.state == RawState::Read && taken.accepted.len() == 1));
    let reading = &intake.shared.memory.reading;
    assert_eq!((raw.room().free(), reading.free()), (raw.room().octets(), reading.octets()));
    let refused = intake.take_all(vec![with_policies(9, 50_001)]).await.unwrap();
    let state = &refused.first().unwrap().taken.as_ref().unwrap().state;
    assert_eq!(*state, RawState::Quarantined { reason: "too-many-policies".to_owned() });
}

/// Those who wait for memory must not wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_large_and_small_ones_at_once_come_to_their_end() {
    let (_folder, intake, raw, reports) = intake().await;
    let raw = raw.with_room(Room::of(16 << 10));
    let (ours, clock) = (OurDomains::default(), Clock::system());
    let [reading, fetched, mailboxes] = [64 << 10, 16 << 10, 1].map(Room::of);
    let intake = Intake::new(
        raw.clone(),
        reports,
        intake.shared.notary.clone(),
        ours,
        Limits::default(),
        clock,
    )
    .within(Memory { reading, fetched, mailboxes });
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..40 {
        let intake = intake.clone();
        tasks.spawn(async move {
            let one = with_policies(id, if id % 4 == 0 { 2_500 } else { 100 });
            if id % 2 == 0 {
                return intake.take_all(vec![one]).await.map(|_| ());
            }
            let octets = Arc::unwrap_or_clone(one.octets);
            let digest = intake.store(octets, one.arrival).await?;
            intake.read(digest).await.map(|_| ())
        });
    }
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), tasks.join_all());
    ended.await.unwrap().into_iter().for_each(|done| done.unwrap());
    assert_eq!(raw.counts().await.unwrap().read, 40);
    let memory = &intake.shared.memory;
    let free = [raw.room(), &memory.reading, &memory.fetched].map(Room::free);
    assert_eq!(free, [16 << 10, 64 << 10, 16 << 10]);
}

/// The sender of a small mail waited until large ones of others were read.
#[tokio::test]
async fn what_is_to_be_acknowledged_waits_for_nobody_who_reads() {
    let (_folder, intake, _, _) = intake().await;
    let soon = std::time::Duration::from_secs(20);
    // A large one is being read, and small ones beside it.
    let held = [Share::Most, Share::Piece].map(|share| (intake.clone(), share));
    let mut all = Vec::new();
    for (intake, share) in held {
        all.push(tokio::time::timeout(soon, intake.hold(share)).await.unwrap().unwrap());
    }
    assert_eq!(intake.shared.memory.reading.free(), 0);
    let Incoming { octets, arrival } = report(1);
    let stored = intake.store(Arc::unwrap_or_clone(octets), arrival);
    tokio::time::timeout(soon, stored).await.unwrap().unwrap();
    // Nor does a mailbox that gives away its mail slowly keep anybody from reading.
    let _mail = intake.fetch_mail(u64::MAX).await.unwrap();
    let _fetched = tokio::time::timeout(soon, intake.fetch(1)).await.unwrap().unwrap();
}

/// Its key was asked for only when a later version could read it, and was gone by then.
#[tokio::test]
async fn who_signed_what_lies_in_quarantine_is_known_from_when_it_came() {
    let (_folder, intake, raw, reports) = intake().await;
    let at = intake.now();
    let mail = signed(
        "From: <a@r.example>\r\nContent-Type: application/tlsrpt+json\r\n\r\n\
         {\"report-id\":\"1\",\"organization-name\":\"R\",\"policies\":[{}]}\r\n",
        at,
    );
    let limits = |policies: usize| {
        let mut limits = Limits::default();
        limits.report.policies = policies;
        limits
    };
    let with = |limits: Limits, key: KeyAnswer| {
        let (raw, reports) = (raw.clone(), reports.clone());
        let notary = Notary::remembering(KEY_NAME, key, at);
        let ours = OurDomains::default();
        Intake::new(raw, reports, notary, ours, limits, Clock::system())
    };
    let arrival = Arrival { at, ..report(0).arrival };
    let incoming = Incoming { octets: Arc::new(mail.into_bytes()), arrival };
    let first = with(limits(0), KeyAnswer::Found(vec![record()]));
    let arrived = first.take_all(vec![incoming]).await.unwrap().pop().unwrap();
    let reason = "too-many-policies".to_owned();
    assert_eq!(arrived.taken.unwrap().state, RawState::Quarantined { reason });
    let digest = arrived.stored.digest;
    assert_eq!(raw.vouched(arrived.stored.place).await.unwrap().len(), 1);
    let later = with(limits(1), KeyAnswer::Absent);
    let taken = later.read(digest).await.unwrap().unwrap();
    assert_eq!(taken.state, RawState::Read);
    assert_eq!(taken.trusts, [Trust::Verified { signer: "r.example".to_owned() }]);
}

/// What made the reader fail was kept without who had signed it.
#[tokio::test]
async fn who_signed_what_the_reader_fails_at_is_kept_too() {
    let at = 1_795_600_000;
    let mail = signed("From: <a@r.example>\r\n\r\nText\r\n", at);
    let notary = Notary::remembering(KEY_NAME, KeyAnswer::Found(vec![record()]), at);
    let (_folder, intake, raw, _) = intake_with(notary.clone()).await;
    let incoming = Incoming { octets: Arc::new(mail.into_bytes()), ..report(0) };
    let put = intake.put_all(vec![incoming]).await.unwrap().pop().unwrap();
    let (stored, unread) = (put.0, put.1.unwrap());
    let expected =
        [Vouched { message: stored.digest, signer: "r.example".to_owned(), reader: READER }];
    // By itself, or with all that was read beside it.
    let (beliefs, ours, limits) = (Beliefs::default(), OurDomains::default(), Limits::default());
    let of = |notary: &Notary, wanting| {
        let (beliefs, ours, limits, keys) = (&beliefs, &ours, &limits, &Keys::new());
        let (now, share) = (at, Share::Piece);
        reading::failed(
            &unread,
            &Means { notary, beliefs, ours, limits, keys, now, wanting, share },
        )
    };
    let reading::Outcome::Read { state, vouched, .. } = of(&notary, Wanting::GivenBack) else {
        panic!("it has been read");
    };
    assert_eq!(state, RawState::Quarantined { reason: "reader-failed".to_owned() });
    assert_eq!(vouched, expected);
    intake.quarantine(stored.digest, "reader-failed").await.unwrap();
    assert_eq!(raw.vouched(stored.place).await.unwrap(), expected);
    let entry = raw.entry(stored.digest).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.reader), (state, READER));
}

/// A verdict that was too good was believed for ever.
#[test]
fn the_verdict_of_a_reader_that_is_not_believed_any_more_is_not() {
    let mail = b"From: <a@r.example>\r\n\r\nText\r\n";
    let read = tls_rpt::ReportMail::read(mail, &Default::default()).unwrap();
    let message = read.messages.first().unwrap();
    let signer = |reader| {
        let message = Digest::of(&message.octets);
        let unread = Unread {
            digest: Digest::of(mail),
            place: 1,
            octets: Arc::new(mail.to_vec()),
            arrivals: vec![report(0).arrival],
            vouched: vec![Vouched { message, signer: "r.example".to_owned(), reader }],
        };
        unread.signer(&read.messages[0])
    };
    assert_eq!(signer(READER).as_deref(), Some("r.example"));
    assert_eq!(signer(VERDICTS_SINCE - 1), None);
}
