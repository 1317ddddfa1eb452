//! The operator's password, of which only a hash is kept: Argon2id (RFC 9106), written as its own
//! tools write it.

use std::{fmt, str::FromStr};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::BASE64_NOPAD;

use super::random;

/// The shortest and the longest password, in octets.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=1024;
/// What a new hash costs: 19 MiB and two passes, the least that OWASP recommends.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// What a hash that others made may cost.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 8;
/// Octets of a new salt, and of a new hash.
const SALT: usize = 16;
const HASH: usize = 32;
/// The longest text of a hash.
const LONGEST_TEXT: usize = 512;

/// The hash of a password, as `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Why there is no hash. The text fits after "failed to ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The password is shorter than 12 or longer than 1,024 octets.
    #[error("take this password: it must have 12 to 1024 octets; a few words are easy to remember")]
    Length,
    /// The text is no hash as it is written here.
    #[error("read the hash of the password: it is not as `sealpost web password` writes it")]
    Malformed,
    /// The hash asks for more work than is done for one log-in.
    #[error(
        "use the hash of the password: it asks for more than 256 MiB, 16 passes or 8 lanes; make it \
         anew with `sealpost web password`"
    )]
    TooCostly,
    /// The system gives no random octets.
    #[error("make a salt: the system gives no random octets")]
    Random,
}

impl PasswordHash {
    /// The hash of a new password, with a salt of its own.
    ///
    /// # Errors
    ///
    /// [`PasswordError::Length`], [`PasswordError::Random`].
    pub fn of(password: &str) -> Result<Self, PasswordError> {
        if !LENGTHS.contains(&password.len()) {
            return Err(PasswordError::Length);
        }
        let salt = random::<SALT>().ok_or(PasswordError::Random)?.to_vec();
        let mut made =
            Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: 1, salt, hash: vec![0; HASH] };
        made.hash = made.hashed(password).ok_or(PasswordError::Malformed)?;
        Ok(made)
    }

    /// Whether this is the password. It takes long by intent: tens of milliseconds of a core.
    pub(crate) fn is_of(&self, password: &str) -> bool {
        let is_fit = password.len() <= *LENGTHS.end();
        let hashed = if is_fit { self.hashed(password) } else { None };
        hashed.is_some_and(|hash| verify_slices_are_equal(&hash, &self.hash).is_ok())
    }

    fn hashed(&self, password: &str) -> Option<Vec<u8>> {
        let length = self.hash.len();
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(length)).ok()?;
        let mut hash = vec![0; length];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), &self.salt, &mut hash)
            .ok()?;
        Some(hash)
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        read(text.trim()).ok_or(PasswordError::Malformed).and_then(|hash| {
            let is_cheap = hash.memory_kib <= MOST_MEMORY_KIB
                && hash.passes <= MOST_PASSES
                && hash.lanes <= MOST_LANES;
            if is_cheap { Ok(hash) } else { Err(PasswordError::TooCostly) }
        })
    }
}

fn read(text: &str) -> Option<PasswordHash> {
    if text.len() > LONGEST_TEXT {
        return None;
    }
    let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| -> Option<u32> { costs.next()?.strip_prefix(name)?.parse().ok() };
    let (memory_kib, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    let salt = BASE64_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
    let hash = BASE64_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
    let is_whole = parts.next().is_none() && costs.next().is_none();
    let is_fit = (8..=64).contains(&salt.len()) && (16..=64).contains(&hash.len());
    // What the algorithm itself demands.
    Params::new(memory_kib, passes, lanes, Some(hash.len())).ok()?;
    (is_whole && is_fit).then_some(PasswordHash { memory_kib, passes, lanes, salt, hash })
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_kib, passes, lanes, salt, hash } = self;
        let (salt, hash) = (BASE64_NOPAD.encode(salt), BASE64_NOPAD.encode(hash));
        write!(f, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let hash = PasswordHash::of("correct horse battery").unwrap();
        assert!(hash.is_of("correct horse battery"));
        assert!(!hash.is_of("correct horse batterz") && !hash.is_of(""));
        assert!(!hash.is_of(&"x".repeat(1_000_000)), "and that costs nothing");
        assert_eq!(hash.to_string().parse::<PasswordHash>().as_ref(), Ok(&hash));
        assert!(hash.to_string().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let again = PasswordHash::of("correct horse battery").unwrap();
        assert_ne!(again, hash, "each has a salt of its own");
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }

    /// From the tests of the reference implementation.
    #[test]
    fn hashes_that_others_made_are_known() {
        let text = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
                    $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let hash: PasswordHash = text.parse().unwrap();
        assert!(hash.is_of("password") && !hash.is_of("Password"));
        assert_eq!(hash.to_string(), text);
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let tail = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let bad =
            |text: &str, error| assert_eq!(text.parse::<PasswordHash>(), Err(error), "{text}");
        for text in [
            "",
            "secret",
            "$2y$10$abcdefghijklmnopqrstuv",
            &format!("$argon2i$v=19$m=256,t=2,p=1{tail}"),
            &format!("$argon2id$v=16$m=256,t=2,p=1{tail}"),
            &format!("$argon2id$v=19$t=2,m=256,p=1{tail}"),
            &format!("$argon2id$v=19$m=256,t=2,p=1,x=1{tail}"),
            &format!("$argon2id$v=19$m=256,t=0,p=1{tail}"),
            &format!("$argon2id$v=19$m=256,t=2,p=1{tail}$"),
            "$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65",
        ] {
            bad(text, PasswordError::Malformed);
        }
        bad(&format!("$argon2id$v=19$m=1048576,t=2,p=1{tail}"), PasswordError::TooCostly);
        bad(&format!("$argon2id$v=19$m=256,t=17,p=1{tail}"), PasswordError::TooCostly);
        for password in ["elevenchars", &"x".repeat(1025)] {
            assert_eq!(PasswordHash::of(password), Err(PasswordError::Length));
        }
    }
}
