//! What a sender does where DANE (RFC 7672) and MTA-STS (RFC 8461) meet.
//!
//! A mail server asks by next hop, so one answer serves all MX hosts of a domain: what is found
//! about them is summed up first. Where the RFCs leave a choice, the safest is taken.
//!
//! # Limitations
//!
//! An answer that rests on DANE holds no longer than the RRsets that it was made from. With an
//! insecure MX RRset it protects the connection and not the choice of the host: it is never to be
//! shown as secure (RFC 7672 §2.2.1).

mod hosts;
pub use hosts::Holding;
pub(crate) use hosts::{Counting, security};

/// The DNSSEC status of the MX RRset, or of the address RRset where there is no MX record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum MxSecurity {
    /// Signed and validated.
    Secure,
    /// Proven not to be signed, or below no trust anchor.
    Insecure,
    /// Bogus, indeterminate in the sense of RFC 4035, or not to be had at all.
    Failed,
}

/// What the TLSA look-ups of all MX hosts gave.
///
/// A host whose addresses are insecure is not asked for TLSA records and counts as having none
/// (RFC 7672 §2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum TlsaState {
    /// Every host has a usable secure record.
    AllUsable,
    /// Some hosts have a usable secure record; every other has none, or only unusable ones.
    SomeUsable,
    /// At least one host has secure records, and no host a usable one.
    OnlyUnusable,
    /// No host has a secure record.
    None,
    /// A look-up failed, and some host has a usable secure record.
    FailedSomeUsable,
    /// A look-up failed, not every one, and no host has a usable secure record.
    FailedNoneUsable,
    /// Every look-up failed.
    FailedAll,
}

/// What MTA-STS asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum StsState {
    /// A policy in mode enforce.
    Enforce,
    /// Mode testing, mode none, or no policy.
    Other,
}

/// Whether the mail server that asks validates DNSSEC by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum MtaDnssec {
    /// It was seen to.
    Proven,
    /// It was not: levels that need it would be ignored or defer everything.
    Unproven,
}

/// The level at which a next hop is delivered to, in the words of Postfix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum SenderDecision {
    /// `dane-only`: to hosts with usable TLSA records that match, and to no others.
    DaneOnly,
    /// `dane`: by TLSA records where there are any, else opportunistic.
    Dane,
    /// `secure`: to hosts that the MTA-STS policy allows, with a certificate that verifies.
    Secure,
    /// No answer: the operator's own default holds.
    NotFound,
    /// A temporary failure: the message waits.
    Temporary,
}

/// The level at which the operator delivers without an answer: Postfix's
/// `smtp_tls_security_level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OperatorLevel {
    /// It is not known.
    #[default]
    Unknown,
    /// `none` or `may`: nothing is required.
    Opportunistic,
    /// `dane`: the mail server looks for TLSA records by itself.
    Dane,
    /// `encrypt`: TLS, whoever the server is.
    Encrypted,
    /// `verify` or `secure`: TLS with a server whose certificate verifies.
    Verified,
    /// `dane-only`: TLSA records that match, or no mail.
    DaneOnly,
    /// `fingerprint`: the certificates that the operator lists.
    Fingerprint,
}

impl SenderDecision {
    /// Every decision.
    pub const ALL: [Self; 5] =
        [Self::DaneOnly, Self::Dane, Self::Secure, Self::NotFound, Self::Temporary];

