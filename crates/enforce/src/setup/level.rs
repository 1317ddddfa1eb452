//! The level of security at which Postfix delivers by itself.

use serde::Serialize;

/// The level at which Postfix delivers where no policy map has an answer: its
/// `smtp_tls_security_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// In the clear.
    None,
    /// Over TLS where it is offered, to anyone.
    May,
    /// Over TLS, to anyone.
    Encrypt,
    /// By TLSA records where there are any, else as `may`.
    Dane,
    /// By TLSA records, or not at all.
    DaneOnly,
    /// To the certificates that the operator lists.
    Fingerprint,
    /// To a certificate that verifies, for the name of the host.
    Verify,
    /// To a certificate that verifies, for the name of the domain.
    Secure,
    /// Another word. What it demands is not known, so nothing may take its place.
    Unknown,
}

impl Level {
    const WORDS: [(&'static str, Self); 8] = [
        ("none", Self::None),
        ("may", Self::May),
        ("encrypt", Self::Encrypt),
        ("dane", Self::Dane),
        ("dane-only", Self::DaneOnly),
        ("fingerprint", Self::Fingerprint),
        ("verify", Self::Verify),
        ("secure", Self::Secure),
    ];

    /// Reads the word of Postfix, in any case.
    pub fn parse(word: &str) -> Self {
        let known = Self::WORDS.into_iter().find(|(text, _)| word.eq_ignore_ascii_case(text));
        known.map_or(Self::Unknown, |(_, level)| level)
    }

    /// The word, and `unknown` for what is none.
    pub fn as_str(self) -> &'static str {
        let known = Self::WORDS.into_iter().find(|(_, level)| *level == self);
        known.map_or("unknown", |(text, _)| text)
    }

    /// Does Postfix ask for TLSA records by itself at this level?
    pub(super) fn uses_dane(self) -> bool {
        matches!(self, Self::Dane | Self::DaneOnly)
    }
}
