//! Policies that try to say something else to Postfix than names.

use mta_sts::Policy;
use sealpost_wire::postfix::{Answer, Enforced, Reply, Table};

use crate::{PROFILES, grammar, names};

/// Every answer that comes of the lines, after the beginning of a good policy.
fn answers(lines: &str, mx_hosts: &[&str]) -> Vec<String> {
    let body = format!("version: STSv1\nmode: enforce\nmax_age: 86400\n{lines}\n");
    let Ok(policy) = Policy::parse(body.as_bytes()) else { return Vec::new() };
    let domain = "evil.test".parse().unwrap();
    let mx_hosts = names(mx_hosts);
    let mut answers = Vec::new();
    for profile in PROFILES {
        for table in [Table::Socketmap, Table::Tcp] {
            let enforced = Enforced::new(&domain, &policy, &mx_hosts).unwrap();
            match Answer::Secure(enforced).reply(profile, table) {
                Reply::Found(text) => {
                    let line = grammar::read(profile, text.as_str()).unwrap();
                    assert!(!line.names.is_empty(), "{text}");
                    assert!(
                        line.names.iter().all(|name| is_allowed(name, mx_hosts.len())),
                        "{text}"
                    );
                    answers.push(text.to_string());
                }
                Reply::Temporary(reason) => answers.push(reason.to_string()),
                other => panic!("{other:?}"),
            }
        }
    }
    answers
}

fn is_allowed(name: &str, mx_hosts: usize) -> bool {
    assert!(mx_hosts > 0);
    name == "mx.evil.test" || name == ".evil.test"
}

/// The policy is not valid, so that it counts as none.
#[track_caller]
fn refused(lines: &str) {
    assert_eq!(answers(lines, &["mx.evil.test"]), [""; 0], "{lines:?}");
}

/// The policy is valid, and nothing of the attempt is in any answer.
#[track_caller]
fn harmless(lines: &str, traces: &[&str]) {
    let answers = answers(lines, &["mx.evil.test"]);
    assert_eq!(answers.len(), PROFILES.len() * 2, "{lines:?}");
    for answer in answers {
        for trace in traces {
            assert!(!answer.contains(trace), "{trace:?} in {answer}");
        }
    }
}

#[test]
fn attributes_behind_a_name() {
    refused("mx: mx.evil.test protocols=TLSv1 ciphers=export");
    refused("mx: mx.evil.test tafile=/etc/ssl/evil.pem");
    refused("mx: mx.evil.test,tafile=/etc/ssl/evil.pem");
    refused("mx: mx.evil.test:nexthop");
    refused("mx: mx.evil.test\tciphers=export");
    let traces = ["TLSv1 ", "export", "tafile", "nexthop"];
    for second in ["a b", "mx.evil.test protocols=TLSv1 ciphers=export", "x:nexthop", "x,tafile=y"]
    {
        harmless(&format!("mx: mx.evil.test\nmx: {second}"), &traces);
    }
}

#[test]
fn names_that_are_none() {
    refused("mx: *");
    refused("mx: *.");
    refused("mx: .");
    refused("mx: .evil.test");
    refused("mx:");
    refused("nmx: mx.evil.test");
    harmless("mx: mx.evil.test\nmx: *", &["match= ", "::", "=*"]);
}

#[test]
fn extensions_that_close_their_brace() {
    let check = |extension: &str, traces: &[&str]| {
        harmless(&format!("mx: mx.evil.test\nnote: {extension}"), &[&["note"], traces].concat());
    };
    check("} match=nexthop {", &["nexthop", "} match"]);
    check("} match=nexthop { policy_string = evil", &["nexthop", "= evil"]);
    check("} tafile=/etc/ssl/evil.pem {", &["tafile", "/"]);
    check("servername=evil", &["servername=evil"]);
    check("plain", &["plain"]);
}

#[test]
fn words_that_postfix_takes_for_something_else() {
    for word in ["nexthop", "hostname", "dot-nexthop", "NEXTHOP"] {
        // By itself there is no host left to name.
        let body = format!("version: STSv1\nmode: enforce\nmx: {word}\nmax_age: 86400\n");
        let policy = Policy::parse(body.as_bytes()).unwrap();
        let domain = "evil.test".parse().unwrap();
        let mx_hosts = names(&[word]);
        for profile in PROFILES {
            let enforced = Enforced::new(&domain, &policy, &mx_hosts).unwrap();
            let reply = Answer::Secure(enforced).reply(profile, Table::Socketmap);
            assert!(matches!(reply, Reply::Temporary(_)), "{profile:?}: {reply:?}");
        }
        // Beside others it is left out.
        let lines = format!("mx: {word}\nmx: *.evil.test");
        let answers = answers(&lines, &[word, "mx.evil.test"]);
        assert_eq!(answers.len(), PROFILES.len() * 2);
        assert!(answers.iter().all(|answer| answer.starts_with("secure match=")));
    }
}
