//! What the operator writes.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use mail_domain::DomainName;
use mta_sts::{MaxAge, Mode, MxPattern};
use schemars::JsonSchema;
use sealpost_net::IpNetwork;
use sealpost_rules::provider::Provider;
use sealpost_runtime::state_folder;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use tls_rpt::ReportUri;
use toml::Spanned;

use crate::{AcmeSection, HostSection, Target};

/// The section `[publish]` of the configuration.
///
/// ```toml
/// [publish]
/// directory = "domains"                    # a folder of files with `groups` and `domains`
/// rua = ["mailto:tls-reports@example.com"] # for every domain that says nothing else
///
/// [publish.dns_servers.main]               # takes updates by RFC 2136, signed with a key
/// server = "192.0.2.53:53"
/// key = "sealpost"
/// secret_file = "sealpost.key"
///
/// [publish.groups.customers]
/// providers = ["google-workspace"]
/// target = ["192.0.2.80", "2001:db8::80"]  # the policy host
///
/// [publish.domains."example.com"]
/// group = "customers"
/// mx = ["backup.example.com"]              # beside those of the group's provider
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// A folder: every file in it whose name ends in `.toml` has more `groups` and `domains`.
    #[schemars(extend("x-path" = "folder"))]
    pub directory: Option<PathBuf>,
    /// The file in which stages and histories are kept.
    #[schemars(extend("x-path" = "store"))]
    pub store: Option<PathBuf>,
    /// Where TLS reports go, for every domain that says nothing else.
    pub rua: Option<Vec<Rua>>,
    /// How many domains are passed over at the same time: 16.
    pub passes_at_once: Option<NonZeroU16>,
    /// The policy host, for domains with `host = "own"`.
    pub host: HostSection,
    /// The authority that its certificates come from; without it they come from files.
    pub acme: Option<AcmeSection>,
    /// Name servers that take updates, each under a name of the operator's.
    pub dns_servers: BTreeMap<String, DnsServer>,
    /// What domains of a group share.
    #[schemars(with = "BTreeMap<String, Terms>")]
    pub(crate) groups: BTreeMap<Spanned<String>, Terms>,
    /// The domains.
    #[schemars(with = "BTreeMap<String, Terms>")]
    pub(crate) domains: BTreeMap<Spanned<String>, Terms>,
}

/// A file of the folder.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) groups: BTreeMap<Spanned<String>, Terms>,
    pub(crate) domains: BTreeMap<Spanned<String>, Terms>,
}

/// What is said of a domain, or of a group of domains. What a domain leaves out is as in its group.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// The group that the domain belongs to. A group belongs to none.
    pub group: Option<String>,
    /// The mode of the policy; `managed` by default: its stage decides.
    pub mode: Option<PolicyMode>,
    /// Patterns of MX hosts, beside those of the providers.
    pub mx: Option<Vec<Pattern>>,
    /// Providers whose patterns are meant.
    pub providers: Option<Vec<ProviderName>>,
    /// `max_age` in seconds, where the mode is not managed.
    pub max_age: Option<Seconds>,
    /// The numbers of the roll-out.
    pub rollout: Option<sealpost_rollout::Settings>,
    /// Who serves the policy.
    pub host: Option<HostWay>,
    /// Who sets the records.
    pub dns: Option<DnsWay>,
    /// Where TLS reports go.
    pub rua: Option<Vec<Rua>>,
    /// How ids are made.
    pub id_style: Option<IdStyle>,
    /// What `mta-sts.` and the domain points to: addresses, or one name.
    pub target: Option<Vec<Target>>,
    /// The TTL of the records, in seconds.
    pub ttl: Option<u32>,
    /// Networks that hold the addresses of our own MX hosts. What lies elsewhere is ours only if
    /// signed DNS says so, and only a fault of our own moves a domain back by itself.
    pub own_networks: Option<Vec<IpNetwork>>,
    /// A domain of ours below which the records of the domain lie: its own names are aliases, set
    /// once.
    pub delegate: Option<BaseName>,
}

/// A name server that takes updates (RFC 2136).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsServer {
    /// Its address and port.
    pub server: SocketAddr,
    /// The name of the TSIG key; without one, updates are not signed.
    pub key: Option<String>,
    /// The algorithm of the key: `hmac-sha256`, `hmac-sha384` or `hmac-sha512`.
    #[serde(default = "usual_algorithm")]
    pub algorithm: String,
    /// A file with the secret of the key in Base64, and nothing else.
    #[schemars(extend("x-path" = "secret"))]
    pub secret_file: Option<PathBuf>,
    /// The servers that are asked after a write; those of the zone's NS records, if left out.
    #[serde(default)]
    pub authorities: Vec<SocketAddr>,
}

