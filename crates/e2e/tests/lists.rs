//! `sealpost check` over what others hand it, and inside what others run: zones from Knot, and the
//! statuses that Nagios knows.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::process::Output;

use sealpost_e2e::{
    Domain, Environment, LeafKind, MailHost, Signing, Transfer, World, Zone, sealpost_binary,
};
use serde_json::Value;

/// The name server of the environment.
const KNOT: &str = "127.70.0.54";
/// What wraps plugins of Nagios, and turns their statuses into others.
const NEGATE: &str = "/usr/lib/nagios/plugins/negate";

#[test]
fn a_zone_comes_from_knot_signed_or_not() {
    let world = World::new(vec![Domain::good("a.fleet.test"), Domain::good("a.signed.test")])
        .zone(Zone::new("fleet.test", Signing::Nsec).transfer(Transfer::Open).records(large_zone()))
        .zone(
            Zone::new("signed.test", Signing::Unsigned)
                .transfer(Transfer::Signed)
                .records(large_zone()),
        )
        .zone(Zone::new("closed.test", Signing::Unsigned));
    let environment = Environment::start(&world).unwrap();
    let write = |name: &str, text: &str| {
        let path = environment.directory().join(name);
        fs_err::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = write("key", Transfer::KEY);
    let other_secret = write("other-secret", &Transfer::KEY.replace("c2Vh", "c2Vi"));
    let other_name = write("other-name", &Transfer::KEY.replace("transfer.test", "other.test"));
    let check = |zone: &str, more: &[&str]| {
        let zone = format!("{zone}@{KNOT}");
        let mut arguments = vec!["--axfr", &zone, "--only", "mx-records", "--format", "json"];
        arguments.extend(more);
        check(&environment, &arguments)
    };

    for (zone, more) in [("fleet.test", vec![]), ("signed.test", vec!["--tsig-key", key.as_str()])]
    {
        let (domains, said, status) = check(zone, &more);
        // The hosts of the domain have addresses, so they take mail themselves.
        let expected = ["a", "implicit", "mta-sts.a", "mx1.a"];
        assert_eq!(domains, expected.map(|label| format!("{label}.{zone}")), "{said}");
        assert!(status.is_some_and(|status| status < 2), "{said}");
    }
    for (zone, key, reason) in [
        ("closed.test", None, "NotAuth"),
        ("signed.test", None, "NotAuth"),
        ("none.test", None, "NotAuth"),
        ("signed.test", Some(&other_secret), "NotAuth"),
        ("signed.test", Some(&other_name), "NotAuth"),
    ] {
        let more: Vec<&str> = key.into_iter().flat_map(|key| ["--tsig-key", key]).collect();
        let (domains, said, status) = check(zone, &more);
        assert_eq!((domains.len(), status), (0, Some(2)), "{zone}: {said}");
        assert!(said.contains("transfer the zone from") && said.contains(reason), "{zone}: {said}");
    }
}

/// Records that fill several messages; one of the names takes mail.
fn large_zone() -> &'static str {
    let mut text = "implicit A 127.0.0.1\n".to_owned();
    for number in 0..2000 {
        writeln!(text, "n{number} TXT \"{}\"", "x".repeat(100)).unwrap();
    }
    text.leak()
}

#[test]
fn nagios_understands_each_status() {
    let world = World::new(vec![
        Domain::good("good.test"),
        Domain::good("lenient.test").mail_host(MailHost::Lenient),
        Domain::good("expired.test").mail_host(MailHost::StartTls(LeafKind::Expired)),
    ]);
    let environment = Environment::start(&world).unwrap();
    fs_err::copy(sealpost_binary().unwrap(), environment.directory().join("sealpost")).unwrap();
    let check = ["/e2e/sealpost", "check", "--network", "/e2e/network.toml", "--format", "nagios"];
    for (domain, word, status) in [
        ("good.test", "OK", 0),
        ("lenient.test", "WARNING", 1),
        ("expired.test", "CRITICAL", 2),
        ("--from=/e2e/missing", "UNKNOWN", 3),
    ] {
        // Each status is turned into the next: what comes out tells what went in, in word and number.
        let mut arguments =
            vec!["-s", "-o", "WARNING", "-w", "CRITICAL", "-c", "UNKNOWN", "-u", "OK"];
        arguments.extend(check);
        arguments.push(domain);
        let output = environment.run_inside(NEGATE, &arguments).unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        let next = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];
        let turned = (status + 1) % 4;
        assert_eq!(output.status.code(), Some(turned), "{domain}: {out}");
        let expected = format!("MTA-STS {} - ", next[usize::try_from(turned).unwrap()]);
        assert!(out.starts_with(&expected), "{word}: {out}");
    }
}

/// The domains of the results, sorted, what was said, and the status.
fn check(environment: &Environment, arguments: &[&str]) -> (Vec<String>, String, Option<i32>) {
    let settings = environment.settings_file();
    let mut all = vec!["check", "--network", settings.to_str().unwrap()];
    all.extend(arguments);
    let Output { status, stdout, stderr } =
        environment.run(&sealpost_binary().unwrap(), all).unwrap();
    let out = String::from_utf8(stdout).unwrap();
    let mut domains: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|result| result["domain"].as_str().unwrap().to_owned())
        .collect();
    domains.sort();
    (domains, String::from_utf8(stderr).unwrap(), status.code())
}
