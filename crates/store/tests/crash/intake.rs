//! Submissions and reports in processes that end: two files, each step a commit in one of them.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Stdio, abort},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sealpost_evidence::traffic::{Bounds, Day, Trust};
use sealpost_store::{
    Arrival, Digest, Moment, Origin, RawState, RawStore, Settings, Store,
    reports::{
        DayRange, DayShare, Echo, HistoryPlace, NewReport, Ownership, Repair, ReportedFailure,
        ReportedPolicy, Retention, Scope,
    },
};
use tokio::task::JoinSet;

use crate::{aborts::aborted, child, rows::block_on};

const FIRST_DAY: i64 = 20_000;
const KILLS: u64 = 20;
/// Where the moments come from: the same in every run.
const SEED: u64 = 0x5EA1_9058;
/// Submissions that are taken in at a time under load.
const TOGETHER: u64 = 16;

/// The store and its raw file.
struct Files {
    store: Store,
    raw: RawStore,
}

/// One step, which is one commit.
enum Step {
    Put(u64),
    Accept(Box<NewReport>),
    Settle(u64),
    Prune,
}

impl Files {
    async fn open(settings: Settings) -> Self {
        let raw = RawStore::open(settings.raw_beside()).await.unwrap();
        Self { store: Store::open(settings).await.unwrap(), raw }
    }

    async fn carry_out(&self, step: Step) {
        match step {
            Step::Put(number) => {
                self.raw.put(mail(number), arrival(number)).await.unwrap();
            }
            Step::Accept(report) => {
                self.store.reports().accept(vec![*report]).await.unwrap();
            }
            Step::Settle(number) => {
                let digest = Digest::of(&mail(number));
                self.raw.settle(vec![(digest, RawState::Read)], 1).await.unwrap();
            }
            Step::Prune => {
                let now = Day::new(FIRST_DAY + 1000).begins_at();
                self.store.reports().prune(now, Retention::default(), 100).await.unwrap();
            }
        }
    }

    /// All that must be the same however a process came here, as text.
    async fn snapshot(&self) -> String {
        let (reports, all) = (self.store.reports(), DayRange::ending(Day::new(FIRST_DAY), 30));
        let totals = reports.totals(all).await.unwrap();
        let mut text = format!("{totals:?}\n");
        for scope in Scope::ALL {
            let place = HistoryPlace::default();
            let history = reports.failure_history(scope, None, Day::new(0), place, 100).await;
            let history = history.unwrap().into_iter().map(|row| row.history);
            text.push_str(&format!("{:?}\n", history.collect::<Vec<_>>()));
            for reporter in reports.reporters(scope, None, 100).await.unwrap() {
                let repairs = reports.repairs(scope, reporter.id).await.unwrap();
                let repairs: Vec<_> = repairs.iter().map(|it| (&it.code, it.reports)).collect();
                text.push_str(&format!("{:?} {repairs:?}\n", reporter.activity));
            }
        }
        for entry in self.raw.list(0, 1000).await.unwrap() {
            let octets = self.raw.octets(entry.digest).await.unwrap().unwrap();
            text.push_str(&format!("{} {:?} {}\n", entry.digest, entry.state, octets.len()));
        }
        text
    }

    async fn close(&self) {
        self.store.close().await;
        self.raw.close().await;
    }
}

fn steps() -> Vec<Step> {
    let revised = NewReport { received_at: 99_999_999_999, ..report(1, 8) };
    let trust = Trust::Unverified { reason: "unsigned".to_owned() };
    let unverified = NewReport { trust, ..report(2, 3) };
    let ours = report(3, 1);
    let foreign = NewReport { ownership: Ownership::NotOurs, ..report(4, 1) };
    let reports =
        [report(0, 0), report(1, 5), report(0, 0), revised, unverified, report(2, 3), ours];
    let mut steps = Vec::new();
    for (number, report) in (0..).zip(reports.into_iter().chain([foreign])) {
        steps.push(Step::Put(number));
        steps.push(Step::Accept(Box::new(report)));
        steps.push(Step::Settle(number));
    }
    steps.push(Step::Prune);
    steps
}

fn mail(number: u64) -> Vec<u8> {
    format!("mail {number}\r\n").repeat(400).into_bytes()
}

fn arrival(number: u64) -> Arrival {
    let at = FIRST_DAY * 86_400 + i64::try_from(number).unwrap();
    Arrival { origin: Origin::Lmtp, at, peer: None, recipient: None }
}

fn report(number: u64, failed: u64) -> NewReport {
    let day = Day::new(FIRST_DAY);
    let failure = ReportedFailure {
        result_type: "certificate-expired".to_owned(),
        receiving_ip: Some([203, 0, 113, 1].into()),
        sessions: failed,
        ..ReportedFailure::default()
    };
    let policy = ReportedPolicy {
        policy_type: "sts".to_owned(),
        successful: 10,
        failed,
        failures: if failed > 0 { vec![failure] } else { Vec::new() },
        ..ReportedPolicy::default()
    };
    let (successful, failed_bounds) = (Bounds::exactly(10), Bounds::exactly(failed));
    NewReport {
        domain: Some("example.com".parse().unwrap()),
        ownership: Ownership::Ours,
        trust: Trust::Verified { signer: "example.net".to_owned() },
        organisation: "Example Mail".to_owned(),
        contact: None,
        report_id: format!("r{number}"),
        begins_at: day.begins_at(),
        ends_at: day.begins_at() + 86_399,
        received_at: day.begins_at() + 100_000,
        place: 0,
        payload: Digest::of(format!("{number} {failed}").as_bytes()),
        raw: Digest::of(&mail(number)),
        days: vec![DayShare { day, successful, failed: failed_bounds }],
        policies: vec![policy],
        repairs: vec![Repair { code: "code".to_owned(), place: "/".to_owned() }],
        echo: Echo::No,
    }
}

