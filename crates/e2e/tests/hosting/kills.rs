//! `kill -9` at every step on the way to a certificate.

use sealpost_e2e::Hosting;

use crate::with_authority;

/// What it says at each step, in their order.
const STEPS: [&str; 6] = [
    "there is an account",
    "a key is made and kept",
    "ordering a certificate",
    "the order is made",
    "the proof is laid out",
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
        let before = hosting.orders().unwrap();
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
        // Nobody was there when the authority came to look: that order is lost, whatever one does.
        let lost = usize::from(
            step == "the proof is laid out"
                && log.contains(&format!("mta-sts.{domain}"))
                && orders == 2,
        );
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
