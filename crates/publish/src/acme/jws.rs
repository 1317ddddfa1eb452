//! What is signed for an authority: JWS by ES256 (RFC 7515, RFC 8555 §6.2).

use aws_lc_rs::{
    digest, hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::AcmeError;

/// The key of an account.
pub(crate) struct AccountKey {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    random: SystemRandom,
}

/// Who signs, as the authority knows it.
#[derive(Clone, Copy)]
pub(crate) enum Signer<'a> {
    /// By its account.
    Account(&'a str),
    /// By the key itself, for there is no account yet.
    Key,
}

impl AccountKey {
    /// A fresh one.
    pub(crate) fn generate() -> Result<Self, AcmeError> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        Self::from_pkcs8(pkcs8.map_err(|_| AcmeError::Key)?.as_ref())
    }

    /// The one that was kept.
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, AcmeError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
        let pair = pair.map_err(|_| AcmeError::Key)?;
        Ok(Self { pair, pkcs8: pkcs8.to_vec(), random: SystemRandom::new() })
    }

    /// To be kept.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// What answers a challenge with this token (RFC 8555 §8.1).
    pub(crate) fn authorization(&self, token: &str) -> String {
        // RFC 7638 §3.1: the members in this order, without white space.
        let (x, y) = self.coordinates();
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
        format!("{token}.{}", BASE64URL_NOPAD.encode(digest.as_ref()))
    }

    /// Signs; no payload makes it a POST-as-GET (RFC 8555 §6.3).
    pub(crate) fn sign(
        &self,
        signer: Signer<'_>,
        nonce: &str,
        url: &str,
        payload: Option<&Value>,
    ) -> Result<Vec<u8>, AcmeError> {
        let mut head = json!({ "alg": "ES256", "nonce": nonce, "url": url });
        if let Some(head) = head.as_object_mut() {
            match signer {
                Signer::Account(account) => head.insert("kid".to_owned(), account.into()),
                Signer::Key => head.insert("jwk".to_owned(), self.public()),
            };
        }
        let head = encoded(&head);
        let payload = payload.map(encoded).unwrap_or_default();
        let signature = self.pair.sign(&self.random, format!("{head}.{payload}").as_bytes());
        let signature = BASE64URL_NOPAD.encode(signature.map_err(|_| AcmeError::Key)?.as_ref());
        let whole = json!({ "protected": head, "payload": payload, "signature": signature });
        Ok(whole.to_string().into_bytes())
    }

    /// Binds the account to one that the operator has there already (RFC 8555 §7.3.4).
    pub(crate) fn bound_to(&self, id: &str, secret: &[u8], url: &str) -> Value {
        let head = encoded(&json!({ "alg": "HS256", "kid": id, "url": url }));
        let payload = encoded(&self.public());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signature = hmac::sign(&key, format!("{head}.{payload}").as_bytes());
        let signature = BASE64URL_NOPAD.encode(signature.as_ref());
        json!({ "protected": head, "payload": payload, "signature": signature })
    }

    fn public(&self) -> Value {
        let (x, y) = self.coordinates();
        json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y })
    }

    /// The public key is an uncompressed point: 4, x, y (SEC 1 §2.3.3).
    fn coordinates(&self) -> (String, String) {
        let point = self.pair.public_key().as_ref();
        let part =
            |from: usize| BASE64URL_NOPAD.encode(point.get(from..from + 32).unwrap_or_default());
        (part(1), part(33))
    }
}

impl std::fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountKey")
    }
}

fn encoded(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}
