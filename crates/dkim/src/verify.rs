//! Whether a signature holds (RFC 6376 section 6.1).

use std::fmt;

use crate::canonical::LINE_END;
use crate::key::Key;
use crate::message::Field;
use crate::{KeyAnswer, KeyFault, Message, Service, Signature};

/// Whether a signature holds.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Pass(Pass),
    /// It does not, and never will.
    Fail(Failure),
    /// The key could not be looked up. All that can be told without it is in order; ask again.
    Undecided,
}

/// What is known of a signature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// What the key is for.
    pub service: Service,
    /// The key is for mail too. Verifiers that do not know RFC 8460 refuse one that is for `tlsrpt`
    /// alone.
    pub is_for_mail: bool,
    /// How long the key is, if it is for RSA; 1024 to 8192.
    pub rsa_bits: Option<usize>,
    /// The domain says that it is only trying DKIM out (`t=y`), and that nobody should make
    /// anything of its signatures (RFC 6376 section 3.6.1). This one holds all the same.
    pub is_test: bool,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It covers a part of the body only.
    #[error("the signature covers only a part of the body (`l=`), which RFC 8460 forbids")]
    BodyLengthUsed,
    /// The body is not the one that was signed.
    #[error("the body was changed after it was signed")]
    BodyChanged,
    /// It was to hold for a time that is over. The body is the one that was signed.
    #[error("the signature has expired")]
    Expired {
        /// Since when, in seconds since 1970.
        at: i64,
    },
    /// There is no key. The body is the one that was signed.
    #[error("the key is gone from DNS: the signature can no longer be verified")]
    KeyGone,
    /// There is a record, and it is no key for this.
    #[error("the key cannot be used: {0}")]
    Key(KeyFault),
    /// The key is of another kind than the signature.
    #[error("the key is of another kind than the signature")]
    KeyOfOtherKind,
    /// The key demands that `i=` has the domain of `d=` (`t=s`).
    #[error("the key is for the domain itself, and the signature for one below it")]
    IdentityBelow,
    /// The covered fields are not those that were signed, or another key signed them.
    #[error("the header was changed after it was signed, or another key signed it")]
    HeaderChanged,
}

/// Whether the body is the one that was signed. No key is needed to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyHash {
    /// It is.
    Intact,
    /// It is not.
    Changed,
}

impl Signature {
    /// How many records at the name of a key are tried.
    const MOST_RECORDS: usize = 4;

    /// Verifies the signature.
    ///
    /// `message` is the one that it was taken from; `now` is in seconds since 1970: for a mail that
    /// was received earlier, the time when that was.
    ///
    /// What needs no key is looked at first. So [`Failure::KeyGone`] and [`Verdict::Undecided`] also
    /// say that the body is intact and the signature is not expired.
    pub fn verify(&self, message: &Message<'_>, answer: &KeyAnswer, now: i64) -> Verdict {
        //= https://www.rfc-editor.org/rfc/rfc8460#section-3
        //# DKIM signatures MUST NOT use the "l="
        //# attribute to limit the body length used in the signature.
        if self.body_length().is_some() {
            return Verdict::Fail(Failure::BodyLengthUsed);
        }
        if self.body_hash(message) == BodyHash::Changed {
            return Verdict::Fail(Failure::BodyChanged);
        }
        if let Some(at) = self.expires_at()
            && at <= now
        {
            return Verdict::Fail(Failure::Expired { at });
        }
        let records = match answer {
            KeyAnswer::Unknown => return Verdict::Undecided,
            KeyAnswer::Absent => return Verdict::Fail(Failure::KeyGone),
            KeyAnswer::Found(records) => records,
        };
        let hashed = self.hashed_header(message);
        let mut first_failure = None;
        for record in records.iter().take(Self::MOST_RECORDS) {
            match self.verify_with(record, &hashed) {
                Ok(pass) => return Verdict::Pass(pass),
                Err(failure) => {
                    first_failure.get_or_insert(failure);
                }
            }
        }
        Verdict::Fail(first_failure.unwrap_or(Failure::KeyGone))
    }

    /// Whether the body of the message is the one that was signed. `l=` is not looked at: all of the
    /// body must be.
    pub fn body_hash(&self, message: &Message<'_>) -> BodyHash {
        if message.body_hash(self.body).as_slice() == self.body_hash {
            BodyHash::Intact
        } else {
            BodyHash::Changed
        }
    }

    fn verify_with(&self, record: &[u8], hashed: &[u8]) -> Result<Pass, Failure> {
        let key = Key::parse(record).map_err(Failure::Key)?;
        if !key.fits(self.algorithm()) {
            return Err(Failure::KeyOfOtherKind);
        }
        if key.is_strict && self.identity != *self.domain() {
            return Err(Failure::IdentityBelow);
        }
        if !key.has_signed(hashed, &self.octets) {
            return Err(Failure::HeaderChanged);
        }
        let Key { service, is_for_mail, is_test, .. } = key;
        Ok(Pass { service, is_for_mail, rsa_bits: key.rsa_bits(), is_test })
    }

    /// The octets that the header's signature was made for (RFC 6376 section 3.7).
    fn hashed_header(&self, message: &Message<'_>) -> Vec<u8> {
        let mut hashed = Vec::new();
        for field in message.select(self.signed_fields(), Some(self.field)) {
            self.header.add_field(field, &mut hashed);
        }
        if let Some(field) = message.field(self.field) {
            let octets = without_signature(field);
            self.header.add_field(&field.with_octets(&octets), &mut hashed);
            if hashed.ends_with(LINE_END) {
                hashed.truncate(hashed.len() - LINE_END.len());
            }
        }
        hashed
    }
}

/// The field, with nothing after `b=`.
fn without_signature(field: &Field<'_>) -> Vec<u8> {
    let value = field.value();
    let name_and_colon = field.octets.len() - value.len();
    let mut octets = field.octets.get(..name_and_colon).unwrap_or_default().to_vec();
    for (index, tag) in value.split(|octet| *octet == b';').enumerate() {
        if index > 0 {
            octets.push(b';');
        }
        let equals = tag.iter().position(|octet| *octet == b'=').unwrap_or(tag.len());
        let name = tag.get(..equals).unwrap_or_default();
        let kept = if name.trim_ascii() == b"b" { equals + 1 } else { tag.len() };
        octets.extend(tag.iter().take(kept));
    }
    octets
}

impl Verdict {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Fail(failure) => failure.code(),
            Self::Undecided => "key-unknown",
        }
    }
}

impl Failure {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BodyLengthUsed => "body-length-used",
            Self::BodyChanged => "body-changed",
            Self::Expired { .. } => "expired",
            Self::KeyGone => "key-gone",
            Self::Key(fault) => match fault {
                KeyFault::Malformed => "key-malformed",
                KeyFault::Version => "key-version",
                KeyFault::NoKey => "key-empty",
                KeyFault::Revoked => "key-revoked",
                KeyFault::Kind => "key-kind",
                KeyFault::Unreadable => "key-unreadable",
                KeyFault::Weak { .. } => "key-weak",
                KeyFault::Service => "key-service",
                KeyFault::Hash => "key-hash",
            },
            Self::KeyOfOtherKind => "key-of-other-kind",
            Self::IdentityBelow => "identity-below",
            Self::HeaderChanged => "header-changed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(_) => f.write_str("the signature holds"),
            Self::Fail(failure) => failure.fmt(f),
            Self::Undecided => f.write_str("the key could not be looked up"),
        }
    }
}
