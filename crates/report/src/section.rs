//! What the operator writes into the configuration.

mod delivery;
mod probing;
pub use delivery::{Delivery, Destinations, DkimKey, HttpsCertificates, OwnMails};
pub use probing::Probing;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use sealpost_listen::{Address, SocketOwner};
use sealpost_runtime::state_folder;
use serde::Deserialize;
use tls_rpt::{MailAddress, ReportFace};

/// The section `[report]` of the configuration. Each key may be left out; all together are enough to
/// start with.
///
/// ```toml
/// [report]
/// socket = ["unix:/var/spool/postfix/run/tlsrpt.sock,mode=0660"]   # smtp_tlsrpt_socket_name
/// socket_owner = ":postfix"
/// store = "/var/lib/sealpost/store.sqlite"
/// http = ["127.0.0.1:8467"]             # /metrics, /health
/// organization = "Example Inc."
/// contact = "tls-reports@example.com"
/// log = ["/var/log/mail.log"]           # where Postfix's lines are and its datagrams are not
/// token_file = "/etc/sealpost/sessions.token"   # for POST /v1/sessions at `http`
/// flush_seconds = 2
/// retention_days = 35
///
/// [report.addresses]                    # as mail servers behind a NAT are seen from outside
/// "10.0.0.1" = "192.0.2.1"
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// Where mail servers send their datagrams: socket files, or `systemd:NAME`; by default
    /// `tlsrpt.sock` in the folder that systemd provides, or else in `/run/sealpost`.
    pub socket: Vec<Address>,
    /// The owner and group of the socket files, as for `chown`.
    pub socket_owner: SocketOwner,
    /// Where people and Prometheus ask, over HTTP. It is meant for this machine: there is no TLS and
    /// no password.
    pub http: Vec<Address>,
    /// Logs of Postfix whose `TLSRPT:` lines are counted, followed from their ends on. The sessions
    /// of a mail server that sends datagrams too would be counted twice.
    #[schemars(extend("x-path" = "log"))]
    pub log: Vec<PathBuf>,
    /// A file with the token of programs that post sessions to `/v1/sessions` at `http`; without it
    /// nothing is taken there.
    #[schemars(extend("x-path" = "secret"))]
    pub token_file: Option<PathBuf>,
    /// The file in which the counters are kept.
    #[schemars(extend("x-path" = "store"))]
    pub store: Option<PathBuf>,
    /// The name under which this process counts, different for each that shares the store; by
    /// default that of the machine.
    pub node: Option<String>,
    /// Who reports; by default the domain of the contact.
    pub organization: Option<String>,
    /// The mail address for questions. Its domain is the one that reports; by default
    /// `tls-reports@` and the name of the machine.
    #[schemars(with = "Option<String>", skip_serializing)]
    pub contact: Option<MailAddress>,
    /// Between two writes, in seconds: 2. So much is lost at most if the process is killed.
    #[schemars(range(min = 1, max = 3_600))]
    pub flush_seconds: u16,
    /// For how many days the counters are kept: 35.
    #[schemars(range(min = 1))]
    pub retention_days: u16,
    /// The addresses by which mail servers behind a NAT are seen from outside.
    #[schemars(with = "BTreeMap<String, IpAddr>")]
    pub addresses: BTreeMap<IpAddr, IpAddr>,
    /// How reports leave; without it, none does.
    pub delivery: Option<Delivery>,
    /// How the MX hosts of domains in mode testing are tried; without it, none is.
    pub probe: Option<Probing>,
    /// How much is kept apart.
    pub limits: SectionLimits,
}

/// How much is kept apart. What is beyond it is counted all the same, with less detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SectionLimits {
    /// Octets of memory for counters: 256 MiB.
    #[schemars(range(min = 1_048_576))]
    pub memory_octets: usize,
    /// Policies of one domain on one day: 200. Further ones are counted without their text.
    pub policies: usize,
    /// Failures of one policy on one day: 500. Further ones are counted by result type.
    pub failures: usize,
    /// Datagrams that could not be read and are kept to be looked at: 100.
    #[schemars(range(min = 1))]
    pub refused: u16,
    /// Failures of one policy in a report: 1,000.
    #[schemars(range(min = 1))]
    pub report_failures: usize,
    /// Octets of a report, unpacked: 10,000,000.
    #[schemars(range(min = 10_000))]
    pub report_octets: usize,
}

