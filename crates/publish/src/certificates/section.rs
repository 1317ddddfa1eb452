//! What the operator writes about the authority.

use std::path::{Path, PathBuf};

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_store::Allowance;
use serde::Deserialize;

use super::forecast::registered_domain;
use crate::ChallengeKind;

/// The directory of Let's Encrypt, and that for trials.
const LETS_ENCRYPT: (&str, &str) = (
    "https://acme-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org/directory",
);

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
    /// The directory of the same authority for trials: there a failed name is tried first again. That
    /// of Let's Encrypt is known.
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
    #[schemars(range(min = 1, max = 64))]
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
    /// The directory for trials.
    pub(crate) fn trials(&self) -> Option<&str> {
        let (directory, trials) = LETS_ENCRYPT;
        self.staging.as_deref().or((self.directory == directory).then_some(trials))
    }

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

    /// How often the authority may find that a name is not proved: with Let's Encrypt five times an
    /// hour. Two at once and one more in 20 minutes are never more.
    pub(crate) fn of_failures(directory: &str, host: &DomainName) -> Allowance {
        Allowance { name: format!("failures {host} {directory}"), burst: 2, interval: 1_200 }
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
            directory: LETS_ENCRYPT.0.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trials_of_lets_encrypt_are_known_and_no_others() {
        let usual = AcmeSection::default();
        assert_eq!(usual.trials(), Some(LETS_ENCRYPT.1));
        let other = AcmeSection { directory: "https://ca.test/dir".to_owned(), ..usual };
        assert_eq!(other.trials(), None);
        let own = AcmeSection { staging: Some("https://ca.test/try".to_owned()), ..other };
        assert_eq!(own.trials(), Some("https://ca.test/try"));
    }

    #[test]
    fn no_hour_sees_more_than_five_failures_of_a_name() {
        let limit = AcmeLimits::of_failures("", &"mta-sts.a.test".parse().unwrap());
        let (mut free_at, mut failures) = (0, Vec::new());
        // Whoever tries as soon as it is allowed, and always fails.
        while failures.len() < 20 {
            let now = failures.last().copied().unwrap_or(1_000_000);
            let (at, free) = limit.next(free_at, now);
            free_at = free;
            failures.push(at);
        }
        let most =
            failures.windows(6).all(|six| six.last() > six.first().map(|at| at + 3_600).as_ref());
        assert!(most, "{failures:?}");
    }
}
