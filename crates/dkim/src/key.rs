//! Key records (RFC 6376 section 3.6.1, RFC 8463 section 4).

use std::fmt;

use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{
    ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey,
};

use crate::Algorithm;
use crate::tags::{TagFault, Tags, base64, items};

/// What DNS has at the name of a key ([`Signature::query_name`](crate::Signature::query_name)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAnswer {
    /// The TXT records, the strings of each joined without anything between them.
    Found(Vec<Vec<u8>>),
    /// There is none: the name does not exist, or has no TXT record.
    Absent,
    /// Could not be told: no answer, or one that cannot be believed. Ask again later.
    Unknown,
}

/// What a key may be used for (`s=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// `tlsrpt` is named: RFC 8460 section 3 wants it.
    TlsReports,
    /// Everything: `*`, or no `s=`, as nearly all keys have it.
    All,
    /// Mail, and no other service is named. A report by mail is mail.
    Email,
}

/// Why a key record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// Outside the grammar, or a tag stands twice.
    #[error("the record is no list of tags")]
    Malformed,
    /// Another version: perhaps no key at all, but what a wildcard gives.
    #[error("`v=` is not `DKIM1`, or not the first tag")]
    Version,
    /// No `p=`.
    #[error("`p=` is missing")]
    NoKey,
    /// `p=` is empty: the key was withdrawn.
    #[error("the key was withdrawn (`p=` is empty)")]
    Revoked,
    /// Neither `rsa` nor `ed25519`.
    #[error("`k=` is neither `rsa` nor `ed25519`")]
    Kind,
    /// `p=` holds no key of the kind that `k=` names.
    #[error("`p=` holds no key of the kind that `k=` names")]
    Unreadable,
    /// An RSA key that is too short to prove anything (RFC 8301 section 3.2).
    #[error("the RSA key has {bits} bits: fewer than 1024 prove nothing")]
    Weak {
        /// Its length.
        bits: usize,
    },
    /// For services of which mail is none.
    #[error("the key is for other services (`s=`)")]
    Service,
    /// `h=` does not allow SHA-256.
    #[error("the key does not allow SHA-256 (`h=`)")]
    Hash,
}

/// A key that signatures can be verified with.
pub(crate) struct Key {
    kind: Kind,
    pub service: Service,
    /// `s=` names mail too, or everything.
    pub is_for_mail: bool,
    /// `t=y`: the domain is only trying DKIM out.
    pub is_test: bool,
    /// `t=s`: the domain of `i=` must be that of `d=`.
    pub is_strict: bool,
}

enum Kind {
    /// In the form of RFC 8017, and its length in bits.
    Rsa(PublicKey, usize),
    Ed25519(Vec<u8>),
}

impl Key {
    const LEAST_BITS: usize = 1024;
    const MOST_BITS: usize = 8192;

    /// Reads a record as RFC 6376 section 6.1.2 wants it.
    pub(crate) fn parse(record: &[u8]) -> Result<Self, KeyFault> {
        let tags = Tags::parse(record).map_err(|fault| match fault {
            TagFault::Malformed | TagFault::Repeated => KeyFault::Malformed,
        })?;
        if let Some(version) = tags.value("v")
            && (version != "DKIM1" || tags.first() != Some("v"))
        {
            return Err(KeyFault::Version);
        }
        let public = tags.value("p").ok_or(KeyFault::NoKey)?;
        if public.is_empty() {
            return Err(KeyFault::Revoked);
        }
        if let Some(hashes) = tags.value("h")
            && !items(hashes).any(|hash| hash.eq_ignore_ascii_case("sha256"))
        {
            return Err(KeyFault::Hash);
        }
        let service = service(tags.value("s"))?;
        let is_for_mail = tags.value("s").is_none_or(|services| {
            items(services).any(|name| name == "*" || name.eq_ignore_ascii_case("email"))
        });
        let public = base64(public).ok_or(KeyFault::Unreadable)?;
        let kind = match tags.value("k").unwrap_or("rsa") {
            kind if kind.eq_ignore_ascii_case("rsa") => {
                let key = PublicKey::from_der(&public).map_err(|_| KeyFault::Unreadable)?;
                let bits = bits(&key);
                if bits < Self::LEAST_BITS {
                    return Err(KeyFault::Weak { bits });
                }
                if bits > Self::MOST_BITS {
                    return Err(KeyFault::Unreadable);
                }
                Kind::Rsa(key, bits)
            }
            kind if kind.eq_ignore_ascii_case("ed25519") => {
                if public.len() != 32 {
                    return Err(KeyFault::Unreadable);
                }
                Kind::Ed25519(public)
            }
            _ => return Err(KeyFault::Kind),
        };
        let has_flag =
            |flag: &str| tags.value("t").is_some_and(|flags| items(flags).any(|f| f == flag));
        Ok(Self { kind, service, is_for_mail, is_test: has_flag("y"), is_strict: has_flag("s") })
    }

    /// Whether it is of the kind that the algorithm needs.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        match self.kind {
            Kind::Rsa(..) => algorithm == Algorithm::RsaSha256,
            Kind::Ed25519(_) => algorithm == Algorithm::Ed25519Sha256,
        }
    }

    /// The length of an RSA key in bits.
    pub(crate) fn rsa_bits(&self) -> Option<usize> {
        match self.kind {
            Kind::Rsa(_, bits) => Some(bits),
            Kind::Ed25519(_) => None,
        }
    }

    /// Whether the signature was made for the octets, with the secret part of this key.
    pub(crate) fn has_signed(&self, octets: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::Rsa(key, _) => {
                let algorithm = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
                UnparsedPublicKey::new(algorithm, key.as_ref()).verify(octets, signature).is_ok()
            }
            // RFC 8463 section 3: the hash is what is signed.
            Kind::Ed25519(key) => {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
                UnparsedPublicKey::new(&ED25519, key).verify(hash.as_ref(), signature).is_ok()
            }
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//# If
//# not present, the receiving system MAY ignore reports lacking that
//# service type.
/// The service of `s=`. A key without `tlsrpt` is taken too, since no large sender's key has it; the
/// verdict says which it was, so that the caller may be stricter.
fn service(services: Option<&str>) -> Result<Service, KeyFault> {
    let Some(services) = services else { return Ok(Service::All) };
    let has = |name: &str| items(services).any(|service| service.eq_ignore_ascii_case(name));
    if has("tlsrpt") {
        Ok(Service::TlsReports)
    } else if has("*") {
        Ok(Service::All)
    } else if has("email") {
        Ok(Service::Email)
    } else {
        Err(KeyFault::Service)
    }
}

fn bits(key: &PublicKey) -> usize {
    let modulus = key.modulus();
    let octets = modulus.big_endian_without_leading_zero();
    let zeros = octets.first().map_or(0, |first| first.leading_zeros());
    octets.len().saturating_mul(8).saturating_sub(usize::try_from(zeros).unwrap_or_default())
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsReports => "tlsrpt",
            Self::All => "*",
            Self::Email => "email",
        })
    }
}
