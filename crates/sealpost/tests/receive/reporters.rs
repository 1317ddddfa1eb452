//! A month of the reporters of the lab, through the real doors of a daemon, and the summary of it
//! beside what is true.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::thread::scope;

use jiff::Timestamp;
use sealpost_evidence::traffic::{Bounds, Day};
use sealpost_lab::reporters::{
    Kind, Month, MonthOptions, Poster, Reporter, Sending, Told, Way, Ways, domains,
};
use sealpost_lab::{Lab, Options, Ports};
use sealpost_store::RawState;
use sealpost_store::reports::{DayRange, Scope, Subject};
use sealpost_store::{Settings, Store};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::daemon::{Daemon, Mailer, command, connect};
use crate::stored::submissions;
use crate::tls::{PATH, with_https};
use crate::world::World;

/// `SEALPOST_SEED` says another.
const SEED: u64 = 8460;
const DAYS: u32 = 31;
/// Days that pass between two starts of the daemon. Signatures of one reporter hold for seven.
const STEP: i64 = 6;
const DAY: i64 = 86_400;

/// Who reports: the domain that signs, or the source that is admitted.
type Signer = &'static str;
/// Reports, successful and failed sessions.
type Numbers = (u64, Bounds, Bounds);

#[test]
fn a_month_of_all_reporters_is_right_to_the_session() {
    let first: Timestamp = "2026-09-01T00:00:00Z".parse().unwrap();
    let seed = std::env::var("SEALPOST_SEED").map_or(SEED, |text| text.parse().unwrap());
    let month = Month::new(MonthOptions {
        seed,
        first,
        days: DAYS,
        signed: None,
        ways: Ways::MailAndPosts,
    });
    let world = World::new();
    deliver(&month, &world);
    assert!(submissions(&world.store()).iter().all(|entry| entry.state == RawState::Read));

    let truth = Truth::of(&month);
    by_day_and_reporter(&truth, &world);
    by_summary(&truth, &world);

    // What is forged, changed on its way or about others is there, and apart.
    let all = summary(&world, &["--since", "2026-08-01", "--until", "2026-12-01"]);
    let scope = |name: &str| {
        let scopes = all["scopes"].as_array().unwrap();
        let found = scopes.iter().find(|scope| scope["scope"] == name);
        found.unwrap()["reports"].as_u64().unwrap()
    };
    // Nobody vouches for the names in these, so two installations that give their reports the same
    // names cannot be told from each other.
    let of_kind = |is: fn(Kind) -> bool| {
        let sendings = month.sendings.iter().filter(|sending| is(sending.kind));
        let name = |one: &Sending| (one.reporter.organisation(), one.domain.name, one.begins);
        u64::try_from(sendings.map(name).collect::<BTreeSet<_>>().len()).unwrap()
    };
    let apart = of_kind(|kind| matches!(kind, Kind::Forged(_) | Kind::Altered));
    assert!(apart > 20, "{apart}");
    assert_eq!(scope("unverified"), apart);
    let others = month.sendings.iter().filter(|sending| sending.kind == Kind::NotOurs).count();
    assert_eq!(scope("not-ours"), u64::try_from(others).unwrap());
    assert_eq!(scope("counted"), u64::try_from(month.told.len()).unwrap());
    assert!(of_kind(|kind| kind == Kind::Again) > 50);
}

