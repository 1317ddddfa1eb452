//! Many days in a row, as fast as they can be taken: the whole daemon in the lab. Its memory stays
//! flat, every task lives, and the store says the same however it is asked.
//!
//! The clocks of the daemon and of the lab are set forward, six hours at a time. What happens on each
//! day is what happens in a year at a small hoster: reporters tell of the day before, a mail server asks
//! and tells of its sessions, a report on those leaves at night, domains are looked at, certificates are
//! renewed, people look, exceptions come and go and are told of, and what is old enough is forgotten.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::{ChildStdin, Command};
use std::time::Duration;

use jiff::Timestamp;
use sealpost_evidence::traffic::{Bounds, Day};
use sealpost_lab::{Lab, Options, Ports};
use sealpost_store::reports::{Content, DayRange, ReportFilter, Scope, Subject};
use sealpost_store::{Settings, Store};
use serde_json::Value;

use crate::alerts::{Hook, except_until};
use crate::daemon::{Daemon, World};
use crate::sink::Sink;

/// Days, unless `SEALPOST_SOAK_DAYS` says otherwise.
const DAYS: i64 = 32;
const DOMAINS: [&str; 4] = ["good.test", "good-two-mx.test", "dane-good.test", "good-testing.test"];
/// Those that are looked at each day: the one that is published too.
const LOOKED_AT: i64 = 5;
/// Those who report on each of them each day, from an address each.
const REPORTERS: u8 = 5;
/// The days between two exceptions that are made, and how long each stays.
const EXCEPTIONS: (i64, i64) = (8, 3);
/// Sessions that our own mail server tells of on each day.
const SESSIONS: usize = 20;
/// By how much memory may grow between the second quarter of the days and the last, beside what is kept
/// of the store in it.
const GROWTH: u64 = 8 << 20;
/// After so many days nothing is kept longer of what came in as it came: the file of it grows no more.
const RAW_DAYS: i64 = 90;
/// What is kept, each in a file of its own.
const FILES: [&str; 2] = ["all.sqlite", "all.sqlite.raw.db"];
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// What was reported of a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    reports: u64,
    successful: u64,
    failed: u64,
}

