//! What Postfix asks and what it is told, for every version, judged by a reader of its own grammar.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod answers;
mod grammar;
mod injections;
mod keys;
mod limits;
mod properties;
mod tcp_table;

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_wire::postfix::{Answer, Enforced, Profile, Reply, Table};

const PROFILES: [Profile; 5] = [
    Profile::Postfix,
    Profile::Postfix3_10,
    Profile::Postfix3_9,
    Profile::Postfix3_3,
    Profile::Exim,
];

fn names(names: &[&str]) -> Vec<DomainName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn policy(mx: &[&str]) -> Policy {
    let mx: String = mx.iter().map(|pattern| format!("mx: {pattern}\n")).collect();
    let body = format!("version: STSv1\nmode: enforce\n{mx}max_age: 86400\n");
    Policy::parse(body.as_bytes()).unwrap()
}

/// The reply about `example.com`.
fn secure(profile: Profile, table: Table, policy: &Policy, mx_hosts: &[DomainName]) -> Reply {
    let domain = "example.com".parse().unwrap();
    let enforced = Enforced::new(&domain, policy, mx_hosts).expect("the mode is enforce");
    Answer::Secure(enforced).reply(profile, table)
}
