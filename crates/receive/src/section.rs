//! What the operator writes into the configuration.

mod mailboxes;
pub use mailboxes::{Afterwards, Endpoint, ImapMailbox, ImapToken, Protection};

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_listen::{Address, tls::IdentityFiles};
use sealpost_net::IpNetwork;
use sealpost_runtime::state_folder;
use sealpost_store::{Room, raw_path_beside, reports::Retention};
use serde::Deserialize;

use crate::{
    AdmittedSource, Beliefs, BelievedServer, Limits, MaildirAfter, Memory, RecipientRule,
    Recipients,
};

/// The port of SMTP unless the operator says otherwise.
const SMTP_PORT: u16 = 8464;
/// The same for LMTP.
const LMTP_PORT: u16 = 8465;
/// The most mailboxes that are watched over IMAP.
pub const MOST_MAILBOXES: usize = 16;

/// The section `[receive]` of the configuration. Each key may be left out; all together are enough
/// to start with.
///
/// ```toml
/// [receive]
/// domains = ["example.com"]             # whose reports count; all, if none is named
/// recipients = ["tls-reports@"]         # NAME@, NAME@DOMAIN or @DOMAIN
/// store = "/var/lib/sealpost/store.sqlite"
/// http = ["127.0.0.1:8466"]             # /metrics, /health
/// host = "mx.example.com"
/// certificate = "/etc/ssl/mx.pem"       # for STARTTLS and HTTPS
/// key = "/etc/ssl/mx.key"
///
/// [receive.listen]
/// smtp = ["127.0.0.1:8464"]
/// lmtp = ["127.0.0.1:8465", "unix:/run/sealpost/receive.sock"]
/// https = ["[::]:443"]
/// http = ["unix:/run/sealpost/post.sock"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// Where reports are taken in.
    pub listen: Doors,
    /// Where people and Prometheus ask, over HTTP. It is meant for this machine: there is no TLS and
    /// no password.
    pub http: Vec<Address>,
    /// The domains whose reports count.
    #[schemars(with = "Vec<String>")]
    pub domains: Vec<DomainName>,
    /// Who may be written to.
    #[schemars(with = "Vec<String>", extend("default" = ["tls-reports@"]))]
    pub recipients: Recipients,
    /// How this host presents itself over SMTP and LMTP; by default as in `[network]`.
    pub host: Option<String>,
    /// The certificate for STARTTLS and HTTPS, followed by those between it and the root.
    #[schemars(extend("x-path" = "file"))]
    pub certificate: Option<PathBuf>,
    /// Its key.
    #[schemars(extend("x-path" = "secret"))]
    pub key: Option<PathBuf>,
    /// The file in which reports are kept.
    #[schemars(extend("x-path" = "store"))]
    pub store: Option<PathBuf>,
    /// The file in which everything is kept as it came.
    #[schemars(extend("x-path" = "store"))]
    pub raw_store: Option<PathBuf>,
    /// The path to which reports are posted.
    pub path: PostPath,
    /// Who may say in `X-Forwarded-For` who has posted.
    pub proxies: Vec<Proxy>,
    /// What may be sent.
    pub limits: SectionLimits,
    /// For how long what is kept.
    pub retention: SectionRetention,
    /// Sources whose reports count though nothing proves who sent them.
    pub admit: Vec<Admit>,
    /// Servers of our own that verify signatures before we see a mail.
    pub authentication_results: Vec<Server>,
    /// Mailboxes that are watched over IMAP, 16 at most.
    pub imap: Vec<ImapMailbox>,
    /// Maildirs that are watched.
    #[schemars(extend("x-path" = "folder"))]
    pub maildirs: Vec<PathBuf>,
    /// What becomes of a mail in a Maildir after it is stored: `leave` or `seen`.
    pub maildirs_after: MaildirAfter,
}

