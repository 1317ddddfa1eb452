//! The presentation format of a TLSA record, RFC 6698 §2.2.

use std::fmt::Write as _;

use data_encoding::HEXLOWER_PERMISSIVE;

use super::{LONGEST_ASSOCIATION, TlsaRdataError, TlsaRecord};

/// Longer texts are refused before any other work, in bytes: twice the octets, and white space.
const LONGEST_TEXT: usize = 3 * LONGEST_ASSOCIATION;
/// How much of a wrong field an error shows, in characters.
const SHOWN_CHARACTERS: usize = 40;

pub(super) fn parse(text: &str) -> Result<TlsaRecord, TlsaTextError> {
    if text.len() > LONGEST_TEXT {
        return Err(TlsaTextError::TooLong { bytes: text.len() });
    }
    if text.contains(['(', ')']) {
        return Err(TlsaTextError::Parenthesis);
    }
    let mut fields = text.split_ascii_whitespace();
    //= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
    //# The certificate usage field MUST be represented as an 8-bit
    //# unsigned integer.
    let usage = number("usage", fields.next())?;
    //= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
    //# The selector field MUST be represented as an 8-bit unsigned
    //# integer.
    let selector = number("selector", fields.next())?;
    //= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
    //# The matching type field MUST be represented as an 8-bit unsigned
    //# integer.
    let matching_type = number("matching type", fields.next())?;
    let association = hexadecimal(&fields.collect::<String>())?;
    Ok(TlsaRecord::new(usage.into(), selector.into(), matching_type.into(), &association)?)
}

fn number(field: &'static str, text: Option<&str>) -> Result<u8, TlsaTextError> {
    let text = text.ok_or(TlsaTextError::Missing { field })?;
    // `u8::from_str` also takes a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => Err(TlsaTextError::Number { field, text: shown(text) }),
    }
}

fn hexadecimal(digits: &str) -> Result<Vec<u8>, TlsaTextError> {
    //= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
    //# The certificate association data field MUST be represented as a
    //# string of hexadecimal characters.  Whitespace is allowed within
    //# the string of hexadecimal characters, as described in [RFC1035].
    match digits.chars().find(|character| !character.is_ascii_hexdigit()) {
        Some(character) => Err(TlsaTextError::NotHexadecimal { character }),
        None => HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .map_err(|_| TlsaTextError::OddDigits { digits: digits.len() }),
    }
}

/// Text from outside, fit to be shown: escaped, and cut.
fn shown(text: &str) -> Box<str> {
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(SHOWN_CHARACTERS) {
        let written = write!(shown, "{}", character.escape_debug());
        debug_assert!(written.is_ok(), "a string takes all that is written to it");
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown.into_boxed_str()
}

/// Why a text is not a TLSA record in presentation format, RFC 6698 §2.2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsaTextError {
    /// The text ends before all three numbers.
    #[error("the {field} is missing: a record is three numbers and a hexadecimal string")]
    Missing {
        /// The first field that is not there.
        field: &'static str,
    },

    /// A field that is not a number from 0 to 255.
    #[error(
        "the {field} is `{text}`: it must be a number from 0 to 255; write only what follows TLSA"
    )]
    Number {
        /// The name of the field.
        field: &'static str,
        /// What is there, escaped, at most 40 characters of it.
        text: Box<str>,
    },

    /// A parenthesis, which belongs to zone files.
    #[error("parentheses belong to zone files, not to the record: remove them")]
    Parenthesis,

    /// A character that is no hexadecimal digit.
    #[error("{character:?} is no hexadecimal digit: write the association with 0-9 and a-f only")]
    NotHexadecimal {
        /// The first such character.
        character: char,
    },

    /// Half an octet is left over.
    #[error("the association has {digits} hexadecimal digits, an odd number: a digit is missing")]
    OddDigits {
        /// How many digits there are.
        digits: usize,
    },

    /// The text is longer than any record.
    #[error("the text has {bytes} bytes: no record is that long")]
    TooLong {
        /// Its length.
        bytes: usize,
    },

    /// The record that the text stands for can't be.
    #[error(transparent)]
    Record(#[from] TlsaRdataError),
}
