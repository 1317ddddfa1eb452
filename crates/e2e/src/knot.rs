//! The configuration of Knot, which serves the root and every zone below it, and signs most of
//! them.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::world::Site;
use crate::{Signing, Tlsa, Transfer, World, Zone};

/// The name server's address; its port is 53.
pub(crate) const ADDRESS: &str = "127.70.0.54";

/// What every zone begins with.
const APEX: &str = "$TTL 300
@ SOA ns.test. hostmaster.test. 1 3600 600 86400 60
@ NS ns.test.
";

/// `knot.conf`.
pub(crate) fn configuration(world: &World) -> String {
    let mut text = format!(
        "server:
    listen: {ADDRESS}@53
    rundir: /e2e/knot
    user: root:root
log:
  - target: stderr
    any: info
database:
    storage: /e2e/knot
policy:
"
    );
    for (name, options) in [
        ("nsec", "nsec3: off"),
        ("nsec3", "nsec3: on"),
        ("nsec3-opt-out", "nsec3: on\n    nsec3-opt-out: on"),
    ] {
        push(&mut text, &format!("  - id: {name}\n    algorithm: ecdsap256sha256"));
        push(&mut text, "    single-type-signing: on\n    nsec3-salt-length: 0");
        push(&mut text, &format!("    {options}"));
    }
    let (algorithm, key) = Transfer::KEY.split_once(':').unwrap_or_default();
    let (name, secret) = key.split_once(':').unwrap_or_default();
    push(&mut text, &format!("key:\n  - id: {name}\n    algorithm: {algorithm}"));
    push(&mut text, &format!("    secret: {secret}\nacl:"));
    push(&mut text, "  - id: open\n    address: 127.0.0.0/8\n    action: transfer");
    push(&mut text, &format!("  - id: signed\n    key: {name}\n    action: transfer"));
    push(&mut text, "template:\n  - id: default\n    storage: /e2e/zones\n    zonefile-sync: -1");
    push(&mut text, "    zonefile-load: difference-no-serial\n    journal-content: all\nzone:");
    push(&mut text, &zone_options("", Signing::Nsec, Transfer::Never));
    for zone in world.zones() {
        push(&mut text, &zone_options(zone.name, zone.signing, zone.transfer));
    }
    text
}

fn zone_options(name: &str, signing: Signing, transfer: Transfer) -> String {
    let file = file(name);
    let mut options = format!("  - domain: {name}.\n    file: {file}");
    if let Some(policy) = signing.knot_policy() {
        options.push_str(&format!("\n    dnssec-signing: on\n    dnssec-policy: {policy}"));
    }
    if let Some(acl) = transfer.knot_acl() {
        options.push_str(&format!("\n    acl: {acl}"));
    }
    options
}

/// What the script `sign` is to do: a line for each zone, its name, its file and its signing.
pub(crate) fn signing_list(world: &World) -> String {
    let mut text = format!(". {} {}\n", file(""), Signing::Nsec.as_str());
    for zone in world.zones() {
        push(&mut text, &format!("{}. {} {}", zone.name, file(zone.name), zone.signing.as_str()));
    }
    text
}

/// The zone files: the name of each, and its text. `key_digest` knows the SHA-256 digest of each
/// MX host's public key, in hexadecimal.
pub(crate) fn zone_files(
    world: &World,
    key_digest: impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let mut root = format!("$ORIGIN .\n{APEX}ns.test. A {ADDRESS}\n");
    root.push_str(&delegations(world, None));
    let mut files = vec![(file(""), root)];
    for zone in world.zones() {
        let mut text = format!("$ORIGIN {}.\n{APEX}{}\n", zone.name, zone.records);
        if zone.encloses("ns.test") {
            push(&mut text, &format!("ns.test. A {ADDRESS}"));
        }
        text.push_str(&delegations(world, Some(zone)));
        for site in world.sites() {
            if world.zone_of(site.domain.name).is_some_and(|holder| holder.name == zone.name) {
                text.push_str(&site_records(&site, key_digest(&site.mail_host_name())));
            }
        }
        files.push((file(zone.name), text));
    }
    files
}

/// The delegations to the zones right below one, or below the root.
fn delegations(world: &World, parent: Option<&Zone>) -> String {
    let mut text = String::new();
    for child in world.zones() {
        let above = child.name.split_once('.').and_then(|(_, above)| world.zone_of(above));
        if above.map(|zone| zone.name) == parent.map(|zone| zone.name) {
            push(&mut text, &format!("{}. NS ns.test.", child.name));
            // `sign` writes it; it is empty for an unsigned zone.
            push(&mut text, &format!("$INCLUDE /e2e/zones/{}.ds", file(child.name)));
        }
    }
    text
}

fn site_records(site: &Site<'_>, key_digest: Option<String>) -> String {
    let domain = site.domain.name;
    let mail_host = site.mail_host_name();
    let mut text = format!(
        "{domain}. MX 10 {mail_host}.
_mta-sts.{domain}. TXT \"v=STSv1; id=20261101000000;\"
_smtp._tls.{domain}. TXT \"v=TLSRPTv1; rua=mailto:tls-reports@{domain}\"
"
    );
    let digest = match site.domain.tlsa {
        Tlsa::None => None,
        Tlsa::Matching => key_digest,
        Tlsa::Other => Some("00".repeat(32)),
    };
    if let Some(digest) = digest {
        push(&mut text, &format!("_25._tcp.{mail_host}. TLSA 3 1 1 {digest}"));
    }
    for (host, addresses) in [
        (site.policy_host_name(), site.policy_host_addresses()),
        (mail_host, site.mail_host_addresses()),
    ] {
        for address in addresses {
            let record_type = match address {
                IpAddr::V4(_) => "A",
                IpAddr::V6(_) => "AAAA",
            };
            push(&mut text, &format!("{host}. {record_type} {address}"));
        }
    }
    text
}

/// The name of a zone's file.
fn file(zone: &str) -> String {
    if zone.is_empty() { "root.zone".to_owned() } else { format!("{zone}.zone") }
}

fn push(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
