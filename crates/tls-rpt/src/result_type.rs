//! The names of what went wrong, as reports count them (RFC 8460 section 4.3).

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A result type of RFC 8460 section 4.3, or a name that is not registered there.
///
/// The registry may grow, so a name that is unknown here is kept and written out again as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ResultType {
    /// `starttls-not-supported`: the MX did not offer STARTTLS.
    StartTlsNotSupported,
    /// `certificate-host-mismatch`: the certificate is not for the name that the policy asks for.
    CertificateHostMismatch,
    /// `certificate-expired`: the certificate has run out.
    CertificateExpired,
    /// `certificate-not-trusted`: the chain does not lead to an authority that the sender trusts.
    CertificateNotTrusted,
    /// `validation-failure`: any other failure; the reason code says more.
    ValidationFailure,
    /// `tlsa-invalid`: no usable TLSA record matched (DANE).
    TlsaInvalid,
    /// `dnssec-invalid`: the resolver gave no record that it could validate (DANE).
    DnssecInvalid,
    /// `dane-required`: the sender insists on DANE and the MX has none.
    DaneRequired,
    /// `sts-policy-fetch-error`: the policy could not be fetched (MTA-STS).
    StsPolicyFetchError,
    /// `sts-policy-invalid`: the policy was fetched and is wrong (MTA-STS).
    StsPolicyInvalid,
    /// `sts-webpki-invalid`: the certificate of the policy host is wrong (MTA-STS).
    StsWebpkiInvalid,
    /// Any other name, as written. Made by [`From`], never with one of the names above.
    Other(String),
}

impl ResultType {
    /// The registered types, in the order of the RFC.
    pub const REGISTERED: [Self; 11] = [
        Self::StartTlsNotSupported,
        Self::CertificateHostMismatch,
        Self::CertificateExpired,
        Self::CertificateNotTrusted,
        Self::ValidationFailure,
        Self::TlsaInvalid,
        Self::DnssecInvalid,
        Self::DaneRequired,
        Self::StsPolicyFetchError,
        Self::StsPolicyInvalid,
        Self::StsWebpkiInvalid,
    ];

    /// The name, as reports write it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::StartTlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
            Self::Other(name) => name,
        }
    }

    /// Whether RFC 8460 defines the name.
    pub fn is_registered(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.3
//# The list of result types will start with the minimal set below and is
//# expected to grow over time based on real-world experience.
impl From<&str> for ResultType {
    fn from(name: &str) -> Self {
        Self::REGISTERED
            .into_iter()
            .find(|registered| registered.as_str() == name)
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl FromStr for ResultType {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(name))
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ResultType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
