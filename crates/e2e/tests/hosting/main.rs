//! A policy host with a real authority, real clients and a real proxy.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;
mod kills;
mod readers;
mod refusals;

/// The domain of most tests. Every name has the address 127.0.0.80.
const DOMAIN: &str = "example.test";

/// A policy host with certificates from Pebble, for these domains.
fn with_authority(store: &str, challenge: &str, address: &str, domains: &[&str]) -> String {
    let domains: String = domains
        .iter()
        .map(|domain| {
            format!("[publish.domains.\"{domain}\"]\nhost = \"own\"\nmode = \"enforce\"\nmx = [\"mx.{domain}\"]\n")
        })
        .collect();
    format!(
        "[publish]\nstore = \"{store}\"\n\
         [publish.host]\nhttps = [\"{address}:443\"]\nhttp = [\"{address}:80\"]\n\
         health = [\"{address}:8462\"]\naddresses = [\"{address}\"]\n\
         [publish.acme]\ndirectory = \"https://ca.test:14000/dir\"\nagree_to_terms = true\n\
         challenge = \"{challenge}\"\nauthorities = [\"ca.example\"]\n\
         {domains}"
    )
}
