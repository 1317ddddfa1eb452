//! A stop under load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::daemon::{World, successful, today};

#[test]
fn a_stop_that_is_asked_for_loses_nothing() {
    let world = World::new();
    let sent = AtomicU64::new(0);
    for round in 0..3 {
        let daemon = world.start(&[]);
        scope(|scope| {
            for client in 0..3 {
                let sender = world.sender();
                let sent = &sent;
                scope.spawn(move || {
                    while sender.send(successful(&format!("d{client}.test"))) {
                        sent.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            sleep(Duration::from_millis(300 + 400 * round));
            let (status, said) = daemon.terminate();
            assert!(status.success(), "{said}");
        });
    }
    let counted: u64 =
        (0..3).map(|client| world.sums(&format!("d{client}.test"), &today()).0).sum();
    assert_eq!(counted, sent.into_inner());
    assert!(counted > 1_000, "{counted}");
}
