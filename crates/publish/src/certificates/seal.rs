//! Keys at rest.
//!
//! With a key file they are encrypted with AES-256-GCM, each bound to the name it is for, so that
//! one cannot be put in another's place. Without one they lie in the store as they are, and its
//! permissions protect them.

use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use std::os::unix::fs::MetadataExt as _;

/// The first octet of what is kept: as it is, or encrypted.
const PLAIN: u8 = 0;
const ENCRYPTED: u8 = 1;

/// Encrypts what is kept, if there is a key for it.
pub(crate) struct Seal {
    key: Option<LessSafeKey>,
}

/// Why a key cannot be kept, or what is kept cannot be used. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key file cannot be read.
    #[error("read the key of the store: {0}")]
    File(#[from] std::io::Error),
    /// The key file may be read by others.
    #[error("use {}: others may read it (chmod 600 it)", .0.display())]
    Open(PathBuf),
    /// The key file is no key.
    #[error(
        "use {}: it is no key of 32 octets in base64 (`openssl rand -base64 32` makes one)",
        .0.display()
    )]
    NoKey(PathBuf),
    /// What is kept is encrypted, and there is no key file.
    #[error("open what is kept for {0}: it is encrypted; name the `key_file` of [publish.acme]")]
    Closed(String),
    /// What is kept was encrypted with another key, or changed.
    #[error("open what is kept for {0}: it was encrypted with another key, or is damaged")]
    OtherKey(String),
    /// There is no randomness, or the data is too long.
    #[error("encrypt what is to be kept for {0}")]
    Encrypt(String),
}

impl Seal {
    /// With the key in this file, or without one.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, SealError> {
        let Some(path) = path else { return Ok(Self { key: None }) };
        if fs_err::metadata(path)?.mode() & 0o077 != 0 {
            return Err(SealError::Open(path.to_owned()));
        }
        let no_key = || SealError::NoKey(path.to_owned());
        let text = fs_err::read_to_string(path)?;
        let octets = data_encoding::BASE64.decode(text.trim().as_bytes()).map_err(|_| no_key())?;
        let key = UnboundKey::new(&AES_256_GCM, &octets).map_err(|_| no_key())?;
        Ok(Self { key: Some(LessSafeKey::new(key)) })
    }

    /// What is to be kept for this name.
    pub(crate) fn seal(&self, name: &str, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        let failed = || SealError::Encrypt(name.to_owned());
        let Some(key) = &self.key else { return Ok([&[PLAIN], octets].concat()) };
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| failed())?;
        let mut sealed = octets.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(name.as_bytes()), &mut sealed)
            .map_err(|_| failed())?;
        Ok([&[ENCRYPTED], nonce.as_slice(), &sealed].concat())
    }

    /// What was kept for this name.
    pub(crate) fn open(&self, name: &str, kept: &[u8]) -> Result<Vec<u8>, SealError> {
        let other = || SealError::OtherKey(name.to_owned());
        match kept.split_first() {
            Some((&PLAIN, octets)) => Ok(octets.to_vec()),
            Some((&ENCRYPTED, rest)) => {
                let key = self.key.as_ref().ok_or_else(|| SealError::Closed(name.to_owned()))?;
                let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or_else(other)?;
                let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| other())?;
                let mut octets = sealed.to_vec();
                let open = key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut octets);
                Ok(open.map_err(|_| other())?.to_vec())
            }
            _ => Err(other()),
        }
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.key.is_some() { "Seal(encrypted)" } else { "Seal(plain)" })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn seal(text: &str) -> Seal {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        Seal::load(Some(&path)).unwrap()
    }

    #[test]
    fn what_is_kept_opens_with_its_key_and_its_name_alone() {
        let one = seal("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        let other = seal("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n");
        let none = Seal::load(None).unwrap();
        let mut kept = one.seal("a.example", b"secret").unwrap();
        assert!(!kept.windows(6).any(|part| part == b"secret"));
        assert_eq!(one.open("a.example", &kept).unwrap(), b"secret");
        assert!(matches!(one.open("b.example", &kept), Err(SealError::OtherKey(_))));
        assert!(matches!(other.open("a.example", &kept), Err(SealError::OtherKey(_))));
        assert!(matches!(none.open("a.example", &kept), Err(SealError::Closed(_))));
        *kept.last_mut().unwrap() ^= 1;
        assert!(matches!(one.open("a.example", &kept), Err(SealError::OtherKey(_))));
        assert!(one.open("a.example", &[]).is_err());
        // What was kept before there was a key file stays usable.
        let plain = none.seal("a.example", b"secret").unwrap();
        assert_eq!(one.open("a.example", &plain).unwrap(), b"secret");
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs_err::write(&path, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Seal::load(Some(&path)), Err(SealError::Open(_))));
        fs_err::write(&path, "too short").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Seal::load(Some(&path)), Err(SealError::NoKey(_))));
    }
}
