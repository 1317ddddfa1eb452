//! What an operator should know before Postfix asks us.

use std::time::Duration;

use serde::Serialize;

use super::plan::Dane;
use super::record::POLICY_MAPS;
use super::{Chroot, Endpoint, PostfixFound, SmtpClient};

/// The shortest time in the queue that leaves room for a policy that has changed: it is noticed
/// within an hour, and then another attempt has to come.
const SHORTEST_QUEUE_LIFETIME: Duration = Duration::from_hours(2);

/// Something to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// How much it matters.
    pub weight: Weight,
    /// What it is, and what to do about it. It may repeat what the configuration says.
    pub text: String,
}

/// How much a remark matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Note,
    /// Mail would be held back, or not be protected.
    Warning,
}

/// All that there is to know about a Postfix that asks at this place, after the tables `before`.
pub(super) fn remarks(
    found: &PostfixFound,
    endpoint: &Endpoint,
    before: &[&str],
    dane: &Dane,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut warn = |text: String| remarks.push(Remark { weight: Weight::Warning, text });
    other_policy_servers(before, &mut warn);
    overrides(found, &mut warn);
    reach(found, endpoint, &mut warn);
    resolver_files(found, &mut warn);
    queue_lifetime(found, &mut warn);
    if found.value("disable_dns_lookups") == "yes" {
        warn("disable_dns_lookups = yes: without MX records there is nothing to protect".into());
    }
    if let (true, Dane::Off { .. }) = (found.level().uses_dane(), dane) {
        let level = found.level().as_str();
        warn(format!(
            "smtp_tls_security_level = {level}, but DNSSEC is not proven: if the resolver does not \
             validate, `dane` protects no more than `may`, and `dane-only` holds back all mail"
        ));
    }
    legacy(found, &mut warn);
    remarks.extend(notes(found).into_iter().map(|text| Remark { weight: Weight::Note, text }));
    remarks
}

fn other_policy_servers(before: &[&str], warn: &mut impl FnMut(String)) {
    for table in before {
        let kind = table.split(':').next().unwrap_or_default();
        let server = match *table {
            _ if table.contains(":127.0.0.1:8642:") => "postfix-tlspol by its port",
            _ if table.contains("tlspol") => "postfix-tlspol by its name",
            _ if table.contains("mta-sts") => "postfix-mta-sts-resolver by its name",
            _ if table.contains(":127.0.0.1:8461:") => "postfix-mta-sts-resolver by its port",
            _ => "another policy server",
        };
        match kind {
            "socketmap" | "tcp" => warn(format!(
                "{POLICY_MAPS} asks {table} first ({server}): the first answer counts, so what it \
                 knows a policy for is never asked here; take it out once this works"
            )),
            "static" => warn(format!(
                "{POLICY_MAPS} has {table}, which has an answer to everything: what stands \
                 behind it is never asked"
            )),
            _ => {}
        }
    }
}

fn overrides(found: &PostfixFound, warn: &mut impl FnMut(String)) {
    let matters = |name: &str| {
        let names = ["smtp_dns_support_level", "smtp_host_lookup", "smtp_use_tls"];
        name.starts_with("smtp_tls_") && name != "smtp_tls_loglevel"
            || name == "smtp_enforce_tls"
            || names.contains(&name)
    };
    for client in found.smtp_clients() {
        for set in client.overrides.iter().filter(|set| matters(&set.name)) {
            warn(format!(
                "master.cf: the service {} has `-o {}={}`, which takes the place of main.cf for \
                 what it delivers",
                client.name, set.name, set.value
            ));
        }
    }
}

/// Can every client connect?
fn reach(found: &PostfixFound, endpoint: &Endpoint, warn: &mut impl FnMut(String)) {
    let queue = found.queue_directory();
    match endpoint {
        Endpoint::Inet(address) if !address.ip().to_canonical().is_loopback() => warn(format!(
            "{address} is not on loopback: anyone on the way can forge what Postfix is told"
        )),
        Endpoint::Unix(path) if endpoint.below(queue).is_none() => {
            let clients = found.smtp_clients();
            let caught: Vec<_> = clients
                .iter()
                .filter(|client| client.chroot == Chroot::QueueDirectory)
                .map(|client| client.name.as_str())
                .collect();
            if !caught.is_empty() {
                warn(format!(
                    "{path} cannot be reached from the chroot of {}, and mail would wait: listen \
                     below {queue}, or at a TCP address",
                    caught.join(", ")
                ));
            }
        }
        Endpoint::Inet(_) | Endpoint::Unix(_) => {}
    }
}

