//! What is too old is forgotten.

use sealpost_store::reports::Scope;

use crate::daemon::{Daemon, command};
use crate::mails::{RECIPIENT, Signer, mail, report};
use crate::stored::{reports, submissions};
use crate::world::{Answer, World};

#[test]
fn what_came_in_is_forgotten_and_what_counts_is_not() {
    let world = World::new();
    let signer = Signer::new();
    world.dns.set(Signer::KEY_NAME, Answer::Text(signer.record()));
    let configuration = world.configuration("retention = { raw_days = 30, apart_days = 60 }");
    let daemon = Daemon::start(&configuration);
    let mut smtp = daemon.smtp();
    for mail in [signer.signed(&mail(&report("counts"))), mail(&report("apart"))] {
        assert!(smtp.send(RECIPIENT, &mail).unwrap().starts_with("250"));
    }
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 2);
    daemon.kill();

    let later = |days: i64| {
        let now = sealpost_runtime::Clock::system().now().as_second();
        let at = jiff::Timestamp::from_second(now + days * 86_400).unwrap();
        Daemon::launch(command(&configuration).args(["--at", &at.to_string()]))
    };
    let in_store = || {
        let raw = submissions(&world.store()).len();
        let counted = reports(&world.store(), Scope::Counted).len();
        (raw, counted, reports(&world.store(), Scope::Unverified).len())
    };
    let daemon = later(29);
    daemon.comes_to("sealpost_receive_unread", 0);
    daemon.kill();
    assert_eq!(in_store(), (2, 1, 1));
    let daemon = later(31);
    daemon.comes_to("sealpost_receive_forgotten_total", 2);
    daemon.kill();
    assert_eq!(in_store(), (0, 1, 1));
    let daemon = later(62);
    daemon.comes_to("sealpost_receive_forgotten_total", 1);
    daemon.kill();
    assert_eq!(in_store(), (0, 1, 0));
}
