//! A resolver that fails in the middle of a check: what is not known is not called missing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use sealpost_e2e::{
    Dnssec, Domain, Environment, Report, Server, Signal, Tlsa, World, check_arguments,
    sealpost_binary,
};

/// How often, and how long each time, a question of `sealpost` is waited for.
const WAIT: (u32, Duration) = (500, Duration::from_millis(20));

/// Stops the resolver while `sealpost` waits for the addresses of the MX host, after the answers
/// to everything before.
fn check_interrupted_by(signal: Signal, dnssec: Dnssec) {
    let environment =
        Environment::start(&World::new(vec![Domain::good("good.test").tlsa(Tlsa::Matching)]))
            .unwrap();
    let settings = environment.settings_file_for(dnssec);
    // What the resolver remembers it can answer without Knot, and nothing else.
    for (name, record_type) in [
        (".", "DNSKEY"),
        (".", "SOA"),
        ("_mta-sts.good.test", "TXT"),
        ("_smtp._tls.good.test", "TXT"),
        ("good.test", "MX"),
    ] {
        let output = environment.run_inside("dig", &["+dnssec", name, record_type]).unwrap();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.contains("status: NOERROR"), "{answer}");
    }
    environment.signal(Server::Knot, Signal::Pause).unwrap();

    let mut arguments = check_arguments(&settings, "good.test");
    arguments.extend(["--timeout", "2"].map(ToOwned::to_owned));
    let check = environment.spawn(&sealpost_binary().unwrap(), arguments).unwrap();
    let (attempts, pause) = WAIT;
    let is_asked = (0..attempts).any(|_| {
        std::thread::sleep(pause);
        environment.log(Server::Unbound).unwrap().contains(" mx1.good.test. A IN")
    });
    assert!(is_asked, "{}", environment.log(Server::Unbound).unwrap());
    environment.signal(Server::Unbound, signal).unwrap();

    let report = Report::read(&check.wait_with_output().unwrap());
    assert_eq!(report.status, Some(3), "{report:#?}");
    assert_eq!(report.verdict, "unknown", "{report:#?}");
    // Not one finding says that something is missing or wrong, and that about the MX host is there.
    assert_eq!(report.severities, ["unknown"], "{report:#?}");
    assert!(report.codes.contains(&"MX106".to_owned()), "{report:#?}");

    if signal == Signal::Pause {
        environment.signal(Server::Knot, Signal::Continue).unwrap();
        environment.signal(Server::Unbound, Signal::Continue).unwrap();
        let report = Report::check(&environment, &settings, "good.test").unwrap();
        assert_eq!((report.status, &*report.verdict), (Some(0), "enforced"), "{report:#?}");
    }
}

#[test]
fn a_resolver_that_falls_silent_leaves_unknown_what_was_not_answered() {
    check_interrupted_by(Signal::Pause, Dnssec::TrustedResolver);
}

#[test]
fn a_resolver_that_ends_leaves_unknown_what_was_not_answered() {
    check_interrupted_by(Signal::Kill, Dnssec::TrustedResolver);
}

#[test]
fn a_resolver_that_falls_silent_leaves_unknown_what_could_not_be_validated() {
    check_interrupted_by(Signal::Pause, Dnssec::Validate);
}
