//! `mailto:` URIs (RFC 6068), as far as a report needs them: one mailbox.

use std::fmt;
use std::str::FromStr;

use mail_domain::{DomainName, DomainNameError};
use serde::Deserialize;

use super::{UriError, percent_decoded};

/// A `mailto:` URI with one mailbox. Header fields in its query (`?subject=x`) are legal and kept
/// in the text; nothing here reads them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MailtoUri {
    text: Box<str>,
    address: MailAddress,
}

/// A mailbox as it may stand in a header field and in an envelope: a local part in printable
/// US-ASCII, in quotation marks if it needs them, and a domain name. It holds no line end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct MailAddress {
    local_part: Box<str>,
    domain: DomainName,
}

impl MailtoUri {
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# In the case of "mailto", reports should be submitted to the
    //# specified email address [RFC6068].
    pub(super) fn new(text: &str, hierarchy: &str) -> Result<Self, UriError> {
        if let Some(character) = hierarchy.chars().find(|c| matches!(c, '[' | ']')) {
            return Err(UriError::Character { character });
        }
        let mailbox = String::from_utf8(percent_decoded(hierarchy))
            .map_err(|_| UriError::LocalPart { fault: LocalPartFault::Character })?;
        Ok(Self { text: text.into(), address: MailAddress::parse(&mailbox)? })
    }

    /// The mailbox, percent-decoded, its domain in lower-case A-labels.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The mailbox, percent-decoded.
    pub fn mailbox(&self) -> &MailAddress {
        &self.address
    }

    /// The part before the last `@`, percent-decoded; in quotation marks if written so.
    pub fn local_part(&self) -> &str {
        self.address.local_part()
    }

    /// The domain of the mailbox.
    pub fn domain(&self) -> &DomainName {
        self.address.domain()
    }

    /// The URI as published.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl MailAddress {
    /// Reads an address such as `tls-reports@example.com` (`addr-spec` without comments and white
    /// space).
    ///
    /// # Errors
    /// When it has no `@`, or what stands on one side of it is no local part or domain name.
    pub fn parse(text: &str) -> Result<Self, MailAddressError> {
        let (local_part, domain) = text.rsplit_once('@').ok_or(MailAddressError::AtMissing)?;
        check_local_part(local_part).map_err(|fault| MailAddressError::LocalPart { fault })?;
        let domain =
            DomainName::parse(domain).map_err(|reason| MailAddressError::Domain { reason })?;
        Ok(Self { local_part: local_part.into(), domain })
    }

    /// The part before the last `@`; in quotation marks if written so.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The domain.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

impl FromStr for MailAddress {
    type Err = MailAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for MailAddress {
    type Error = MailAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// Why a text is no address of mail. `Display` is a lower-case fragment that says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailAddressError {
    /// No `@`.
    #[error("an address of mail has an `@`: write one such as `tls-reports@example.com`")]
    AtMissing,
    /// The part before `@` is none.
    #[error("the part before `@` {fault}")]
    LocalPart {
        /// What is wrong with it.
        fault: LocalPartFault,
    },
    /// The part after `@` is no domain name.
    #[error("the part after `@` is no mail domain: {reason}")]
    Domain {
        /// What is wrong with it.
        reason: DomainNameError,
    },
}

impl From<MailAddressError> for UriError {
    fn from(error: MailAddressError) -> Self {
        match error {
            MailAddressError::AtMissing => Self::MailboxMissing,
            MailAddressError::LocalPart { fault } => Self::LocalPart { fault },
            MailAddressError::Domain { reason } => Self::MailDomain { reason },
        }
    }
}

/// What is wrong with the local part of a mailbox. `Display` follows "the part before `@`".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalPartFault {
    /// Nothing before `@`.
    #[error("is missing: give a mailbox such as `tls-reports@example.com`")]
    Empty,
    /// More than 64 octets.
    #[error("is longer than {MAX_LOCAL_PART} octets: use a shorter mailbox")]
    TooLong,
    /// A dot at the beginning, at the end, or beside another.
    #[error("has a dot at its beginning or end or beside another: remove it")]
    Dot,
    /// A character that needs quotation marks or is not US-ASCII.
    #[error(
        "holds a character that a plain mailbox cannot have: use letters, digits, `.`, `-`, `+`, `_`"
    )]
    Character,
    /// A quoted string that does not end where it should.
    #[error("is not quoted correctly: avoid quotation marks in a mailbox for reports")]
    Quoting,
}

/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;

/// `Local-part` of RFC 5321 section 4.1.2.
fn check_local_part(text: &str) -> Result<(), LocalPartFault> {
    if text.is_empty() {
        return Err(LocalPartFault::Empty);
    }
    if text.len() > MAX_LOCAL_PART {
        return Err(LocalPartFault::TooLong);
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return check_quoted(quoted);
    }
    let is_atom_character =
        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    if !text.chars().all(|c| c == '.' || is_atom_character(c)) {
        return Err(LocalPartFault::Character);
    }
    if text.split('.').any(str::is_empty) {
        return Err(LocalPartFault::Dot);
    }
    Ok(())
}

/// A quoted string without its first quotation mark.
fn check_quoted(text: &str) -> Result<(), LocalPartFault> {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().is_empty() => return Ok(()),
            '"' => return Err(LocalPartFault::Quoting),
            '\\' => match characters.next() {
                Some(' '..='~') => {}
                _ => return Err(LocalPartFault::Quoting),
            },
            ' '..='~' => {}
            _ => return Err(LocalPartFault::Character),
        }
    }
    Err(LocalPartFault::Quoting)
}
