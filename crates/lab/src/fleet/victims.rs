//! Domains for the attacker: good ones, each protected in another way, whose records are soon
//! forgotten, so that an attack is felt when it begins and over when it ends.
//!
//! They are on IPv4 only, where each host has an address of its own.

use crate::{
    Domain,
    domain::policy,
    host::{Address, Dialogue, MailHost, Reply, Server, Tlsa, TlsaOf, WebHost},
    zone::RecordData,
};

/// Time to live, in seconds.
const SHORT: u32 = 3;
/// Ten days: cut after its first digit it is eight seconds.
const MAX_AGE: &str = "864000";
const THIS_KEY: Tlsa = Tlsa::new(3, 1, 1, TlsaOf::Leaf);

pub(super) fn domains() -> Vec<Domain> {
    vec![
        victim("victim-unsigned.test", "to be attacked: no DNSSEC", &["mx1"]).unsigned(),
        victim("victim-signed.test", "to be attacked: DNSSEC and no TLSA record", &["mx1"])
            .near_miss_of(&["DNS101"]),
        victim(
            "victim-dane.test",
            "to be attacked: TLSA records for both MX hosts",
            &["mx1", "mx2"],
        )
        .tlsa("mx1", &[THIS_KEY])
        .tlsa("mx2", &[THIS_KEY])
        .ttl("_25._tcp.mx1", SHORT)
        .ttl("_25._tcp.mx2", SHORT)
        .near_miss_of(&["DANE101", "DANE104"]),
        victim(
            "victim-dane-partial.test",
            "to be attacked: a TLSA record for the first of two MX hosts",
            &["mx1", "mx2"],
        )
        .tlsa("mx1", &[THIS_KEY])
        .ttl("_25._tcp.mx1", SHORT)
        .expect("enforced", &["DANE104"]),
        victim("victim-wildcard.test", "to be attacked: a wildcard, and no DNSSEC", &["mx1.mail"])
            .policy(policy("enforce", &["*.mail.{domain}"], MAX_AGE))
            .unsigned()
            .near_miss_of(&["STS404"]),
        victim(
            "victim-two-mx.test",
            "to be attacked: a primary and a backup, and no DNSSEC",
            &["primary", "backup"],
        )
        .unsigned()
        .near_miss_of(&["STS401"]),
        victim(
            "victim-shared.test",
            "to be attacked: its MX host takes mail for another domain too",
            &["mx1"],
        )
        .unsigned(),
        Domain::good(
            "victim-shared-no-policy.test",
            "to be attacked: no MTA-STS, and the MX host of a domain that has it",
        )
        .sts(&[])
        .no_policy_host()
        .without_mail_hosts()
        .mx(&[])
        .record("@", RecordData::Mx(10, "mx1.victim-shared.test".to_owned()))
        .ttl("@", SHORT)
        .unsigned()
        .expect("absent", &["STS101", "STS406"])
        .near_miss_of(&["STS102"]),
    ]
}

/// A good domain with these MX hosts.
fn victim(name: &'static str, about: &'static str, hosts: &[&'static str]) -> Domain {
    let patterns: Vec<String> = hosts.iter().map(|host| format!("{host}.{{domain}}")).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let mail_host = |host: &&'static str| {
        MailHost::at(host, vec![Address::Served(Server::good(Dialogue::Polite))])
    };
    let policy_host = WebHost::at(vec![Address::Served(Server::good(Reply::good()))]);
    let mut domain = Domain::good(name, about)
        .policy_host(policy_host)
        .mail_hosts(hosts.iter().map(mail_host).collect())
        .policy(policy("enforce", &patterns, MAX_AGE));
    for label in ["@", "_mta-sts", "mta-sts"].iter().chain(hosts) {
        domain = domain.ttl(label, SHORT);
    }
    domain
}