/// The mode of a policy, or who decides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyMode {
    /// The stage of the roll-out decides.
    #[default]
    Managed,
    /// Mode testing.
    Testing,
    /// Mode enforce.
    Enforce,
    /// Mode none.
    None,
}

/// Who serves the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HostWay {
    /// This program.
    Own,
    /// Another: what is live is observed.
    #[default]
    External,
}

/// Who sets the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum DnsWay {
    /// A person: what is live is observed.
    #[default]
    Manual,
    /// This program, at the server of this name.
    Server(String),
}

/// How ids are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdStyle {
    /// Of the policy: the same policy has the same id.
    #[default]
    Content,
    /// Of the time.
    Timestamp,
}

/// An MX pattern as it is written.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Pattern(pub MxPattern);

/// A provider as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderName {
    /// Google Workspace.
    GoogleWorkspace,
    /// Microsoft 365.
    #[serde(rename = "microsoft-365")]
    Microsoft365,
    /// Proofpoint.
    Proofpoint,
    /// Own hosts, each named.
    SelfHosted,
}

/// A `max_age` as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "u32")]
pub struct Seconds(pub MaxAge);

/// A domain of ours as it is written.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct BaseName(pub DomainName);

/// An address for reports as it is written.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Rua(pub ReportUri);

impl Section {
    /// Paths that are not absolute start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        let secrets = self.dns_servers.values_mut().map(|server| &mut server.secret_file);
        for path in [&mut self.directory, &mut self.store].into_iter().chain(secrets).flatten() {
            *path = folder.join(&*path);
        }
        self.host.relative_to(folder);
        if let Some(acme) = &mut self.acme {
            acme.relative_to(folder);
        }
    }

    /// The file in which stages and histories are kept.
    pub fn store_file(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| state_folder().join("store.sqlite"))
    }
}

impl Terms {
    /// These, and where they say nothing, those of a group. Patterns and providers that are given
    /// take the place of the group's, each for itself.
    pub(crate) fn or(&self, group: &Self) -> Self {
        fn one<T: Clone>(first: &Option<T>, second: &Option<T>) -> Option<T> {
            first.as_ref().or(second.as_ref()).cloned()
        }
        Self {
            group: self.group.clone(),
            mode: self.mode.or(group.mode),
            mx: one(&self.mx, &group.mx),
            providers: one(&self.providers, &group.providers),
            max_age: self.max_age.or(group.max_age),
            rollout: self.rollout.or(group.rollout),
            host: self.host.or(group.host),
            dns: one(&self.dns, &group.dns),
            rua: one(&self.rua, &group.rua),
            id_style: self.id_style.or(group.id_style),
            target: one(&self.target, &group.target),
            ttl: self.ttl.or(group.ttl),
            own_networks: one(&self.own_networks, &group.own_networks),
            delegate: one(&self.delegate, &group.delegate),
        }
    }
}

impl PolicyMode {
    /// The mode, unless the stage decides.
    pub fn fixed(self) -> Option<Mode> {
        match self {
            Self::Managed => None,
            Self::Testing => Some(Mode::Testing),
            Self::Enforce => Some(Mode::Enforce),
            Self::None => Some(Mode::None),
        }
    }
}

impl ProviderName {
    pub(crate) fn patterns(self) -> Vec<MxPattern> {
        match self {
            Self::GoogleWorkspace => Provider::GoogleWorkspace.patterns(),
            Self::Microsoft365 => Provider::Microsoft365.patterns(),
            Self::Proofpoint => Provider::Proofpoint.patterns(),
            Self::SelfHosted => Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl From<String> for DnsWay {
    fn from(word: String) -> Self {
        if word == "manual" { Self::Manual } else { Self::Server(word) }
    }
}

impl From<DnsWay> for String {
    fn from(way: DnsWay) -> Self {
        match way {
            DnsWay::Manual => "manual".to_owned(),
            DnsWay::Server(name) => name,
        }
    }
}

fn usual_algorithm() -> String {
    "hmac-sha256".to_owned()
}

impl<'de> Deserialize<'de> for BaseName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        DomainName::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let seconds = u32::deserialize(from)?;
        MaxAge::from_secs(seconds)
            .map(Self)
            .ok_or_else(|| D::Error::custom("max_age is at most 31557600 seconds"))
    }
}

impl<'de> Deserialize<'de> for Rua {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}
