//! Signatures as they stand in the header (RFC 6376 section 3.5).

use std::fmt;

use mail_domain::DomainName;

use crate::Selector;
use crate::canonical::Canonicalization;
use crate::message::Message;
use crate::tags::{TagFault, Tags, base64, items};

/// A signature that can be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Which field of the message it is.
    pub(crate) field: usize,
    domain: DomainName,
    selector: Selector,
    algorithm: Algorithm,
    pub(crate) header: Canonicalization,
    pub(crate) body: Canonicalization,
    /// In lower case.
    signed: Vec<String>,
    /// The domain of `i=`.
    pub(crate) identity: DomainName,
    pub(crate) body_hash: Vec<u8>,
    pub(crate) octets: Vec<u8>,
    body_length: Option<u64>,
    signed_at: Option<i64>,
    expires_at: Option<i64>,
}

/// How a signature was made (`a=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `rsa-sha256`.
    RsaSha256,
    /// `ed25519-sha256` (RFC 8463).
    Ed25519Sha256,
}

impl Algorithm {
    /// The name, as signatures write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Signature {
    /// The longest signature that is read, in octets. Real ones have 300 to 1,000.
    const LONGEST: usize = 16 << 10;

    /// The most names that `h=` may list.
    const MOST_NAMES: usize = 100;

    /// Reads the value of a field, as RFC 6376 section 6.1.1 wants it.
    pub(crate) fn parse(value: &[u8], field: usize) -> Result<Self, SignatureError> {
        if value.len() > Self::LONGEST {
            return Err(SignatureError::TooLong);
        }
        let tags = Tags::parse(value).map_err(|fault| match fault {
            TagFault::Malformed => SignatureError::Malformed,
            TagFault::Repeated => SignatureError::TagRepeated,
        })?;
        let required =
            |name: &'static str| tags.value(name).ok_or(SignatureError::TagMissing { name });
        let invalid = |name: &'static str| SignatureError::TagInvalid { name };

        if required("v")? != "1" {
            return Err(SignatureError::Version);
        }
        let algorithm = match required("a")?.to_ascii_lowercase().as_str() {
            "rsa-sha256" => Algorithm::RsaSha256,
            "ed25519-sha256" => Algorithm::Ed25519Sha256,
            // RFC 8301 section 3.1: rsa-sha1 must not be used.
            "rsa-sha1" => return Err(SignatureError::Sha1),
            _ => return Err(SignatureError::Algorithm),
        };
        let domain = DomainName::parse(required("d")?).map_err(|_| invalid("d"))?;
        let selector = Selector::parse(required("s")?).map_err(|_| invalid("s"))?;
        let (header, body) =
            Canonicalization::parse_pair(tags.value("c").unwrap_or("simple/simple"))
                .ok_or(SignatureError::Canonicalization)?;
        let signed: Vec<String> = items(required("h")?).map(str::to_ascii_lowercase).collect();
        if signed.len() > Self::MOST_NAMES || signed.iter().any(String::is_empty) {
            return Err(invalid("h"));
        }
        if !signed.iter().any(|name| name == "from") {
            return Err(SignatureError::FromNotSigned);
        }
        let identity = match tags.value("i") {
            None => domain.clone(),
            Some(identity) => {
                let (_, of) = identity.rsplit_once('@').ok_or_else(|| invalid("i"))?;
                DomainName::parse(of).map_err(|_| invalid("i"))?
            }
        };
        if identity != domain && !identity.is_subdomain_of(&domain) {
            return Err(SignatureError::IdentityElsewhere);
        }
        if let Some(methods) = tags.value("q")
            && !items(methods).any(|method| method.eq_ignore_ascii_case("dns/txt"))
        {
            return Err(invalid("q"));
        }
        let octets = base64(required("b")?).ok_or_else(|| invalid("b"))?;
        let body_hash = base64(required("bh")?).ok_or_else(|| invalid("bh"))?;
        let body_length = number(&tags, "l")?;
        let time = |name| {
            number(&tags, name).map(|time| time.map(|n| i64::try_from(n).unwrap_or(i64::MAX)))
        };
        let (signed_at, expires_at) = (time("t")?, time("x")?);
        if let (Some(signed), Some(expires)) = (signed_at, expires_at)
            && expires <= signed
        {
            return Err(invalid("x"));
        }
        Ok(Self {
            field,
            domain,
            selector,
            algorithm,
            header,
            body,
            signed,
            identity,
            body_hash,
            octets,
            body_length,
            signed_at,
            expires_at,
        })
    }

