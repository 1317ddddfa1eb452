//! Many days in a row, as fast as they can be taken: the whole daemon in the lab. Its memory stays
//! flat, every task lives, and the store says the same however it is asked.
//!
//! What happens on each day is what happens in a year at a small hoster: reporters tell of domains, a
//! mail server asks and tells of its sessions, people look, exceptions come and go and are told of. The
//! clock is not turned: all the days lie before today.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use sealpost_evidence::traffic::{Bounds, Day};
use sealpost_lab::{Lab, Options, Ports};
use sealpost_store::reports::{Content, DayRange, ReportFilter, Scope, Subject};
use sealpost_store::{Settings, Store};
use serde_json::Value;

use crate::alerts::{Hook, except};
use crate::daemon::{Daemon, World};

/// Days, unless `SEALPOST_SOAK_DAYS` says otherwise.
const DAYS: i64 = 48;
const DOMAINS: [&str; 4] = ["good.test", "good-two-mx.test", "dane-good.test", "good-testing.test"];
/// Those who report on each of them each day, from an address each.
const REPORTERS: u8 = 5;
/// The days between two exceptions that are made, and how long each stays.
const EXCEPTIONS: (i64, i64) = (8, 3);
/// Sessions that our own mail server tells of on each day.
const SESSIONS: usize = 20;
/// By how much memory may grow between the second quarter of the days and the last: what is kept of the
/// files in memory grows with them up to its bound, which is 2 MiB for each connection.
const GROWTH: u64 = 8 << 20;

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
    let now = sealpost_runtime::Clock::system().now();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let world = World::new();
    let mut incidents = Incidents::new(&world);
    world.write(&configuration(&world, &incidents.hook.url));
    let network = lab.settings_file().display().to_string();
    let daemon = Daemon::start(&world, &["--network", &network]);

    let today = Day::of(now.as_second());
    let socket = UnixDatagram::unbound().unwrap();
    let (mut told, mut memory) = (BTreeMap::<&str, Sum>::new(), Vec::new());
    let mut descriptors = 0;
    for number in 0..days {
        let day = today.plus(number - days);
        for domain in DOMAINS {
            for reporter in 0..REPORTERS {
                let (successful, failed) = sessions(day, reporter);
                daemon.post_report_for(
                    &format!("192.0.2.{reporter}"),
                    &report(domain, reporter, day),
                );
                let sum = told.entry(domain).or_default();
                sum.reports += 1;
                sum.successful += successful;
                sum.failed += failed;
            }
            assert_eq!(daemon.get(&format!("/v1/enforce/{domain}")).0, 200);
        }
        for _ in 0..SESSIONS {
            // The socket may be full for a moment.
            while socket.send_to(SESSION.as_bytes(), world.path("tlsrpt.sock")).is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        incidents.come_and_go(&world, &daemon, number);
        wait_for_reports(&daemon, told.values().map(|sum| sum.reports).sum());
        assert_eq!(daemon.get("/").0, 200);
        for domain in DOMAINS {
            assert_eq!(daemon.get(&format!("/domains/{domain}")).0, 200, "{domain}");
        }
        memory.push(daemon.metric("process_resident_memory_bytes"));
        if number == days / 4 {
            descriptors = daemon.metric("process_open_fds");
        }
    }

    let quarter = |number: usize| {
        let length = memory.len() / 4;
        let mut part = memory[number * length..(number + 1) * length].to_vec();
        part.sort_unstable();
        part[part.len() / 2]
    };
    let (early, late) = (quarter(1), quarter(3));
    assert!(late <= early + GROWTH, "from {early} to {late} octets: {memory:?}");
    let open = daemon.metric("process_open_fds");
    assert!(open <= descriptors + 4, "from {descriptors} to {open} descriptors");
    nothing_has_failed(&daemon);
    incidents.come_and_go(&world, &daemon, EXCEPTIONS.1);
    let sent = u64::try_from(SESSIONS).unwrap() * u64::try_from(days).unwrap();
    assert_eq!(daemon.metric("sealpost_report_datagrams_total"), sent);
    let listed = listed(&daemon);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(!said.contains("panicked") && !said.contains("failed to"), "{said}");

    incidents.were_told_once(days);
    assert_eq!(listed, told);
    assert_eq!(runtime.block_on(summed(&world, today, days)), told);
    runtime.block_on(lab.stop());
}

fn configuration(world: &World, hook: &str) -> String {
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
         [report]\nstore = \"sessions.sqlite\"\nsocket = [\"unix:{}\"]\n\
         [publish.domains.\"mail.good.test\"]\nmx = [\"mx1.mail.good.test\"]\n\
         [alert]\nlook_seconds = 1\n\
         [[alert.receiver]]\nname = \"hook\"\nwebhook = \"{hook}\"\nleast = \"note\"\n",
        world.path("tlsrpt.sock").display()
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
        except(world, &[]);
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
    fn come_and_go(&mut self, world: &World, daemon: &Daemon, number: i64) {
        let (every, stays) = EXCEPTIONS;
        let (kind, domain) = if number % every == 0 {
            self.made += 1;
            let domain = Self::domain(self.made);
            except(world, &[&domain]);
            ("opened", domain)
        } else if number % every == stays {
            except(world, &[]);
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

const SESSION: &str = r#"{"dpv":"1","d":"soak.test","pr":"v=TLSRPTv1; rua=mailto:tls@soak.test","policies":[{"policy-type":2,"policy-domain":"soak.test","policy-string":["version: STSv1","mode: enforce","mx: *.soak.test","max_age: 604800"],"mx-host":["*.soak.test"],"t":0,"f":0}]}"#;

fn report(domain: &str, reporter: u8, day: Day) -> String {
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
async fn summed(world: &World, today: Day, days: i64) -> BTreeMap<&'static str, Sum> {
    let store = Store::open_to_read(Settings::at(world.path("all.sqlite"))).await.unwrap();
    let reports = store.reports();
    let range = DayRange { first: today.plus(-days), last: today };
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
