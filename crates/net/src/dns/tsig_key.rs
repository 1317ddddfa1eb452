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