#[test]
fn days_in_a_row_leave_memory_flat_every_task_alive_and_the_store_consistent() {
    let days = std::env::var("SEALPOST_SOAK_DAYS").map_or(DAYS, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // They end before today, so that nothing that comes in is of the future.
    let first = Day::of(sealpost_runtime::Clock::system().now().as_second()).plus(-days - 2);
    let begin = first.number() * DAY;
    let options = Options { ports: Ports::Ephemeral, ..Options::new(time(begin)) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let world = World::new();
    let (mut incidents, sink) = (Incidents::new(&world), Sink::start(Duration::ZERO));
    world.write(&configuration(&world, &incidents.hook.url, &sink));
    let network = lab.settings_file().display().to_string();
    let start = time(begin).to_string();
    let (daemon, hand) = Daemon::start_at(&world, &start, &["--network", &network]);
    let mut clock = Clock { now: begin, hand, daemon: &daemon, lab: &lab };

    let socket = UnixDatagram::unbound().unwrap();
    let (mut told, mut memory) = (BTreeMap::<&str, Sum>::new(), Vec::new());
    let (mut sizes, mut descriptors) = (Vec::new(), 0);
    for number in 0..=days {
        // At night the reports on the day before come in, and the one on our own sessions leaves.
        let midnight = begin + number * DAY;
        clock.set(midnight + 2 * HOUR);
        if number > 0 {
            hand_in(&daemon, first.plus(number - 1), &mut told);
            clock.wait_until("the report of the night", || {
                newest_reported(&sink) >= Some(first.plus(number - 1))
            });
        }
        if number == days {
            break;
        }
        clock.set(midnight + 8 * HOUR);
        for domain in DOMAINS {
            assert_eq!(daemon.get(&format!("/v1/enforce/{domain}")).0, 200);
        }
        for _ in 0..SESSIONS {
            // The socket may be full for a moment.
            while socket.send_to(SESSION.as_bytes(), world.path("tlsrpt.sock")).is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        // They are written down: the clock may go on.
        let day = format!("/api/v1/sessions?day={}", first.plus(number));
        let written = format!("\"successful\":{SESSIONS},");
        clock.wait_until("the sessions", || daemon.get(&day).1.contains(&written));
        clock.set(midnight + 14 * HOUR);
        incidents.come_and_go(&world, &daemon, number, midnight);
        clock.set(midnight + 20 * HOUR);
        // Each domain has a place of its own in the day: the last one may be looked at after midnight.
        let looks = u64::try_from(number * LOOKED_AT).unwrap();
        let passes = u64::try_from(number).unwrap();
        clock.wait_until("every role’s turn", || {
            daemon.metric("sealpost_check_looks_total") >= looks
                && daemon.metric("sealpost_publish_passes_total") >= passes
        });
        assert_eq!(daemon.get("/").0, 200);
        for domain in DOMAINS {
            assert_eq!(daemon.get(&format!("/domains/{domain}")).0, 200, "{domain}");
        }
        memory.push(daemon.metric("process_resident_memory_bytes"));
        sizes.push(FILES.map(|file| fs_err::metadata(world.path(file)).unwrap().len()));
        if number == days / 4 {
            descriptors = daemon.metric("process_open_fds");
        }
    }

    let middle = memory.len() / 2;
    for (what, at) in [("first", 0), ("middle", middle), ("last", memory.len() - 1)] {
        println!("{what} day, {at}: {} octets of memory, {FILES:?} {:?}", memory[at], sizes[at]);
    }
    // Who writes keeps the pages of the store in memory up to this bound, and the store grows with the
    // sums of reports, which are kept for good.
    let most_kept = u64::from(Settings::at("").for_much_writing().cache_kib) << 10;
    let beside =
        memory.iter().zip(&sizes).map(|(memory, [store, _])| memory - store.min(&most_kept));
    let beside: Vec<u64> = beside.collect();
    let (early, late) = (quarter(&beside, 1), quarter(&beside, 3));
    assert!(late <= early + GROWTH, "from {early} to {late} octets: {memory:?} {sizes:?}");
    if days / 4 > RAW_DAYS {
        let raw: Vec<u64> = sizes.iter().map(|[_, raw]| *raw).collect();
        let (early, late) = (quarter(&raw, 1), quarter(&raw, 3));
        assert!(late <= early + early / 4, "the raw file grew from {early} to {late}: {raw:?}");
    }
    let open = daemon.metric("process_open_fds");
    assert!(open <= descriptors + 4, "from {descriptors} to {open} descriptors");
    // Each shows certificates of ninety days, which are renewed after sixty.
    let renewed = daemon.metric("sealpost_check_events_total{kind=\"certificate-renewed\"}");
    assert!(renewed >= u64::try_from(days / 60).unwrap() * 4, "{renewed} were renewed");
    nothing_has_failed(&daemon);
    let now = clock.now;
    incidents.come_and_go(&world, &daemon, EXCEPTIONS.1, now);
    let listed = listed(&daemon);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(!said.contains("panicked") && !said.contains("failed to"), "{said}");

    incidents.were_told_once(days);
    assert_eq!(listed, told);
    assert_eq!(runtime.block_on(summed(&world, first, days)), told);
    was_reported(&sink, first, days);
    FILES.iter().for_each(|file| is_whole(&world, file));
    runtime.block_on(lab.stop());
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// That of the daemon and that of the lab.
struct Clock<'a> {
    now: i64,
    hand: ChildStdin,
    daemon: &'a Daemon,
    lab: &'a Lab,
}

impl Clock<'_> {
    fn set(&mut self, to: i64) {
        self.now = self.now.max(to);
        self.lab.set_forward(time(self.now)).unwrap();
        writeln!(self.hand, "{}", time(self.now)).unwrap();
    }

    /// Time goes on meanwhile: who was at work when the clock was set sleeps only now. What takes longer
    /// waits for a time of the day, so that it goes on in larger steps.
    fn wait_until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        for look in 1..6_000 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
            if look < 50 && look % 5 == 0 {
                self.set(self.now + 61);
            } else if look % 2 == 0 && look > 50 {
                self.set(self.now + 601);
            }
        }
        let deliveries = self.daemon.get("/api/v1/deliveries").1;
        let metrics = self.daemon.get("/metrics").1;
        panic!("{what} did not come by {}: {deliveries}\n{metrics}", time(self.now));
    }
}

