//! What stands in commands.

use std::fmt;

/// The longest string that is sent, in octets.
const LONGEST: usize = 1000;

/// A string in a command, in quotes: a name, a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Astring(String);

/// The string cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is empty, longer than {LONGEST} octets, or holds something else than visible US-ASCII and spaces"
)]
pub struct AstringError;

impl Astring {
    /// A string of visible US-ASCII and spaces. Other characters would need literals, and their
    /// encoding differs among servers.
    ///
    /// # Errors
    ///
    /// [`AstringError`].
    pub fn parse(text: &str) -> Result<Self, AstringError> {
        let is_sendable =
            !text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_visible_or_space);
        if !is_sendable {
            return Err(AstringError);
        }
        let mut quoted = String::with_capacity(text.len().saturating_add(2));
        quoted.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(character);
        }
        quoted.push('"');
        Ok(Self(quoted))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// It may be a password.
impl fmt::Debug for Astring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Astring(…)")
    }
}

/// The message of SASL PLAIN (RFC 4616 §2), before base64: no authorisation identity.
pub fn plain_response(user: &str, password: &str) -> String {
    format!("\0{user}\0{password}")
}

/// The message of XOAUTH2 before base64, as Google and Microsoft document it: no RFC has it.
pub fn xoauth2_response(user: &str, access_token: &str) -> String {
    format!("user={user}\x01auth=Bearer {access_token}\x01\x01")
}

fn is_visible_or_space(octet: u8) -> bool {
    octet == b' ' || octet.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        for (text, quoted) in
            [("a", "\"a\""), ("a b", "\"a b\""), ("a\"\\", "\"a\\\"\\\\\""), ("{3}", "\"{3}\"")]
        {
            assert_eq!(Astring::parse(text).map(|it| it.0).as_deref(), Ok(quoted));
        }
        for text in ["", "a\r\nb", "ü", "a\0", &"a".repeat(1001)] {
            assert!(Astring::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", Astring::parse("geheim").unwrap()), "Astring(…)");
    }
}