/// Sends all of it, some days at a time; the clock of the daemon goes with them.
fn deliver(month: &Month, world: &World) {
    let runtime = Runtime::new().unwrap();
    let options = Options {
        ports: Ports::Ephemeral,
        directory: Some(world.folder.path().join("lab")),
        ..Options::new(sealpost_runtime::Clock::system().now())
    };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let ours: Vec<&str> = domains().iter().map(|domain| domain.name).collect();
    let configuration = world.configuration(&format!(
        "domains = {ours:?}\nproxies = [\"127.0.0.1/32\"]\nlimits = {{ posts_per_minute = 100000 }}\n\
         [[receive.admit]]\nname = \"stalwart\"\nnetworks = [\"{}/32\"]\n\
         [[receive.admit]]\nname = \"twin\"\nnetworks = [\"{}/32\"]",
        Reporter::Stalwart.posts_from(),
        Reporter::PostfixTwin.posts_from(),
    ));
    let text = fs_err::read_to_string(&configuration).unwrap();
    let resolvers = format!("resolvers = [\"{}\"]", lab.resolver());
    let (_, rest) = text.split_once('\n').unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    fs_err::write(&configuration, format!("[network]\n{resolvers}\n{rest}")).unwrap();
    let poster = with_https(&configuration);

    let mut sendings = month.sendings.as_slice();
    let mut until = month.sendings.first().unwrap().at;
    while !sendings.is_empty() {
        until += STEP * DAY;
        let count = sendings.partition_point(|sending| sending.at < until);
        let (now, rest) = sendings.split_at(count);
        sendings = rest;
        if now.is_empty() {
            continue;
        }
        let at = Timestamp::from_second(until).unwrap().to_string();
        let daemon = Daemon::launch(command(&configuration).args(["--at", &at]));
        send(now, &daemon, world, &poster);
        let is_new = |entry: &sealpost_store::RawEntry| entry.state == RawState::New;
        while submissions(&world.store()).iter().any(is_new) {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        daemon.signal("-TERM");
        assert!(daemon.wait().success());
    }
}

/// Each reporter has its door and sends one after another, so that its reports come in their order.
fn send(sendings: &[Sending], daemon: &Daemon, world: &World, poster: &Poster) {
    let (smtp, https) = (daemon.address("smtp"), daemon.address("https"));
    scope(|scope| {
        for reporter in Reporter::ALL {
            let mails = move || {
                let theirs = sendings.iter().filter(move |sending| sending.reporter == reporter);
                theirs.filter_map(|sending| match &sending.way {
                    Way::Mail { to, octets } => Some((to, octets)),
                    Way::Post { .. } => None,
                })
            };
            match reporter {
                Reporter::Google | Reporter::Microsoft | Reporter::Postfix => {
                    scope.spawn(move || {
                        let mut mailer = Mailer::greet(connect(smtp).unwrap(), "EHLO").unwrap();
                        for (to, octets) in mails() {
                            is_taken(&mailer.send(to, octets).unwrap(), "250");
                        }
                    })
                }
                _ => scope.spawn(move || {
                    let mut mailer = Mailer::lmtp(&world.lmtp()).unwrap();
                    for (to, octets) in mails() {
                        is_taken(&mailer.send(to, octets).unwrap(), "250");
                    }
                }),
            };
        }
        scope.spawn(|| {
            for sending in sendings {
                let Way::Post { from, media_type, body } = &sending.way else { continue };
                let forwarded = format!("X-Forwarded-For: {from}\r\n");
                let told = poster.post(https, PATH, &forwarded, media_type, body).unwrap();
                is_taken(&told, "HTTP/1.1 201 ");
            }
        });
    });
}

fn is_taken(told: &str, with: &str) {
    assert!(told.starts_with(with), "{told}");
}

/// What is true, as whoever reads the reports can know it.
struct Truth {
    rows: Vec<(Signer, Told)>,
}

impl Truth {
    fn of(month: &Month) -> Self {
        // A reporter mails all reports on a domain, or posts them all.
        let mut posted = BTreeMap::new();
        for sending in month.sendings.iter().filter(|sending| sending.kind.counts()) {
            let is_posted = matches!(sending.way, Way::Post { .. });
            posted.insert((sending.reporter, sending.domain.name), is_posted);
        }
        let signer = |told: &Told| match (posted[&(told.reporter, told.domain.name)], told.reporter)
        {
            (true, Reporter::Stalwart) => "stalwart",
            (true, _) => "twin",
            (false, reporter) => reporter.domain(),
        };
        Self { rows: month.told.iter().map(|told| (signer(told), *told)).collect() }
    }

    /// Of these rows: what is known of each day, and over how many rows it had to be guessed.
    fn days<'t>(
        rows: impl Iterator<Item = &'t Told>,
    ) -> (BTreeMap<i64, (Bounds, Bounds)>, BTreeMap<i64, u64>) {
        let mut days: BTreeMap<i64, (Bounds, Bounds)> = BTreeMap::new();
        let mut guessed: BTreeMap<i64, u64> = BTreeMap::new();
        for told in rows {
            let (_, successful, failed) = numbers(told);
            let (first, last) = (told.begins.div_euclid(DAY), (told.ends - 1).div_euclid(DAY));
            for day in first..=last {
                // A range of several days says nothing about one of them: each has its part.
                let overlap = told.ends.min((day + 1) * DAY) - told.begins.max(day * DAY);
                let (overlap, whole) = (u64::try_from(overlap).unwrap(), told.ends - told.begins);
                let whole = u64::try_from(whole).unwrap();
                let part = |number: u64| number * overlap / whole;
                let part = |bounds: Bounds| Bounds {
                    lower: part(bounds.lower),
                    upper: part(bounds.upper),
                };
                let sum = days.entry(day).or_default();
                *sum = (sum.0.plus(part(successful)), sum.1.plus(part(failed)));
                *guessed.entry(day).or_default() += u64::from(first != last);
            }
        }
        (days, guessed)
    }
}