impl Section {
    /// Where the counters are kept: by default in the [state folder](state_folder).
    pub fn store_file(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| state_folder().join("store.sqlite"))
    }

    /// Where mail servers send their datagrams.
    pub fn sockets(&self) -> Vec<Address> {
        if !self.socket.is_empty() {
            return self.socket.clone();
        }
        let path = folder("RUNTIME_DIRECTORY", "/run/sealpost").join("tlsrpt.sock");
        vec![Address::Unix { path, mode: sealpost_listen::SocketMode::GROUP }]
    }

    /// Between two writes; never less than 1 second, or more than an hour.
    pub fn flush_pause(&self) -> Duration {
        Duration::from_secs(u64::from(self.flush_seconds.clamp(1, 3_600)))
    }

    /// Who reports, where the machine has this name.
    pub fn face(&self, host: &str) -> ReportFace {
        let contact = match &self.contact {
            Some(contact) => contact.to_string(),
            None => format!("tls-reports@{host}"),
        };
        let domain = contact.rsplit_once('@').map_or(host, |(_, domain)| domain);
        let organization = self.organization.clone().unwrap_or_else(|| domain.to_owned());
        let mut face = ReportFace::new(organization, contact);
        face.addresses.clone_from(&self.addresses);
        face.most_failures = self.limits.report_failures;
        face.most_octets = self.limits.report_octets;
        face
    }

    /// Relative paths start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        for path in self.store.iter_mut().chain(&mut self.token_file).chain(&mut self.log) {
            *path = folder.join(&*path);
        }
        if let Some(delivery) = &mut self.delivery {
            delivery.relative_to(folder);
        }
    }
}

/// The first of the folders that systemd provides, or another.
fn folder(variable: &str, otherwise: &str) -> PathBuf {
    let provided = std::env::var_os(variable).and_then(|folders| {
        std::env::split_paths(&folders).find(|folder| !folder.as_os_str().is_empty())
    });
    provided.unwrap_or_else(|| otherwise.into())
}

impl Default for Section {
    fn default() -> Self {
        Self {
            socket: Vec::new(),
            socket_owner: SocketOwner::default(),
            http: Vec::new(),
            log: Vec::new(),
            token_file: None,
            store: None,
            node: None,
            organization: None,
            contact: None,
            flush_seconds: 2,
            retention_days: 35,
            addresses: BTreeMap::new(),
            delivery: None,
            probe: None,
            limits: SectionLimits::default(),
        }
    }
}

impl Default for SectionLimits {
    fn default() -> Self {
        Self {
            memory_octets: 256 << 20,
            policies: 200,
            failures: 500,
            refused: 100,
            report_failures: 1_000,
            report_octets: 10_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_enough() {
        let section: Section = toml::from_str("").unwrap();
        assert_eq!(section, Section::default());
        assert_eq!(section.flush_pause(), Duration::from_secs(2));
        assert!(section.sockets()[0].to_string().ends_with("/tlsrpt.sock"));
        let face = section.face("mx.example.com");
        assert_eq!(face.contact_info, "tls-reports@mx.example.com");
        assert_eq!(face.organization_name, "mx.example.com");
        assert_eq!(face.submitter().unwrap().as_str(), "mx.example.com");
    }

    #[test]
    fn every_key_is_read() {
        let mut section: Section = toml::from_str(
            r#"
            socket = ["unix:/run/a.sock,mode=0622", "systemd:tlsrpt"]
            socket_owner = "sealpost:postfix"
            http = ["127.0.0.1:8467"]
            log = ["/var/log/mail.log", "mail.log"]
            token_file = "token"
            store = "store.sqlite"
            node = "one"
            organization = "Example"
            contact = "tls@example.com"
            flush_seconds = 0
            retention_days = 3
            [addresses]
            "10.0.0.1" = "192.0.2.1"
            "fd00::1" = "2001:db8::1"
            [probe]
            every_hours = 7
            [limits]
            memory_octets = 1000
            policies = 2
            failures = 3
            refused = 4
            report_failures = 5
            report_octets = 6
            "#,
        )
        .unwrap();
        section.relative_to(Path::new("/etc/sealpost"));
        assert_eq!(section.store_file(), Path::new("/etc/sealpost/store.sqlite"));
        assert_eq!(section.log, ["/var/log/mail.log", "/etc/sealpost/mail.log"].map(PathBuf::from));
        assert_eq!(section.token_file.as_deref(), Some(Path::new("/etc/sealpost/token")));
        assert_eq!(section.sockets().len(), 2);
        assert_eq!(section.probe, Some(Probing { every_hours: 7, per_hour: 120 }));
        assert_eq!(section.flush_pause(), Duration::from_secs(1));
        let face = section.face("mx.example.com");
        assert_eq!((face.organization_name.as_str(), face.addresses.len()), ("Example", 2));
        assert_eq!((face.most_failures, face.most_octets), (5, 6));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("sockets = []", "unknown field `sockets`"),
            ("socket = \"unix:/a\"", "invalid type"),
            ("socket = [\"/run/a.sock\"]", "IP address"),
            ("socket_owner = \":\"", "owner"),
            ("flush_seconds = -1", "invalid value"),
            ("contact = \"nobody\"", "tls-reports@example.com"),
            ("[addresses]\nhere = \"192.0.2.1\"", "address"),
            ("[limits]\nkeys = 1", "unknown field"),
        ] {
            let error = toml::from_str::<Section>(text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("line"), "{text}: {error}");
        }
    }
}
