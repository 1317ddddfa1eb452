//! The verifier: all that is wrong with a certificate, not only the first thing.
//!
//! The chain and the name are verified apart, both by `webpki`. Where dates fail, the chain is
//! verified again at a time at which they hold, so that an expired certificate of an unknown
//! authority shows both faults. The signatures of the handshake are always verified for real: a
//! server that does not hold the key of its certificate gets no session.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sealpost_evidence::{Certificate, CertificateFault};
use webpki::{EndEntityCert, KeyUsage, RawPublicKeyEntity, VerifiedPath};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::facts;
use crate::text::printable;

/// The most certificates of a chain that are looked at.
pub(super) const MOST_CERTIFICATES: usize = 16;

/// Verifies the certificate of one handshake, and keeps what it found.
#[derive(Debug)]
pub(super) struct RecordingVerifier {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    verdict: Mutex<Option<Vec<CertificateFault>>>,
}

impl RecordingVerifier {
    /// A verifier for one handshake.
    pub(super) fn new(roots: Arc<RootCertStore>, provider: Arc<CryptoProvider>) -> Self {
        Self { roots, provider, verdict: Mutex::new(None) }
    }

    /// What the handshake's certificate was found to be; `None` before there was one.
    pub(super) fn verdict(&self) -> Option<Vec<CertificateFault>> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for RecordingVerifier {
    /// Records every fault, and lets the handshake go on.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let intermediates = intermediates.get(..MOST_CERTIFICATES - 1).unwrap_or(intermediates);
        let judge = Judge { roots: &self.roots, provider: &self.provider, now };
        let faults = judge.faults(end_entity, intermediates, server_name);
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(faults);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match raw_key(certificate) {
            None => verify_tls12_signature(message, certificate, signature, algorithms),
            Some(key) => verify_with_raw_key(message, &key, signature, algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match raw_key(certificate) {
            None => verify_tls13_signature(message, certificate, signature, algorithms),
            Some(key) => verify_tls13_signature_with_raw_key(message, &key, signature, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The key of a certificate that `webpki` refuses to read, as it must where an extension is critical
/// and unknown to it. Such a certificate has a fault, and yet the server can prove that it holds the
/// key.
fn raw_key(certificate: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    if EndEntityCert::try_from(certificate).is_ok() {
        return None;
    }
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(SubjectPublicKeyInfoDer::from(parsed.public_key().raw.to_vec()))
}

/// What `verify_tls12_signature` does, with the key alone.
fn verify_with_raw_key(
    message: &[u8],
    key: &SubjectPublicKeyInfoDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    let key = RawPublicKeyEntity::try_from(key)
        .map_err(|_| rustls::Error::from(CertificateError::BadEncoding))?;
    // In TLS 1.2 a scheme does not say which curve: each that fits is tried.
    let holds = algorithms
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme == signature.scheme)
        .flat_map(|(_, algorithms)| algorithms.iter())
        .any(|algorithm| key.verify_signature(*algorithm, message, signature.signature()).is_ok());
    if holds {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// Judges certificates at one moment.
struct Judge<'a> {
    roots: &'a RootCertStore,
    provider: &'a CryptoProvider,
    now: UnixTime,
}

impl Judge<'_> {
    /// Everything that is wrong, in the order: dates, name, trust.
    fn faults(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
    ) -> Vec<CertificateFault> {
        let (leaf, defect) = facts::read(end_entity);
        if let Some(detail) = defect {
            return vec![CertificateFault::Malformed { detail }];
        }
        let mut faults = self.date_faults(&leaf);
        let certificate = match EndEntityCert::try_from(end_entity) {
            Ok(certificate) => certificate,
            Err(error) => {
                faults.push(self.chain_fault(error, end_entity));
                return faults;
            }
        };
        let (issuers_dates, trust) = self.chain(&certificate, end_entity, intermediates);
        for fault in issuers_dates {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
        //# Matching is performed only against the DNS-ID identifiers.
        if certificate.verify_is_valid_for_subject_name(server_name).is_err() {
            faults.push(name_mismatch(&leaf, &server_name.to_str()));
        }
        faults.extend(trust);
        faults
    }

    /// Verifies the chain: faults of dates that hold now, and what else is wrong with it.
    fn chain(
        &self,
        certificate: &EndEntityCert<'_>,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> (Vec<CertificateFault>, Option<CertificateFault>) {
        let mut dates = Vec::new();
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
        //# MUST present an X.509 certificate that is valid for the "mta-sts"
        //# DNS-ID [RFC6125] (e.g., "mta-sts.example.com") as described below,
        //# chain to a root CA that is trusted by the Sending MTA, and be non-
        //# expired.
        match self.verify(certificate, intermediates, self.now) {
            Ok(_) => return (dates, None),
            Err(error) => match self.date_fault(&error) {
                Some(fault) => dates.push(fault),
                None => return (dates, Some(self.chain_fault(error, end_entity))),
            },
        }
        for time in moments(end_entity, intermediates) {
            match self.verify(certificate, intermediates, time) {
                Ok(path) => {
                    for issuer in path.intermediate_certificates() {
                        let (issuer, _) = facts::read(&issuer.der());
                        dates.extend(self.date_faults(&issuer));
                    }
                    return (dates, None);
                }
                Err(error) if is_of_dates(&error) => {}
                Err(error) => return (dates, Some(self.chain_fault(error, end_entity))),
            }
        }
        // The dates of the chain exclude each other: all there is to say is in the dates.
        (dates, None)
    }

    fn verify<'p>(
        &'p self,
        certificate: &'p EndEntityCert<'p>,
        intermediates: &'p [CertificateDer<'p>],
        time: UnixTime,
    ) -> Result<VerifiedPath<'p>, webpki::Error> {
        certificate.verify_for_usage(
            self.provider.signature_verification_algorithms.all,
            &self.roots.roots,
            intermediates,
            time,
            KeyUsage::server_auth(),
            None,
            None,
        )
    }

    /// Faults of the dates of one certificate, by our own reading.
    fn date_faults(&self, certificate: &Certificate) -> Vec<CertificateFault> {
        let now = timestamp(self.now.as_secs());
        let mut faults = Vec::new();
        if now > certificate.not_after {
            faults.push(CertificateFault::Expired { not_after: certificate.not_after });
        }
        if now < certificate.not_before {
            faults.push(CertificateFault::NotYetValid { not_before: certificate.not_before });
        }
        faults
    }

    /// The fault of dates behind an error at the present time.
    fn date_fault(&self, error: &webpki::Error) -> Option<CertificateFault> {
        match error {
            webpki::Error::CertExpired { not_after, .. } => {
                Some(CertificateFault::Expired { not_after: timestamp(not_after.as_secs()) })
            }
            webpki::Error::CertNotValidYet { not_before, .. } => {
                Some(CertificateFault::NotYetValid { not_before: timestamp(not_before.as_secs()) })
            }
            _ => None,
        }
    }

    /// The fault behind an error of the chain that is not one of dates.
    #[expect(clippy::needless_pass_by_value, reason = "the error ends here")]
    fn chain_fault(&self, error: webpki::Error, der: &CertificateDer<'_>) -> CertificateFault {
        use webpki::Error;
        let detail = || printable(&error.to_string());
        match error {
            Error::UnknownIssuer if self.is_self_signed(der) => CertificateFault::SelfSigned,
            Error::UnknownIssuer => CertificateFault::UnknownIssuer,
            // What `openssl req -x509` makes by default.
            Error::CaUsedAsEndEntity if self.is_self_signed(der) => CertificateFault::SelfSigned,
            Error::CaUsedAsEndEntity => CertificateFault::Other {
                detail: "the certificate is an authority's own, not a server's".to_owned(),
            },
            Error::RequiredEkuNotFoundContext(_) => CertificateFault::WrongPurpose,
            Error::InvalidSignatureForPublicKey => CertificateFault::BadSignature,
            Error::BadDer
            | Error::BadDerTime
            | Error::ExtensionValueInvalid
            | Error::InvalidCertValidity
            | Error::InvalidSerialNumber
            | Error::MalformedDnsIdentifier
            | Error::MalformedExtensions
            | Error::SignatureAlgorithmMismatch
            | Error::TrailingData(_) => CertificateFault::Malformed { detail: detail() },
            _ => CertificateFault::Other { detail: detail() },
        }
    }

    /// Does the certificate name itself as its issuer, and does its own key verify its signature?
    fn is_self_signed(&self, der: &CertificateDer<'_>) -> bool {
        let (Ok((_, parsed)), Ok(certificate)) =
            (X509Certificate::from_der(der), EndEntityCert::try_from(der))
        else {
            return false;
        };
        if parsed.issuer().as_raw() != parsed.subject().as_raw() {
            return false;
        }
        let signed = parsed.tbs_certificate.as_ref();
        let signature = parsed.signature_value.data.as_ref();
        // The algorithm is tried out, not looked up: few fit the key, and one that fits by
        // accident still proves that the key made the signature.
        self.provider
            .signature_verification_algorithms
            .all
            .iter()
            .any(|algorithm| certificate.verify_signature(*algorithm, signed, signature).is_ok())
    }
}

fn is_of_dates(error: &webpki::Error) -> bool {
    matches!(error, webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. })
}

/// Every moment at which the validity of one of these certificates begins or ends. If there is a
/// time at which all of a chain hold, then one of these is such a time.
fn moments(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Vec<UnixTime> {
    let seconds: BTreeSet<u64> = std::iter::once(end_entity)
        .chain(intermediates)
        .filter_map(|der| X509Certificate::from_der(der).ok())
        .flat_map(|(_, certificate)| {
            let validity = certificate.validity();
            [validity.not_before.timestamp(), validity.not_after.timestamp()]
        })
        .filter_map(|seconds| u64::try_from(seconds).ok())
        .collect();
    // The latest first: what held last tells most about now.
    seconds
        .into_iter()
        .rev()
        .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        .collect()
}

fn name_mismatch(leaf: &Certificate, expected: &str) -> CertificateFault {
    let fits = |name: &String| {
        name.eq_ignore_ascii_case(expected)
            || name.strip_prefix('*').is_some_and(|parent| {
                expected
                    .split_once('.')
                    .is_some_and(|(_, rest)| parent.strip_prefix('.') == Some(rest))
            })
    };
    CertificateFault::NameMismatch {
        expected: expected.to_owned(),
        presented: leaf.dns_names.clone(),
        common_name_fits: leaf.common_name.as_ref().is_some_and(fits),
    }
}

fn timestamp(seconds: u64) -> Timestamp {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}
