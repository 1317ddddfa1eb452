//! `kill -9` at any moment, under load: what is lost came in the last second, and nothing is there
//! twice.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use sealpost_runtime::Stopwatch;

use crate::daemon::{World, failed, successful, today};

/// How many kills there are; `SEALPOST_KILLS` says another number.
const KILLS: u64 = 20;
/// The seed of the first, and the next ones follow; `SEALPOST_SEED` says another.
const SEED: u64 = 1;
/// Stores that are tried at a time, each with its part of the kills.
const WORLDS: u64 = 5;
/// The time between two writes, that of the test's configuration, and time for the write itself on
/// a machine that is busy with other tests.
const WINDOW: Duration = Duration::from_millis(1_000 + 1_500);

#[test]
fn what_is_lost_came_last_and_nothing_is_there_twice() {
    let first = number("SEALPOST_SEED", SEED);
    let kills = number("SEALPOST_KILLS", KILLS);
    let day = today();
    scope(|scope| {
        for world in 0..WORLDS.min(kills) {
            let seeds = (first..first + kills).filter(move |seed| seed % WORLDS == world);
            scope.spawn(move || of_one_store(seeds));
        }
    });
    // All of it is about one day.
    assert_eq!(today(), day, "midnight came between; begin again");
}

fn of_one_store(seeds: impl Iterator<Item = u64>) {
    let world = World::new();
    let (mut least, mut most) = ((0, 0), (0, 0));
    for seed in seeds {
        println!("seed {seed}; to repeat it alone: SEALPOST_SEED={seed} SEALPOST_KILLS=1");
        let pause = Duration::from_millis(500 + hash(seed) % 4_000);
        let daemon = world.start(&[]);
        let is_over = AtomicBool::new(false);
        let (sent, killed) = scope(|scope| {
            let sender = scope.spawn(|| send(&world, seed, &is_over));
            sleep(pause);
            daemon.kill();
            let killed = Stopwatch::start();
            is_over.store(true, Ordering::SeqCst);
            (sender.join().unwrap(), killed)
        });
        for (at, is_failed) in sent {
            // Both are looked at now.
            let is_old = at.elapsed() > killed.elapsed() + WINDOW;
            let (sum, sure) =
                if is_failed { (&mut most.1, &mut least.1) } else { (&mut most.0, &mut least.0) };
            *sum += 1;
            *sure += u64::from(is_old);
        }
        let (successful, failures) = world.sums("a.test", &today());
        println!("{least:?} <= {:?} <= {most:?}", (successful, failures));
        assert!(least.0 <= successful && successful <= most.0, "seed {seed}");
        assert!(least.1 <= failures && failures <= most.1, "seed {seed}");
        // What is there now stays.
        least = (least.0.max(successful), least.1.max(failures));
    }
}

/// Sends until nobody is there, and says when what was sent.
fn send(world: &World, seed: u64, is_over: &AtomicBool) -> Vec<(Stopwatch, bool)> {
    let sender = world.sender();
    let mut sent = Vec::new();
    for number in 0.. {
        let is_failed = hash(seed ^ (number << 8)).is_multiple_of(4);
        let text = if is_failed {
            failed("a.test", 201 + (number % 5) as u32)
        } else {
            successful("a.test")
        };
        let at = Stopwatch::start();
        if !sender.send(text) || is_over.load(Ordering::SeqCst) {
            break;
        }
        sent.push((at, is_failed));
        if number % 16 == 0 {
            sleep(Duration::from_millis(1));
        }
    }
    sent
}

pub(crate) fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A number that looks like chance (splitmix64).
pub(crate) fn hash(seed: u64) -> u64 {
    let mut number = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
