//! Every domain of the fleet, asked about once: the answer that RFC 8461 wants.

use std::collections::BTreeMap;

use mail_domain::DomainName;
use sealpost_lab::{Domain, Lab};
use sealpost_net::{Network, Part, Scope, Settings};
use sealpost_runtime::Clock;

use crate::daemon::World;

/// Domains whose verdict is "unknown" because of their MX hosts alone. Their policy is known and in
/// mode enforce: what became of a host is for the mail server to find out, which is told not to
/// deliver without proof.
const ENFORCED_WHATEVER_THE_HOSTS_DO: [&str; 10] = [
    "mx-servfail.test",
    "mx-timeout.test",
    "mx-host-servfail.test",
    "mx-seventeen-addresses.test",
    "mx-silent.test",
    "mx-silent-after-ehlo.test",
    "mx-tarpit.test",
    "mx-tls-silence.test",
    "bogus-mx.test",
    "bogus-mx-host.test",
];

/// Whether a sender that follows RFC 8461 enforces the domain's policy.
pub(crate) fn is_enforced(domain: &Domain) -> bool {
    match domain.expect.verdict {
        "enforced" | "failing" => true,
        "unknown" => ENFORCED_WHATEVER_THE_HOSTS_DO.contains(&domain.name),
        _ => false,
    }
}

#[test]
fn every_domain_is_answered_as_rfc_8461_wants() {
    let world = World::new();
    let daemon = world.daemon("60");
    let replies: BTreeMap<&str, String> = std::thread::scope(|scope| {
        let asking: Vec<_> = Lab::fleet()
            .iter()
            .map(|domain| {
                let daemon = &daemon;
                scope.spawn(move || (domain.name, daemon.client().ask("postfix", domain.name)))
            })
            .collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let policies = served_policies(&world, is_enforced);
    let mut wrong = Vec::new();
    for domain in Lab::fleet() {
        let expected = if is_enforced(domain) {
            expected_reply(domain.name, &policies[domain.name])
        } else {
            "NOTFOUND".to_owned()
        };
        let reply = &replies[domain.name];
        if *reply != expected {
            wrong.push(format!(
                "{} ({}): {reply}\n    expected: {expected}",
                domain.name, domain.expect.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let enforced = replies.values().filter(|reply| reply.starts_with("OK secure ")).count();
    assert!(enforced > 20 && enforced < replies.len(), "{enforced} of {}", replies.len());
}

/// What Postfix should be told, made from the text of the policy by the simplest of readers.
pub(crate) fn expected_reply(domain: &str, policy: &str) -> String {
    let mut patterns = Vec::new();
    for line in policy.lines() {
        if let Some(value) = line.strip_prefix("mx:") {
            let pattern = value.trim().trim_end_matches('.').to_ascii_lowercase();
            let is_name = |octet: u8| octet.is_ascii_alphanumeric() || b"-.*".contains(&octet);
            // With other characters it is a field that RFC 8461 does not know.
            if pattern.bytes().all(is_name) && !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
    }
    let field = |name: &str| {
        let line = policy.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().to_owned()
    };
    let names: Vec<&str> =
        patterns.iter().map(|pattern| pattern.strip_prefix('*').unwrap_or(pattern)).collect();
    let mut reply = format!(
        "OK secure match={} servername=hostname protocols=>=TLSv1.2 policy_type=sts \
         policy_domain={domain}",
        names.join(":")
    );
    for pattern in &patterns {
        reply.push_str(&format!(" mx_host_pattern={pattern}"));
    }
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {}", field("mode:"))];
    lines.extend(patterns.iter().map(|pattern| format!("mx: {pattern}")));
    let max_age: u64 = field("max_age:").parse().unwrap();
    lines.push(format!("max_age: {}", max_age.min(31_557_600)));
    for line in lines {
        reply.push_str(&format!(" {{ policy_string = {line} }}"));
    }
    reply
}

/// The text that each policy host serves with status 200, under a certificate that holds.
pub(crate) fn served_policies(
    world: &World,
    is_wanted: impl Fn(&Domain) -> bool,
) -> BTreeMap<&'static str, String> {
    let settings = Settings::from_toml(world.lab.settings_file()).unwrap();
    let network = Network::new(settings, Clock::system()).unwrap();
    let mut policies = BTreeMap::new();
    for domain in Lab::fleet() {
        if !is_wanted(domain) {
            continue;
        }
        let name = DomainName::parse(domain.name).unwrap();
        let evidence = world.runtime.block_on(network.gather(&name, Scope::of(&[Part::Sts])));
        let fetches = evidence.policy_host.unwrap().fetches;
        let good = fetches.iter().filter(|fetch| {
            fetch.tls.as_ref().is_some_and(sealpost_evidence::TlsSession::is_verified)
        });
        let body = good.filter_map(|fetch| fetch.reply()).find(|reply| reply.status == 200);
        if let Some(reply) = body {
            policies.insert(domain.name, reply.body.to_text().into_owned());
        }
    }
    policies
}
