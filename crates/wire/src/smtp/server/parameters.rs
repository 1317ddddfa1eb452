//! What may stand behind the path of MAIL and RCPT.

use super::reply::{self, Line};

/// The declared kind of a message's octets (RFC 6152).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// Only US-ASCII, or not declared.
    #[default]
    SevenBit,
    /// Any octets.
    EightBitMime,
}

/// Whether addresses and header fields may be in UTF-8 (RFC 6531).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Characters {
    #[default]
    Ascii,
    Utf8,
}

/// The parameters of MAIL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MailParameters {
    pub(super) size: Option<u64>,
    pub(super) body: Body,
    pub(super) characters: Characters,
}

impl MailParameters {
    /// Reads `SIZE=1000 BODY=8BITMIME SMTPUTF8`, each at most once.
    pub(super) fn parse(text: &str) -> Result<Self, Line> {
        let mut size = None;
        let mut body = None;
        let mut characters = None;
        for word in words(text)? {
            let (keyword, value) = match word.split_once('=') {
                Some((keyword, value)) => (keyword, Some(value)),
                None => (word, None),
            };
            let is_first = match keyword.to_ascii_uppercase().as_str() {
                "SIZE" => size.replace(number(value).ok_or(reply::BAD_PARAMETER)?).is_none(),
                "BODY" => {
                    let kind = match value.map(str::to_ascii_uppercase).as_deref() {
                        Some("7BIT") => Body::SevenBit,
                        Some("8BITMIME") => Body::EightBitMime,
                        _ => return Err(reply::BAD_PARAMETER),
                    };
                    body.replace(kind).is_none()
                }
                "SMTPUTF8" if value.is_none() => characters.replace(Characters::Utf8).is_none(),
                _ => return Err(reply::UNKNOWN_PARAMETER),
            };
            if !is_first {
                return Err(reply::BAD_PARAMETER);
            }
        }
        Ok(Self {
            size,
            body: body.unwrap_or_default(),
            characters: characters.unwrap_or_default(),
        })
    }
}

/// RCPT takes no parameter of any extension that is offered.
pub(super) fn no_parameters(text: &str) -> Result<(), Line> {
    if words(text)?.next().is_none() { Ok(()) } else { Err(reply::UNKNOWN_PARAMETER) }
}

/// The words behind a path, which a space sets apart from it.
fn words(text: &str) -> Result<impl Iterator<Item = &str>, Line> {
    if !text.is_empty() && !text.starts_with(' ') {
        return Err(reply::BAD_PARAMETER);
    }
    Ok(text.split(' ').filter(|word| !word.is_empty()))
}

/// RFC 1870 section 4: at most 20 digits. What does not fit into 64 bits is too large all the same.
fn number(value: Option<&str>) -> Option<u64> {
    let digits = value?;
    let is_number =
        matches!(digits.len(), 1..=20) && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}
