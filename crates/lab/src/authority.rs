//! The certificate authorities of the lab: one that clients trust, and one that they do not.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use data_encoding::BASE64;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PublicKeyData as _, date_time_ymd,
};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

use sha2::{Digest, Sha256, Sha512};

use crate::{
    LabError,
    host::{Certificate, Tlsa, TlsaOf},
};

const DAY: Duration = Duration::from_secs(86_400);
/// What every certificate but one says of its subject.
const ORGANIZATION: &str = "Sealpost lab";
/// So long after it was issued a certificate is issued anew: at two thirds of ninety days, as automatic
/// authorities do it.
const RENEWED_AFTER: Duration = Duration::from_secs(60 * 86_400);
/// 2000-01-01 and 2200-01-01, in seconds since 1970.
const SENSIBLE_TIMES: std::ops::Range<i64> = 946_684_800..7_258_118_400;
/// An object identifier under the example arc of ISO, which no verifier knows.
const UNKNOWN_EXTENSION: &[u64] = &[2, 999, 8461];

/// Issues every certificate of the lab.
pub(crate) struct Authority {
    /// The lab's time, in seconds since 1970.
    now: AtomicU64,
    provider: Arc<CryptoProvider>,
    root: Signer,
    root_pem: String,
    intermediate: Signer,
    /// Below the root, and allowed to issue for one other domain only.
    constrained: Signer,
    /// Below the root, under the name of a public authority.
    named: Signer,
    /// Below a root that no client trusts.
    untrusted: Signer,
}

/// A certificate of an authority, with its key.
struct Signer {
    certificate: CertificateDer<'static>,
    /// SubjectPublicKeyInfo, DER.
    public_key: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// What a host shows and proves itself with.
pub(crate) struct Identity {
    /// The host's own certificate first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// SubjectPublicKeyInfo, DER.
    public_key: Vec<u8>,
    /// PKCS #8, DER.
    key: Vec<u8>,
}

/// An identity that is made when it is first needed, and then anew from time to time, with the same key:
/// what is wrong with it is wrong again.
pub(crate) struct LazyIdentity {
    authority: Arc<Authority>,
    host: String,
    kind: Certificate,
    /// The newest, and the lab's time when it was made.
    made: Mutex<Option<(Duration, Arc<Identity>)>>,
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
        let now = sensible(now)?;
        let long = Validity(now.saturating_sub(DAY * 400), now + DAY * 3650);
        let (root, root_pem) = Signer::root("Lab Root", long)?;
        let intermediate = root.sign_authority("Lab Intermediate", long, None)?;
        let elsewhere = NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("elsewhere.test".to_owned())],
            excluded_subtrees: Vec::new(),
        };
        let constrained = root.sign_authority("Lab Constrained", long, Some(elsewhere))?;
        let (stranger, _) = Signer::root("Stranger Root", long)?;
        let named = root.sign(authority("Let's Encrypt", "Lab 1", long))?;
        let untrusted = stranger.sign_authority("Stranger Intermediate", long, None)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let now = AtomicU64::new(now.as_secs());
        Ok(Self { now, provider, root, root_pem, intermediate, constrained, named, untrusted })
    }

    /// The only root that clients of the lab trust, PEM.
    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The lab's time, in seconds since 1970.
    pub(crate) fn now_seconds(&self) -> u32 {
        // Until 2106; after that, DNSSEC counts anew (RFC 4034 §3.1.5).
        u32::try_from(self.now().as_secs() % (1 << 32)).unwrap_or_default()
    }

    /// Sets the lab's time forward; it never goes back.
    pub(crate) fn set_forward(&self, to: Timestamp) -> Result<(), LabError> {
        self.now.fetch_max(sensible(to)?.as_secs(), Ordering::Relaxed);
        Ok(())
    }

    /// The lab's time, since 1970.
    fn now(&self) -> Duration {
        Duration::from_secs(self.now.load(Ordering::Relaxed))
    }

    pub(crate) fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// Makes a certificate of this kind for the host, and a key unless it has one.
    fn issue(
        &self,
        host: &str,
        kind: Certificate,
        key: Option<&[u8]>,
    ) -> Result<Identity, rcgen::Error> {
        let key = key.map_or_else(KeyPair::generate, KeyPair::try_from)?;
        let chain = self.chain(host, kind, &key)?;
        Ok(Identity { chain, public_key: key.subject_public_key_info(), key: key.serialize_der() })
    }

    /// The data of a TLSA record (RFC 6698 §2.1.4).
    pub(crate) fn association(
        &self,
        identity: &Identity,
        record: &Tlsa,
    ) -> Result<Vec<u8>, LabError> {
        let leaf = || identity.chain.first().map(|leaf| leaf.to_vec()).unwrap_or_default();
        let data = match (record.of, record.selector) {
            (TlsaOf::Leaf, 0) => leaf(),
            (TlsaOf::Leaf, _) => identity.public_key.clone(),
            (TlsaOf::Intermediate, 0) => self.intermediate.certificate.to_vec(),
            (TlsaOf::Intermediate, _) => self.intermediate.public_key.clone(),
            (TlsaOf::Root, 0) => self.root.certificate.to_vec(),
            (TlsaOf::Root, _) => self.root.public_key.clone(),
            (TlsaOf::OtherKey, _) => KeyPair::generate()?.subject_public_key_info(),
        };
        Ok(match record.matching {
            0 => data,
            2 => Sha512::digest(data).to_vec(),
            _ => Sha256::digest(data).to_vec(),
        })
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
            Certificate::Fixed(other) => leaf = self.renamed(other, other)?,
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
            Certificate::NamedAuthority => &self.named,
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
        let now = self.now();
        let dated = |lifetime: i32, left: i32| {
            let length = DAY * lifetime.unsigned_abs();
            let end = if left < 0 {
                now.saturating_sub(DAY * left.unsigned_abs())
            } else {
                // An hour more, so that the days left hold while the lab runs.
                now + DAY * left.unsigned_abs() + DAY / 24
            };
            Validity(end.saturating_sub(length), end)
        };
        match kind {
            Certificate::Dated { lifetime, left } => dated(lifetime, left),
            Certificate::SelfSignedExpired => dated(90, -3),
            Certificate::Fresh => Validity(now.saturating_sub(DAY / 1440), now + DAY * 90),
            Certificate::NotYetValid => Validity(now + DAY * 2, now + DAY * 92),
            _ => dated(90, 89),
        }
    }
}