/// The reports on a day, which are there when this returns.
fn hand_in(daemon: &Daemon, day: Day, told: &mut BTreeMap<&str, Sum>) {
    for domain in DOMAINS {
        for reporter in 0..REPORTERS {
            let (successful, failed) = sessions(day, reporter);
            let from = format!("192.0.2.{reporter}");
            daemon.post_report_for(&from, &report(domain, reporter, day));
            let sum = told.entry(domain).or_default();
            sum.reports += 1;
            sum.successful += successful;
            sum.failed += failed;
        }
    }
    wait_for_reports(daemon, told.values().map(|sum| sum.reports).sum());
}

/// The median of a quarter of the days.
fn quarter(all: &[u64], number: usize) -> u64 {
    let length = all.len() / 4;
    let mut part = all[number * length..(number + 1) * length].to_vec();
    part.sort_unstable();
    part[part.len() / 2]
}

/// The newest day that a report has come on.
fn newest_reported(sink: &Sink) -> Option<Day> {
    let newest = sink.mails().pop()?.report();
    Some(Day::of(newest.date_range.start?.as_second()))
}

/// Each day was reported once to the domain that we sent to, with all of its sessions, however the clock
/// was set while the mail was under way.
fn was_reported(sink: &Sink, first: Day, days: i64) {
    let mut reported = BTreeMap::new();
    for mail in sink.mails() {
        let report = mail.report();
        let day = Day::of(report.date_range.start.unwrap().as_second());
        let policies = report.policies.iter();
        let count: u64 = policies.map(|policy| policy.summary.successful.unwrap().value()).sum();
        assert_eq!(count, u64::try_from(SESSIONS).unwrap(), "{mail:?}");
        assert!(reported.insert(day, report.report_id).is_none(), "{day} was reported twice");
    }
    assert!(reported.into_keys().eq((0..days).map(|number| first.plus(number))));
}

/// SQLite finds nothing wrong with a file.
fn is_whole(world: &World, file: &str) {
    let look = "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); \
                print(*file.execute('PRAGMA integrity_check').fetchall(), \
                *file.execute('PRAGMA foreign_key_check').fetchall())";
    let output = Command::new("python3").args(["-c", look]).arg(world.path(file)).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "('ok',)\n", "{file}");
}

