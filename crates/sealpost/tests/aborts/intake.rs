//! The intake of reports in a process that is aborted before and after every commit of its two
//! files.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::abort;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::scope;

use sealpost_evidence::traffic::Day;
use sealpost_receive::{Intake, Limits, Notary, OurDomains};
use sealpost_runtime::Clock;
use sealpost_store::reports::{Content, DayRange, ReportFilter, Scope, Subject};
use sealpost_store::{Arrival, Digest, Incoming, Origin, RawState, RawStore, Settings, Store};
use tokio::runtime::Runtime;

use crate::{MOST, SIGABRT, TOGETHER, child, texts};

/// What comes in one by one: two reports, the first once more, its revision, one on two domains, and
/// what is none.
const ONE_BY_ONE: [&str; 6] = ["a 5", "b 1", "a 5", "a 7", "two 3", "broken"];
/// What comes together.
const TOGETHER_IN: [&str; 3] = ["c 2", "d 4", "b 1"];
/// The reports that there are in the end, with their sessions; a revision has taken the place of one.
const WHOLE: &str = "a 7, b 1, c 2, d 4, two 3, two 3";

/// The days of all reports.
fn days() -> DayRange {
    let last = Day::of(1_795_000_000);
    DayRange { first: last.plus(-30), last: last.plus(30) }
}

fn octets(name: &str) -> Vec<u8> {
    let Some((id, sessions)) = name.split_once(' ') else { return b"{\"policies\": 7".to_vec() };
    let entry = |domain: &str| {
        format!(
            r#"{{"policy":{{"policy-type":"sts","policy-domain":"{domain}"}},"summary":{{
            "total-successful-session-count":{sessions},"total-failure-session-count":0}}}}"#
        )
    };
    let entries = match id {
        "two" => format!("{},{}", entry("a.example"), entry("b.example")),
        _ => entry("a.example"),
    };
    format!(
        r#"{{"organization-name":"R","report-id":"{id}","date-range":{{
        "start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}},
        "policies":[{entries}]}}"#
    )
    .into_bytes()
}

/// What the child processes do.
pub(crate) fn run(what: &str, path: &str, moment: u64) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        match what {
            "take" => take(path, moment).await,
            _ => look(path).await,
        }
    });
}

/// What a daemon and an import do. Each line on standard output is something that was acknowledged.
async fn take(path: &str, moment: u64) {
    let count = AtomicU64::new(0);
    let settings = Settings::at(path).with_witness(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == moment {
            abort();
        }
    });
    let (store, raw, intake) = open(settings).await;
    let mut at = 1_795_000_000;
    for name in ONE_BY_ONE {
        at += 1;
        let digest = intake.store(octets(name), arrival(at)).await.unwrap();
        println!("acknowledged {digest} {name}");
        intake.read(digest).await.unwrap();
    }
    let incoming =
        |name: &&str| Incoming { octets: Arc::new(octets(name)), arrival: arrival(at + 1) };
    let arrived = intake.take_all(TOGETHER_IN.iter().map(incoming).collect()).await.unwrap();
    for (arrived, name) in arrived.iter().zip(TOGETHER_IN) {
        println!("acknowledged {} {name}", arrived.stored.digest);
    }
    raw.close().await;
    store.close().await;
    println!("end");
}

/// What the next daemon makes of it: it reads what is new, and everything that was acknowledged is
/// there.
async fn look(path: &str) {
    let (store, raw, intake) = open(Settings::at(path)).await;
    for entry in raw.list(0, 100).await.unwrap() {
        let octets = raw.octets(entry.digest).await.unwrap().unwrap();
        assert_eq!(Digest::of(&octets), entry.digest);
        if entry.state == RawState::New {
            intake.read(entry.digest).await.unwrap();
        }
        let state = raw.entry(entry.digest).await.unwrap().unwrap().state;
        println!("kept {} {state:?}", entry.digest);
    }
    let filter = ReportFilter {
        scope: Scope::Unverified,
        subject: Subject::default(),
        days: days(),
        content: Content::Any,
    };
    let mut all = store.reports().list(filter, None, 100).await.unwrap();
    all.sort_by(|one, other| one.report_id.cmp(&other.report_id));
    let listed = |report: &sealpost_store::reports::ReportSummary| {
        format!("{} {}", report.report_id, report.successful.lower)
    };
    println!("reports {}", all.iter().map(listed).collect::<Vec<_>>().join(", "));
    // The sums are those of the list.
    let sum: u64 = all.iter().map(|report| report.successful.lower).sum();
    let totals = store.reports().totals(days()).await.unwrap();
    let total = totals.iter().find(|total| total.0 == Scope::Unverified).unwrap();
    assert_eq!((total.1, total.2.lower), (u64::try_from(all.len()).unwrap(), sum));
    raw.close().await;
    store.close().await;
}

