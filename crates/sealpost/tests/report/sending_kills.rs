//! `kill -9` at any moment while reports are sent: none is lost, and what arrives twice is the same
//! mail.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use crate::daemon::successful;
use crate::kills::{hash, number};
use crate::sending::SendingWorld;

/// How many kills there are; `SEALPOST_KILLS` says another number.
const KILLS: u64 = 20;
/// The seed of the first, and the next ones follow; `SEALPOST_SEED` says another.
const SEED: u64 = 1;
/// Domains with a report for each kill.
const DOMAINS: u64 = 25;
/// Attempts that are under way at a time: so many mails may arrive twice for each kill.
const AT_ONCE: usize = 4;

#[test]
fn none_is_lost_and_what_arrives_twice_is_the_same_mail() {
    let first = number("SEALPOST_SEED", SEED);
    let kills = number("SEALPOST_KILLS", KILLS);
    let more = format!("at_once = {AT_ONCE}");
    let sending = SendingWorld::new(Duration::from_millis(30), &more);
    let daemon = sending.world.start(&["--at", "2026-11-25T12:00:00Z"]);
    let sender = sending.world.sender();
    let domains = kills * DOMAINS;
    for number in 0..domains {
        let domain = format!("d{number}.test");
        sending.wants(&domain);
        assert!(sender.send(successful(&domain)));
    }
    daemon.wait_for(domains);
    assert!(daemon.terminate().0.success());

    for seed in first..first + kills {
        println!("seed {seed}; to repeat it alone: SEALPOST_SEED={seed} SEALPOST_KILLS=1");
        let daemon = sending.world.start(&["--at", "2026-11-26T01:00:00Z"]);
        sleep(Duration::from_millis(50 + hash(seed) % 400));
        daemon.kill();
    }
    let before = sending.sink.mails().len();
    println!("{before} mails came while it was killed {kills} times");
    // What was under way comes back at once: nobody else has this node's name.
    let daemon = sending.world.start(&["--at", "2026-11-26T01:00:00Z"]);
    let accepted = "reports: 0 waiting, ";
    for _ in 0..1_000 {
        let (said, _) = sending.world.run(&["status"]);
        if said.contains(&format!("{accepted}{domains} accepted")) {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    daemon.terminate();
    let (said, _) = sending.world.run(&["status"]);
    assert!(
        said.contains(&format!("{accepted}{domains} accepted, 0 refused, 0 expired")),
        "{said}"
    );

    let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in sending.sink.mails() {
        mails.entry(mail.recipient.clone()).or_default().push(mail.octets);
    }
    assert_eq!(mails.len() as u64, domains, "some report was lost");
    let mut twice = 0;
    for (recipient, of_one) in &mails {
        twice += of_one.len() - 1;
        assert!(of_one.iter().all(|mail| mail == &of_one[0]), "two mails to {recipient}");
    }
    println!("{twice} mails came twice");
    assert!(twice <= AT_ONCE * usize::try_from(kills).unwrap(), "{twice} came twice");
}
