//! The configuration of Exim.

use super::{DAEMON_ADDRESS, Memory, Route, daemon_port};

/// Where it takes mail.
pub(super) const fn port(memory: Memory) -> u16 {
    match memory {
        Memory::Cached => 2496,
        Memory::Fresh => 2497,
    }
}

/// What the documentation gives, in the least that can be round it. There is an Exim for each memory:
/// it avoids hosts for a while that have failed, whatever it was told about them.
pub(super) fn configuration(memory: Memory) -> String {
    let name = Route::Exim.name(memory);
    format!(
        "SEALPOST_SOCKET = inet:{DAEMON_ADDRESS}:{}
SEALPOST_ROOTS = /e2e/lab/ca.pem

primary_hostname = sender.test
spool_directory = /var/spool/{name}
log_file_path = /e2e/log/{name}.%s
pid_file_path =
exim_user = Debian-exim
exim_group = Debian-exim
local_interfaces = 127.0.0.1
daemon_smtp_ports = {}
tls_advertise_hosts =
disable_ipv6 = true
dns_dnssec_ok = 1
domainlist local_domains =
host_lookup =
rfc1413_hosts =
keep_environment =
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
log_selector = +tls_cipher +tls_certificate_verified +tls_peerdn
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
.include /e2e/exim-router.conf
begin transports
.include /e2e/exim-transport.conf
begin retry
* * F,1d,1s
",
        daemon_port(Route::Exim.daemon(memory)),
        port(memory),
    )
}