    /// The domain that signed (`d=`).
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// Which of its keys (`s=`).
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The name whose TXT records are the key: the caller asks DNS for them.
    pub fn query_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// How it was made (`a=`).
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The names of the fields that it covers, in lower case, in its order (`h=`). Names may stand
    /// more than once; see [`Signature::covers`].
    pub fn signed_fields(&self) -> &[String] {
        &self.signed
    }

    /// How much of the body it covers (`l=`); `None` is all, as RFC 8460 section 3 demands.
    pub fn body_length(&self) -> Option<u64> {
        self.body_length
    }

    /// When it was made (`t=`), in seconds since 1970.
    pub fn signed_at(&self) -> Option<i64> {
        self.signed_at
    }

    /// Until when it holds (`x=`), in seconds since 1970.
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// Whether every field of the name is covered, and there is one. Only then may the field be
    /// believed: a signature covers the lowest fields of a name, and anybody on the way can put
    /// another one on top.
    pub fn covers(&self, message: &Message<'_>, name: &str) -> bool {
        let listed = self.signed.iter().filter(|listed| listed.eq_ignore_ascii_case(name)).count();
        (1..=listed).contains(&message.count(name))
    }
}

fn number(tags: &Tags<'_>, name: &'static str) -> Result<Option<u64>, SignatureError> {
    /// RFC 6376 section 3.5 allows 76 digits; what does not fit is more than any message has.
    const MOST_DIGITS: usize = 76;

    let Some(text) = tags.value(name) else { return Ok(None) };
    let is_number =
        (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(SignatureError::TagInvalid { name });
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

/// Why a `DKIM-Signature` field is none that can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Longer than any signature.
    #[error("the signature is too long to be one")]
    TooLong,
    /// Outside the grammar.
    #[error("the signature is no list of tags")]
    Malformed,
    /// A tag stands twice.
    #[error("a tag of the signature stands twice")]
    TagRepeated,
    /// A tag that every signature needs.
    #[error("the signature lacks `{name}=`")]
    TagMissing {
        /// Its name.
        name: &'static str,
    },
    /// A value outside its grammar, or against the others.
    #[error("the value of `{name}=` in the signature makes no sense")]
    TagInvalid {
        /// The tag's name.
        name: &'static str,
    },
    /// A version other than 1.
    #[error("the signature is of another version of DKIM")]
    Version,
    /// SHA-1, which proves nothing any more (RFC 8301).
    #[error("the signature uses SHA-1, which proves nothing: sign with rsa-sha256")]
    Sha1,
    /// An algorithm that is unknown here.
    #[error("the signature's algorithm is neither rsa-sha256 nor ed25519-sha256")]
    Algorithm,
    /// A canonicalisation that is unknown here.
    #[error("the signature's canonicalisation is neither simple nor relaxed")]
    Canonicalization,
    /// `h=` lacks `From`.
    #[error("the signature does not cover the `From` field")]
    FromNotSigned,
    /// `i=` lies outside `d=`.
    #[error("the domain of `i=` is not below that of `d=`")]
    IdentityElsewhere,
}

impl SignatureError {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "signature-too-long",
            Self::Malformed => "signature-malformed",
            Self::TagRepeated => "signature-tag-repeated",
            Self::TagMissing { .. } => "signature-tag-missing",
            Self::TagInvalid { .. } => "signature-tag-invalid",
            Self::Version => "signature-version",
            Self::Sha1 => "signature-sha1",
            Self::Algorithm => "signature-algorithm",
            Self::Canonicalization => "signature-canonicalization",
            Self::FromNotSigned => "signature-without-from",
            Self::IdentityElsewhere => "signature-identity-elsewhere",
        }
    }
}
