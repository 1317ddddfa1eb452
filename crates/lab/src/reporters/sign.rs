//! DKIM signatures (RFC 6376), relaxed in header and body: the lab's own.
//!
//! The keys lie beside this file, for everybody to read: what they sign is from `.test`. As they
//! are always the same, any lab publishes what is needed to verify what was signed beside another.

use std::fmt::Write as _;
use std::sync::LazyLock;

use data_encoding::BASE64;
use rcgen::{
    KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData as _, SignatureAlgorithm, SigningKey as _,
};
use sha2::{Digest as _, Sha256};

use super::Reporter;

/// Who signs, with what, and what of a mail.
#[derive(Clone, Copy)]
pub(super) struct Signer {
    pub(super) domain: &'static str,
    selector: &'static str,
    key: &'static Key,
    /// What stands in the key's record in front of the key.
    record: &'static str,
    /// The fields that are signed, as in `h=`.
    fields: &'static [&'static str],
    /// For how long the signature holds, in seconds.
    lifetime: Option<i64>,
}

struct Key {
    kind: Kind,
    pair: LazyLock<KeyPair>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ed25519,
}

/// Fields and body of a mail, lines ended by CR LF.
pub(super) struct Draft {
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: String,
}

macro_rules! key {
    ($kind:ident, $file:literal) => {
        Key {
            kind: Kind::$kind,
            pair: LazyLock::new(|| pair(Kind::$kind, include_str!(concat!("keys/", $file)))),
        }
    };
}

static GOOGLE: Key = key!(Rsa, "google.pem");
static MICROSOFT: Key = key!(Rsa, "microsoft.pem");
static MAIL_RU: Key = key!(Rsa, "mail-ru.pem");
static STALWART: Key = key!(Rsa, "stalwart.pem");
static STALWART_ED25519: Key = key!(Ed25519, "stalwart-ed25519.pem");
static POSTFIX: Key = key!(Rsa, "postfix.pem");
static POSTFIX_TWIN: Key = key!(Rsa, "postfix-twin.pem");
static STRANGER: Key = key!(Rsa, "stranger.pem");

const FULL: &[&str] = &[
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "tls-report-domain",
    "tls-report-submitter",
];
/// Google names most of them twice, so that nobody can put another on top.
const TWICE: &[&str] = &[
    "to",
    "from",
    "subject",
    "message-id",
    "tls-report-submitter",
    "tls-report-domain",
    "date",
    "mime-version",
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
];
/// Neither the recipient nor what begins with `TLS-Report-`.
const FEW: &[&str] = &["From", "Date", "Subject", "Message-ID", "Content-Type", "MIME-Version"];

const RSA: &str = "v=DKIM1; k=rsa; p=";

const SIGNERS: &[(Reporter, Signer)] = &[
    (
        Reporter::Google,
        Signer {
            lifetime: Some(7 * 86_400),
            ..signer("like-google.test", "20230601", &GOOGLE, RSA, TWICE)
        },
    ),
    (Reporter::Microsoft, signer("like-microsoft.test", "selector2", &MICROSOFT, RSA, FEW)),
    (Reporter::MailRu, signer("like-mail-ru.test", "mail4", &MAIL_RU, RSA, FEW)),
    (Reporter::Stalwart, signer("like-stalwart.test", "202601r", &STALWART, RSA, FULL)),
    (
        Reporter::Stalwart,
        signer(
            "like-stalwart.test",
            "202601e",
            &STALWART_ED25519,
            "v=DKIM1; k=ed25519; h=sha256; p=",
            FULL,
        ),
    ),
    // As RFC 8460 §3 wants it.
    (
        Reporter::Postfix,
        signer("like-postfix.test", "tlsrpt", &POSTFIX, "v=DKIM1; k=rsa; s=tlsrpt; p=", FULL),
    ),
    (
        Reporter::PostfixTwin,
        signer("like-postfix-twin.test", "mail", &POSTFIX_TWIN, "v=DKIM1; h=sha256; p=", FULL),
    ),
];

/// Somebody who signs, and whom nobody asked for reports.
pub(super) const OUTSIDER: Signer = signer("outsider.test", "s1", &STRANGER, RSA, FULL);

const fn signer(
    domain: &'static str,
    selector: &'static str,
    key: &'static Key,
    record: &'static str,
    fields: &'static [&'static str],
) -> Signer {
    Signer { domain, selector, key, record, fields, lifetime: None }
}

/// The signers of a reporter, the last of them on top.
pub(super) fn signers(reporter: Reporter) -> impl Iterator<Item = &'static Signer> {
    SIGNERS.iter().filter(move |(of, _)| *of == reporter).map(|(_, signer)| signer)
}

/// The selector of a reporter's last signature, and its secret key as PEM.
pub(crate) fn signing_key(reporter: Reporter) -> (&'static str, String) {
    let last = signers(reporter).last();
    last.map_or(("", String::new()), |signer| (signer.selector, signer.key.pair.serialize_pem()))
}

/// The names of all keys, and the texts of their records.
pub(crate) fn published_keys() -> Vec<(String, String)> {
    let signers = SIGNERS.iter().map(|(_, signer)| signer).chain([&OUTSIDER]);
    let record = |signer: &Signer| {
        let pair = &signer.key.pair;
        let key = match signer.key.kind {
            Kind::Rsa => BASE64.encode(&pair.subject_public_key_info()),
            Kind::Ed25519 => BASE64.encode(pair.public_key_raw()),
        };
        let name = format!("{}._domainkey.{}", signer.selector, signer.domain);
        (name, format!("{}{key}", signer.record))
    };
    signers.map(record).collect()
}

