//! Reports on their way out, around every commit: that of a claim is before a submission, that of
//! its settling after it.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sealpost_report::Occasion;
use sealpost_store::{Settings, Store, submissions::SubmissionState};

use crate::children::aborting;
use crate::dns::{Answer, Dns};
use crate::house::{counts, day, dispatch};
use crate::sink::Sink;

/// The domains of each case.
const NAMES: [&str; 3] = ["a", "b", "c"];
/// Attempts that are under way at a time.
const AT_ONCE: usize = 2;
/// Longer than a submission is held, in seconds.
const LATER: i64 = 13 * 60;

pub(crate) fn no_report_is_lost_or_made_twice_by_an_abort_around_every_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (dns, sink) = (Dns::start(), Sink::start(Duration::ZERO));
    let next = AtomicU64::new(1);
    let finished = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..crate::TOGETHER {
            scope.spawn(|| {
                loop {
                    let moment = next.fetch_add(1, Ordering::SeqCst);
                    assert!(moment < crate::MOST, "the child never ends by itself");
                    if !abort_at(moment, folder.path(), &dns, &sink) {
                        finished.store(moment, Ordering::SeqCst);
                        return;
                    }
                }
            });
        }
    });
    // The schema, the sessions, the beginning, the decision, and two or three claims and settlings.
    let last = finished.load(Ordering::SeqCst);
    assert!(last > 2 * 9, "only {last} moments: commits were skipped");
}

/// Aborts at a moment and checks what becomes of it; `false` if there is no such moment.
fn abort_at(moment: u64, folder: &Path, dns: &Dns, sink: &Sink) -> bool {
    let store = folder.join(format!("outgoing-{moment}.sqlite"));
    for name in NAMES {
        let domain = domain(moment, name);
        let record = format!("v=TLSRPTv1; rua=mailto:tls@{domain}");
        dns.set(&format!("_smtp._tls.{domain}"), Answer::Text(record));
    }
    let child = |abort_at: u64, after: i64| {
        Command::new(std::env::current_exe().unwrap())
            .args(["child", "outgoing"])
            .arg(&store)
            .args([abort_at.to_string(), moment.to_string(), after.to_string()])
            .args([dns.address().to_owned(), sink.address.to_string()])
            .output()
            .unwrap()
    };
    let first = child(moment, 60);
    let is_aborted = !first.status.success();
    let second = child(0, 60 + LATER);
    assert!(second.status.success(), "moment {moment}: {second:?}");

    let mails: Vec<_> = sink.mails();
    let mut all = 0;
    for name in NAMES {
        let recipient = format!("tls@{}", domain(moment, name));
        let of_one: Vec<_> = mails.iter().filter(|mail| mail.recipient == recipient).collect();
        let [first, others @ ..] = of_one.as_slice() else { panic!("{recipient} has none") };
        assert!(others.iter().all(|mail| mail.octets == first.octets), "moment {moment}");
        all += of_one.len();
    }
    let most = if is_aborted { NAMES.len() + AT_ONCE } else { NAMES.len() };
    assert!(all <= most, "moment {moment}: {all} mails");
    is_aborted
}

fn domain(moment: u64, name: &str) -> String {
    format!("{name}{moment}.test")
}

/// A night of the daemon: sessions, reports, mails.
pub(crate) fn run(arguments: &[String]) {
    let [store, abort_at, moment, after, dns, sink] = arguments else { panic!("{arguments:?}") };
    let (moment, after): (u64, i64) = (moment.parse().unwrap(), after.parse().unwrap());
    let work = async {
        let settings = match abort_at.parse().unwrap() {
            0 => Settings::at(store),
            moment => aborting(store, moment),
        };
        let store = Store::open(settings).await.unwrap();
        let sessions = store.sessions();
        if sessions.days(day(), 1).await.unwrap().is_empty() {
            let epoch = sessions.begin("test", 1).await.unwrap();
            let all = NAMES.map(|name| counts(&domain(moment, name), day(), 3, 1));
            sessions.save(&epoch, all.to_vec()).await.unwrap();
        }
        let more = format!("at_once = {AT_ONCE}");
        let dispatch = dispatch(&store, dns, sink.parse().unwrap(), &more, after).await;
        let now = day().plus(1).begins_at() + after;
        let occasion = Occasion { now, is_at_once: false, is_last: false };
        dispatch.builder().build(day(), occasion, |_, _| {}).await.unwrap();
        dispatch.send_due().await.unwrap();
        let all = store.submissions().list(None, None, 100).await.unwrap();
        assert_eq!(all.len(), NAMES.len());
        assert!(all.iter().all(|one| one.state == SubmissionState::Accepted), "{all:?}");
        store.close().await;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(work);
}
