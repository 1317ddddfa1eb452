//! Tokens, by which programs are known.

use data_encoding::BASE64URL_NOPAD;

use super::{Hash, hash, random};

/// By what they are recognised, also by those who look for secrets in sources.
const MARK: &str = "sealpost_";

/// A token that was just made. It is shown once, and only its hash is kept.
pub struct NewToken {
    /// What the program gives, behind `Authorization: Bearer`.
    pub text: String,
    /// What is kept.
    pub hash: [u8; 32],
}

impl NewToken {
    /// A token of 256 random bits; `None` if the system gives none.
    pub fn make() -> Option<Self> {
        let text = format!("{MARK}{}", BASE64URL_NOPAD.encode(&random::<32>()?));
        let hash = hash(text.as_bytes());
        Some(Self { text, hash })
    }
}

/// The hash of the token in a field `Authorization`. `None` if it has none: a proxy may ask for
/// another authorization and pass the field on.
pub(super) fn in_field(value: &str) -> Option<Hash> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| hash(token.trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let (one, other) = (NewToken::make().unwrap(), NewToken::make().unwrap());
        assert!(one.text != other.text && one.text.len() == MARK.len() + 43);
        assert_eq!(in_field(&format!("Bearer {}", one.text)), Some(one.hash));
        assert_eq!(in_field(&format!("bearer  {} ", one.text)), Some(one.hash));
        assert_eq!(in_field(&format!("Basic {}", one.text)), None);
        assert_eq!(in_field(&one.text), None);
    }
}