/// What can be known of one range. If all sessions are listed under two policies, they may be the
/// same or not, and one that failed under the one may have succeeded under the other.
fn numbers(told: &Told) -> Numbers {
    let Told { successful, failed, listed, .. } = *told;
    let lower = successful.saturating_sub(failed * (listed - 1));
    let successful = Bounds { lower, upper: successful * listed };
    (1, successful, Bounds { lower: failed, upper: failed * listed })
}

fn sum<'t>(rows: impl Iterator<Item = &'t Told>) -> Numbers {
    rows.map(numbers).fold(<_>::default(), |one: Numbers, other| {
        (one.0 + other.0, one.1.plus(other.1), one.2.plus(other.2))
    })
}

fn is_near(seen: Bounds, part: Bounds, most: u64, place: &str) {
    let near = |seen: u64, part: u64| seen.abs_diff(part) <= most;
    assert!(
        near(seen.lower, part.lower) && near(seen.upper, part.upper),
        "{place}: {seen:?} is not {part:?}, give or take {most}"
    );
}

/// Each day of each reporter and domain, as the store has it.
fn by_day_and_reporter(truth: &Truth, world: &World) {
    let mut truths: BTreeMap<(Signer, &str), Vec<&Told>> = BTreeMap::new();
    for (signer, told) in &truth.rows {
        truths.entry((signer, told.domain.name)).or_default().push(told);
    }
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open_to_read(Settings::at(world.store())).await.unwrap();
        let reports = store.reports();
        let reporters = reports.reporters(Scope::Counted, None, 1000).await.unwrap();
        let days = "2026-08-01".parse().unwrap();
        let days = DayRange { first: days, last: days.plus(120) };
        let mut pairs = 0;
        for row in &reporters {
            for domain in domains() {
                let subject =
                    Subject { domain: Some(domain.name.parse().unwrap()), reporter: Some(row.id) };
                let series = reports.series(Scope::Counted, subject, days).await.unwrap();
                let signer = row.activity.reporter.signer.as_str();
                let place = format!("{signer} on {}", domain.name);
                let told = truths.iter().find(|(key, _)| **key == (signer, domain.name));
                let Some((_, told)) = told else {
                    assert!(series.days.is_empty(), "{place}: nothing was told");
                    continue;
                };
                pairs += 1;
                assert_eq!(series.total(), sum(told.iter().copied()), "{place}");
                let (days, guessed) = Truth::days(told.iter().copied());
                let seen: BTreeMap<i64, (Bounds, Bounds)> = series
                    .days
                    .iter()
                    .map(|day| (day.day.number(), (day.successful, day.failed)))
                    .collect();
                assert!(seen.keys().eq(days.keys()), "{place}: other days");
                for (day, (successful, failed)) in days {
                    let place = format!("{place}, {}", Day::new(day));
                    let most = guessed[&day];
                    is_near(seen[&day].0, successful, most, &place);
                    is_near(seen[&day].1, failed, most, &place);
                }
            }
        }
        assert_eq!(pairs, truths.len());
        for row in &reporters {
            let repairs = reports.repairs(Scope::Counted, row.id).await.unwrap();
            let organisation = row.activity.reporter.organisation.as_str();
            for code in quirks(organisation) {
                let is_seen = repairs.iter().any(|repair| repair.code == *code);
                assert!(is_seen, "{organisation}: no {code} in {repairs:?}");
            }
        }
        assert!(reporters.len() >= 6, "{reporters:?}");
    });
}