/// Where reports are taken in.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Doors {
    /// Mail by SMTP: at 127.0.0.1:8464 by default.
    pub smtp: Vec<Address>,
    /// Mail by LMTP: at 127.0.0.1:8465 by default.
    pub lmtp: Vec<Address>,
    /// Posts by HTTPS.
    pub https: Vec<Address>,
    /// Posts by HTTP, from a proxy that speaks HTTPS.
    pub http: Vec<Address>,
}

/// A path of a URL, such as `/v1/tls-reports`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct PostPath(Vec<String>);

/// Who stands between us and those who post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub enum Proxy {
    /// Whoever may connect to our socket file.
    Unix,
    /// Whoever connects from this network.
    Network(IpNetwork),
}

/// What may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SectionLimits {
    /// Octets of a mail: 15 MiB, in which a report of 10 MiB has room as base64.
    pub message_octets: usize,
    /// Octets of a post: 10 MiB, packed as it comes.
    pub post_octets: usize,
    /// Octets of memory for what is sent, from the first octet until it is read: 64 MiB.
    pub memory_octets: usize,
    /// Connections at a time at each door: 1,000.
    pub connections: usize,
    /// Connections at a time from one source: 50.
    pub connections_per_source: usize,
    /// Posts of one source in a minute: 300.
    pub posts_per_minute: u32,
    /// Octets that come out of all that is packed in a submission: 20 MiB.
    pub unpacked_octets: usize,
    /// Octets that come out for each that went in: 200, looked at from 1 MiB on.
    pub unpacked_ratio: usize,
    /// Parts of a mail, those of forwarded mails too: 200.
    pub parts: usize,
    /// Reports of a mail: 100.
    pub reports: usize,
    /// How deep the JSON of a report may be nested: 32, at most 128.
    pub json_depth: usize,
    /// Policies of all reports of a submission: 50,000.
    pub policies: usize,
    /// Failure details of all reports of a submission: 200,000.
    pub details: usize,
    /// Policies that are kept of what a submission says about one domain: 500.
    pub policies_per_domain: usize,
}

/// For how long what is kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SectionRetention {
    /// What came in, as it came: 90.
    pub raw_days: u32,
    /// The addresses in reports: 400.
    pub address_days: u32,
    /// Reports that do not count: 90.
    pub apart_days: u32,
}

/// A source whose reports count though nothing proves who sent them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admit {
    /// What it is called where its reports are shown: 1 to 64 visible characters.
    pub name: SourceName,
    /// Where it sends from.
    pub networks: Vec<IpNetwork>,
}

/// The name of a source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct SourceName(String);

/// A server whose `Authentication-Results` (RFC 8601) are believed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its authserv-id.
    #[schemars(with = "String")]
    pub name: DomainName,
    /// From where it hands mail to us: by default from this machine. Others could write the same
    /// field themselves.
    #[serde(default = "this_machine")]
    pub networks: Vec<IpNetwork>,
}

/// Why a section cannot be used. The text fits after "failed to ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SectionError {
    /// One of the two is missing.
    #[error("use the certificate: `certificate` and `key` belong together, and one is missing")]
    HalfAnIdentity,
    /// HTTPS needs a certificate.
    #[error("listen for HTTPS: name `certificate` and `key` in [receive]")]
    NoCertificate,
    /// A mailbox cannot be watched as it is described.
    #[error("watch the mailbox of {user}: {reason}")]
    Mailbox {
        /// Its user, escaped.
        user: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// There are too many.
    #[error("watch the mailboxes: [[receive.imap]] may be there {MOST_MAILBOXES} times at most")]
    ManyMailboxes,
}