impl Signer {
    /// The same with a key that is not published for it.
    pub(super) fn with_wrong_key(self) -> Self {
        Self { key: &STRANGER, ..self }
    }

    #[expect(clippy::expect_used, reason = "a key of the lab's own signs")]
    /// The signature of a mail that was sent at a time in seconds since 1970, as a field.
    pub(super) fn sign(&self, draft: &Draft, at: i64) -> String {
        let algorithm = match self.key.kind {
            Kind::Rsa => "rsa-sha256",
            Kind::Ed25519 => "ed25519-sha256",
        };
        let mut value = format!(
            " v=1; a={algorithm}; c=relaxed/relaxed;\r\n\td={}; s={}; t={at};",
            self.domain, self.selector
        );
        if let Some(lifetime) = self.lifetime {
            let _ = write!(value, " x={};", at + lifetime);
        }
        let fields: Vec<&str> = self
            .fields
            .chunks(4)
            .flat_map(|chunk| {
                let last = chunk.len() - 1;
                chunk.iter().enumerate().flat_map(move |(index, name)| {
                    [*name, if index == last { ":\r\n\t " } else { ":" }]
                })
            })
            .collect();
        let fields = fields.concat();
        let fields = fields.trim_end_matches([':', '\r', '\n', '\t', ' ']);
        let digest = BASE64.encode(&Sha256::digest(relaxed_body(&draft.body)));
        let _ = write!(value, "\r\n\th={fields};\r\n\tbh={digest};\r\n\tb=");
        let mut signed = String::new();
        let mut used: Vec<usize> = Vec::new();
        for name in self.fields {
            // From the bottom up, each once; one that is not there adds nothing.
            let found = draft.fields.iter().enumerate().rev().find(|(index, (field, _))| {
                field.eq_ignore_ascii_case(name) && !used.contains(index)
            });
            if let Some((index, (field, text))) = found {
                used.push(index);
                let _ = write!(signed, "{}\r\n", relaxed_field(field, text));
            }
        }
        signed.push_str(&relaxed_field("dkim-signature", &value));
        // RFC 8463 §3: Ed25519 signs the digest.
        let signature = match self.key.kind {
            Kind::Rsa => self.key.pair.sign(signed.as_bytes()),
            Kind::Ed25519 => self.key.pair.sign(&Sha256::digest(&signed)),
        };
        let signature = signature.expect("invariant: the lab's own key signs");
        let mut folded = String::new();
        for line in BASE64.encode(&signature).as_bytes().chunks(72) {
            let _ = write!(folded, "\r\n\t {}", String::from_utf8_lossy(line));
        }
        format!("DKIM-Signature:{value}{}\r\n", folded.trim_start())
    }
}

impl Draft {
    /// The mail with these signatures, the last of them on top.
    pub(super) fn signed<'s>(
        &self,
        signers: impl IntoIterator<Item = &'s Signer>,
        at: i64,
    ) -> Vec<u8> {
        let mut signatures: Vec<String> =
            signers.into_iter().map(|signer| signer.sign(self, at)).collect();
        signatures.reverse();
        let mut mail = signatures.concat();
        for (name, value) in &self.fields {
            let _ = write!(mail, "{name}: {value}\r\n");
        }
        let _ = write!(mail, "\r\n{}", self.body);
        mail.into_bytes()
    }
}

/// RFC 6376 §3.4.2.
fn relaxed_field(name: &str, value: &str) -> String {
    format!("{}:{}", name.to_ascii_lowercase(), one_space(&value.replace("\r\n", "")).trim())
}

/// RFC 6376 §3.4.4.
fn relaxed_body(body: &str) -> String {
    let lines: Vec<String> =
        body.split("\r\n").map(|line| one_space(line).trim_end().to_owned()).collect();
    let text = lines.join("\r\n");
    match text.trim_end_matches("\r\n") {
        "" => String::new(),
        text => format!("{text}\r\n"),
    }
}

/// White space as one space each time.
fn one_space(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            ' ' | '\t' if out.ends_with(' ') => {}
            ' ' | '\t' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

pub(super) fn hexadecimal(octets: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(octets)
}

#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads each")]
fn pair(kind: Kind, pem: &str) -> KeyPair {
    let algorithm: &'static SignatureAlgorithm = match kind {
        Kind::Rsa => &PKCS_RSA_SHA256,
        Kind::Ed25519 => &PKCS_ED25519,
    };
    KeyPair::from_pem_and_sign_algo(pem, algorithm).expect("invariant: the file holds a key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_relaxed() {
        // RFC 6376 §3.4.5, example 1.
        assert_eq!(relaxed_field("A", " X"), "a:X");
        assert_eq!(relaxed_field("B ", " Y\t\r\n\tZ  ").replace("b ", "b"), "b:Y Z");
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
        assert_eq!(relaxed_body("x"), "x\r\n");
    }

    #[test]
    fn each_key_is_published_once_and_is_another() {
        let mut keys = published_keys();
        assert_eq!(keys.len(), 8);
        keys.sort();
        keys.dedup_by(|one, other| one.0 == other.0);
        assert_eq!(keys.len(), 8);
        keys.sort_by(|one, other| one.1.cmp(&other.1));
        keys.dedup_by(|one, other| one.1 == other.1);
        assert_eq!(keys.len(), 8);
    }
}