fn resolver_files(found: &PostfixFound, warn: &mut impl FnMut(String)) {
    let files = found.resolv_confs();
    for (place, file) in &files {
        let elsewhere: Vec<String> = file
            .resolvers()
            .iter()
            .map(std::net::SocketAddr::ip)
            .filter(|address| !address.to_canonical().is_loopback())
            .map(|address| address.to_string())
            .collect();
        if !elsewhere.is_empty() {
            warn(format!(
                "{place} names {}, which is not on this machine: what it says of DNSSEC can be \
                 forged on the way, so there is no DANE; run a validating resolver here",
                elsewhere.join(", ")
            ));
        }
    }
    let in_chroot = files.iter().any(|(place, _)| place != "/etc/resolv.conf");
    if in_chroot && found.resolv_conf_in_chroot != found.resolv_conf {
        let queue = found.queue_directory();
        let what = match found.resolv_conf_in_chroot {
            Some(_) => "differs from /etc/resolv.conf",
            None => "is not there",
        };
        warn(format!(
            "{queue}/etc/resolv.conf {what}: clients in a chroot read that one; many systems copy \
             it when Postfix is restarted"
        ));
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-5.1
//# A message delivery attempt MUST NOT be permanently failed until
//# the sender has first checked for the presence of a new policy (as
//# indicated by the "id" field in the "_mta-sts" TXT record).
fn queue_lifetime(found: &PostfixFound, warn: &mut impl FnMut(String)) {
    let text = found.value("maximal_queue_lifetime");
    if lifetime(text).is_some_and(|lifetime| lifetime < SHORTEST_QUEUE_LIFETIME) {
        warn(format!(
            "maximal_queue_lifetime = {text}: a policy that has changed is noticed within an hour, \
             and mail that is returned before that was never tried under the new one \
             (RFC 8461 section 5.1); two hours are enough"
        ));
    }
}

/// A time as Postfix writes it: a number and a unit, which is days here where none is given.
fn lifetime(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "" | "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(digits.parse::<u64>().ok()?.saturating_mul(unit)))
}

fn legacy(found: &PostfixFound, warn: &mut impl FnMut(String)) {
    let level = found.level().as_str();
    if found.value("smtp_enforce_tls") == "yes" {
        warn(format!(
            "smtp_enforce_tls is the way of Postfix 2.2; write smtp_tls_security_level = {level} in \
             its place"
        ));
    } else if found.value("smtp_use_tls") == "yes" {
        warn(
            "smtp_use_tls is the way of Postfix 2.2; smtp_tls_security_level takes its place"
                .into(),
        );
    }
}

fn notes(found: &PostfixFound) -> Vec<String> {
    let mut notes = Vec::new();
    let relay = found.value("relayhost");
    if !relay.is_empty() {
        notes.push(format!(
            "relayhost = {relay}: all mail goes there, so its policy is the only one that counts \
             here"
        ));
    }
    let in_chroot = |client: &SmtpClient| client.chroot == Chroot::QueueDirectory;
    let folder = found.value("smtp_tls_CApath");
    if !folder.is_empty()
        && found.value("smtp_tls_CAfile").is_empty()
        && found.smtp_clients().iter().any(in_chroot)
    {
        notes.push(format!(
            "smtp_tls_CApath = {folder} is read from within the chroot, so the certificates have to \
             be there too; smtp_tls_CAfile is read before"
        ));
    }
    if found.value("smtp_tls_loglevel") == "0" {
        notes.push(
            "smtp_tls_loglevel = 1 makes Postfix log how each connection was verified".to_owned(),
        );
    }
    if found.value("smtp_tlsrpt_enable") == "no" {
        notes.push(
            "this Postfix can have TLS reports sent (RFC 8460): smtp_tlsrpt_enable = yes, with a \
             collector at smtp_tlsrpt_socket_name"
                .to_owned(),
        );
    }
    notes
}