impl Section {
    /// Where reports are kept: by default in the [state folder](state_folder).
    pub fn store_file(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| state_folder().join("store.sqlite"))
    }

    /// Where everything is kept as it came: by default beside the store.
    pub fn raw_file(&self) -> PathBuf {
        self.raw_store.clone().unwrap_or_else(|| raw_path_beside(&self.store_file()))
    }

    /// How much of a submission is read: what is let in at a door is read too.
    pub fn reading_limits(&self) -> Limits {
        let set = &self.limits;
        let mut limits = Limits::default();
        let (mail, report) = (&mut limits.mail, &mut limits.report);
        mail.octets = set.message_octets;
        mail.parts = set.parts;
        mail.reports = set.reports;
        mail.payload.packed = set.post_octets.max(set.message_octets);
        mail.payload.unpacked = set.unpacked_octets;
        mail.payload.ratio = set.unpacked_ratio;
        // It came out of what is packed, or as it is.
        report.octets = set.unpacked_octets.max(mail.payload.packed);
        report.depth = set.json_depth;
        report.policies = set.policies;
        report.details = set.details;
        limits.policies_per_domain = set.policies_per_domain;
        limits
    }

    /// Who is believed beside those who sign.
    pub fn beliefs(&self) -> Beliefs {
        Beliefs {
            admitted: self
                .admit
                .iter()
                .map(|admit| AdmittedSource {
                    name: admit.name.0.clone(),
                    networks: admit.networks.clone(),
                })
                .collect(),
            servers: self
                .authentication_results
                .iter()
                .map(|server| BelievedServer {
                    name: server.name.clone(),
                    networks: server.networks.clone(),
                })
                .collect(),
        }
    }

    /// The files of the certificate, if there is one.
    ///
    /// # Errors
    ///
    /// [`SectionError`] if one is missing, or both are and somebody needs them.
    pub fn identity(&self) -> Result<Option<IdentityFiles>, SectionError> {
        match (&self.certificate, &self.key) {
            (Some(certificates), Some(key)) => {
                Ok(Some(IdentityFiles { certificates: certificates.clone(), key: key.clone() }))
            }
            (None, None) if self.listen.https.is_empty() => Ok(None),
            (None, None) => Err(SectionError::NoCertificate),
            _ => Err(SectionError::HalfAnIdentity),
        }
    }

    /// Relative paths start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        let paths = [&mut self.store, &mut self.raw_store, &mut self.certificate, &mut self.key];
        for path in paths.into_iter().flatten().chain(&mut self.maildirs) {
            *path = folder.join(&*path);
        }
        for mailbox in &mut self.imap {
            mailbox.relative_to(folder);
        }
    }
}

impl SectionLimits {
    /// Octets that may be coming in at a time, all doors together: half of the memory.
    pub fn coming_in(&self) -> usize {
        self.memory_octets / 2
    }

    /// Octets of what is being stored: an eighth. Nobody who reads holds any of it, so that what is to
    /// be acknowledged does not wait for what was.
    pub fn storing(&self) -> Room {
        Room::of(self.memory_octets / 8)
    }

    /// Octets of what was fetched to be read, from the store or from files: an eighth.
    pub fn fetched(&self) -> usize {
        self.memory_octets / 8
    }

    /// What there is beside: for what comes out when it is read three sixteenths, for what is fetched to
    /// be read an eighth, and the rest for mails on their way from mailboxes.
    pub fn memory(&self) -> Memory {
        let sixteenth = self.memory_octets / 16;
        Memory {
            reading: Room::of(sixteenth * 3),
            fetched: Room::of(self.fetched()),
            mailboxes: Room::of(sixteenth),
        }
    }
}

impl SectionRetention {
    /// For how long what came in is kept.
    pub fn raw(&self) -> Duration {
        Duration::from_secs(u64::from(self.raw_days) * 86_400)
    }

    /// For how long what is in the store.
    pub fn reports(&self) -> Retention {
        Retention { address_days: self.address_days, apart_days: self.apart_days }
    }
}

impl PostPath {
    /// Whether a request is for this path, given by its parts.
    pub fn is(&self, parts: &[String]) -> bool {
        self.0 == parts
    }
}

impl std::fmt::Display for PostPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

fn this_machine() -> Vec<IpNetwork> {
    ["127.0.0.0/8", "::1/128"].into_iter().filter_map(|text| text.parse().ok()).collect()
}

