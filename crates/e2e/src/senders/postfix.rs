//! The configuration of the Postfix that sends.

use std::fmt::Write as _;

use super::{DAEMON_ADDRESS, Memory, Route, SMART_HOSTS, daemon_port};
use crate::System;
use crate::postfix::SERVICES;

/// A Postfix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instance {
    pub(super) system: System,
    /// Where it takes mail.
    pub(super) port: u16,
    /// Where it takes report mails, which go a way of their own.
    pub(super) report_port: u16,
    /// What it is as old as.
    version: &'static str,
    routes: &'static [Route],
}

/// Postfix 3.10.
pub(super) const TRIXIE: Instance = Instance {
    system: System::Trixie,
    port: 2510,
    report_port: 2526,
    version: "3.10",
    routes: &[
        Route::Postfix3_10,
        Route::Postfix3_10Plain,
        Route::Postfix3_10Encrypt,
        Route::Postfix3_10Dane,
        Route::Peer,
        Route::PeerTlsRpt,
    ],
};

/// Postfix 3.7.
pub(super) const BOOKWORM: Instance = Instance {
    system: System::Bookworm,
    port: 2507,
    report_port: 2527,
    version: "3.6",
    routes: &[Route::Postfix3_7],
};

/// The documentation of the way of report mails.
const PAPER: &str = include_str!("../../../../doc/how-to/send-reports.md");

/// `transport_maps`: which transport delivers, and by which smart host, if the recipient's name says
/// so.
pub(super) fn transports() -> String {
    let mut text = String::new();
    for instance in [TRIXIE, BOOKWORM] {
        for (route, memory) in instance.transports() {
            let name = route.name(memory);
            for (tag, next_hop) in SMART_HOSTS {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "/^{name}\\.[^@]*{tag}@/ {name}:{next_hop}");
            }
            let _ = writeln!(text, "/^{name}\\./ {name}:");
        }
    }
    text
}

impl Instance {
    /// `main.cf`: as an operator would have it, but for the times between the tries, and that a next
    /// hop that has failed is not taken for dead: each message must be tried by itself.
    ///
    /// The process limit is also the length of the queue before `tlsproxy`. All mail that waits is
    /// tried again at once, and what finds that queue full is deferred as if its TLS had failed.
    pub(super) fn main(self) -> String {
        format!(
            "compatibility_level = {}
myhostname = sender.test
mydestination =
local_recipient_maps =
local_transport = error:no mailboxes here
alias_maps =
alias_database =
mynetworks = 127.0.0.1/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /dev/stdout
transport_maps = regexp:/e2e/transport
notify_classes =
smtpd_peername_lookup = no
smtp_host_lookup = dns
smtp_dns_support_level = dnssec
smtp_tls_security_level = may
smtp_tls_CAfile = /e2e/lab/ca.pem
smtp_tls_loglevel = 1
smtp_tls_session_cache_database = btree:${{data_directory}}/smtp_scache
smtp_tls_connection_reuse = yes
smtp_connection_cache_destinations = victim-shared.test, victim-shared-no-policy.test
smtp_connection_cache_time_limit = 10s
smtp_connect_timeout = 5s
smtp_helo_timeout = 5s
smtp_starttls_timeout = 5s
default_destination_concurrency_failed_cohort_limit = 0
default_process_limit = 1000
queue_run_delay = 1h
minimal_backoff_time = 1h
maximal_backoff_time = 2h
",
            self.version
        )
    }

    /// `master.cf`.
    pub(super) fn services(self) -> String {
        let mut text = format!(
            "\
{SERVICES}discard   unix       - - n - - discard
scache    unix       - - n - 1 scache
tlsproxy  unix       - - n - 0 tlsproxy
127.0.0.1:{} inet n  - n - - smtpd
",
            self.port
        );
        for (route, memory) in self.transports() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{} unix - - n - - smtp
  -o smtp_tls_security_level={}
  -o smtp_tls_policy_maps=socketmap:inet:{DAEMON_ADDRESS}:{}:{}",
                route.name(memory),
                level(route),
                daemon_port(route.daemon(memory)),
                map(route),
            );
        }
        text + &self.way_of_reports()
    }

    /// The way of report mails, as the documentation has it.
    fn way_of_reports(self) -> String {
        let lines = PAPER.lines().skip_while(|line| !line.starts_with("tlsreport "));
        let lines = lines.take_while(|line| *line != "```");
        // "Postfix before 3.10 does not know `smtp_tlsrpt_enable`: leave that line out."
        let is_known = |line: &&str| self.system == System::Trixie || !line.contains("_tlsrpt_");
        let lines: String = lines.filter(is_known).flat_map(|line| [line, "\n"]).collect();
        lines.replace("2526", &self.report_port.to_string())
    }

    fn transports(self) -> impl Iterator<Item = (Route, Memory)> {
        let memories = [Memory::Cached, Memory::Fresh];
        self.routes.iter().flat_map(move |route| memories.map(|memory| (*route, memory)))
    }
}

/// The operator's default level.
fn level(route: Route) -> &'static str {
    match route {
        Route::Postfix3_10Encrypt => "encrypt",
        Route::Postfix3_10Dane => "dane",
        Route::Postfix3_10
        | Route::Postfix3_10Plain
        | Route::Postfix3_7
        | Route::Exim
        | Route::Peer
        | Route::PeerTlsRpt => "may",
    }
}

/// The name of the map.
fn map(route: Route) -> &'static str {
    match route {
        Route::Postfix3_10
        | Route::Postfix3_10Plain
        | Route::Postfix3_10Encrypt
        | Route::Postfix3_10Dane => "postfix",
        Route::Postfix3_7 => "postfix-3.9",
        Route::Exim => "exim",
        Route::Peer => "postfix",
        Route::PeerTlsRpt => "tlsrpt",
    }
}