fn configuration(world: &World, hook: &str, sink: &Sink) -> String {
    let admitted: String = (0..REPORTERS)
        .map(|number| {
            format!("[[receive.admit]]\nname = \"reporter-{number}\"\nnetworks = [\"192.0.2.{number}/32\"]\n")
        })
        .collect();
    format!(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n\
         [enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\nexceptions = \"exceptions.toml\"\n\
         [receive]\ndomains = {DOMAINS:?}\nlisten = {{ smtp = [], lmtp = [], http = [\"127.0.0.1:0\"] }}\n\
         proxies = [\"127.0.0.1/32\"]\nlimits = {{ posts_per_minute = 1000000 }}\n\
         {admitted}\
         [check]\nevery_hours = 24\n\
         [report]\nsocket = [\"unix:{}\"]\nflush_seconds = 1\n\
         contact = \"tls-reports@reports.test\"\n\
         [report.delivery]\nmail = \"relay:{}\"\nsettle_minutes = 0\nspread_hours = 0\n\
         own_mails = \"uncounted\"\n\
         [publish.domains.\"mail.good.test\"]\nmx = [\"mx1.mail.good.test\"]\n\
         [alert]\nlook_seconds = 1\n\
         [[alert.receiver]]\nname = \"hook\"\nwebhook = \"{hook}\"\nleast = \"note\"\n",
        world.path("tlsrpt.sock").display(),
        sink.address
    )
}

/// Exceptions that are made and taken back, and what a receiver is told meanwhile.
struct Incidents {
    hook: Hook,
    made: i64,
    told: Vec<[String; 3]>,
}

impl Incidents {
    fn new(world: &World) -> Self {
        except_until(world, 0, &[]);
        let hook = Hook::start();
        // It never lets anybody wait.
        for _ in 0..10_000 {
            hook.answer();
        }
        Self { hook, made: 0, told: Vec::new() }
    }

    fn domain(number: i64) -> String {
        format!("exception-{number}.test")
    }

    /// What happens on the day of this number, and that the receiver hears of it.
    fn come_and_go(&mut self, world: &World, daemon: &Daemon, number: i64, now: i64) {
        let until = now + 5 * DAY;
        let (every, stays) = EXCEPTIONS;
        let (kind, domain) = if number % every == 0 {
            self.made += 1;
            let domain = Self::domain(self.made);
            except_until(world, until, &[&domain]);
            ("opened", domain)
        } else if number % every == stays {
            except_until(world, until, &[]);
            ("resolved", Self::domain(self.made))
        } else {
            return;
        };
        daemon.hang_up();
        let is_it = |[told, _, about]: &[String; 3]| told == kind && *about == domain;
        while !self.told.iter().any(is_it) {
            self.told.extend(self.hook.notices());
        }
    }

    /// Each incident was told once when it began, and once when it was over if it was; those of the
    /// exceptions were.
    fn were_told_once(mut self, days: i64) {
        self.told.extend(self.hook.rest());
        let (mut opened, mut resolved) = (BTreeMap::new(), BTreeMap::new());
        for [kind, id, domain] in &self.told {
            let told = if kind == "opened" { &mut opened } else { &mut resolved };
            assert!(["opened", "resolved"].contains(&kind.as_str()), "{kind} {id} {domain}");
            assert!(told.insert(id, domain).is_none(), "{kind} {id} {domain} was told twice");
        }
        assert!(resolved.keys().all(|id| opened.contains_key(id)), "{resolved:?}");
        let (every, _) = EXCEPTIONS;
        assert_eq!(self.made, (days + every - 1) / every);
        for number in 1..=self.made {
            let domain = Self::domain(number);
            let of = |told: &BTreeMap<&String, &String>| {
                told.values().filter(|about| ***about == domain).count()
            };
            assert_eq!((of(&opened), of(&resolved)), (1, 1), "{domain}");
        }
    }
}

/// What a reporter counts on a day: some fail now and then.
fn sessions(day: Day, reporter: u8) -> (u64, u64) {
    let day = day.number().unsigned_abs();
    (
        100 + day % 7 + u64::from(reporter) * 10,
        if day.is_multiple_of(5) { u64::from(reporter) } else { 0 },
    )
}

const SESSION: &str = r#"{"dpv":"1","d":"good.test","pr":"v=TLSRPTv1; rua=mailto:tls@good.test","policies":[{"policy-type":2,"policy-domain":"good.test","policy-string":["version: STSv1","mode: enforce","mx: *.good.test","max_age: 604800"],"mx-host":["*.good.test"],"t":0,"f":0}]}"#;

pub(crate) fn report(domain: &str, reporter: u8, day: Day) -> String {
    let number = day.number();
    let (successful, failed) = sessions(day, reporter);
    let details = match failed {
        0 => String::new(),
        failed => format!(
            r#","failure-details":[{{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.{reporter}",
            "receiving-mx-hostname":"mx1.{domain}","receiving-ip":"198.51.100.1","failed-session-count":{failed}}}]"#
        ),
    };
    format!(
        r#"{{"organization-name":"Reporter {reporter}","report-id":"{number}-{reporter}-{domain}",
        "date-range":{{"start-datetime":"{day}T00:00:00Z","end-datetime":"{day}T23:59:59Z"}},
        "policies":[{{"policy":{{"policy-type":"sts","policy-domain":"{domain}"}},
        "summary":{{"total-successful-session-count":{successful},"total-failure-session-count":{failed}}}{details}}}]}}"#
    )
}

