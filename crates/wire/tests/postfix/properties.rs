//! What holds for every policy and every set of hosts.

use mail_domain::DomainName;
use mta_sts::Policy;
use proptest::prelude::*;
use sealpost_wire::postfix::{Key, Profile, Reply, Table, tcp_table};
use sealpost_wire::socketmap;

use crate::{PROFILES, grammar, secure};

fn host() -> impl Strategy<Value = String> {
    let words = ["mx", "nexthop", "hostname", "a.b.test", "b.test", "c.b.test", "mx.example.com"];
    prop_oneof![
        3 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "[a-z0-9]{1,20}(\\.[a-z0-9]{1,20}){0,2}\\.test",
        1 => "[a-z]{60}\\.[a-z]{60}\\.[a-z]{60}\\.[a-z]{50}",
    ]
}

/// A policy that is mostly valid, with lines of all kinds.
fn body() -> impl Strategy<Value = String> {
    let mx = host().prop_map(|host| format!("mx: {host}"));
    let wildcard = host().prop_map(|host| format!("mx: *.{host}"));
    let wild = "(mx|x|max_age|mode): [ -~]{1,30}".boxed();
    let line = prop_oneof![4 => mx, 2 => wildcard, 1 => wild];
    let few = prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"));
    let many = (0..4_500_usize).prop_map(|count| {
        (0..count).map(|number| format!("mx: {number}.test")).collect::<Vec<_>>().join("\n")
    });
    let end = "[ -~]{0,20}";
    (prop_oneof![8 => few, 1 => many], end).prop_map(|(lines, end)| {
        format!("version: STSv1\nmode: enforce\nmax_age: 604800\n{lines}\nx: {end}\n")
    })
}

/// Whether Postfix's own rule for `mx_host_pattern` allows the host.
fn pattern_allows(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(base) => host.split_once('.').is_some_and(|(_, rest)| rest == base),
        None => pattern == host,
    }
}

proptest! {
    #[test]
    fn every_answer_is_right_and_fits(
        body in body(),
        hosts in prop::collection::vec(host(), 0..6),
    ) {
        let Ok(policy) = Policy::parse(body.as_bytes()) else { return Ok(()) };
        if policy.mode() != mta_sts::Mode::Enforce {
            return Ok(());
        }
        let hosts: Vec<DomainName> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let patterns: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
        for profile in PROFILES {
            for table in [Table::Socketmap, Table::Tcp] {
                let reply = secure(profile, table, &policy, &hosts);
                let mut octets = Vec::new();
                match table {
                    Table::Socketmap => socketmap::write_reply(&reply, &mut octets),
                    Table::Tcp => tcp_table::write_reply(&reply, &mut octets),
                }
                let limit = if table == Table::Tcp { 4_096 } else { "100000:,".len() + 100_000 };
                prop_assert!(octets.len() <= limit);
                prop_assert!(octets.iter().all(|octet| matches!(octet, b' '..=b'~' | b'\n')));
                let text = match reply {
                    Reply::Found(text) => text,
                    Reply::Temporary(_) => continue,
                    other => panic!("{other:?}"),
                };
                let line = match grammar::read(profile, text.as_str()) {
                    Ok(line) => line,
                    Err(error) => return Err(TestCaseError::fail(format!("{error}: {text}"))),
                };
                prop_assert_eq!(&line.level, "secure");
                prop_assert!(!line.names.is_empty());
                for name in &line.names {
                    prop_assert!(!["nexthop", "hostname", "dot-nexthop"].contains(&name.as_str()));
                    if profile.checks_mx_hosts() {
                        let pattern = match name.strip_prefix('.') {
                            Some(base) => format!("*.{base}"),
                            None => name.clone(),
                        };
                        prop_assert!(patterns.contains(&pattern));
                    } else {
                        prop_assert!(hosts.iter().any(|host| host.as_str() == name));
                        prop_assert!(patterns.iter().any(|pattern| pattern_allows(pattern, name)));
                    }
                }
                let domain = profile.takes_policies().then_some("example.com");
                prop_assert_eq!(line.get("policy_domain"), domain);
                let has_server_name = ![Profile::Postfix3_3, Profile::Exim].contains(&profile);
                prop_assert_eq!(line.get("servername"), has_server_name.then_some("hostname"));
                prop_assert_eq!(line.patterns.is_empty(), !profile.takes_policies());
                prop_assert!(line.patterns.iter().all(|pattern| patterns.contains(pattern)));
                // All patterns, or those of every present host.
                for host in &hosts {
                    let is_allowed = |patterns: &[String]| {
                        patterns.iter().any(|pattern| pattern_allows(pattern, host.as_str()))
                    };
                    let keyword = ["nexthop", "hostname"].contains(&host.as_str());
                    if profile.takes_policies() && is_allowed(&patterns) && !keyword {
                        prop_assert!(is_allowed(&line.patterns), "{host}");
                    }
                }
                for string in &line.strings {
                    let is_known = ["version: STSv1", "mode: enforce"].contains(&string.as_str())
                        || *string == format!("max_age: {}", policy.max_age())
                        || string.strip_prefix("mx: ").is_some_and(|mx| patterns.iter().any(|p| p == mx));
                    prop_assert!(is_known, "{string}");
                }
            }
        }
    }

    #[test]
    fn any_key_is_read(octets in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Some(domain) = Key::parse(&octets).policy_domain() {
            let again = Key::parse(domain.as_str().as_bytes());
            prop_assert_eq!(again, Key::Domain(domain.clone()));
        }
    }

    #[test]
    fn brackets_and_ports_keep_the_domain(host in host(), port in 1..=65_535_u16) {
        let plain = Key::parse(host.as_bytes());
        for key in [format!("[{host}]"), format!("[{host}.]:{port}"), format!("{host}:{port}")] {
            let key = Key::parse(key.as_bytes());
            prop_assert_eq!(key.policy_domain(), plain.policy_domain());
        }
    }
}
