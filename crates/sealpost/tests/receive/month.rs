//! The numbers of a made-up month, beside those that the test adds up by itself.

use std::collections::BTreeMap;

use crate::program::{World, report};

#[test]
fn the_summary_of_a_month_is_right_to_the_session() {
    let world = World::new();
    let mut expected: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
    let mut state: u64 = 8460;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for day in 1..=30 {
        for number in 0..7 {
            // Some domains are silent on some days.
            if random(5) == 0 {
                continue;
            }
            let domain = format!("d{number}.example");
            let (successful, failed) = (random(90_000), random(40));
            let text = report(&domain, day, successful, failed);
            world.write(&format!("in/{day}-{number}.json"), text);
            if (10..=20).contains(&day) {
                let sum = expected.entry(domain).or_default();
                *sum = (sum.0 + 1, sum.1 + successful, sum.2 + failed);
            }
        }
    }
    world.import(&world.path("in"));
    let days = ["--unverified", "--since", "2026-11-10", "--until", "2026-11-20"];
    let summary = world.summary(&days);
    let seen: BTreeMap<String, (u64, u64, u64)> = summary["domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let number = |value: &serde_json::Value| value.as_u64().unwrap();
            assert_eq!(row["successful"]["lower"], row["successful"]["upper"]);
            let numbers = (
                number(&row["reports"]),
                number(&row["successful"]["lower"]),
                number(&row["failed"]["upper"]),
            );
            (row["domain"].as_str().unwrap().to_owned(), numbers)
        })
        .collect();
    assert_eq!(seen, expected);
    // Nobody vouches for files: they count for nothing.
    assert_eq!(summary["scopes"][0]["scope"], "counted");
    assert_eq!(summary["scopes"][0]["reports"], 0);
    let total: u64 = expected.values().map(|sum| sum.1).sum();
    assert_eq!(summary["scopes"][1]["successful"]["lower"], total);
    let (table, _, _) = world.run(&[&["summary"][..], &days].concat());
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}
