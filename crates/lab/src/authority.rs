//! The certificate authorities of the lab: one that clients trust, and one that they do not.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

use crate::{LabError, host::Certificate};

const DAY: Duration = Duration::from_secs(86_400);
/// 2000-01-01 and 2200-01-01, in seconds since 1970.
const SENSIBLE_TIMES: std::ops::Range<i64> = 946_684_800..7_258_118_400;
/// An object identifier under the example arc of ISO, which no verifier knows.
const UNKNOWN_EXTENSION: &[u64] = &[2, 999, 8461];

/// Issues every certificate of the lab.
pub(crate) struct Authority {
    /// The lab's time, since 1970.
    now: Duration,
    provider: Arc<CryptoProvider>,
    root: Signer,
    root_pem: String,
    intermediate: Signer,
    /// Below the root, and allowed to issue for one other domain only.
    constrained: Signer,
    /// Below a root that no client trusts.
    untrusted: Signer,
}

/// A certificate of an authority, with its key.
struct Signer {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// Begin and end of validity, since 1970.
#[derive(Clone, Copy)]
struct Validity(Duration, Duration);

/// Why a server has no certificate to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssueError {
    #[error("{0}")]
    Certificate(#[from] rcgen::Error),
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

impl Authority {
    pub(crate) fn new(now: Timestamp) -> Result<Self, LabError> {
        if !SENSIBLE_TIMES.contains(&now.as_second()) {
            return Err(LabError::Time);
        }
        let now = Duration::from_secs(u64::try_from(now.as_second()).map_err(|_| LabError::Time)?);
        let long = Validity(now.saturating_sub(DAY * 400), now + DAY * 3650);
        let (root, root_pem) = Signer::root("Lab Root", long)?;
        let intermediate = root.sign_authority("Lab Intermediate", long, None)?;
        let elsewhere = NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("elsewhere.test".to_owned())],
            excluded_subtrees: Vec::new(),
        };
        let constrained = root.sign_authority("Lab Constrained", long, Some(elsewhere))?;
        let (stranger, _) = Signer::root("Stranger Root", long)?;
        let untrusted = stranger.sign_authority("Stranger Intermediate", long, None)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(Self { now, provider, root, root_pem, intermediate, constrained, untrusted })
    }

    /// The only root that clients of the lab trust, PEM.
    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    pub(crate) fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// Makes a certificate of this kind for the host.
    pub(crate) fn issue(&self, host: &str, kind: Certificate) -> Result<CertifiedKey, IssueError> {
        let key = KeyPair::generate()?;
        let chain = self.chain(host, kind, &key)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        // Without rustls's check that key and certificate fit: it refuses to read the stranger
        // ones of these certificates.
        Ok(CertifiedKey::new(chain, self.provider.key_provider.load_private_key(key)?))
    }

    fn chain(
        &self,
        host: &str,
        kind: Certificate,
        key: &KeyPair,
    ) -> Result<Vec<CertificateDer<'static>>, rcgen::Error> {
        let parent = host.split_once('.').map_or(host, |(_, parent)| parent);
        let mut leaf = leaf(host, host, self.validity(kind))?;
        match kind {
            Certificate::WrongName => leaf = self.renamed(host, &format!("other.{parent}"))?,
            Certificate::Wildcard => leaf = self.renamed(host, &format!("*.{parent}"))?,
            Certificate::PartialWildcard => leaf = self.renamed(host, &format!("m*.{parent}"))?,
            Certificate::CommonNameOnly => leaf.subject_alt_names.clear(),
            Certificate::ClientOnly => {
                leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            Certificate::CriticalExtension | Certificate::UnknownExtension => {
                // A DER NULL as the value.
                let mut extension =
                    CustomExtension::from_oid_content(UNKNOWN_EXTENSION, vec![5, 0]);
                extension.set_criticality(matches!(kind, Certificate::CriticalExtension));
                leaf.custom_extensions.push(extension);
            }
            Certificate::SelfSigned | Certificate::SelfSignedExpired => {
                return Ok(vec![leaf.self_signed(key)?.der().clone()]);
            }
            Certificate::SelfSignedAuthority => {
                leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                leaf.key_usages.push(KeyUsagePurpose::KeyCertSign);
                return Ok(vec![leaf.self_signed(key)?.der().clone()]);
            }
            _ => {}
        }
        let signer = match kind {
            Certificate::UntrustedRoot => &self.untrusted,
            Certificate::OutsideConstraint => &self.constrained,
            _ => &self.intermediate,
        };
        let mut chain = vec![leaf.signed_by(key, &signer.issuer)?.der().clone()];
        if !matches!(kind, Certificate::MissingIntermediate) {
            chain.push(signer.certificate.clone());
        }
        if matches!(kind, Certificate::WithRoot) {
            chain.push(self.root.certificate.clone());
        }
        Ok(chain)
    }

    fn renamed(&self, host: &str, name: &str) -> Result<CertificateParams, rcgen::Error> {
        leaf(host, name, self.validity(Certificate::good()))
    }

    fn validity(&self, kind: Certificate) -> Validity {
        let dated = |lifetime: i32, left: i32| {
            let length = DAY * lifetime.unsigned_abs();
            let end = if left < 0 {
                self.now.saturating_sub(DAY * left.unsigned_abs())
            } else {
                // An hour more, so that the days left hold while the lab runs.
                self.now + DAY * left.unsigned_abs() + DAY / 24
            };
            Validity(end.saturating_sub(length), end)
        };
        match kind {
            Certificate::Dated { lifetime, left } => dated(lifetime, left),
            Certificate::SelfSignedExpired => dated(90, -3),
            Certificate::Fresh => {
                Validity(self.now.saturating_sub(DAY / 1440), self.now + DAY * 90)
            }
            Certificate::NotYetValid => Validity(self.now + DAY * 2, self.now + DAY * 92),
            _ => dated(90, 89),
        }
    }
}

impl Signer {
    fn root(common_name: &str, validity: Validity) -> Result<(Self, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let params = authority(common_name, validity);
        let certificate = params.self_signed(&key)?;
        let pem = certificate.pem();
        Ok((Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key) }, pem))
    }

    fn sign_authority(
        &self,
        common_name: &str,
        validity: Validity,
        constraints: Option<NameConstraints>,
    ) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = authority(common_name, validity);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.name_constraints = constraints;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?.der().clone();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }
}

/// An authority with no limit to its path.
fn authority(common_name: &str, validity: Validity) -> CertificateParams {
    let mut params = dated(common_name, validity);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A server certificate with one subject alternative name.
fn leaf(
    common_name: &str,
    alternative_name: &str,
    validity: Validity,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated(common_name, validity);
    params.subject_alt_names =
        CertificateParams::new([alternative_name.to_owned()])?.subject_alt_names;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn dated(common_name: &str, Validity(begin, end): Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + begin;
    params.not_after = epoch + end;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Sealpost lab");
    // A common name holds at most 64 characters (RFC 5280, appendix A.1).
    subject.push(DnType::CommonName, common_name.chars().take(64).collect::<String>());
    params.distinguished_name = subject;
    params
}
