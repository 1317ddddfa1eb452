//! Keys, requests and certificates: what is made and read of them.

use data_encoding::BASE64URL_NOPAD;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use sealpost_listen::tls::NamedCertificate;
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

use super::AcmeError;

/// What must be known of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    /// Seconds since 1970.
    pub(crate) not_after: i64,
    /// Whether it is for the name, by a SAN that is not a wildcard.
    pub(crate) names: Vec<String>,
}

/// A fresh key for a certificate, PEM.
pub(crate) fn generate_key() -> Result<String, AcmeError> {
    Ok(KeyPair::generate().map_err(|_| AcmeError::Key)?.serialize_pem())
}

/// The request for a certificate of one name, DER.
pub(crate) fn request(host: &str, key: &str) -> Result<Vec<u8>, AcmeError> {
    let key = KeyPair::from_pem(key).map_err(|_| AcmeError::Key)?;
    let mut params = CertificateParams::new([host.to_owned()]).map_err(|_| AcmeError::Key)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(|_| AcmeError::Key)?;
    Ok(request.der().to_vec())
}

/// The certificate that answers a challenge by tls-alpn-01 (RFC 8737 §3).
pub(crate) fn challenge(host: &str, authorization: &str) -> Result<NamedCertificate, AcmeError> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, authorization.as_bytes());
    let mut params = CertificateParams::new([host.to_owned()]).map_err(|_| AcmeError::Key)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
    let key = KeyPair::generate().map_err(|_| AcmeError::Key)?;
    let certificate = params.self_signed(&key).map_err(|_| AcmeError::Key)?;
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    NamedCertificate::for_challenge(certificate.as_bytes(), key.as_bytes())
        .map_err(|_| AcmeError::Key)
}

/// The record that answers a challenge by dns-01 (RFC 8555 §8.4).
pub(crate) fn record(authorization: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, authorization.as_bytes());
    BASE64URL_NOPAD.encode(digest.as_ref())
}

impl CertificateFacts {
    /// Reads a certificate, DER. `None` if it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.into_iter().flat_map(|names| &names.value.general_names);
        let names = names.filter_map(|name| match name {
            x509_parser::prelude::GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        Some(Self {
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            names: names.collect(),
        })
    }
}

/// How renewal information names a certificate (RFC 9773 §4.1).
pub(crate) fn certificate_id(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let authority = certificate.extensions().iter().find_map(|extension| {
        match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref(),
            _ => None,
        }
    })?;
    let serial = certificate.tbs_certificate.raw_serial();
    Some(format!("{}.{}", BASE64URL_NOPAD.encode(authority.0), BASE64URL_NOPAD.encode(serial)))
}