    /// The decision as a word for people: the level in the words of Postfix, `none` for no answer,
    /// `wait` for a temporary failure.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DaneOnly => "dane-only",
            Self::Dane => "dane",
            Self::Secure => "secure",
            Self::NotFound => "none",
            Self::Temporary => "wait",
        }
    }

    /// The decision for a next hop.
    pub fn of(mx: MxSecurity, tlsa: TlsaState, sts: StsState, mta: MtaDnssec) -> Self {
        match (mx, mta) {
            //= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.2
            //# When a DNS lookup failure (an error, "bogus", or "indeterminate", as
            //# defined above) prevents an SMTP client from determining which SMTP
            //# server or servers it should connect to, message delivery MUST be
            //# delayed.
            (MxSecurity::Failed, _) => Self::Temporary,
            (MxSecurity::Secure, MtaDnssec::Proven) => Self::with_secure_mx(tlsa, sts),
            (MxSecurity::Insecure, MtaDnssec::Proven) => Self::with_insecure_mx(tlsa, sts),
            (MxSecurity::Secure, MtaDnssec::Unproven) => Self::without_validation(tlsa, sts),
            (MxSecurity::Insecure, MtaDnssec::Unproven) => Self::by_policy(sts),
        }
    }

    /// The same decision, or none where the operator's own level asks for more, or for something
    /// else; or is not known: whatever is demanded, it may be less than that.
    pub fn no_less_than(self, operator: OperatorLevel) -> Self {
        use OperatorLevel::{
            Dane, DaneOnly, Encrypted, Fingerprint, Opportunistic, Unknown, Verified,
        };
        match (self, operator) {
            (Self::NotFound | Self::Temporary, _) => self,
            (Self::Dane | Self::Secure | Self::DaneOnly, Unknown) => Self::NotFound,
            // To a host without TLSA records `dane` delivers in the clear if need be.
            (Self::Dane, Opportunistic | Dane) => self,
            (Self::Dane, Encrypted | Verified | DaneOnly | Fingerprint) => Self::NotFound,
            // Whoever delivers to TLSA records only does not deliver to a policy instead.
            (Self::Secure, DaneOnly | Fingerprint) => Self::NotFound,
            (Self::Secure, Opportunistic | Dane | Encrypted | Verified) => self,
            (Self::DaneOnly, Fingerprint) => Self::NotFound,
            (Self::DaneOnly, Opportunistic | Dane | Encrypted | Verified | DaneOnly) => self,
        }
    }

    fn with_secure_mx(tlsa: TlsaState, sts: StsState) -> Self {
        match (tlsa, sts) {
            // `dane` would do, RFC 7672 §2.2; `dane-only` also holds when a record is dropped.
            (TlsaState::AllUsable, _) => Self::DaneOnly,
            //= https://www.rfc-editor.org/rfc/rfc8461#section-2
            //# MTA-STS is designed not to interfere with DANE deployments when the
            //# two overlap; in particular, senders who implement MTA-STS validation
            //# MUST NOT allow MTA-STS Policy validation to override a failing DANE
            //# validation.
            (TlsaState::SomeUsable | TlsaState::FailedSomeUsable, StsState::Enforce) => {
                Self::DaneOnly
            }
            (TlsaState::SomeUsable | TlsaState::FailedSomeUsable, StsState::Other) => Self::Dane,
            // `secure` encrypts too, which is all that unusable records ask for.
            (TlsaState::OnlyUnusable, StsState::Enforce) => Self::Secure,
            (TlsaState::OnlyUnusable, StsState::Other) => Self::Dane,
            (TlsaState::None, _) => Self::by_policy(sts),
            //= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.2
            //# If any DNS queries used to locate
            //# TLSA records fail (due to "bogus" or "indeterminate" records,
            //# timeouts, malformed replies, SERVFAIL responses, etc.), then the SMTP
            //# client MUST treat that server as unreachable and MUST NOT deliver the
            //# message via that server.
            (TlsaState::FailedNoneUsable | TlsaState::FailedAll, StsState::Enforce)
            | (TlsaState::FailedAll, StsState::Other) => Self::Temporary,
            (TlsaState::FailedNoneUsable, StsState::Other) => Self::Dane,
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.1
    //# Since the protocol in this memo is an Opportunistic Security protocol
    //# [RFC7435], the SMTP client MAY elect to use DANE TLS (as described in
    //# Section 2.2.2 below), even with MX hosts obtained via an "insecure"
    //# MX RRset.
    fn with_insecure_mx(tlsa: TlsaState, sts: StsState) -> Self {
        match (tlsa, sts) {
            (TlsaState::None, _) | (_, StsState::Enforce) => Self::by_policy(sts),
            (_, StsState::Other) => Self::Dane,
        }
    }

    /// Without a resolver that validates, the mail server takes `dane` for `may` and delivers
    /// nothing at `dane-only`. Only what needs no DNSSEC is left to say, and where a look-up failed,
    /// that the message has to wait.
    fn without_validation(tlsa: TlsaState, sts: StsState) -> Self {
        match (tlsa, sts) {
            (TlsaState::FailedNoneUsable | TlsaState::FailedAll, _)
            | (TlsaState::FailedSomeUsable, StsState::Other) => Self::Temporary,
            _ => Self::by_policy(sts),
        }
    }

    /// As without DANE.
    fn by_policy(sts: StsState) -> Self {
        match sts {
            StsState::Enforce => Self::Secure,
            StsState::Other => Self::NotFound,
        }
    }
}

impl OperatorLevel {
    /// Every level as Postfix writes it.
    pub const WORDS: [(&'static str, Self); 9] = [
        ("unknown", Self::Unknown),
        ("none", Self::Opportunistic),
        ("may", Self::Opportunistic),
        ("encrypt", Self::Encrypted),
        ("dane", Self::Dane),
        ("dane-only", Self::DaneOnly),
        ("verify", Self::Verified),
        ("secure", Self::Verified),
        ("fingerprint", Self::Fingerprint),
    ];

    /// Reads a level as Postfix writes it, or `unknown`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(word, _)| *word == text).map(|(_, level)| level)
    }
}

#[cfg(test)]
mod tests;
