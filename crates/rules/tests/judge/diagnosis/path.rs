use sealpost_rules::Severity;
use sealpost_rules::diagnosis::{KnownHost, KnownHosts};

use super::*;

fn at(address: &str) -> FailureGroup {
    FailureGroup {
        receiving_ip: Some(address.parse().unwrap()),
        ..group("certificate-host-mismatch")
    }
}

fn named(host: &str) -> FailureGroup {
    let mut group = without_host(group("validation-failure"));
    group.mx_host = Some(host.to_owned());
    group
}

#[test]
fn an_address_that_is_none_of_ours_is_an_alarm() {
    let good = evidence::good();
    for (address, expected) in [
        ("203.0.113.66", "FAIL401 interference unknown"),
        ("2001:db8::66", "FAIL401 interference unknown"),
        ("192.0.2.11", "FAIL117 unclear unknown"), // ours
        ("::ffff:192.0.2.11", "FAIL117 unclear unknown"), // the same, mapped
        ("64:ff9b::192.0.2.11", "FAIL117 unclear unknown"), // through a translator
        ("64:ff9b::203.0.113.66", "FAIL401 interference unknown"),
        ("64:ff9b:1::192.0.2.11", "FAIL401 interference unknown"), // no prefix that all know
        ("192.0.2.12", "FAIL117 unclear unknown"),                 // that of the other MX host
        ("10.0.0.1", "FAIL403 sender unknown"),
        ("100.64.0.1", "FAIL403 sender unknown"),
        ("fd00::1", "FAIL403 sender unknown"),
    ] {
        assert_eq!(verdict(&seen(&at(address), &good)), expected, "{address}");
    }
    let diagnosis = seen(&at("203.0.113.66"), &good);
    assert_eq!(diagnosis.severity, Severity::Error);
    holds(
        &diagnosis,
        "connected to 203.0.113.66 for mx1.good.test, and that is none of the addresses",
    );
    holds(&diagnosis, "are 192.0.2.11, 192.0.2.12, as seen on 2026-11-01.");
    assert!(diagnosis.command.unwrap().ends_with("-x 203.0.113.66"));
}

#[test]
fn where_addresses_are_not_known_there_is_no_alarm() {
    let group = at("203.0.113.66");
    assert_eq!(verdict(&blind(&group)), "FAIL113 ours unknown");
    // One look-up failed: the address may be the one that was not learnt.
    let partly = spoilt(|e| {
        let hosts = &mut e.mail_hosts.as_mut().unwrap().hosts;
        hosts[1].addresses.as_mut().unwrap().ipv6 = evidence::unknown();
    });
    assert_eq!(verdict(&seen(&group, &partly)), "FAIL117 unclear unknown");
    // It was ours in an earlier look.
    let (now, earlier) = (
        evidence::good(),
        spoilt(|e| {
            let hosts = &mut e.mail_hosts.as_mut().unwrap().hosts;
            hosts[0].addresses = Some(evidence::addresses(66));
        }),
    );
    let group = at("192.0.2.66");
    assert_eq!(verdict(&seen(&group, &now)), "FAIL401 interference unknown");
    let known = Known { evidence: Some(&now), earlier: Some(&earlier), ..Known::nothing(today()) };
    let diagnosis = diagnose(&group, &known);
    assert_eq!(verdict(&diagnosis), "FAIL117 unclear unknown");
    holds(&diagnosis, "192.0.2.66 was an address of ours on 2026-11-01 and is none now.");
}

/// A host that was added after the look was said to be a stranger's, and everybody was woken.
#[test]
fn what_was_not_seen_may_be_newer_than_the_look() {
    let good = evidence::good();
    // The day of the look, whose other hours nobody has seen.
    let lately = |group| FailureGroup { last_day: day("2026-11-01"), ..group };
    let address = lately(at("203.0.113.66"));
    assert_eq!(verdict(&seen(&address, &good)), "FAIL117 unclear unknown");
    let text = "203.0.113.66 is not among the addresses, as seen on 2026-11-01; it may be newer";
    holds(&seen(&address, &good), text);
    let host = lately(named("mx.evil.test"));
    assert_eq!(verdict(&seen(&host, &good)), "FAIL131 unclear unknown");
    // Nobody is told to put it into the policy, as long as it may be an attacker's.
    let mut mismatch = host;
    mismatch.reason = Some("MX_HOSTS_MISMATCH".to_owned());
    let diagnosis = seen(&mismatch, &good);
    assert_eq!(
        (verdict(&diagnosis).as_str(), diagnosis.publish),
        ("FAIL203 unclear unknown", None)
    );
}