async fn open(settings: Settings) -> (Store, RawStore, Intake) {
    let raw = RawStore::open(settings.raw_beside()).await.unwrap();
    let store = Store::open(settings).await.unwrap();
    let (ours, clock) = (OurDomains::default(), Clock::system());
    let (limits, notary) = (Limits::default(), Notary::offline());
    let intake = Intake::new(raw.clone(), store.reports(), notary, ours, limits, clock);
    (store, raw, intake)
}

fn arrival(at: i64) -> Arrival {
    Arrival { origin: Origin::Http, at, peer: None, recipient: None }
}

pub(crate) fn what_was_acknowledged_survives_an_abort_around_every_commit() {
    // What a process has written outlives it without a disk too, and there is much to write.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let next = AtomicU64::new(1);
    let finished = Mutex::new(Vec::new());
    scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                loop {
                    let moment = next.fetch_add(1, Ordering::SeqCst);
                    assert!(moment < MOST, "the child never ends by itself");
                    if !abort_at(folder.path(), moment) {
                        finished.lock().unwrap().push(moment);
                        return;
                    }
                }
            });
        }
    });
    // Two schemas; for what comes alone, its octets, what it says, and that it was read; for what
    // comes together the same once: two moments for each commit.
    let first = *finished.lock().unwrap().iter().min().unwrap();
    assert!(first > 2 * (2 + 5 * 3 + 3), "only {first} moments: commits were skipped");
}

/// Aborts at a moment and checks what is left; `false` if there is no such moment.
fn abort_at(folder: &Path, moment: u64) -> bool {
    let store: PathBuf = folder.join(format!("moment-{moment}.sqlite"));
    let output = child(&["take"], &[&store], moment);
    let (said, told) = texts(&output);
    let is_aborted = !output.status.success();
    if is_aborted {
        assert_eq!(output.status.signal(), Some(SIGABRT), "moment {moment}: {said}");
    }
    assert_eq!(!is_aborted, told.contains("\nend\n"), "{told}{said}");
    let found = looked(&store, moment);
    for line in told.lines().filter_map(|line| line.strip_prefix("acknowledged ")) {
        let (digest, name) = line.split_once(' ').unwrap();
        let state = found.kept.get(digest).unwrap_or_else(|| panic!("moment {moment}: no {name}"));
        assert_eq!(state.starts_with("Quarantined"), name == "broken", "{name}: {state}");
        let is_replaced = name == "a 5" && found.reports.contains("a 7");
        assert!(
            name == "broken" || is_replaced || found.reports.contains(name),
            "moment {moment}: {name} was acknowledged: {}",
            found.reports
        );
    }
    // It goes on from there, and nothing is there twice.
    let whole = child(&["take"], &[&store], 0);
    let (said, lines) = texts(&whole);
    assert!(whole.status.success(), "moment {moment}: {lines}{said}");
    assert_eq!(looked(&store, moment).reports, WHOLE, "moment {moment}");
    is_aborted
}

struct Found {
    /// Digests and states of what came in.
    kept: BTreeMap<String, String>,
    reports: String,
}

/// What the next daemon finds.
fn looked(store: &Path, moment: u64) -> Found {
    let output = child(&["look-at-reports"], &[store], 0);
    let (said, lines) = texts(&output);
    assert!(output.status.success(), "moment {moment}: {lines}{said}");
    let kept = lines.lines().filter_map(|line| line.strip_prefix("kept ")?.split_once(' '));
    let reports = lines.lines().find_map(|line| line.strip_prefix("reports "));
    Found {
        kept: kept.map(|(digest, state)| (digest.to_owned(), state.to_owned())).collect(),
        reports: reports.unwrap().to_owned(),
    }
}