impl Default for Doors {
    fn default() -> Self {
        let here = |port| vec![Address::Tcp((IpAddr::from(Ipv4Addr::LOCALHOST), port).into())];
        Self { smtp: here(SMTP_PORT), lmtp: here(LMTP_PORT), https: Vec::new(), http: Vec::new() }
    }
}

impl Default for PostPath {
    fn default() -> Self {
        Self(vec!["v1".to_owned(), "tls-reports".to_owned()])
    }
}

impl Default for SectionLimits {
    fn default() -> Self {
        let Limits { mail, report, policies_per_domain } = Limits::default();
        Self {
            message_octets: 15 << 20,
            post_octets: 10 << 20,
            memory_octets: 64 << 20,
            connections: 1_000,
            connections_per_source: 50,
            posts_per_minute: 300,
            unpacked_octets: mail.payload.unpacked,
            unpacked_ratio: mail.payload.ratio,
            parts: mail.parts,
            reports: mail.reports,
            json_depth: report.depth,
            policies: report.policies,
            details: report.details,
            policies_per_domain,
        }
    }
}

impl Default for SectionRetention {
    fn default() -> Self {
        let Retention { address_days, apart_days } = Retention::default();
        Self { raw_days: 90, address_days, apart_days }
    }
}

impl TryFrom<String> for PostPath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_visible = text.bytes().all(|octet| octet.is_ascii_graphic());
        match text.strip_prefix('/') {
            Some(rest) if is_visible && !text.contains(['%', '?', '#']) => {
                Ok(Self(rest.split('/').map(str::to_owned).collect()))
            }
            _ => Err("write the path of a URL without escapes, as in \"/v1/tls-reports\""),
        }
    }
}

impl TryFrom<String> for Proxy {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "unix" => Ok(Self::Unix),
            _ => text
                .parse()
                .map(Self::Network)
                .map_err(|_| "write \"unix\" or a network, as in \"127.0.0.1/32\""),
        }
    }
}

impl TryFrom<String> for SourceName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_name =
            (1..=64).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic());
        if is_name { Ok(Self(text)) } else { Err("write 1 to 64 visible US-ASCII characters") }
    }
}

