//! A domain is led from nothing to a long enforce, and past faults, among real servers: Knot and
//! BIND take the updates, nginx serves the policy, two Postfix are the MX hosts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod delegated;
mod exports;
mod hosted;
mod owner;
mod servers;

use owner::{DAY, HOUR, Owner};
use sealpost_e2e::LeafKind;

/// Time is simulated: each pass is told its own. What waits in it are sessions of reporters, days,
/// and people; the servers are asked as they are.
#[test]
fn a_domain_is_led_to_a_long_enforce_and_only_a_fault_of_its_own_leads_it_back() {
    let owner = Owner::start("autonomy = \"auto\"");
    owner.pass(0);
    owner.refresh_secondary();
    assert!(owner.pass(HOUR).contains("record → prerequisites"));
    assert!(owner.pass(2 * HOUR).contains("prerequisites → testing"));
    owner.upload(2 * HOUR);
    owner.announce(3 * HOUR);
    owner.report(1..=21, |_| 0);

    // A mail host breaks, and nobody tells of it: the gate sees it.
    owner.show(LeafKind::SelfSigned);
    let held = owner.pass(21 * DAY + 5 * HOUR);
    assert!(held.contains("waits: the live check found: mx1.spare.test [127.70.2.2]"), "{held}");
    assert!(!held.contains("→"), "{held}");
    owner.show(LeafKind::Good);
    let moved = owner.pass(22 * DAY);
    assert!(moved.contains("testing → enforce-day"), "{moved}");
    owner.publish(22 * DAY);
    owner.report(22..=29, |_| 0);
    assert!(owner.pass(29 * DAY + 6 * HOUR).contains("enforce-day → enforce-week"));
    owner.publish(29 * DAY + 6 * HOUR);
    owner.report(30..=37, |_| 0);
    assert!(owner.pass(37 * DAY).contains("enforce-week → enforce-long"));
    owner.publish(37 * DAY);
    assert_eq!(owner.check(), "enforced");

    // Somebody strips STARTTLS on the way of one reporter.
    owner.report(38..=40, |day| if day == 40 { 40 } else { 0 });
    let spike = owner.pass(41 * DAY + HOUR);
    assert!(spike.contains("proposed: to testing"), "{spike}");
    assert!(spike.contains("possible attack"), "{spike}");
    assert!(spike.contains("lead.test: enforce-long"), "{spike}");
    // Told once.
    assert!(!owner.pass(41 * DAY + 2 * HOUR).contains("Z  proposed"));

    // The same is told, and this time a mail host is broken.
    owner.report(41..=50, |day| if day == 50 { 40 } else { 0 });
    owner.show(LeafKind::SelfSigned);
    let first = owner.pass(51 * DAY + HOUR);
    assert!(first.contains("lead.test: enforce-long"), "one look may be wrong: {first}");
    let second = owner.pass(51 * DAY + 2 * HOUR);
    assert!(second.contains("enforce-long → testing: our own check reproduces"), "{second}");
    owner.publish(51 * DAY + 2 * HOUR);
    let history = owner.history();
    let mut rest = history.as_str();
    for row in [
        "nothing → record: every condition holds",
        "record → prerequisites: every condition holds",
        "prerequisites → testing: every condition holds",
        "policy served: testing 86400, as observed",
        "testing → enforce-day: every condition holds",
        "policy served: enforce 86400, as observed",
        "enforce-day → enforce-week: every condition holds",
        "enforce-week → enforce-long: every condition holds",
        "policy served: enforce 1209600, as observed",
        "proposed enforce-long → testing: reports tell of failures that our own check does not see",
        "enforce-long → testing: our own check reproduces a fault on our own mail hosts",
        "policy served: testing 86400, as observed",
    ] {
        let Some((_, after)) = rest.split_once(row) else {
            panic!("no {row} in its place: {history}")
        };
        rest = after;
    }
}
