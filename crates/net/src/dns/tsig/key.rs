//! Keys of signed transactions, and the files in which they come.

use std::fmt;

use data_encoding::BASE64;
use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;

/// A key that a name server knows too.
#[derive(Clone, PartialEq, Eq)]
pub struct TsigKey {
    pub(super) name: Name,
    pub(super) algorithm: TsigAlgorithm,
    pub(super) secret: Vec<u8>,
}

/// Why a file is no key. Nothing of the secret is in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TsigKeyError {
    /// It has neither of the two forms.
    #[error(
        "find a key: write `key \"name\" {{ algorithm hmac-sha256; secret \"…\"; }};`, as \
         tsig-keygen does, or hmac-sha256:name:secret"
    )]
    NoKey,
    /// The name is no domain name.
    #[error("read the name of the key: {0:?} is no domain name")]
    Name(String),
    /// The algorithm is another.
    #[error("use the algorithm {0:?}: it must be hmac-sha256, hmac-sha384 or hmac-sha512")]
    Algorithm(String),
    /// The secret is not base64, or empty.
    #[error("read the secret: it is not base64")]
    Secret,
}

impl TsigKey {
    /// Reads a key as `tsig-keygen` writes it, or in one line as `algorithm:name:secret`.
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

    fn new(name: &str, algorithm: &str, secret: &str) -> Result<Self, TsigKeyError> {
        let shown = |text: &str| text.chars().take(100).collect::<String>();
        let algorithm = match algorithm.to_ascii_lowercase().trim_end_matches('.') {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => return Err(TsigKeyError::Algorithm(shown(algorithm))),
        };
        let mut parsed = Name::from_ascii(name).map_err(|_| TsigKeyError::Name(shown(name)))?;
        if parsed.is_root() {
            return Err(TsigKeyError::Name(shown(name)));
        }
        parsed.set_fqdn(true);
        let secret = BASE64.decode(secret.as_bytes()).map_err(|_| TsigKeyError::Secret)?;
        if secret.is_empty() {
            return Err(TsigKeyError::Secret);
        }
        Ok(Self { name: parsed, algorithm, secret })
    }
}

/// Without the secret.
impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey").field("name", &self.name.to_ascii()).finish_non_exhaustive()
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
        let expected = TsigKey {
            name: Name::from_ascii("transfer.test.").unwrap(),
            algorithm: TsigAlgorithm::HmacSha256,
            secret: BASE64.decode(SECRET.as_bytes()).unwrap(),
        };
        for text in [
            format!(
                "key \"transfer.test\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{SECRET}\";\n}};\n"
            ),
            format!(
                "# ours\n// too\nkey transfer.test. {{ secret \"{SECRET}\"; algorithm HMAC-SHA256; }}; // end"
            ),
            format!("hmac-sha256:transfer.test:{SECRET}\n"),
        ] {
            assert_eq!(TsigKey::parse(&text).as_ref(), Ok(&expected), "{text}");
        }
        assert!(!format!("{expected:?}").contains("secret: "));
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_secret_is_told() {
        for (text, expected) in [
            (String::new(), "find a key"),
            ("key transfer {".to_owned(), "find a key"),
            (format!("transfer:{SECRET}"), "find a key"),
            (format!("hmac-md5:transfer:{SECRET}"), "use the algorithm \"hmac-md5\""),
            (format!("hmac-sha256::{SECRET}"), "read the name"),
            (format!("hmac-sha256:a..b:{SECRET}"), "read the name"),
            (format!("hmac-sha256:transfer:{SECRET}="), "read the secret"),
            ("hmac-sha256:transfer:".to_owned(), "read the secret"),
        ] {
            let error = TsigKey::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
            assert!(!error.contains(SECRET), "{error}");
        }
    }
}
