//! A policy host with a real authority, real clients and a real proxy.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

mod certificates;
mod kills;
mod readers;
mod refusals;
mod shared;

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

/// The same with certificates from the Pebble that wants an external account, by records at the BIND.
fn with_zone(store: &str, domains: &[&str]) -> String {
    let account = "external_account = { id = \"kid-1\", key_file = \"external.key\" }";
    with_authority(store, "dns-01", "127.0.0.80", domains)
        .replace(":14000/", ":14001/")
        .replace("[publish.acme]\n", &format!("[publish.acme]\n{account}\n"))
        .replace("mode = \"enforce\"\n", "mode = \"enforce\"\ndns = \"bind\"\n")
        + "[publish.dns_servers.bind]\nserver = \"127.0.0.55:53\"\nkey = \"sealpost\"\n\
           secret_file = \"secret\"\n"
}

/// The BIND is asked for names, in place of the name server that knows every name.
fn believe_bind(configuration: &Path) {
    let known = fs_err::read_to_string(configuration).unwrap();
    fs_err::write(configuration, known.replace("127.0.0.53:53", "127.0.0.55:53")).unwrap();
}
