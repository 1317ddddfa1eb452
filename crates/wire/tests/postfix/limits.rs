//! Policies that are longer than an answer may be.

use mta_sts::{MaxAge, Mode, MxPattern, Policy};
use sealpost_wire::postfix::{Answer, Enforced, Profile, Reply, Table};
use sealpost_wire::socketmap;

use crate::{PROFILES, grammar, names, secure};

/// Many short patterns make the longest answers.
fn many(count: usize, name: impl Fn(usize) -> String) -> Policy {
    let patterns = (0..count).map(|number| MxPattern::parse(&name(number)).unwrap());
    Policy::new(Mode::Enforce, MaxAge::MAX, patterns).unwrap()
}

#[track_caller]
fn found(profile: Profile, reply: &Reply) -> grammar::Line {
    let mut octets = Vec::new();
    socketmap::write_reply(reply, &mut octets);
    assert!(octets.len() <= "100000:,".len() + 100_000);
    let Reply::Found(text) = reply else { panic!("{reply:?}") };
    grammar::read(profile, text.as_str()).unwrap()
}

#[test]
fn policy_lines_go_first() {
    let policy = many(1_800, |number| format!("{number}.test"));
    for profile in [Profile::Postfix, Profile::Postfix3_10] {
        let mx_hosts = names(&["5.test"]);
        let line = found(profile, &secure(profile, Table::Socketmap, &policy, &mx_hosts));
        assert_eq!(line.patterns.len(), 1_800, "every pattern is there");
        assert!((3..1_802).contains(&line.strings.len()), "{}", line.strings.len());
        assert_eq!(line.strings[..3], ["version: STSv1", "mode: enforce", "mx: 0.test"]);
    }
}

#[test]
fn then_patterns_of_no_present_host() {
    let policy = many(4_000, |number| format!("{number}.test"));
    for profile in [Profile::Postfix, Profile::Postfix3_10] {
        let mx_hosts = names(&["7.test", "3999.test", "4000.test"]);
        let reply = secure(profile, Table::Socketmap, &policy, &mx_hosts);
        let line = found(profile, &reply);
        assert_eq!(line.patterns, ["7.test", "3999.test"]);
        assert_eq!(line.names, ["7.test", "3999.test"]);
        // What room that makes is for reports.
        assert!(line.strings.len() > 2_000);
    }
}

#[test]
fn patterns_are_never_all_dropped() {
    let policy = many(4_000, |number| format!("{number}.test"));
    let domain = "example.com".parse().unwrap();
    for mx_hosts in [names(&[]), names(&["mx.example.com"])] {
        let enforced = Enforced::new(&domain, &policy, &mx_hosts).unwrap();
        assert!(enforced.needs_mx_hosts(Profile::Postfix, Table::Socketmap));
        let reply = Answer::Secure(enforced).reply(Profile::Postfix, Table::Socketmap);
        let Reply::Temporary(reason) = reply else { panic!("{reply:?}") };
        assert_eq!(reason.as_str(), "the MTA-STS policy of example.com names too many hosts");
    }
}

#[test]
fn more_hosts_than_fit_are_too_many() {
    // 57 characters and a colon each.
    let name = |number: usize| format!("{number:04}-{}.test", "x".repeat(47));
    let policy = many(1, |_| "*.test".to_owned());
    let all: Vec<String> = (0..2_000).map(name).collect();
    let all = names(&all.iter().map(String::as_str).collect::<Vec<_>>());
    for profile in PROFILES.into_iter().filter(|profile| !profile.checks_mx_hosts()) {
        let reply = |count: usize| secure(profile, Table::Socketmap, &policy, &all[..count]);
        assert_eq!(found(profile, &reply(1_700)).names.len(), 1_700);
        assert!(matches!(reply(2_000), Reply::Temporary(_)));
    }
}

#[test]
fn mx_hosts_are_needed_where_they_are_not_checked() {
    let policy = many(2, |number| format!("{number}.test"));
    let domain = "example.com".parse().unwrap();
    let enforced = Enforced::new(&domain, &policy, &[]).unwrap();
    for profile in PROFILES {
        let is_needed = enforced.needs_mx_hosts(profile, Table::Socketmap);
        assert_eq!(is_needed, profile != Profile::Postfix, "{profile:?}");
    }
    // A line has less room than a netstring.
    let policy = many(150, |number| format!("{number}.test"));
    let enforced = Enforced::new(&domain, &policy, &[]).unwrap();
    assert!(!enforced.needs_mx_hosts(Profile::Postfix, Table::Socketmap));
    assert!(enforced.needs_mx_hosts(Profile::Postfix, Table::Tcp));
}
