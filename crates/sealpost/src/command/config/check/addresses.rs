//! Where the roles of a configuration listen.

use std::path::Path;

use sealpost_listen::Address;

use super::{Reading, Severity};
use crate::daemon::RoleName;

/// The first port that everybody may listen at.
const FIRST_FREE_PORT: u16 = 1024;

/// An address and the key that names it.
struct Door {
    key: &'static str,
    address: Address,
    /// Whether it is spoken without TLS to people and programs.
    is_plain: bool,
}

impl Reading<'_> {
    /// Looks for addresses that two want, that need a privilege, and whose folder is missing.
    pub(super) fn addresses(&mut self, roles: &[RoleName]) {
        let doors = self.doors(roles);
        for (place, door) in doors.iter().enumerate() {
            let other =
                doors.iter().take(place).find(|other| overlap(&other.address, &door.address));
            if let Some(other) = other {
                let line = self.line_of(door.key).or_else(|| self.line_of(other.key));
                let what = match other.key == door.key {
                    true => format!("`{}` names {} twice", door.key, door.address),
                    false => {
                        format!("`{}` and `{}` both want {}", other.key, door.key, door.address)
                    }
                };
                self.add(Severity::Error, line, what);
            }
            let line = self.line_of(door.key);
            match &door.address {
                Address::Tcp(address) => {
                    if (1..FIRST_FREE_PORT).contains(&address.port()) {
                        let what = format!(
                            "`{}`: port {} needs root, CAP_NET_BIND_SERVICE (the unit of the Debian \
                             package has it) or a socket of systemd",
                            door.key,
                            address.port()
                        );
                        self.add(Severity::Note, line, what);
                    }
                    if door.is_plain && !address.ip().is_loopback() {
                        let what = format!(
                            "`{}`: {address} can be reached from elsewhere, without TLS",
                            door.key
                        );
                        self.add(Severity::Warning, line, what);
                    }
                }
                Address::Unix { path, .. } => {
                    let folder = path.parent().filter(|folder| !folder.exists());
                    if let Some(folder) = folder {
                        // That one is made with the service.
                        let severity = match folder == Path::new("/run/sealpost") {
                            true => Severity::Note,
                            false => Severity::Error,
                        };
                        let folder = folder.display();
                        let what = format!("`{}`: there is no folder {folder}", door.key);
                        self.add(severity, line, what);
                    }
                }
                Address::Inherited { .. } => {}
            }
        }
    }

    /// Every address of the roles that run, and of what they share.
    fn doors(&self, roles: &[RoleName]) -> Vec<Door> {
        let mut doors = Vec::new();
        let mut add = |key: &'static str, addresses: &[Address], is_plain: bool| {
            doors.extend(addresses.iter().map(|address| Door {
                key,
                address: address.clone(),
                is_plain,
            }));
        };
        let configuration = &self.configuration;
        add("serve.http", &configuration.serve.http, true);
        add("serve.https", &configuration.serve.https, false);
        for role in roles {
            match role {
                RoleName::Enforce => {
                    let section = &configuration.enforce;
                    add("enforce.listen", &section.listen, false);
                    add("enforce.http", &section.http, true);
                    let tables: Vec<Address> =
                        section.tcp.iter().map(|table| table.listen.clone()).collect();
                    add("enforce.tcp", &tables, false);
                }
                RoleName::Receive => {
                    let section = &configuration.receive;
                    add("receive.listen.smtp", &section.listen.smtp, false);
                    add("receive.listen.lmtp", &section.listen.lmtp, false);
                    add("receive.listen.https", &section.listen.https, false);
                    add("receive.listen.http", &section.listen.http, true);
                    add("receive.http", &section.http, true);
                }
                RoleName::Report => {
                    let section = &configuration.report;
                    add("report.socket", &section.sockets(), false);
                    add("report.http", &section.http, true);
                }
                RoleName::Publish => {
                    let section = &configuration.publish.host;
                    add("publish.host.https", &section.https, false);
                    // Challenges are public.
                    add("publish.host.http", &section.http, false);
                    add("publish.host.proxied", &section.proxied, true);
                    add("publish.host.health", &section.health, true);
                }
                RoleName::Check => {}
                // It opens no door.
                RoleName::Alert => {}
            }
        }
        doors
    }
}

/// Whether only one of them can be had.
fn overlap(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Tcp(one), Address::Tcp(other)) => {
            let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
            let is_same_family = one.is_ipv4() == other.is_ipv4();
            one.port() != 0
                && one.port() == other.port()
                && (one.ip() == other.ip() || (is_any && is_same_family))
        }
        (Address::Unix { path: one, .. }, Address::Unix { path: other, .. }) => one == other,
        _ => false,
    }
}
