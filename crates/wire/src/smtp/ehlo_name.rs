//! The name by which a client introduces itself.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A name fit to stand after EHLO: a domain or an address literal. It holds no line end, so nothing
/// else can be said through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EhloName(Box<str>);

impl EhloName {
    /// The most octets in a name (RFC 5321 section 4.5.3.1.2).
    pub const MAX_LENGTH: usize = 255;

    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1
    //# ehlo           = "EHLO" SP ( Domain / address-literal ) CRLF
    /// Reads a name such as `mail.example.com`, `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    ///
    /// # Errors
    /// When it is none of these; domains in Unicode must be given as A-labels.
    pub fn parse(text: &str) -> Result<Self, EhloNameError> {
        if text.is_empty() {
            return Err(EhloNameError::Empty);
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(EhloNameError::TooLong);
        }
        match text.strip_prefix('[') {
            Some(literal) => check_literal(literal)?,
            None => check_domain(text)?,
        }
        Ok(Self(text.into()))
    }

    /// The address literal of an address.
    pub fn from_address(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(address) => format!("[{address}]").into(),
            IpAddr::V6(address) => format!("[IPv6:{address}]").into(),
        })
    }

    /// The name as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EhloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot stand after EHLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EhloNameError {
    /// Nothing.
    #[error("the EHLO name is empty: give this machine's full host name")]
    Empty,
    /// More octets than [`EhloName::MAX_LENGTH`].
    #[error("the EHLO name has more than {} octets", EhloName::MAX_LENGTH)]
    TooLong,
    /// A label that is empty, longer than 63 octets or holds anything but letters, digits and inner
    /// hyphens.
    #[error("the EHLO name is no domain name: use letters, digits and hyphens, with dots between")]
    Domain,
    /// No address in the brackets.
    #[error("the EHLO name is no address literal: write `[192.0.2.1]` or `[IPv6:2001:db8::1]`")]
    AddressLiteral,
}

fn check_domain(text: &str) -> Result<(), EhloNameError> {
    let is_label = |label: &str| {
        matches!(label.len(), 1..=63)
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.split('.').all(is_label) { Ok(()) } else { Err(EhloNameError::Domain) }
}

fn check_literal(text: &str) -> Result<(), EhloNameError> {
    let inner = text.strip_suffix(']').ok_or(EhloNameError::AddressLiteral)?;
    let is_address = match inner.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => inner.parse::<Ipv4Addr>().is_ok(),
    };
    if is_address { Ok(()) } else { Err(EhloNameError::AddressLiteral) }
}
