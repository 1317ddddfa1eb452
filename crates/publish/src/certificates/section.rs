//! What the operator writes about the authority.

use std::path::{Path, PathBuf};

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_store::Allowance;
use serde::Deserialize;

use super::forecast::registered_domain;
use crate::ChallengeKind;

/// The section `[publish.acme]`.
///
/// ```toml
/// [publish.acme]
/// agree_to_terms = true
/// contact = ["mailto:postmaster@example.com"]
/// challenge = "tls-alpn-01"  # or "http-01", "dns-01"
/// key_file = "store.key"     # encrypts the keys in the store
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeSection {
    /// The URL of the authority's directory: that of Let's Encrypt by default.
    pub directory: String,
    /// The directory of the same authority for trials: there a failed name is tried first again.
    pub staging: Option<String>,
    /// Whether the operator agrees to the authority's terms of service.
    pub agree_to_terms: bool,
    /// Where the authority may write to.
    pub contact: Vec<String>,
    /// How names are proved.
    pub challenge: ChallengeKind,
    /// A file with 32 octets in base64, by which keys are encrypted in the store.
    #[schemars(extend("x-path" = "own-secret"))]
    pub key_file: Option<PathBuf>,
    /// An account that the operator has with the authority already.
    pub external_account: Option<ExternalAccount>,
    /// The names by which CAA records know the authority; by default as it says itself.
    pub authorities: Vec<String>,
    /// The kind of certificate, where the authority offers several.
    pub profile: Option<String>,
    /// What the authority allows.
    pub limits: AcmeLimits,
    /// Orders under way at a time: 4.
    pub parallel: usize,
}

/// An account of the authority's own customers (RFC 8555 §7.3.4).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalAccount {
    /// Its id.
    pub id: String,
    /// A file with its key, in base64url.
    #[schemars(extend("x-path" = "secret"))]
    pub key_file: PathBuf,
}

/// What an authority allows: so many orders at once, and one more in each interval. By default as
/// Let's Encrypt has it, a little less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeLimits {
    /// Orders of an account at once: 280.
    pub orders: u32,
    /// Seconds until one more is free: 36.
    pub order_seconds: u32,
    /// Orders for names of one registered domain at once: 45.
    pub orders_per_domain: u32,
    /// Seconds until one more is free: 12,120.
    pub order_seconds_per_domain: u32,
}

impl AcmeSection {
    /// Paths that are not absolute start from this folder.
    pub(crate) fn relative_to(&mut self, folder: &Path) {
        let external = self.external_account.as_mut().map(|account| &mut account.key_file);
        for path in self.key_file.as_mut().into_iter().chain(external) {
            *path = folder.join(&*path);
        }
    }
}

impl AcmeLimits {
    /// What one account may order.
    pub(crate) fn of_account(&self, directory: &str) -> Allowance {
        let name = format!("orders {directory}");
        Allowance { name, burst: self.orders, interval: self.order_seconds }
    }

    /// What may be ordered for the registered domain of a host.
    pub(crate) fn of_domain(&self, directory: &str, host: &DomainName) -> Allowance {
        Allowance {
            name: format!("domain {} {directory}", registered_domain(host)),
            burst: self.orders_per_domain,
            interval: self.order_seconds_per_domain,
        }
    }
}

impl Default for AcmeLimits {
    fn default() -> Self {
        Self {
            orders: 280,
            order_seconds: 36,
            orders_per_domain: 45,
            order_seconds_per_domain: 12_120,
        }
    }
}

impl Default for AcmeSection {
    fn default() -> Self {
        Self {
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            staging: None,
            agree_to_terms: false,
            contact: Vec::new(),
            challenge: ChallengeKind::default(),
            key_file: None,
            external_account: None,
            authorities: Vec::new(),
            profile: None,
            limits: AcmeLimits::default(),
            parallel: 4,
        }
    }
}
