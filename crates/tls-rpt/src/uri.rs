//! The URIs of `rua`: where reports go (RFC 8460 section 3, RFC 3986, RFC 6068).

mod https;
mod mailto;

use std::fmt;
use std::str::FromStr;

use mail_domain::DomainNameError;

pub use https::{Host, HttpsUri};
pub use mailto::{LocalPartFault, MailAddress, MailAddressError, MailtoUri};

/// A place that reports can be sent to.
///
/// Equal when written the same; `Display` gives the text as published.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReportUri {
    /// A mailbox.
    Mailto(MailtoUri),
    /// An address for HTTP POST over TLS.
    Https(HttpsUri),
}

impl ReportUri {
    /// Reads one URI of a `rua` field.
    ///
    /// # Errors
    /// When the text is no URI of RFC 3986, holds one of `,`, `!`, `;` in the open, has another
    /// scheme, or names no place that a report could go to.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.is_empty() {
            return Err(UriError::Empty);
        }
        check_characters(text)?;

        let (scheme, rest) = text.split_once(':').ok_or(UriError::SchemeMissing)?;
        if !is_scheme(scheme) {
            return Err(UriError::SchemeMissing);
        }
        let hierarchy = hierarchy(rest)?;
        // RFC 3986 section 3.1: schemes are case-insensitive.
        match scheme.to_ascii_lowercase().as_str() {
            "mailto" => MailtoUri::new(text, hierarchy).map(Self::Mailto),
            "https" => HttpsUri::new(text, hierarchy).map(Self::Https),
            other => Err(UriError::SchemeUnknown { scheme: other.to_owned() }),
        }
    }

    /// The scheme in lower case, without the colon.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Mailto(_) => "mailto",
            Self::Https(_) => "https",
        }
    }

    /// The URI as published.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Mailto(uri) => uri.as_str(),
            Self::Https(uri) => uri.as_str(),
        }
    }
}

impl fmt::Display for ReportUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ReportUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a URI cannot be used. `Display` is a lower-case fragment that says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Nothing between two commas, or after `rua=`.
    #[error("a URI is missing here: give one, or remove the comma")]
    Empty,
    /// White space after `rua=`.
    #[error("white space stands before the first URI: remove it, so that the URI follows `rua=`")]
    LeadingSpace,
    /// `,`, `!` or `;`, which RFC 8460 wants encoded.
    #[error(
        "the URI holds `{character}`: write it as `%{:02X}` (size limits such as `!10m` belong to DMARC)",
        u32::from(*character)
    )]
    MustBeEncoded {
        /// The character.
        character: char,
    },
    /// A character that no URI may hold, or not there.
    #[error("the URI cannot hold {character:?} there: remove it, or percent-encode it")]
    Character {
        /// The character.
        character: char,
    },
    /// `%` without two hexadecimal digits after it.
    #[error(
        "a `%` in the URI is not followed by two hexadecimal digits: write `%25` for a percent sign"
    )]
    PercentEncoding,
    /// No scheme and colon at the beginning.
    #[error(
        "the URI has no scheme: begin it with `mailto:` or `https:` (and write `%2C` for a comma \
         inside a URI)"
    )]
    SchemeMissing,
    /// Another scheme than `mailto` and `https`.
    #[error("the scheme `{scheme}` is none that senders know: use `mailto:` or `https:`")]
    SchemeUnknown {
        /// The scheme, in lower case.
        scheme: String,
    },
    /// `mailto:` without a mailbox.
    #[error("`mailto:` needs a mailbox with an `@`, such as `mailto:tls-reports@example.com`")]
    MailboxMissing,
    /// The part before `@` is none.
    #[error("the part before `@` {fault}")]
    LocalPart {
        /// What is wrong with it.
        fault: LocalPartFault,
    },
    /// The part after `@` is no domain name.
    #[error("the part after `@` is no mail domain: {reason}")]
    MailDomain {
        /// What is wrong with it.
        reason: DomainNameError,
    },
    /// `https:` without `//` and a host.
    #[error("`https:` needs `//` and a host, such as `https://reports.example.com/tlsrpt`")]
    HostMissing,
    /// The host is neither a domain name nor an IP address.
    #[error("the host is neither a domain name nor an IP address: {reason}")]
    Host {
        /// Why it is no domain name.
        reason: DomainNameError,
    },
    /// The text in brackets is no IPv6 address.
    #[error("the brackets hold no IPv6 address: write one, such as `[2001:db8::1]`")]
    Ipv6,
    /// The port is no number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
}

/// What stands between the scheme and the query: authority and path, or the mailbox.
fn hierarchy(rest: &str) -> Result<&str, UriError> {
    let (before_fragment, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hierarchy, query) = before_fragment.split_once('?').unwrap_or((before_fragment, ""));
    match query.chars().chain(fragment.chars()).find(|c| matches!(c, '#' | '[' | ']')) {
        Some(character) => Err(UriError::Character { character }),
        None => Ok(hierarchy),
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//# commas (ASCII 0x2C), exclamation
//# points (ASCII 0x21), and semicolons
//# (ASCII 0x3B) MUST be encoded
fn check_characters(text: &str) -> Result<(), UriError> {
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => {}
            ':' | '/' | '?' | '#' | '[' | ']' | '@' => {}
            '$' | '&' | '\'' | '(' | ')' | '*' | '+' | '=' => {}
            ',' | '!' | ';' => return Err(UriError::MustBeEncoded { character }),
            '%' => {
                let digits = rest.get(..2).ok_or(UriError::PercentEncoding)?;
                if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(UriError::PercentEncoding);
                }
                rest = rest.get(2..).unwrap_or_default();
            }
            _ => return Err(UriError::Character { character }),
        }
    }
    Ok(())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// The octets that a text with percent-encoding stands for.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let encoded = after
            .get(..2)
            .filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        octets.push(encoded.unwrap_or(*first));
        let used = if encoded.is_some() { 2 } else { 0 };
        rest = after.get(used..).unwrap_or_default();
    }
    octets
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn what_is_no_encoding_stands_for_itself() {
        let good = |text: &str, expected: &[u8]| assert_eq!(percent_decoded(text), expected);
        good("a%2fb%2F", b"a/b/");
        good("%", b"%");
        good("%4", b"%4");
        good("%4g%zz", b"%4g%zz");
        good("%+4", b"%+4"); // a sign is no digit
        good("%%41", b"%A");
    }

    proptest! {
        #[test]
        fn octets_survive_whichever_are_encoded(octets in vec((any::<u8>(), any::<bool>()), 0..60)) {
            let text: String = octets
                .iter()
                .map(|(octet, is_plain)| match octet {
                    b' '..=b'~' if *is_plain && *octet != b'%' => char::from(*octet).to_string(),
                    _ if octet % 2 == 0 => format!("%{octet:02x}"),
                    _ => format!("%{octet:02X}"),
                })
                .collect();
            let expected: Vec<u8> = octets.iter().map(|(octet, _)| *octet).collect();
            prop_assert_eq!(percent_decoded(&text), expected);
        }

        #[test]
        fn nothing_becomes_longer_and_nothing_panics(text in r"(%|[0-9a-fA-F+]|\PC){0,40}") {
            let decoded = percent_decoded(&text);
            let encodings = (text.len() - decoded.len()) / 2;
            prop_assert!(encodings <= text.matches('%').count());
        }
    }
}
