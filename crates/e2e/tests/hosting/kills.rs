//! `kill -9` at every step on the way to a certificate.

use sealpost_e2e::Hosting;

use crate::{believe_bind, with_authority, with_zone};

/// What it says when the authority may come to look.
const PROOF: &str = "the proof is laid out";

/// What it says when there is a key for the next certificate.
const KEY: &str = "a key is made and kept";

/// What it says at each step, in their order.
const STEPS: [&str; 6] = [
    "there is an account",
    KEY,
    "ordering a certificate",
    "the order is made",
    PROOF,
    "the certificate is asked for",
];

#[test]
fn a_kill_at_any_step_makes_no_second_order_and_loses_no_key() {
    let hosting = Hosting::start(86_400, "").unwrap();
    let mut accounts = 0;
    for (number, step) in STEPS.into_iter().enumerate() {
        let domain = format!("step{number}.test");
        // http-01, for what answers the challenge is there again as soon as it listens again.
        let store = format!("kill{number}.sqlite");
        let text = with_authority(&store, "http-01", "127.0.0.80", &[&domain]);
        let configuration = hosting.configuration(&format!("kill{number}.toml"), &text).unwrap();
        let (before, failed) = (hosting.orders().unwrap(), hosting.failed_proofs().unwrap());
        let daemon = hosting.serve(&configuration, &[]).unwrap();
        daemon.says(step).unwrap();
        daemon.kill().unwrap();
        accounts += 1;

        let daemon = hosting.serve(&configuration, &[]).unwrap();
        daemon.says("there is a new certificate").unwrap();
        let root = hosting.authority_root().unwrap();
        let url = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
        hosting.curl(&["--cacert", root, &url]).unwrap();
        daemon.kill().unwrap();

        let log = hosting.authority_log().unwrap();
        let orders = hosting.orders().unwrap() - before;
        // Where nobody was there when the authority came to look, that order is lost, whatever one
        // does. Of no other step may that be said.
        let lost = hosting.failed_proofs().unwrap() - failed;
        assert!(lost == 0 || step == PROOF && lost == 1, "{lost} after {step:?}");
        assert_eq!(orders - lost, 1, "after {step:?}");
        let made =
            log.lines().filter(|line| line.contains("There are now") && line.contains("accounts"));
        assert_eq!(made.count(), accounts, "one account for each store, after {step:?}");

        // What was kept serves at once, with no further order.
        let daemon = hosting.serve(&configuration, &[]).unwrap();
        hosting.curl(&["--cacert", root, &url]).unwrap();
        drop(daemon);
        assert_eq!(hosting.orders().unwrap() - before - lost, 1, "after another start");
    }
}

/// A record outlives whoever set it: the authority finds it whenever it comes to look, and no order
/// is lost at any step.
#[test]
fn by_dns_01_a_kill_at_any_step_makes_no_second_order() {
    let hosting = Hosting::start(86_400, "").unwrap();
    for (number, step) in STEPS.into_iter().enumerate() {
        let text = with_zone(&format!("killed{number}.sqlite"), &["killed.test"]);
        let configuration = hosting.configuration(&format!("killed{number}.toml"), &text).unwrap();
        believe_bind(&configuration);
        let before = hosting.other_orders().unwrap();
        let daemon = hosting.serve(&configuration, &[]).unwrap();
        daemon.says(step).unwrap();
        daemon.kill().unwrap();

        let daemon = hosting.serve(&configuration, &[]).unwrap();
        daemon.says("there is a new certificate").unwrap();
        assert_eq!(hosting.other_orders().unwrap() - before, 1, "after {step:?}");
    }
}

/// Certificates of forty seconds, each of which is renewed while the daemon is killed.
#[test]
fn by_dns_01_a_kill_at_any_step_of_a_renewal_makes_no_second_order_and_no_second_key() {
    let hosting = Hosting::start(40, "").unwrap();
    let text = with_zone("renewed.sqlite", &["killed.test"]);
    let configuration = hosting.configuration("renewed.toml", &text).unwrap();
    believe_bind(&configuration);
    let mut daemon = hosting.serve(&configuration, &[]).unwrap();
    daemon.says("there is a new certificate").unwrap();
    // The account is there already.
    let [_, steps @ ..] = STEPS;
    for step in steps {
        let before = hosting.other_orders().unwrap();
        let first = daemon.heard_until(step).unwrap();
        daemon.kill().unwrap();
        daemon = hosting.serve(&configuration, &[]).unwrap();
        let then = daemon.heard_until("there is a new certificate").unwrap();
        let said = format!("{first}{then}");
        // Where the authority remembers the last proof, a renewal passes without that step.
        let renewals = first.matches("there is a new certificate").count() + 1;
        assert_eq!(said.matches(KEY).count(), renewals, "after {step:?}: {said}");
        assert!(!said.contains("there is no new certificate yet"), "after {step:?}: {said}");
        assert_eq!(hosting.other_orders().unwrap() - before, renewals, "after {step:?}: {said}");
    }
}