/// Only the look before the first failure was remembered: a host that was ours for some days since
/// was a stranger.
#[test]
fn what_was_ours_for_a_while_is_no_stranger() {
    let good = evidence::good();
    let for_a_while = spoilt(|e| {
        let mail = e.mail_hosts.as_mut().unwrap();
        mail.hosts.push(evidence::mail_host(30, "mx9.good.test", 66));
        mail.hosts[0].addresses = Some(evidence::addresses(67));
    });
    let mut past = KnownHosts::of(&good).unwrap();
    past.join(KnownHosts::of(&for_a_while).unwrap());
    let without = Known { evidence: Some(&good), earlier: Some(&good), ..Known::nothing(today()) };
    let known = Known { past_hosts: Some(&past), ..without };
    for group in [at("192.0.2.66"), at("192.0.2.67")] {
        assert_eq!(verdict(&diagnose(&group, &without)), "FAIL401 interference unknown");
        let diagnosis = diagnose(&group, &known);
        assert_eq!(verdict(&diagnosis), "FAIL117 unclear unknown");
        holds(&diagnosis, "was an address of ours earlier and is none now.");
    }
    let host = named("mx9.good.test");
    assert_eq!(verdict(&diagnose(&host, &without)), "FAIL402 interference unknown");
    assert_ne!(diagnose(&host, &known).cause.code, "FAIL402");
}

/// A host whose name is no host name was passed over, as if it had no addresses.
#[test]
fn a_host_without_a_good_name_has_addresses_too() {
    let odd = spoilt(|e| {
        let mail = e.mail_hosts.as_mut().unwrap();
        let mut host = evidence::mail_host(30, "mx9.good.test", 66);
        (host.name, host.domain, host.addresses) = ("_mx.good.test".to_owned(), None, None);
        mail.hosts.push(host);
    });
    assert_eq!(verdict(&seen(&at("203.0.113.66"), &odd)), "FAIL117 unclear unknown");
}

#[test]
fn providers_have_other_addresses_elsewhere() {
    let host = |name: &str| KnownHosts {
        hosts: vec![KnownHost {
            name: name.parse().unwrap(),
            aliases: vec![],
            addresses: vec![evidence::address(11)],
        }],
        names_are_whole: true,
        addresses_are_whole: true,
    };
    for (name, claimed, expected) in [
        (
            "a.mail.protection.outlook.com",
            Some("a.mail.protection.outlook.com"),
            "FAIL113 ours unknown",
        ),
        ("icewolf-li.h-v1.mx.microsoft", None, "FAIL113 ours unknown"),
        ("mx1.good.test", None, "FAIL401 interference unknown"),
        // a stranger's name does not help him
        ("mx1.good.test", Some("a.mail.protection.outlook.com"), "FAIL401 interference unknown"),
    ] {
        let hosts = host(name);
        let mut group = at("203.0.113.66");
        group.mx_host = claimed.map(str::to_owned);
        let known = Known { mail_hosts: Some(&hosts), ..Known::nothing(today()) };
        assert_eq!(verdict(&diagnose(&group, &known)), expected, "{name} {claimed:?}");
    }
}

#[test]
fn a_host_that_is_none_of_ours_is_an_alarm() {
    let good = evidence::good();
    let stranger = named("mx.evil.test");
    assert_eq!(verdict(&seen(&stranger, &good)), "FAIL402 interference unknown");
    holds(&seen(&stranger, &good), "led to mx.evil.test as the MX host");
    holds(&seen(&stranger, &good), "The MX hosts are mx1.good.test, mx2.good.test");
    // Near misses.
    assert_eq!(verdict(&seen(&named("MX1.good.test."), &good)), "FAIL131 unclear unknown");
    assert_eq!(verdict(&seen(&named("[192.0.2.1]"), &good)), "FAIL131 unclear unknown");
    assert_eq!(verdict(&blind(&stranger)), "FAIL131 unclear unknown");
    let mut known_address = stranger.clone();
    known_address.receiving_ip = Some(evidence::address(11));
    assert_ne!(seen(&known_address, &good).cause.code, "FAIL402"); // another name of ours
    let earlier = spoilt(|e| {
        let mail = e.mail_hosts.as_mut().unwrap();
        mail.hosts.push(evidence::mail_host(30, "mx.evil.test", 30));
    });
    let known = Known { evidence: Some(&good), earlier: Some(&earlier), ..Known::nothing(today()) };
    assert_ne!(diagnose(&stranger, &known).cause.code, "FAIL402"); // it was ours
}

#[test]
fn in_mode_testing_a_stranger_got_the_mail() {
    let strings = ["version: STSv1", "mode: testing", "mx: mx1.good.test", "max_age: 86400"];
    let diagnosis = reported(&at("203.0.113.66"), &evidence::good(), &strings);
    assert_eq!(diagnosis.severity, Severity::Error);
    holds(&diagnosis, "the mail was handed over all the same");
}
