//! The three numbers of a TLSA record (RFC 6698 §7, names from RFC 7218).

use std::fmt;

/// How the association is used to authenticate the server, RFC 6698 §2.1.1.
///
/// Registered by number; a number that is unknown here is kept and written out again as it was.
/// Order is that of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Usage {
    /// 0: an authority that a public chain must contain. Not for SMTP (RFC 7672 §3.1.3).
    PkixTa,
    /// 1: the server's certificate, which must also have a public chain. Not for SMTP.
    PkixEe,
    /// 2: the trust anchor that the server's certificate must lead to.
    DaneTa,
    /// 3: the server's own certificate or key.
    DaneEe,
    /// Any other number. Made by [`From`], never with one of the numbers above.
    Other(u8),
}

impl Usage {
    /// The acronym of RFC 7218, `DANE-EE`, where there is one.
    pub fn acronym(self) -> Option<&'static str> {
        match self {
            Self::PkixTa => Some("PKIX-TA"),
            Self::PkixEe => Some("PKIX-EE"),
            Self::DaneTa => Some("DANE-TA"),
            Self::DaneEe => Some("DANE-EE"),
            Self::Other(_) => None,
        }
    }
}

impl From<u8> for Usage {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::PkixTa,
            1 => Self::PkixEe,
            2 => Self::DaneTa,
            3 => Self::DaneEe,
            _ => Self::Other(number),
        }
    }
}

impl From<Usage> for u8 {
    fn from(usage: Usage) -> Self {
        match usage {
            Usage::PkixTa => 0,
            Usage::PkixEe => 1,
            Usage::DaneTa => 2,
            Usage::DaneEe => 3,
            Usage::Other(number) => number,
        }
    }
}

/// Which part of a certificate the association is about, RFC 6698 §2.1.2.
///
/// Registered by number; a number that is unknown here is kept and written out again as it was.
/// Order is that of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Selector {
    /// 0: the whole certificate.
    Cert,
    /// 1: its SubjectPublicKeyInfo, which a renewal with the same key does not change.
    Spki,
    /// Any other number. Made by [`From`], never with one of the numbers above.
    Other(u8),
}

impl Selector {
    /// The acronym of RFC 7218, `SPKI`, where there is one.
    pub fn acronym(self) -> Option<&'static str> {
        match self {
            Self::Cert => Some("Cert"),
            Self::Spki => Some("SPKI"),
            Self::Other(_) => None,
        }
    }
}

impl From<u8> for Selector {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Cert,
            1 => Self::Spki,
            _ => Self::Other(number),
        }
    }
}

impl From<Selector> for u8 {
    fn from(selector: Selector) -> Self {
        match selector {
            Selector::Cert => 0,
            Selector::Spki => 1,
            Selector::Other(number) => number,
        }
    }
}

/// How the selected part is given, RFC 6698 §2.1.3.
///
/// Registered by number; a number that is unknown here is kept and written out again as it was.
/// Order is that of the numbers, which among the known digests is also that of their strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MatchingType {
    /// 0: in full.
    Full,
    /// 1: its SHA-256 digest, 32 octets.
    Sha256,
    /// 2: its SHA-512 digest, 64 octets.
    Sha512,
    /// Any other number. Made by [`From`], never with one of the numbers above.
    Other(u8),
}

impl MatchingType {
    /// The acronym of RFC 7218, `SHA2-256`, where there is one.
    pub fn acronym(self) -> Option<&'static str> {
        match self {
            Self::Full => Some("Full"),
            Self::Sha256 => Some("SHA2-256"),
            Self::Sha512 => Some("SHA2-512"),
            Self::Other(_) => None,
        }
    }

    /// The length of the digest in octets; `None` where nothing is digested, or nobody knows how.
    pub fn digest_length(self) -> Option<usize> {
        match self {
            Self::Sha256 => Some(32),
            Self::Sha512 => Some(64),
            Self::Full | Self::Other(_) => None,
        }
    }
}

impl From<u8> for MatchingType {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Full,
            1 => Self::Sha256,
            2 => Self::Sha512,
            _ => Self::Other(number),
        }
    }
}

impl From<MatchingType> for u8 {
    fn from(matching_type: MatchingType) -> Self {
        match matching_type {
            MatchingType::Full => 0,
            MatchingType::Sha256 => 1,
            MatchingType::Sha512 => 2,
            MatchingType::Other(number) => number,
        }
    }
}

/// What is the same for the three: written as the number, and ordered by it.
macro_rules! by_number {
    ($($parameter:ty),*) => {$(
        impl fmt::Display for $parameter {
            /// The number, as records are written.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&u8::from(*self), f)
            }
        }

        impl Ord for $parameter {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                u8::from(*self).cmp(&u8::from(*other))
            }
        }

        impl PartialOrd for $parameter {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
    )*};
}

by_number!(Usage, Selector, MatchingType);
