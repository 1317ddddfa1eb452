//! The path from a server's certificate to a trust anchor (RFC 6698 §2.1.1, RFC 7671 §5.2).

use std::collections::BTreeMap;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, VerifiedPath, anchor_from_trusted_cert,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use crate::chain::Chain;
use crate::der;
use crate::name::CommonNames;
use crate::outcome::FailureCause;

/// The most certificates of one subject that are tried as issuers. Paths multiply by this number at
/// each step, and a hostile server chooses the names.
const MOST_NAMESAKES: usize = 3;

/// The certificates of one server at one moment, ready for paths to be sought.
pub(crate) struct Paths<'a> {
    leaf: CertificateDer<'a>,
    issuers: Vec<CertificateDer<'a>>,
    now: i64,
}

impl<'a> Paths<'a> {
    /// `None` without a certificate. `now` is in seconds since 1970-01-01T00:00:00Z.
    pub(crate) fn new(chain: &Chain<'a>, now: i64) -> Option<Self> {
        let mut namesakes = BTreeMap::new();
        let mut issuers = Vec::new();
        for &certificate in chain.issuers() {
            let Some(parts) = der::certificate(certificate) else { continue };
            let count = namesakes.entry(parts.subject).or_insert(0_usize);
            *count += 1;
            if *count <= MOST_NAMESAKES {
                issuers.push(CertificateDer::from(certificate));
            }
        }
        Some(Self { leaf: chain.leaf()?.into(), issuers, now })
    }

    /// Verifies that this certificate issued the server's, directly or through others that were
    /// sent: signatures, validity, basic constraints, name constraints, purpose.
    ///
    /// Says whether common names may count below it.
    pub(crate) fn below_certificate(&self, anchor: &[u8]) -> Result<CommonNames, FailureCause> {
        let facts = Authority::read(anchor)?;
        let certificate = CertificateDer::from(anchor);
        let anchor = anchor_from_trusted_cert(&certificate).map_err(cause)?;
        let common_names = self.verify(&[anchor], facts.path_length)?;
        facts.check(self.now)?;
        Ok(common_names)
    }

    /// The same for a trust anchor of which nothing is known but its key: the contents of a
    /// SubjectPublicKeyInfo.
    ///
    /// [`FailureCause::NoMatch`] when it signed none of the certificates.
    pub(crate) fn below_key(
        &self,
        key: &[u8],
        chain: &Chain<'_>,
    ) -> Result<CommonNames, FailureCause> {
        //= https://www.rfc-editor.org/rfc/rfc7671#section-5.2.3
        //# If none of the server's certificate chain elements match a public key
        //# specified in a TLSA record, and at least one "DANE-TA(2) SPKI(1)
        //# Full(0)" TLSA record is available, it is RECOMMENDED that clients
        //# check to see whether or not the topmost certificate in the chain is
        //# signed by the provided public key and has not expired, and in that
        //# case consider the server authenticated, provided the rest of the
        //# chain passes validation, including leaf certificate name checks.
        let issuers =
            chain.certificates().iter().filter_map(|der| Some(der::certificate(der)?.issuer));
        let anchors: Vec<TrustAnchor<'_>> = issuers
            .map(|issuer| TrustAnchor {
                // The name is not in the record, so it is whatever the certificates call their issuer.
                subject: issuer.into(),
                subject_public_key_info: key.into(),
                name_constraints: None,
            })
            .collect();
        self.verify(&anchors, None).map_err(|cause| match cause {
            FailureCause::NotInPath
            | FailureCause::BadSignature
            | FailureCause::UnsupportedSignature => FailureCause::NoMatch,
            other => other,
        })
    }

