//! Signing (RFC 6376 section 5), relaxed in header and body.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64;
use mail_domain::DomainName;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::canonical::{Canonicalization, LINE_END};
use crate::{Algorithm, Message, MessageError, Selector};

/// A secret key for signing. `Debug` shows its kind only.
pub struct SigningKey(Kind);

enum Kind {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// The fields that are signed where they are present, each once more than it is present, so that
/// nobody can put another one on top unnoticed.
//= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
//# These
//# additional headers SHOULD be included in the DKIM [RFC6376] signature
//# for the message.
const SIGNED: &[&str] = &[
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "tls-report-domain",
    "tls-report-submitter",
    "tls-required",
];

impl SigningKey {
    /// Reads a secret key in PEM: RSA of at least 2048 bits (PKCS #8 or PKCS #1) or Ed25519 (PKCS #8).
    ///
    /// # Errors
    /// When there is no such key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SigningKeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| SigningKeyError::NoKey)?;
        let kind = match &der {
            PrivateKeyDer::Pkcs1(der) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(Kind::Rsa)
            }
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let ed25519 = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok();
                ed25519
                    .map(Kind::Ed25519)
                    .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Kind::Rsa))
            }
            _ => None,
        };
        kind.map(Self).ok_or(SigningKeyError::Unusable)
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Kind::Rsa(_) => Algorithm::RsaSha256,
            Kind::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    /// The TXT record to publish at `selector._domainkey.domain`. It names no service, and so is for
    /// all of them, reports too: verifiers that do not know RFC 8460 take no key with `s=tlsrpt`,
    /// alone or beside another service.
    ///
    /// # Errors
    /// When the provider cannot write the public key.
    pub fn record(&self) -> Result<String, SigningKeyError> {
        let (kind, public) = match &self.0 {
            Kind::Rsa(pair) => {
                let der: PublicKeyX509Der<'_> =
                    pair.public_key().as_der().map_err(|_| SigningKeyError::Unusable)?;
                ("rsa", BASE64.encode(der.as_ref()))
            }
            Kind::Ed25519(pair) => ("ed25519", BASE64.encode(pair.public_key().as_ref())),
        };
        Ok(format!("v=DKIM1; k={kind}; p={public}"))
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.0 {
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), octets, &mut signature)
                    .map_err(|_| SignError::Provider)?;
                Ok(signature)
            }
            Kind::Ed25519(pair) => {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
                let signature = pair.try_sign(hash.as_ref()).map_err(|_| SignError::Provider)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

/// Signs a message that is ready to be sent, and gives the header field to put before it, with its
/// line end.
///
/// The whole body is signed, without `l=`; `now` is in seconds since 1970. The signature does not
/// expire.
///
/// # Errors
/// When the octets are no message with one `From`, have lines that do not end with CRLF, or the
/// provider fails.
pub fn sign(
    octets: &[u8],
    key: &SigningKey,
    selector: &Selector,
    domain: &DomainName,
    now: i64,
) -> Result<String, SignError> {
    let message = Message::read(octets)?;
    if message.count("from") != 1 {
        return Err(SignError::From);
    }
    let mut previous = 0;
    for octet in octets {
        if (*octet == b'\n') != (previous == b'\r') {
            return Err(SignError::LineEnd);
        }
        previous = *octet;
    }
    if previous == b'\r' {
        return Err(SignError::LineEnd);
    }
    let names: Vec<String> = SIGNED
        .iter()
        .filter(|name| message.count(name) > 0)
        .flat_map(|name| std::iter::repeat_n((*name).to_owned(), message.count(name) + 1))
        .collect();
    let relaxed = Canonicalization::Relaxed;
    let mut hashed = Vec::new();
    for field in message.select(&names, None) {
        relaxed.add_field(field, &mut hashed);
    }
    let unsigned = format!(
        "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n d={domain};\r\n s={selector};\r\n t={now};\r\n{};\r\n \
         bh={};\r\n b=",
        key.algorithm(),
        folded_names(&names),
        BASE64.encode(message.body_hash(relaxed)),
    );
    let field = Message::read(unsigned.as_bytes())?;
    if let Some(field) = field.field(0) {
        relaxed.add_field(field, &mut hashed);
        hashed.truncate(hashed.len() - LINE_END.len());
    }
    let signature = BASE64.encode(&key.sign(&hashed)?);
    let lines: Vec<&str> = (0..signature.len())
        .step_by(72)
        .filter_map(|start| signature.get(start..signature.len().min(start + 72)))
        .collect();
    Ok(format!("{unsigned}{}\r\n", lines.join("\r\n  ")))
}

/// ` h=from:from:to…`, on lines that are not too long.
fn folded_names(names: &[String]) -> String {
    const LONGEST: usize = 72;

    let mut text = " h=".to_owned();
    let mut line = text.len();
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push(':');
            line += 1;
        }
        if line + name.len() > LONGEST {
            text.push_str("\r\n  ");
            line = 2;
        }
        text.push_str(name);
        line += name.len();
    }
    text
}

/// Why a message cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// It is none.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Not exactly one `From` field.
    #[error("the message must have one `From` field")]
    From,
    /// A line that ends with LF or CR alone, which a relay would change.
    #[error("a line of the message does not end with CRLF")]
    LineEnd,
    /// The cryptographic provider failed.
    #[error("the cryptographic provider failed")]
    Provider,
}

/// Why octets are no key for signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// No secret key in PEM.
    #[error("there is no secret key in PEM here: make one with `openssl genpkey`")]
    NoKey,
    /// Neither RSA of at least 2048 bits nor Ed25519.
    #[error("the secret key is neither RSA of at least 2048 bits nor Ed25519")]
    Unusable,
}
