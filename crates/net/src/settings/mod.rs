//! What to use, and how: resolvers, ports, roots, deadlines.

mod ip_network;
pub use ip_network::{IpNetwork, IpNetworkError};
mod dnssec;
pub use dnssec::DnssecMode;
mod limits;
pub use limits::{Deadlines, Limits};

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::Deserialize;

/// The largest settings file that is read, in octets.
const LARGEST_FILE: u64 = 64 * 1024;

/// The EHLO name of a machine whose own name is no full domain name: a name that nobody can mistake
/// for a real host's (RFC 6761 §6.4).
const FALLBACK_EHLO_NAME: &str = "sealpost.invalid";

/// What to use, and how. Each key may be left out of a file.
///
/// ```toml
/// resolvers = ["127.0.0.1:53"]
/// https_port = 443
/// smtp_port = 25
/// trust_roots = "system" # or the path of a PEM file, relative to this one
/// allowed_networks = ["192.168.0.0/16"]
/// ehlo_name = "probe.example.com"
/// dnssec = "auto" # or "validate", "trusted-resolver", "off"
/// trust_anchors = "root.key" # as Unbound and BIND take it, relative to this file
/// survey_tls = true
///
/// [deadlines] # in seconds
/// https = 20
///
/// [limits]
/// mail_hosts = 16
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The DNS resolvers, asked in this order; empty for those of the system
    /// (`/etc/resolv.conf`). They are trusted to be where they are: the address guard is not asked.
    pub resolvers: Vec<SocketAddr>,
    /// The port of policy hosts. RFC 8461 knows only 443; tests need others. The `Host` field
    /// never names it.
    pub https_port: u16,
    /// The port of MX hosts; 25 but for tests.
    pub smtp_port: u16,
    /// Whom to trust to sign certificates.
    #[schemars(extend("x-path" = "file", "default" = "system"))]
    pub trust_roots: TrustRoots,
    /// Networks that may be connected to although they are not globally routable.
    pub allowed_networks: Vec<IpNetwork>,
    /// The name given in EHLO: a domain name. By default the machine's own name, if it is one of
    /// several labels, else `sealpost.invalid`.
    #[schemars(skip_serializing)] // the name of this machine is nobody's default
    pub ehlo_name: String,
    /// Who says which answers of the DNS are secure.
    pub dnssec: DnssecMode,
    /// A file of DS and DNSKEY records from which validation begins, as Unbound's
    /// `trust-anchor-file` or BIND's `trust-anchors` have them. Without it, the keys of the root as
    /// of this build.
    #[schemars(extend("x-path" = "file"))]
    pub trust_anchors: Option<PathBuf>,
    /// Shall MX hosts be asked which outdated TLS they still speak? That takes up to four more
    /// connections for each host and family of addresses.
    pub survey_tls: bool,
    /// Shall a look at an MX host serve for every domain that names it, for five minutes? Whoever
    /// looks at many domains wants that, and so do the hosts.
    #[serde(skip)]
    pub share_hosts: bool,
    /// Shall the last resolver be asked first? That is for a second look, where the first was left
    /// without an answer.
    #[serde(skip)]
    pub last_resolver_first: bool,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// How much to take.
    pub limits: Limits,
}

/// Whom to trust to sign certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "PathBuf")]
#[schemars(with = "String")]
pub enum TrustRoots {
    /// The machine's own trust store; where it has none, the roots of Mozilla as of this build.
    #[default]
    System,
    /// The certificates in this PEM file, and no others.
    File(PathBuf),
}

/// Why settings can't be used. Nothing was changed; mend the file and try again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file can't be read; the text names it.
    #[error("read the settings: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The file is larger than 64 KiB, or not UTF-8.
    #[error("read the settings: {} is not a text of at most 64 KiB", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML, or a key or value in it is unknown. The text shows the line.
    #[error("read the settings in {}: {source}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
}

impl Settings {
    /// Reads a TOML file. Relative paths in it start from the file's folder.
    pub fn from_toml(path: impl AsRef<Path>) -> Result<Self, SettingsError> {
        let path = path.as_ref();
        let mut octets = Vec::new();
        fs_err::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut octets)?;
        let text = String::from_utf8(octets)
            .ok()
            .filter(|text| text.len() as u64 <= LARGEST_FILE)
            .ok_or_else(|| SettingsError::NotText { path: path.to_path_buf() })?;
        let mut settings: Self = toml::from_str(&text).map_err(|source| SettingsError::Wrong {
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
        if let Some(folder) = path.parent() {
            settings.relative_to(folder);
        }
        Ok(settings)
    }

    /// Relative paths start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        if let TrustRoots::File(file) = &mut self.trust_roots {
            *file = folder.join(&*file);
        }
        if let Some(file) = &mut self.trust_anchors {
            *file = folder.join(&*file);
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            https_port: 443,
            smtp_port: 25,
            trust_roots: TrustRoots::System,
            allowed_networks: Vec::new(),
            ehlo_name: own_name().unwrap_or_else(|| FALLBACK_EHLO_NAME.to_owned()),
            dnssec: DnssecMode::Auto,
            trust_anchors: None,
            survey_tls: true,
            share_hosts: false,
            last_resolver_first: false,
            deadlines: Deadlines::default(),
            limits: Limits::default(),
        }
    }
}

impl From<PathBuf> for TrustRoots {
    /// `system` is [`TrustRoots::System`]; a file of that name is `./system`.
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "system" { Self::System } else { Self::File(path) }
    }
}

/// The machine's own name, if it is a domain name of several labels.
fn own_name() -> Option<String> {
    let name = fs_err::read_to_string("/proc/sys/kernel/hostname").ok()?;
    full_name(name.trim())
}

fn full_name(name: &str) -> Option<String> {
    let name = DomainName::parse(name).ok()?;
    (name.labels().count() > 1).then(|| name.as_str().to_owned())
}

#[cfg(test)]
mod tests;