/// The child: all steps, and an abort at the `moment`th step around a commit of either file.
pub(crate) async fn run(path: &str, moment: u64) {
    let count = Arc::new(AtomicU64::new(0));
    let settings = Settings::at(path).with_witness(move |_: Moment| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == moment {
            abort();
        }
    });
    let files = Files::open(settings).await;
    println!("opened");
    for step in steps() {
        files.carry_out(step).await;
        println!("step");
    }
    files.close().await;
}

/// After each abort the files hold what was answered, and nothing half; and whoever begins again
/// from the beginning comes to the same end.
pub(crate) fn an_abort_around_every_commit() {
    let expected = block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(Settings::at(folder.path().join("store.sqlite"))).await;
        let mut snapshots = vec![files.snapshot().await];
        for step in steps() {
            files.carry_out(step).await;
            snapshots.push(files.snapshot().await);
        }
        snapshots
    });
    let changes = expected.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 20, "the snapshots see too little: {changes}");
    for moment in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let Some(lines) = aborted(&["intake", path.to_str().unwrap(), &moment.to_string()]) else {
            // Each commit has two moments; the first two are those of the schemas.
            let commits = u64::try_from(expected.len()).unwrap() + 1;
            assert_eq!(moment, 2 * commits + 1, "commits were skipped");
            return;
        };
        let answered = lines.len().saturating_sub(1);
        let is_committed = moment % 2 == 0 && moment > 4;
        assert_eq!(
            snapshot(&path),
            expected[answered + usize::from(is_committed)],
            "moment {moment}, {answered} answered"
        );
        let whole = child(&["intake", path.to_str().unwrap(), "0"]).output().unwrap();
        assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
        assert_eq!(snapshot(&path), *expected.last().unwrap(), "after moment {moment}");
    }
}

fn snapshot(path: &Path) -> String {
    block_on(async {
        let files = Files::open(Settings::at(path)).await;
        let snapshot = files.snapshot().await;
        files.close().await;
        snapshot
    })
}

/// The child: takes in submissions from a number on, several at a time, each told when it is done.
pub(crate) async fn load(path: &str, first: u64) {
    let files = Arc::new(Files::open(Settings::at(path)).await);
    let mut running = JoinSet::new();
    for writer in 0..TOGETHER {
        let files = Arc::clone(&files);
        running.spawn(async move {
            for number in (first + writer..).step_by(usize::try_from(TOGETHER).unwrap()) {
                files.carry_out(Step::Put(number)).await;
                println!("put {number}");
                files.carry_out(Step::Accept(Box::new(report(number, number % 3)))).await;
                println!("accepted {number}");
                files.carry_out(Step::Settle(number)).await;
            }
        });
    }
    running.join_all().await;
}

/// Killed twenty times under load: what was acknowledged is there, and counted once.
pub(crate) fn at_twenty_moments_of_intake() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let (mut put, mut accepted) = (BTreeSet::new(), BTreeSet::new());
    let mut seed = SEED;
    for kill in 0..KILLS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let answers = usize::try_from(seed >> 33).unwrap() % 150 + 1;
        // Half of the time it begins with what was taken in already.
        let first = if kill % 2 == 0 { kill * 1000 } else { (kill - 1) * 1000 };
        let mut process = child(&["intake-load", path.to_str().unwrap(), &first.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said: Vec<String> = lines.by_ref().take(answers).map(Result::unwrap).collect();
        process.kill().unwrap();
        process.wait().unwrap();
        // The last line may be cut in the middle of its number.
        said.extend(lines.map(Result::unwrap));
        said.pop();
        for line in &said {
            let (what, number) = line.split_once(' ').unwrap();
            let number: u64 = number.parse().unwrap();
            if what == "put" {
                put.insert(number)
            } else {
                accepted.insert(number)
            };
        }
        block_on(check(&path, kill, &put, &accepted));
    }
    assert!(accepted.len() > 200, "{}", accepted.len());
}

async fn check(path: &Path, kill: u64, put: &BTreeSet<u64>, accepted: &BTreeSet<u64>) {
    let files = Files::open(Settings::at(path)).await;
    for number in put {
        let octets = files.raw.octets(Digest::of(&mail(*number))).await.unwrap();
        assert_eq!(octets, Some(mail(*number)), "kill {kill}: mail {number} is gone");
    }
    // What is stored, by what was put: a report is never there without its mail.
    let (mut reports, mut failed) = (0, 0);
    let total = |files: &Files| {
        let reports = files.store.reports();
        async move {
            let all = DayRange::ending(Day::new(FIRST_DAY), 30);
            let totals = reports.totals(all).await.unwrap();
            (totals[0].1, totals[0].2.lower, totals[0].3.lower)
        }
    };
    let before = total(&files).await;
    let mut place = 0;
    loop {
        let entries = files.raw.list(place, 1000).await.unwrap();
        let Some(last) = entries.last() else { break };
        place = last.id;
        for entry in &entries {
            let number = u64::try_from(entry.first.at - FIRST_DAY * 86_400).unwrap();
            let given = vec![report(number, number % 3)];
            let became = files.store.reports().accept(given).await.unwrap().remove(0);
            let is_new = matches!(became, sealpost_store::reports::Accepted::New(_));
            assert!(!(is_new && accepted.contains(&number)), "kill {kill}: {number} was lost");
            assert!(!(is_new && entry.state == RawState::Read), "kill {kill}: {number} settled");
            if !is_new {
                reports += 1;
                failed += number % 3;
            }
        }
    }
    assert_eq!(before, (reports, reports * 10, failed), "kill {kill}");
    files.close().await;
}
