//! The configuration of `sealpost enforce`.

use std::path::Path;

use super::{DAEMON_ADDRESS, Server, daemon_port};
use crate::unbound;

/// Every daemon of ours.
pub(super) const ALL: [Server; 6] = [
    Server::Enforce,
    Server::FreshEnforce,
    Server::EncryptEnforce,
    Server::DaneEnforce,
    Server::FreshDaneEnforce,
    Server::PlainEnforce,
];

/// What a daemon says before it listens, if its answers follow DANE.
pub(super) const PROVEN: &str = "the resolvers validate: answers follow DANE";
/// What is in every line that says whether they do.
pub(super) const ABOUT_DANE: &str = "follow DANE";

/// Whether the answers of a daemon must follow DANE.
pub(super) fn follows_dane(server: Server) -> bool {
    ALL.contains(&server) && server != Server::PlainEnforce
}

/// What an operator would write, with names of the lab to try the resolver with.
pub(super) fn configuration(server: Server, directory: &Path) -> String {
    let store = directory.join(format!("{}.db", server.as_str()));
    let dane = if follows_dane(server) { "on" } else { "off" };
    format!(
        "[enforce]
listen = [\"{DAEMON_ADDRESS}:{}\"]
store = \"{}\"
default_level = \"{}\"
dane = \"{dane}\"
mta_resolvers = [\"{}:53\"]
signed_name = \"test/SOA\"
bogus_names = [\"bogus-altered.test/MX\"]
",
        daemon_port(server),
        store.display(),
        level(server),
        unbound::ADDRESS,
    )
}

/// The default level of the mail servers that ask a daemon.
fn level(server: Server) -> &'static str {
    match server {
        Server::EncryptEnforce => "encrypt",
        Server::DaneEnforce | Server::FreshDaneEnforce => "dane",
        _ => "may",
    }
}
