//! A key that is shared with a name server (RFC 8945).

use std::{fmt, io::Read as _, path::Path};

use data_encoding::BASE64;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, TSigner};

/// How far the clocks may differ, in seconds (RFC 8945 §10).
const FUDGE: u16 = 300;
/// The largest file that holds a key, in octets.
const LARGEST_FILE: u64 = 4 * 1024;

/// A key that is shared with a name server. It is never shown.
#[derive(Clone)]
pub struct TsigKey {
    signer: TSigner,
    name: String,
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsigKeyError {
    /// What should be a key has neither of its two forms.
    #[error(
        "find a TSIG key: write `key \"name\" {{ algorithm hmac-sha256; secret \"…\"; }};`, as \
         tsig-keygen does, or hmac-sha256:name:secret"
    )]
    NoKey,
    /// Its file can't be read.
    #[error("read the TSIG key: {0}")]
    File(#[from] std::io::Error),
    /// Its name is none.
    #[error("use {0:?} as the name of a TSIG key: it is no domain name")]
    Name(String),
    /// Its algorithm is not known.
    #[error("use the algorithm {0:?}: write hmac-sha256, hmac-sha384 or hmac-sha512")]
    Algorithm(String),
    /// The secret is not Base64, or empty.
    #[error("read the secret of the TSIG key {0}: it is no Base64")]
    Secret(String),
}

impl TsigKey {
    /// A key of this name and algorithm, with its secret in Base64.
    pub fn new(name: &str, algorithm: &str, secret: &str) -> Result<Self, TsigKeyError> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let owner = Name::from_ascii(format!("{name}."))
            .ok()
            .filter(|owner| !owner.is_root())
            .ok_or_else(|| TsigKeyError::Name(name.clone()))?;
        let known = match algorithm.to_ascii_lowercase().as_str() {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => return Err(TsigKeyError::Algorithm(algorithm.to_owned())),
        };
        let octets =
            BASE64.decode(secret.trim().as_bytes()).ok().filter(|octets| !octets.is_empty());
        let octets = octets.ok_or_else(|| TsigKeyError::Secret(name.clone()))?;
        let signer = TSigner::new(octets, known, owner, FUDGE)
            .map_err(|_| TsigKeyError::Algorithm(algorithm.to_owned()))?;
        Ok(Self { signer, name })
    }

    /// The same with the secret in a file, and nothing else in it.
    pub fn from_file(name: &str, algorithm: &str, path: &Path) -> Result<Self, TsigKeyError> {
        let mut secret = String::new();
        fs_err::File::open(path)?.take(LARGEST_FILE).read_to_string(&mut secret)?;
        Self::new(name, algorithm, &secret)
    }

    /// A key as `tsig-keygen` writes it, or in one line as `algorithm:name:secret`.
    pub fn parse(text: &str) -> Result<Self, TsigKeyError> {
        let text = without_comments(text);
        let words = words(&text);
        let after = |word: &str| {
            let at = words.iter().position(|found| *found == word)?;
            words.get(at + 1).copied()
        };
        if let (Some("key"), Some(name)) = (words.first().copied(), words.get(1)) {
            return match (after("algorithm"), after("secret")) {
                (Some(algorithm), Some(secret)) => Self::new(name, algorithm, secret),
                _ => Err(TsigKeyError::NoKey),
            };
        }
        match text.trim().split(':').collect::<Vec<_>>().as_slice() {
            [algorithm, name, secret] => Self::new(name, algorithm, secret),
            _ => Err(TsigKeyError::NoKey),
        }
    }

    pub(super) fn signer(&self) -> &TSigner {
        &self.signer
    }
}

impl fmt::Display for TsigKey {
    /// Its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TsigKey").field(&self.name).finish()
    }
}

/// Text without what stands behind `#` and `//`.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        // In base64 two slashes may follow each other, but not behind white space.
        match line.trim_start().starts_with("//") {
            true => "",
            false => line.split(" //").next().unwrap_or_default(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> Vec<&str> {
    let between = |letter: char| letter.is_whitespace() || "{};\"".contains(letter);
    text.split(between).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "c2VjcmV0Ly8vc2VjcmV0";

    #[test]
    fn a_key_is_read_as_programs_write_it() {
        for text in [
            format!(
                "key \"transfer.test\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{SECRET}\";\n}};\n"
            ),
            format!(
                "# ours\n// too\nkey transfer.test. {{ secret \"{SECRET}\"; algorithm HMAC-SHA256; }}; // end"
            ),
            format!("hmac-sha256:transfer.test:{SECRET}\n"),
        ] {
            let key = TsigKey::parse(&text).unwrap();
            assert_eq!(key.to_string(), "transfer.test");
            assert_eq!(key.signer().algorithm(), &TsigAlgorithm::HmacSha256);
            assert_eq!(key.signer().key(), BASE64.decode(SECRET.as_bytes()).unwrap(), "{text}");
            assert_eq!(format!("{key:?}"), "TsigKey(\"transfer.test\")");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_secret_is_told() {
        for (text, expected) in [
            (String::new(), "find a TSIG key"),
            ("key transfer {".to_owned(), "find a TSIG key"),
            (format!("transfer:{SECRET}"), "find a TSIG key"),
            (format!("hmac-md5:transfer:{SECRET}"), "use the algorithm \"hmac-md5\""),
            (format!("hmac-sha256::{SECRET}"), "use \"\" as the name"),
            (format!("hmac-sha256:transfer:{SECRET}="), "read the secret"),
            ("hmac-sha256:transfer:".to_owned(), "read the secret"),
        ] {
            let error = TsigKey::parse(&text).expect_err(&text).to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
            assert!(!error.contains(SECRET), "{error}");
        }
    }
}
