//! What a Postfix says about itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Chroot, Level, PostfixVersion, ResolvConf, SmtpClient};

/// The parameters whose values count, with all that they refer to filled in (`postconf -x`). A
/// version that does not know one is not asked for it.
pub const ASKED: [&str; 19] = [
    "compatibility_level",
    "config_directory",
    "disable_dns_lookups",
    "maximal_queue_lifetime",
    "queue_directory",
    "relayhost",
    "smtp_dns_support_level",
    "smtp_enforce_tls",
    "smtp_host_lookup",
    "smtp_tls_CAfile",
    "smtp_tls_CApath",
    "smtp_tls_dane_insecure_mx_policy",
    "smtp_tls_enforce_peername",
    "smtp_tls_enforce_sts_mx_patterns",
    "smtp_tls_loglevel",
    "smtp_tls_per_site",
    "smtp_tls_security_level",
    "smtp_tlsrpt_enable",
    "smtp_use_tls",
];

/// A Postfix, as `postconf` and the files of the resolver show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostfixFound {
    /// Every parameter that this version knows, with its default (`postconf -d`).
    pub defaults: BTreeMap<String, String>,
    /// What `main.cf` sets, as it is written there (`postconf -n`).
    pub set: BTreeMap<String, String>,
    /// The values of those of [`ASKED`] that are known (`postconf -x`).
    pub values: BTreeMap<String, String>,
    /// What `postconf -M` prints.
    pub services: String,
    /// `/etc/resolv.conf`; `None` if there is none.
    pub resolv_conf: Option<String>,
    /// The same below the queue directory, for clients in a chroot.
    pub resolv_conf_in_chroot: Option<String>,
    /// The files of this system that hold the authorities which are commonly trusted; the first is
    /// the one to take.
    pub authorities: Vec<String>,
}

/// What came of the proof that a resolver validates.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The resolver.
    pub resolver: SocketAddr,
    /// Why it is not proven, if it is not.
    pub outcome: Result<(), sealpost_net::ResolverFault>,
}

/// Reads what `postconf` prints: `name = value`, a parameter a line.
pub fn read_settings(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

impl PostfixFound {
    /// Its version.
    ///
    /// # Errors
    ///
    /// When it is none that can be read.
    pub fn version(&self) -> Result<PostfixVersion, super::VersionError> {
        self.defaults.get("mail_version").map_or("", String::as_str).parse()
    }

    /// The clients that deliver over SMTP.
    pub fn smtp_clients(&self) -> Vec<SmtpClient> {
        // Before Postfix 3.0, and at the level of compatibility with it, `-` meant a chroot.
        let level = self.value("compatibility_level").split('.').next().unwrap_or_default();
        let is_modern = self.version().is_ok_and(|version| version >= PostfixVersion::new(3, 0, 0))
            && level.parse::<u16>().is_ok_and(|level| level > 0);
        let default = if is_modern { Chroot::Nowhere } else { Chroot::QueueDirectory };
        SmtpClient::read_all(&self.services, default)
    }

    /// The files that say which resolvers the clients ask, each with its place: the system's, that
    /// of the chroot, or both.
    pub fn resolv_confs(&self) -> Vec<(String, ResolvConf)> {
        let clients = self.smtp_clients();
        let has = |chroot| clients.iter().any(|client| client.chroot == chroot);
        let mut files = Vec::new();
        let mut add = |place: String, text: &Option<String>| {
            files.push((place, ResolvConf::read(text.as_deref().unwrap_or_default())));
        };
        if has(Chroot::Nowhere) || clients.is_empty() {
            add("/etc/resolv.conf".to_owned(), &self.resolv_conf);
        }
        if has(Chroot::QueueDirectory) {
            let place = format!("{}/etc/resolv.conf", self.queue_directory());
            add(place, &self.resolv_conf_in_chroot);
        }
        files
    }

    /// Every resolver that a client may ask, each once.
    pub fn resolvers(&self) -> Vec<SocketAddr> {
        let mut resolvers: Vec<SocketAddr> = Vec::new();
        for (_, file) in self.resolv_confs() {
            for resolver in file.resolvers() {
                if !resolvers.contains(resolver) {
                    resolvers.push(*resolver);
                }
            }
        }
        resolvers
    }

    /// Where its queues are, which is where clients in a chroot live.
    pub fn queue_directory(&self) -> &str {
        self.value("queue_directory")
    }

    /// Does this version have such a parameter?
    pub(super) fn knows(&self, name: &str) -> bool {
        self.defaults.contains_key(name)
    }

    /// The value of a parameter; empty if it is not known.
    pub(super) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The level at which it delivers today.
    pub(super) fn level(&self) -> Level {
        match self.value("smtp_tls_security_level") {
            "" if self.value("smtp_enforce_tls") == "yes" => {
                match self.value("smtp_tls_enforce_peername") {
                    "no" => Level::Encrypt,
                    _ => Level::Verify,
                }
            }
            "" if self.value("smtp_use_tls") == "yes" => Level::May,
            "" => Level::None,
            word => Level::parse(word),
        }
    }
}
