//! The `id` of a record: a name for one instance of a policy.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

/// Longest `id`, in characters.
const LONGEST: usize = 32;

/// The `id` of an STS record: 1 to 32 ASCII letters and digits, RFC 8461 §3.1.
///
/// Case matters. Ids are equal or not; there is no order between them, so none is implemented.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PolicyId(Box<str>);

impl PolicyId {
    /// Reads an id as it stands in a record.
    ///
    /// # Errors
    ///
    /// [`PolicyIdError`] if the text is empty, longer than 32 characters, or holds anything but
    /// ASCII letters and digits.
    pub fn parse(text: &str) -> Result<Self, PolicyIdError> {
        if text.is_empty() {
            return Err(PolicyIdError::Empty);
        }
        if let Some(character) = text.chars().find(|character| !character.is_ascii_alphanumeric()) {
            return Err(PolicyIdError::Character { character });
        }
        if text.len() > LONGEST {
            return Err(PolicyIdError::TooLong { length: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// An id made from what it stands for: equal bodies have equal ids, and another body has
    /// another one.
    ///
    /// The first 160 bits of the SHA-256 digest of `body`, in base32 (RFC 4648 §6) and lower case:
    /// always 32 characters. This will not change between versions of this crate.
    pub fn from_content(body: &[u8]) -> Self {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
        //# This string MUST uniquely identify a given instance of a
        //# policy, such that senders can determine when the policy has been
        //# updated by comparing to the "id" of a previously seen policy.
        let mut id = BASE32_NOPAD.encode(&Sha256::digest(body));
        id.truncate(LONGEST);
        id.make_ascii_lowercase();
        Self(id.into_boxed_str())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyId({})", self.0)
    }
}

impl AsRef<str> for PolicyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyId {
    type Err = PolicyIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text is not an id, RFC 8461 §3.1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyIdError {
    /// There is no character.
    #[error("the id is empty: write 1 to 32 letters and digits")]
    Empty,

    /// There are more than 32 characters.
    #[error("the id has {length} characters: at most 32 are allowed")]
    TooLong {
        /// Number of characters.
        length: usize,
    },

    /// There is something else than an ASCII letter or digit.
    #[error("the id holds `{}`: only letters and digits are allowed, as in 20261101T120000", character.escape_debug())]
    Character {
        /// The first character that is not allowed.
        character: char,
    },
}

#[cfg(test)]
mod tests {
    use super::PolicyId;

    #[test]
    fn ids_from_content_never_change() {
        // Made with `sha256sum | cut -c-64 | xxd -r -p | base32 | head -c 32`.
        let golden = [
            ("", "4oymiquy7qobjgx36tejs35zeqt24qpe"),
            (
                "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n",
                "ssav5nqud63okutirc7wn6mpoya7ahem",
            ),
        ];
        for (body, id) in golden {
            assert_eq!(PolicyId::from_content(body.as_bytes()).as_str(), id);
            assert_eq!(PolicyId::parse(id), Ok(PolicyId::from_content(body.as_bytes())));
        }
    }
}
