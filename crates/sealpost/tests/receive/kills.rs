//! `kill -9` at any moment, under load: what was acknowledged is there, once.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use sealpost_store::RawState;
use sealpost_store::reports::Scope;

use crate::daemon::{Daemon, Mailer, connect};
use crate::mails::{RECIPIENT, mail, report};
use crate::stored::{reports, submissions};
use crate::tls::{PATH, with_https};
use crate::world::World;

/// How many kills there are; `SEALPOST_KILLS` says another number.
const KILLS: u64 = 20;
/// The seed of the first, and the next ones follow; `SEALPOST_SEED` says another.
const SEED: u64 = 1;
/// A kill comes after so many acknowledgements at most.
const MOST_STORED: u64 = 120;

#[test]
fn what_was_acknowledged_survives_kills_under_load() {
    let first = number("SEALPOST_SEED", SEED);
    let kills = number("SEALPOST_KILLS", KILLS);
    let world = World::new();
    let configuration = world.configuration(
        "limits = { posts_per_minute = 1000000 }\n[[receive.admit]]\nname = \"here\"\nnetworks = [\"127.0.0.0/8\"]",
    );
    let poster = with_https(&configuration);
    let acknowledged = Mutex::new(Vec::new());
    // One store for all: what the kill before has left is in the way of the next.
    for seed in first..first + kills {
        println!("seed {seed}; to begin with it: SEALPOST_SEED={seed} SEALPOST_KILLS=1");
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 200);
        random.below(2);
        let (stored, pause) = (random.below(MOST_STORED), random.below(4_000));
        let daemon = Daemon::start(&configuration);
        let count = AtomicUsize::new(0);
        let (smtp, https) = (daemon.address("smtp"), daemon.address("https"));
        let poster = &poster;
        scope(|scope| {
            let tell = |id: String| {
                acknowledged.lock().unwrap().push(id);
                count.fetch_add(1, Ordering::SeqCst);
            };
            for client in 0..2 {
                scope.spawn(move || {
                    let mut mailer = Mailer::greet(connect(smtp)?, "EHLO")?;
                    until_killed(&format!("{seed}-smtp-{client}"), tell, |id| {
                        Ok(mailer.send(RECIPIENT, &mail(&report(id)))?.starts_with("250"))
                    })
                });
                scope.spawn(move || {
                    until_killed(&format!("{seed}-https-{client}"), tell, |id| {
                        let body = report(id);
                        let media_type = "application/tlsrpt+json";
                        let told = poster.post(https, PATH, "", media_type, body.as_bytes())?;
                        Ok(told.starts_with("HTTP/1.1 201 "))
                    })
                });
            }
            let lmtp = world.lmtp();
            scope.spawn(move || {
                let mut mailer = Mailer::lmtp(&lmtp)?;
                until_killed(&format!("{seed}-lmtp"), tell, |id| {
                    Ok(mailer.send(RECIPIENT, &mail(&report(id)))?.starts_with("250"))
                })
            });
            while count.load(Ordering::SeqCst) < usize::try_from(stored).unwrap() {
                sleep(Duration::from_micros(100));
            }
            sleep(Duration::from_micros(pause));
            daemon.kill();
        });
    }
    // The last start reads what is left.
    let daemon = Daemon::start(&configuration);
    for _ in 0..1000 {
        let unread = |entry: &sealpost_store::RawEntry| entry.state == RawState::New;
        if !submissions(&world.store()).iter().any(unread) {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    daemon.kill();

    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for scope in [Scope::Counted, Scope::Unverified] {
        for report in reports(&world.store(), scope) {
            *times.entry(report.report_id).or_default() += 1;
        }
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    for id in &acknowledged {
        assert_eq!(times.get(id), Some(&1), "{id} was acknowledged");
    }
    assert!(times.values().all(|times| *times == 1), "one is there twice");
    for way in ["-smtp-", "-lmtp-", "-https-"] {
        assert!(acknowledged.iter().any(|id| id.contains(way)), "nothing by {way}");
    }
    assert!(acknowledged.len() > 10 * usize::try_from(kills).unwrap(), "{}", acknowledged.len());
}

/// Sends report after report, and tells of each that was acknowledged, until nobody listens.
fn until_killed(
    name: &str,
    tell: impl Fn(String),
    mut send: impl FnMut(&str) -> io::Result<bool>,
) -> io::Result<()> {
    for number in 0.. {
        let id = format!("{name}-{number}");
        match send(&id) {
            Ok(true) => tell(id),
            // Cut off in the middle of an answer.
            Ok(false) | Err(_) => break,
        }
    }
    Ok(())
}

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Numbers that look random, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
