//! Cipher suites of TLS 1.2 and older, and what is weak about them.

mod table;

use core::fmt;

/// A cipher suite, known or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(u16);

impl CipherSuite {
    /// The signal that the client knows secure renegotiation (RFC 5746 section 3.3), which strict
    /// servers insist on. No suite, and never chosen.
    pub const EMPTY_RENEGOTIATION_INFO_SCSV: Self = Self(0x00FF);

    /// The suite of this number.
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// Its number on the wire.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Every suite of the four groups, from the soundest to those without a certificate.
    pub fn common() -> Vec<Self> {
        [Self::FORWARD_SECRET, Self::STATIC_KEY, Self::BROKEN, Self::ANONYMOUS].concat()
    }

    /// The worst about the suite; `None` if there is nothing, or the suite is not known.
    pub fn weakness(self) -> Option<Weakness> {
        // A name of the registry says all of it. The worst is looked for first.
        const MARKS: &[(&str, Weakness)] = &[
            ("_NULL_", Weakness::NoEncryption),
            ("_EXPORT_", Weakness::Export),
            ("_DES_CBC_", Weakness::SingleDes),
            ("_RC4_", Weakness::Rc4),
            ("_3DES_", Weakness::SmallBlock),
            ("_IDEA_", Weakness::SmallBlock),
            ("_anon_", Weakness::Anonymous),
            ("TLS_RSA_", Weakness::NoForwardSecrecy),
            ("TLS_DH_", Weakness::NoForwardSecrecy),
            ("TLS_ECDH_", Weakness::NoForwardSecrecy),
        ];
        let name = self.name()?;
        MARKS.iter().find(|(mark, _)| name.contains(mark)).map(|(_, weakness)| *weakness)
    }
}

/// The name in the registry, or the number as in `0xC0FF`.
impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04X}", self.0),
        }
    }
}

/// What is weak about a cipher suite, from the least to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Weakness {
    /// The key of the certificate opens every connection that was ever recorded.
    NoForwardSecrecy,
    /// No certificate: anyone on the way can be the server. Harmless for clients that would not
    /// have looked at the certificate.
    Anonymous,
    /// Blocks of 64 bits, which repeat within one long connection (3DES, IDEA).
    SmallBlock,
    /// RC4, whose key stream betrays the text (RFC 7465).
    Rc4,
    /// A key of 56 bits.
    SingleDes,
    /// A key of 40 bits, once made for export.
    Export,
    /// The text goes in the open.
    NoEncryption,
}

impl Weakness {
    /// Whether the encryption itself can be broken, or there is none.
    pub fn is_broken(self) -> bool {
        self >= Self::SmallBlock
    }

    /// A stable name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoForwardSecrecy => "no-forward-secrecy",
            Self::Anonymous => "anonymous",
            Self::SmallBlock => "small-block",
            Self::Rc4 => "rc4",
            Self::SingleDes => "single-des",
            Self::Export => "export",
            Self::NoEncryption => "no-encryption",
        }
    }
}
