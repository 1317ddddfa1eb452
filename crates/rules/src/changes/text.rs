//! Changes in words.

use std::fmt;
use std::net::IpAddr;

use mail_domain::DomainName;
use mta_sts::Policy;

use super::{Change, Key, Shown};
use crate::Quoted;

impl fmt::Display for Change {
    /// One sentence for people. Texts of strangers stand in it quoted and cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VerdictChanged { before, after } => {
                write!(f, "The verdict was {before} and is {after}.")
            }
            Self::StsRecordChanged { before, after } => record(f, "STS", before, after),
            Self::TlsRptRecordChanged { before, after } => record(f, "TLS-RPT", before, after),
            Self::PolicyChanged { before, after } if after.is_empty() => {
                write!(f, "No policy is served any more; it was {}.", policies(before))
            }
            Self::PolicyChanged { before, after } if before.is_empty() => {
                write!(f, "A policy is served: {}.", policies(after))
            }
            Self::PolicyChanged { before, after } => {
                let (before, after) = (policies(before), policies(after));
                write!(f, "The policy that is served was {before} and is {after}.")
            }
            Self::IdUnchanged { id, before, after } => {
                let (id, before, after) = (Quoted(id), policies(before), policies(after));
                write!(
                    f,
                    "The policy that is served was {before} and is {after}, and its id is {id} as \
                     before: senders that hold the old one do not fetch the new."
                )
            }
            Self::MxAdded { host, preference } => {
                write!(f, "{} is an MX host now, with preference {preference}.", name(host))
            }
            Self::MxRemoved { host, preference } => {
                let host = name(host);
                write!(f, "{host} is an MX host no more; its preference was {preference}.")
            }
            Self::MxPreferenceChanged { host, before, after } => {
                write!(f, "The preference of {} was {before} and is {after}.", name(host))
            }
            Self::MxAddressesChanged { host, added, removed } => {
                addresses_changed(f, &name(host), added, removed)
            }
            Self::TlsaChanged { host, before, after } => {
                let (host, after) = (name(host), listed(after));
                match (before.is_empty(), after.is_empty()) {
                    (true, _) => write!(f, "{host} has TLSA records: {after}."),
                    (_, true) => write!(f, "{host} has no TLSA records any more."),
                    _ => write!(f, "The TLSA records of {host} are others: {after}."),
                }
            }
            Self::CertificateRenewed { server, host, addresses, before, after, key } => {
                let (server, host) = (server.as_str(), name(host));
                write!(f, "The certificate of the {server} {host}")?;
                at(f, addresses)?;
                let (old, new) = (day(before), day(after));
                write!(f, " was renewed{}: it ends on {new}, not on {old}.", by_key(*key))
            }
            Self::CertificateChanged { server, host, addresses, before, after, key } => {
                let (server, host) = (server.as_str(), name(host));
                write!(f, "The {server} {host}")?;
                at(f, addresses)?;
                let key = match key {
                    Key::Same => " for the same key",
                    Key::Other => " for another key",
                };
                let names = match before.names == after.names {
                    true => String::new(),
                    false => format!(", for {}", listed(&after.names)),
                };
                write!(f, " shows another certificate{key}{names}; it ends on {}.", day(after))
            }
        }
    }
}

fn record(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    before: &[String],
    after: &[String],
) -> fmt::Result {
    match (before.is_empty(), after.is_empty()) {
        (_, true) => write!(f, "The {what} record is gone; it was {}.", listed(before)),
        (true, _) => write!(f, "There is an {what} record: {}.", listed(after)),
        _ => write!(f, "The {what} record was {} and is {}.", listed(before), listed(after)),
    }
}

fn addresses_changed(
    f: &mut fmt::Formatter<'_>,
    host: &str,
    added: &[IpAddr],
    removed: &[IpAddr],
) -> fmt::Result {
    write!(f, "{host} has")?;
    if !added.is_empty() {
        write!(f, " the new address{} {}", plural(added), joined(added))?;
    }
    if !removed.is_empty() {
        let and = if added.is_empty() { " " } else { ", and " };
        write!(f, "{and}no more the address{} {}", plural(removed), joined(removed))?;
    }
    f.write_str(".")
}

fn plural(addresses: &[IpAddr]) -> &'static str {
    if addresses.len() == 1 { "" } else { "es" }
}

fn at(f: &mut fmt::Formatter<'_>, addresses: &[IpAddr]) -> fmt::Result {
    match addresses {
        [] => Ok(()),
        addresses => write!(f, " [{}]", joined(addresses)),
    }
}

fn by_key(key: Key) -> &'static str {
    match key {
        Key::Same => " with the same key",
        Key::Other => " with a new key",
    }
}

/// The day on which it ends.
fn day(certificate: &Shown) -> String {
    certificate.not_after.strftime("%Y-%m-%d").to_string()
}

/// A name, quoted where it is none.
fn name(host: &str) -> String {
    match DomainName::parse(host) {
        Ok(name) if name.as_str() == host => name.to_string(),
        _ => Quoted(host).to_string(),
    }
}

/// Bodies in short: what they demand, where they can be read.
fn policies(bodies: &[String]) -> String {
    let told: Vec<String> = bodies
        .iter()
        .map(|body| match Policy::parse(body.as_bytes()) {
            Ok(policy) => {
                let patterns: Vec<String> =
                    policy.mx().iter().take(SHOWN).map(ToString::to_string).collect();
                let more = if policy.mx().len() > SHOWN { " …" } else { "" };
                let (mode, age) = (policy.mode(), policy.max_age());
                format!("mode {mode}, max_age {age}, mx {}{more}", patterns.join(" "))
            }
            Err(_) => Quoted(body).to_string(),
        })
        .collect();
    told.join("; elsewhere ")
}

/// At most so many of a list are written out.
const SHOWN: usize = 5;

fn listed(texts: &[String]) -> String {
    let shown: Vec<String> =
        texts.iter().take(SHOWN).map(|text| Quoted(text).to_string()).collect();
    match texts.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn joined(addresses: &[IpAddr]) -> String {
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    match addresses.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