    fn verify(
        &self,
        anchors: &[TrustAnchor<'_>],
        path_length: Option<u32>,
    ) -> Result<CommonNames, FailureCause> {
        let leaf = EndEntityCert::try_from(&self.leaf).map_err(cause)?;
        let seconds = u64::try_from(self.now).unwrap_or_default();
        let acceptable = |path: &VerifiedPath<'_>| {
            //= https://www.rfc-editor.org/rfc/rfc7671#section-5.2.1
            //# In
            //# particular, when authenticating the peer certificate chain via such a
            //# TLSA record, the client SHOULD apply any relevant constraints from
            //# the TA certificate, such as, for example, path length constraints.
            if path_length.is_some_and(|limit| authorities_between(path) > limit as usize) {
                return Err(Error::PathLenConstraintViolated);
            }
            // `webpki` has looked at basic constraints, and does not look at key usage.
            let all_issue = path.intermediate_certificates().all(|authority| {
                Authority::read(&authority.der())
                    .is_ok_and(|authority| authority.may_issue == Issuing::Allowed)
            });
            if all_issue { Ok(()) } else { Err(Error::EndEntityUsedAsCa) }
        };
        let path = leaf
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                anchors,
                &self.issuers,
                UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
                KeyUsage::server_auth(),
                None, // DANE revokes by withdrawing the record (RFC 7672 §4)
                Some(&acceptable),
            )
            .map_err(cause)?;
        let constrained = path.anchor().name_constraints.is_some()
            || path.intermediate_certificates().any(|authority| {
                let der = authority.der();
                let read = X509Certificate::from_der(&der);
                !read.is_ok_and(|(_, read)| matches!(read.name_constraints(), Ok(None)))
            });
        Ok(if constrained { CommonNames::Ignored } else { CommonNames::Considered })
    }
}

/// How many authorities stand between the anchor and the server's certificate; those that issued
/// themselves do not count (RFC 5280 §4.2.1.9).
fn authorities_between(path: &VerifiedPath<'_>) -> usize {
    path.intermediate_certificates()
        .filter(|authority| authority.issuer() != authority.subject())
        .count()
}

/// What a certificate says about itself as an authority.
struct Authority {
    not_before: i64,
    not_after: i64,
    may_issue: Issuing,
    path_length: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Issuing {
    Allowed,
    Denied,
}

impl Authority {
    fn read(der: &[u8]) -> Result<Self, FailureCause> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(malformed)?;
        let constraints = certificate.basic_constraints().map_err(malformed)?;
        let key_usage = certificate.key_usage().map_err(malformed)?;
        let is_authority = match &constraints {
            Some(constraints) => constraints.value.ca,
            // The first version of X.509 had no way to say it.
            None => certificate.version() == X509Version::V1,
        };
        let signs_certificates = key_usage.is_none_or(|usage| usage.value.key_cert_sign());
        let may_issue =
            if is_authority && signs_certificates { Issuing::Allowed } else { Issuing::Denied };
        Ok(Self {
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            may_issue,
            path_length: constraints.and_then(|constraints| constraints.value.path_len_constraint),
        })
    }

    fn check(&self, now: i64) -> Result<(), FailureCause> {
        if self.may_issue == Issuing::Denied {
            Err(FailureCause::NotAuthority)
        } else if now > self.not_after {
            Err(FailureCause::Expired { not_after: self.not_after })
        } else if now < self.not_before {
            Err(FailureCause::NotYetValid { not_before: self.not_before })
        } else {
            Ok(())
        }
    }
}

pub(crate) fn malformed(error: impl std::fmt::Display) -> FailureCause {
    FailureCause::Malformed { detail: error.to_string().into() }
}

fn cause(error: Error) -> FailureCause {
    match error {
        Error::UnknownIssuer => FailureCause::NotInPath,
        Error::CertExpired { not_after, .. } => {
            FailureCause::Expired { not_after: seconds(not_after) }
        }
        Error::CertNotValidYet { not_before, .. } => {
            FailureCause::NotYetValid { not_before: seconds(not_before) }
        }
        Error::EndEntityUsedAsCa => FailureCause::NotAuthority,
        Error::CaUsedAsEndEntity => FailureCause::LeafIsAuthority,
        Error::PathLenConstraintViolated => FailureCause::PathTooLong,
        Error::NameConstraintViolation => FailureCause::NameConstraint,
        Error::InvalidSignatureForPublicKey => FailureCause::BadSignature,
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            FailureCause::UnsupportedSignature
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            FailureCause::WrongPurpose
        }
        Error::MaximumNameConstraintComparisonsExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded => FailureCause::TooComplex,
        Error::BadDer
        | Error::BadDerTime
        | Error::ExtensionValueInvalid
        | Error::InvalidCertValidity
        | Error::InvalidSerialNumber
        | Error::MalformedDnsIdentifier
        | Error::MalformedExtensions
        | Error::MalformedNameConstraint
        | Error::SignatureAlgorithmMismatch
        | Error::TrailingData(_)
        | Error::UnsupportedCertVersion => malformed(error),
        _ => FailureCause::Other { detail: error.to_string().into() },
    }
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