/// What has to be repaired in the reports of an organisation.
fn quirks(organisation: &str) -> &'static [&'static str] {
    match organisation {
        "Google Inc." => &["ip-empty", "policy-string-missing"],
        "Microsoft Corporation" => {
            &["date-no-zone", "policy-string-nested", "policies-overlap", "mx-host-missing"]
        }
        "Mail.ru" => &["date-end-midnight", "details-above-total"],
        "mx.like-stalwart.test" => &["null-value", "empty-array", "date-range-not-a-day"],
        "Example Inc." => &["report-id-not-unique"],
        other => panic!("nobody calls himself {other}"),
    }
}

/// Each day of each domain, and all days, as the summary shows it.
fn by_summary(truth: &Truth, world: &World) {
    let mut truths: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for (_, told) in &truth.rows {
        truths.entry(told.domain.name).or_default().push(told);
    }
    assert!(truths.len() >= 10);
    let all = rows(&summary(world, &["--since", "2026-08-01", "--until", "2026-12-01"]));
    let expected: BTreeMap<String, Numbers> =
        truths.iter().map(|(name, told)| ((*name).to_owned(), sum(told.iter().copied()))).collect();
    assert_eq!(all, expected);

    let days: BTreeMap<&str, _> =
        truths.iter().map(|(name, told)| (*name, Truth::days(told.iter().copied()))).collect();
    let first = Day::of("2026-09-01T00:00:00Z".parse::<Timestamp>().unwrap().as_second());
    let mut compared = 0;
    for number in 0..i64::from(DAYS) {
        let day = first.plus(number);
        let (text, key) = (day.to_string(), day.number());
        let seen = rows(&summary(world, &["--since", &text, "--until", &text]));
        for (name, (days, guessed)) in &days {
            let place = format!("{name}, {text}");
            let Some((successful, failed)) = days.get(&key) else {
                assert!(!seen.contains_key(*name), "{place}: {seen:?}");
                continue;
            };
            let (_, seen_successful, seen_failed) = seen[*name];
            is_near(seen_successful, *successful, guessed[&key], &place);
            is_near(seen_failed, *failed, guessed[&key], &place);
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}

fn summary(world: &World, arguments: &[&str]) -> Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "summary", "--format", "json", "--store"])
        .arg(world.store())
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn rows(summary: &Value) -> BTreeMap<String, Numbers> {
    let row = |row: &Value| {
        let bounds = |key: &str| Bounds {
            lower: row[key]["lower"].as_u64().unwrap(),
            upper: row[key]["upper"].as_u64().unwrap(),
        };
        let name = row["domain"].as_str().unwrap_or("(none)").to_owned();
        (name, (row["reports"].as_u64().unwrap(), bounds("successful"), bounds("failed")))
    };
    summary["domains"].as_array().unwrap().iter().map(row).collect()
}