impl<'de> Deserialize<'de> for Recipients {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let rules = texts.iter().map(|text| text.parse::<RecipientRule>());
        Ok(Self::new(rules.collect::<Result<_, _>>().map_err(serde::de::Error::custom)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_enough() {
        let section: Section = toml::from_str("").unwrap();
        assert_eq!(section, Section::default());
        let places: Vec<_> = section.listen.smtp.iter().chain(&section.listen.lmtp).collect();
        assert_eq!(
            places.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.1:8464", "127.0.0.1:8465"]
        );
        assert_eq!(section.identity(), Ok(None));
        assert_eq!(section.retention.reports(), Retention::default());
        assert_eq!(section.path.to_string(), "/v1/tls-reports");
    }

    #[test]
    fn every_key_is_read() {
        let mut section: Section = toml::from_str(
            r#"
            http = ["127.0.0.1:8466"]
            domains = ["example.com", "EXAMPLE.ORG"]
            recipients = ["tlsrpt@example.com", "@example.org"]
            host = "mx.example.com"
            certificate = "mx.pem"
            key = "/etc/mx.key"
            store = "reports.sqlite"
            raw_store = "raw.db"
            path = "/post"
            proxies = ["unix", "127.0.0.1/32"]
            [listen]
            smtp = []
            lmtp = ["unix:/run/lmtp.sock"]
            https = ["[::1]:8443"]
            http = ["systemd:post"]
            [limits]
            message_octets = 1000
            post_octets = 2000
            memory_octets = 3000
            connections = 4
            connections_per_source = 5
            posts_per_minute = 6
            unpacked_octets = 700
            unpacked_ratio = 8
            parts = 9
            reports = 10
            json_depth = 11
            policies = 12
            details = 13
            policies_per_domain = 14
            [retention]
            raw_days = 7
            address_days = 8
            apart_days = 9
            [[admit]]
            name = "our-relay"
            networks = ["192.0.2.0/24"]
            [[authentication_results]]
            name = "mx.example.com"
            [[authentication_results]]
            name = "mx2.example.com"
            networks = ["192.0.2.7/32"]
            "#,
        )
        .unwrap();
        section.relative_to(Path::new("/etc/sealpost"));
        assert_eq!(section.store_file(), Path::new("/etc/sealpost/reports.sqlite"));
        assert_eq!(section.raw_file(), Path::new("/etc/sealpost/raw.db"));
        let files = section.identity().unwrap().unwrap();
        assert_eq!(files.certificates, Path::new("/etc/sealpost/mx.pem"));
        assert_eq!(files.key, Path::new("/etc/mx.key"));
        assert_eq!(section.domains.len(), 2);
        assert_eq!(section.beliefs().admitted.len(), 1);
        assert_eq!(section.beliefs().servers.first().unwrap().networks, this_machine());
        assert_eq!(section.retention.raw(), Duration::from_secs(7 * 86_400));
        let Limits { mail, report, policies_per_domain } = section.reading_limits();
        assert_eq!((mail.octets, mail.parts, mail.reports), (1000, 9, 10));
        let payload = mail.payload;
        assert_eq!((payload.packed, payload.unpacked, payload.ratio), (2000, 700, 8));
        assert_eq!((report.octets, report.depth), (2000, 11));
        assert_eq!((report.policies, report.details, policies_per_domain), (12, 13, 14));
        let SectionLimits { memory_octets, .. } = SectionLimits::default();
        let limits = SectionLimits { memory_octets: memory_octets / 2, ..section.limits };
        assert_eq!((limits.coming_in(), limits.fetched()), (16 << 20, 4 << 20));
        assert_eq!(limits.storing().octets(), 4 << 20);
        let Memory { reading, fetched, mailboxes } = limits.memory();
        let parts = [reading, fetched, mailboxes].map(|room| room.octets());
        assert_eq!(parts, [6 << 20, 4 << 20, 2 << 20]);
        let all = limits.coming_in() + limits.storing().octets() + parts.iter().sum::<usize>();
        assert_eq!(all, limits.memory_octets);
        // A room of which the operator has said nothing is that of the setting.
        assert_eq!(SectionLimits::default().storing().octets(), Room::default().octets());
        assert_eq!(section.proxies.len(), 2);
    }

    #[test]
    fn half_an_identity_is_none() {
        let of = |text: &str| toml::from_str::<Section>(text).unwrap().identity().map(|_| ());
        assert_eq!(of("certificate = \"a\""), Err(SectionError::HalfAnIdentity));
        assert_eq!(of("key = \"a\""), Err(SectionError::HalfAnIdentity));
        assert_eq!(of("[listen]\nhttps = [\"127.0.0.1:1\"]"), Err(SectionError::NoCertificate));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("listen = [\"127.0.0.1:1\"]", "invalid type"),
            ("[listen]\nimap = []", "unknown field `imap`"),
            ("recipient = []", "unknown field `recipient`"),
            ("recipients = [\"nobody\"]", "NAME@"),
            ("domains = [\"a..b\"]", "label"),
            ("path = \"v1\"", "path of a URL"),
            ("path = \"/a b\"", "path of a URL"),
            ("proxies = [\"nginx\"]", "\"unix\" or a network"),
            ("[limits]\nmessages = 3", "unknown field"),
            ("[retention]\nraw_days = -1", "invalid value"),
            ("[[admit]]\nname = \"a b\"\nnetworks = []", "visible"),
            ("[[admit]]\nname = \"a\"", "missing field `networks`"),
            ("[[authentication_results]]\nname = \"-\"", "line"),
        ] {
            let error = toml::from_str::<Section>(text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("line"), "{text}: {error}");
        }
    }
}
