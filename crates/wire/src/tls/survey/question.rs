//! What can be asked of a server with one offer.

use core::fmt;

use crate::tls::{CipherSuite, ProtocolVersion};

/// What one offer asks a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Question {
    /// Which is the newest version up to TLS 1.2?
    Newest,
    /// TLS 1.1?
    Tls11,
    /// TLS 1.0?
    Tls10,
    /// Suites whose encryption can be broken ([`CipherSuite::BROKEN`])?
    ///
    /// No other is offered: a server that goes by strength would choose it, and the broken ones
    /// would stay hidden.
    BrokenCipherSuites,
}

impl Question {
    /// The version that is offered.
    pub fn version(self) -> ProtocolVersion {
        match self {
            Self::Tls11 => ProtocolVersion::TLS_1_1,
            Self::Tls10 => ProtocolVersion::TLS_1_0,
            Self::Newest | Self::BrokenCipherSuites => ProtocolVersion::TLS_1_2,
        }
    }

    /// The suites that are offered.
    pub fn cipher_suites(self) -> Vec<CipherSuite> {
        match self {
            Self::Newest | Self::Tls11 | Self::Tls10 => CipherSuite::common(),
            Self::BrokenCipherSuites => CipherSuite::BROKEN.to_vec(),
        }
    }

    /// A stable name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Tls11 => "tls11",
            Self::Tls10 => "tls10",
            Self::BrokenCipherSuites => "broken-cipher-suites",
        }
    }

    pub(super) fn is_about_version(self) -> bool {
        matches!(self, Self::Newest | Self::Tls11 | Self::Tls10)
    }
}

/// What is offered, such as "TLS 1.1 with every common cipher suite".
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suites = match self {
            Self::Newest | Self::Tls11 | Self::Tls10 => "every common cipher suite",
            Self::BrokenCipherSuites => "nothing but broken cipher suites",
        };
        write!(f, "{} with {suites}", self.version())
    }
}
