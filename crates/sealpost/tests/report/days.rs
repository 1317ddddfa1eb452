//! Midnight, with sessions, without, and with nobody there.

use std::thread::sleep;
use std::time::Duration;

use crate::daemon::{World, successful};

#[test]
fn sessions_around_midnight_are_each_of_their_day() {
    let world = World::new();
    let daemon = world.start(&["--at", "2026-11-25T23:59:57Z"]);
    let sender = world.sender();
    let mut sent = 0;
    for _ in 0..500 {
        assert!(sender.send(successful("a.test")));
        sent += 1;
        sleep(Duration::from_millis(10));
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    let ((before, _), (after, _)) =
        (world.sums("a.test", "2026-11-25"), world.sums("a.test", "2026-11-26"));
    assert_eq!(before + after, sent);
    assert!(before > 100 && after > 100, "{before} and {after}");
}

#[test]
fn who_was_down_over_midnight_goes_on_with_another_day() {
    let world = World::new();
    let sender = world.sender();
    let runs =
        [("2026-11-25T23:00:00Z", 10), ("2026-11-27T09:00:00Z", 5), ("2026-11-25T22:00:00Z", 3)];
    for (at, count) in runs {
        let daemon = world.start(&["--at", at]);
        for _ in 0..count {
            assert!(sender.send(successful("a.test")));
        }
        let (status, said) = daemon.terminate();
        assert!(status.success(), "{said}");
    }
    // In the last run the clock had stepped back.
    assert_eq!(world.sums("a.test", "2026-11-25"), (13, 0));
    assert_eq!(world.sums("a.test", "2026-11-26"), (0, 0));
    assert_eq!(world.sums("a.test", "2026-11-27"), (5, 0));
}