impl Identity {
    pub(crate) fn chain_pem(&self) -> String {
        let block = |certificate: &CertificateDer<'_>| {
            let text = BASE64.encode(certificate);
            let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
            let lines: Vec<_> = lines.collect();
            let label = "CERTIFICATE-----";
            format!("-----BEGIN {label}\n{}\n-----END {label}\n", lines.join("\n"))
        };
        self.chain.iter().map(block).collect()
    }

    pub(crate) fn key_pem(&self) -> Result<String, rcgen::Error> {
        Ok(KeyPair::try_from(self.key.as_slice())?.serialize_pem())
    }

    /// For a server.
    pub(crate) fn certified(
        &self,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, rustls::Error> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        // Without rustls's check that key and certificate fit: it refuses to read the stranger
        // ones of these certificates.
        Ok(CertifiedKey::new(self.chain.clone(), provider.key_provider.load_private_key(key)?))
    }
}

impl LazyIdentity {
    pub(crate) fn new(authority: Arc<Authority>, host: String, kind: Certificate) -> Self {
        Self { authority, host, kind, made: Mutex::default() }
    }

    pub(crate) fn get(&self) -> Result<Arc<Identity>, rcgen::Error> {
        let now = self.authority.now();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = match &*made {
            Some((at, identity)) if now < *at + RENEWED_AFTER => return Ok(Arc::clone(identity)),
            Some((_, identity)) => Some(identity.key.as_slice()),
            None => None,
        };
        let identity = Arc::new(self.authority.issue(&self.host, self.kind, key)?);
        *made = Some((now, Arc::clone(&identity)));
        Ok(identity)
    }

    pub(crate) fn provider(&self) -> &Arc<CryptoProvider> {
        self.authority.provider()
    }
}

impl Signer {
    fn root(common_name: &str, validity: Validity) -> Result<(Self, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let params = authority(ORGANIZATION, common_name, validity);
        let certificate = params.self_signed(&key)?;
        let (pem, certificate) = (certificate.pem(), certificate.der().clone());
        let public_key = key.subject_public_key_info();
        Ok((Self { certificate, public_key, issuer: Issuer::new(params, key) }, pem))
    }

    fn sign_authority(
        &self,
        common_name: &str,
        validity: Validity,
        constraints: Option<NameConstraints>,
    ) -> Result<Self, rcgen::Error> {
        let mut params = authority(ORGANIZATION, common_name, validity);
        params.name_constraints = constraints;
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?.der().clone();
        let public_key = key.subject_public_key_info();
        Ok(Self { certificate, public_key, issuer: Issuer::new(params, key) })
    }
}

/// A time that certificates and signatures can bear, since 1970.
fn sensible(time: Timestamp) -> Result<Duration, LabError> {
    if !SENSIBLE_TIMES.contains(&time.as_second()) {
        return Err(LabError::Time);
    }
    u64::try_from(time.as_second()).map(Duration::from_secs).map_err(|_| LabError::Time)
}

/// An authority with no limit to its path.
fn authority(organization: &str, common_name: &str, validity: Validity) -> CertificateParams {
    let mut params = dated(organization, common_name, validity);
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
    let mut params = dated(ORGANIZATION, common_name, validity);
    params.subject_alt_names =
        CertificateParams::new([alternative_name.to_owned()])?.subject_alt_names;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn dated(
    organization: &str,
    common_name: &str,
    Validity(begin, end): Validity,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + begin;
    params.not_after = epoch + end;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, organization);
    // A common name holds at most 64 characters (RFC 5280, appendix A.1).
    subject.push(DnType::CommonName, common_name.chars().take(64).collect::<String>());
    params.distinguished_name = subject;
    params
}