/// Reports are read beside the door.
fn wait_for_reports(daemon: &Daemon, count: u64) {
    for _ in 0..6_000 {
        if daemon.metric("sealpost_receive_reports_total{as=\"new\"}") >= count {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{count} reports were not read: {}", daemon.get("/metrics").1);
}

/// Every role runs and was never started again, and nothing that the daemon runs has panicked.
fn nothing_has_failed(daemon: &Daemon) {
    let (status, said) = daemon.get("/readyz");
    assert_eq!(status, 200, "{said}");
    for role in ["alert", "check", "enforce", "publish", "receive", "report"] {
        assert!(said.contains(role), "{role} is not in {said}");
    }
    let metrics = daemon.get("/metrics").1;
    let is_fault = |line: &&str| {
        line.contains("_panics_total")
            || line.starts_with("sealpost_role_failures_total{")
            || line.contains("store_failures_total")
    };
    let faults: Vec<&str> =
        metrics.lines().filter(|line| !line.starts_with('#')).filter(is_fault).collect();
    assert!(faults.len() > 5, "{faults:?}");
    assert!(faults.iter().all(|line| line.ends_with(" 0")), "{faults:?}");
}

/// What the list of reports sums up to, page by page.
#[expect(clippy::indexing_slicing, reason = "a member of JSON that is missing is null")]
fn listed(daemon: &Daemon) -> BTreeMap<&'static str, Sum> {
    let (mut sums, mut after) = (BTreeMap::<&str, Sum>::new(), String::new());
    loop {
        let page = daemon.get(&format!("/api/v1/reports?after={after}")).1;
        let page: Value = serde_json::from_str(&page).unwrap();
        for row in page["reports"].as_array().unwrap() {
            let domain = DOMAINS.into_iter().find(|domain| row["domain"] == **domain).unwrap();
            let sum = sums.entry(domain).or_default();
            sum.reports += 1;
            sum.successful += row["successful"]["upper"].as_u64().unwrap();
            sum.failed += row["failed"]["upper"].as_u64().unwrap();
        }
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return sums,
        }
    }
}

/// What the sums in the store are, day by day and reporter by reporter; both are the same.
async fn summed(world: &World, first: Day, days: i64) -> BTreeMap<&'static str, Sum> {
    let store = Store::open_to_read(Settings::at(world.path("all.sqlite"))).await.unwrap();
    let reports = store.reports();
    let range = DayRange { first, last: first.plus(days) };
    let mut sums = BTreeMap::new();
    let exact = |bounds: Bounds| bounds.exact().unwrap();
    for domain in DOMAINS {
        let name = domain.parse().unwrap();
        let subject = Subject { domain: Some(name), reporter: None };
        let series = reports.series(Scope::Counted, subject.clone(), range).await.unwrap();
        let (count, successful, failed) = series.total();
        let by = reports.series_by_reporter(Scope::Counted, domain.parse().unwrap(), range).await;
        let by = by.unwrap();
        assert_eq!(by.series.len(), usize::from(REPORTERS));
        let mut parts = Sum::default();
        for series in by.series {
            let (count, successful, failed) = series.total();
            parts.reports += count;
            parts.successful += exact(successful);
            parts.failed += exact(failed);
        }
        let sum = Sum { reports: count, successful: exact(successful), failed: exact(failed) };
        assert_eq!(parts, sum, "{domain}");
        let filter =
            ReportFilter { scope: Scope::Counted, subject, days: range, content: Content::Any };
        assert!(!reports.list(filter, None, 1).await.unwrap().is_empty());
        sums.insert(domain, sum);
    }
    store.close().await;
    sums
}
