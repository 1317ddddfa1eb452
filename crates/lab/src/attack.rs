//! The attacks that the lab can carry out while it runs: what each does, and what it must not
//! achieve.
//!
//! # Limitations
//!
//! Only what happens on the network is here. A cache that is flooded, a clock that is set forward, a
//! restart without the store, a daemon that is killed, and forged reports happen to the sender's own
//! daemon: its tests bring them about, with an attack of these beside them where one is needed.

use std::{fmt, str::FromStr};

/// Something that an attacker on the network does to a domain.
///
/// He sits between the lab's DNS and its clients, and between hosts and their clients. He has no
/// key of the domain's: what he forges in a signed zone has no valid signatures, and what he shows
/// for the domain's hosts is signed by himself, or by an authority that he has deceived.
///
/// Attacks on the policy give the STS record a new id, so that senders fetch it, unless the zone is
/// signed: there he leaves the record as it is, for a forged one would only stop them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Attack {
    /// STARTTLS is taken out of the reply to EHLO.
    StartTlsStripped,
    /// STARTTLS is answered with 454.
    StartTlsRefused,
    /// The connection is reset in the handshake.
    HandshakeReset,
    /// Nothing newer than TLS 1.0 is spoken.
    OldTlsOnly,
    /// MX hosts show a certificate that the attacker signed himself.
    CertificateSelfSigned,
    /// MX hosts show a genuine certificate of another host.
    CertificateOtherName,
    /// MX hosts show a certificate that an authority was deceived into.
    CertificateMisIssued,
    /// As the self-signed certificate, with connections and sessions that go on for the next.
    SessionReused,
    /// The MX record names the attacker's host.
    MxForged,
    /// The MX record names a host of the policy, whose address is the attacker's.
    MxNameForged,
    /// The MX record names a host two labels below the policy's wildcard.
    MxTwoLabels,
    /// The MX hosts are blocked, and a backup is added.
    MxBackupOutside,
    /// The MX record names the attacker's host, with a false AD bit.
    AdSpoofed,
    /// The STS record is denied.
    StsRecordDenied,
    /// Questions for the STS record get no answer.
    StsRecordDropped,
    /// A second STS record stands beside the first.
    StsRecordSecond,
    /// The STS record has a new id, and the policy host is blocked.
    StsIdForged,
    /// The policy host redirects to the attacker's.
    PolicyRedirected,
    /// The policy ends within its max_age.
    PolicyCutMaxAge,
    /// The policy ends before its last mx.
    PolicyCutMx,
    /// A policy of mode none, under a certificate that does not hold.
    PolicyNone,
    /// A policy of the past, under its certificate of the past.
    PolicyReplayed,
    /// The policy host is blocked.
    HttpsBlocked,
    /// Questions for TLSA records get no answer.
    TlsaDropped,
    /// TLSA records are denied, without proof.
    TlsaDenied,
    /// All signatures are of the past.
    RrsigExpired,
    /// Every answer of the DNS comes late.
    DnsSlow,
    /// No answer of the DNS comes at all.
    DnsBlocked,
}

/// What an attack changes. Two that change the same contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The conversation with MX hosts.
    Session,
    MxRecords,
    StsRecord,
    PolicyHost,
    TlsaRecords,
    Signatures,
    /// When answers come.
    Timing,
}

/// One line of the table.
struct Facts {
    name: &'static str,
    about: &'static str,
    /// What a sender must do that knows a policy in mode enforce.
    known: &'static str,
    /// What a sender must do that knows none.
    unknown: &'static str,
    places: &'static [Place],
}

const DEFER: &str = "defer: no host passes";
const AS_BEFORE: &str = "deliver to the domain's own hosts under the cached policy";
const PLAINTEXT: &str =
    "deliver, in plaintext if need be; with usable TLSA records defer (RFC 7672 §2.2)";
const UNAUTHENTICATED: &str =
    "deliver, for TLS without a policy authenticates nobody; with usable TLSA records defer";
const MISLED: &str =
    "deliver to the attacker if the MX records are unsigned, defer if they are bogus";
const UNDISCOVERED: &str =
    "deliver as without MTA-STS: nothing is known; the DNS failure of a signed zone may defer";
const NO_POLICY: &str = "deliver as without MTA-STS: the fetch has failed";

impl Attack {
    /// Every attack.
    pub const ALL: [Self; 28] = [
        Self::StartTlsStripped,
        Self::StartTlsRefused,
        Self::HandshakeReset,
        Self::OldTlsOnly,
        Self::CertificateSelfSigned,
        Self::CertificateOtherName,
        Self::CertificateMisIssued,
        Self::SessionReused,
        Self::MxForged,
        Self::MxNameForged,
        Self::MxTwoLabels,
        Self::MxBackupOutside,
        Self::AdSpoofed,
        Self::StsRecordDenied,
        Self::StsRecordDropped,
        Self::StsRecordSecond,
        Self::StsIdForged,
        Self::PolicyRedirected,
        Self::PolicyCutMaxAge,
        Self::PolicyCutMx,
        Self::PolicyNone,
        Self::PolicyReplayed,
        Self::HttpsBlocked,
        Self::TlsaDropped,
        Self::TlsaDenied,
        Self::RrsigExpired,
        Self::DnsSlow,
        Self::DnsBlocked,
    ];

    /// Its name, in lower case with hyphens. It never changes.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What the attacker does, a sentence without its full stop.
    pub fn about(self) -> &'static str {
        self.facts().about
    }

    /// What an honest sender must do that holds a valid policy in mode enforce.
    pub fn with_policy(self) -> &'static str {
        self.facts().known
    }

    /// What an honest sender must do that knows no policy of the domain.
    pub fn without_policy(self) -> &'static str {
        self.facts().unknown
    }

    /// Do both change the same thing, so that they cannot be on together?
    pub fn contradicts(self, other: Self) -> bool {
        self != other && self.facts().places.iter().any(|place| other.touches(*place))
    }

    pub(crate) fn touches(self, place: Place) -> bool {
        self.facts().places.contains(&place)
    }

    fn facts(self) -> Facts {
        use Place::{MxRecords, PolicyHost, Session, Signatures, StsRecord, Timing, TlsaRecords};
        let facts =
            |name, about, known, unknown, places| Facts { name, about, known, unknown, places };
        match self {
            Self::StartTlsStripped => facts(
                "starttls-stripped",
                "STARTTLS is taken out of what the MX hosts offer, and refused with 502",
                DEFER,
                PLAINTEXT,
                &[Session],
            ),
            Self::StartTlsRefused => facts(
                "starttls-refused",
                "the MX hosts offer STARTTLS and answer it with 454",
                DEFER,
                PLAINTEXT,
                &[Session],
            ),
            Self::HandshakeReset => facts(
                "handshake-reset",
                "the connection is reset in the handshake, in hope of a second try in plaintext",
                DEFER,
                PLAINTEXT,
                &[Session],
            ),
            Self::OldTlsOnly => facts(
                "tls-1-0-only",
                "the MX hosts speak nothing newer than TLS 1.0, in hope of a second try in plaintext",
                DEFER,
                PLAINTEXT,
                &[Session],
            ),
            Self::CertificateSelfSigned => facts(
                "certificate-self-signed",
                "the MX hosts show a certificate in their name that the attacker signed himself",
                DEFER,
                UNAUTHENTICATED,
                &[Session],
            ),
            Self::CertificateOtherName => facts(
                "certificate-other-name",
                "the MX hosts show the attacker's genuine certificate, which is in his own name",
                DEFER,
                UNAUTHENTICATED,
                &[Session],
            ),
            Self::CertificateMisIssued => facts(
                "certificate-mis-issued",
                "the MX hosts show a valid certificate in their name that was issued to the attacker",
                "deliver to the attacker where no TLSA record says better: MTA-STS trusts the \
                 authority; with usable TLSA records defer, whatever MTA-STS makes of it (RFC 8461 §2)",
                UNAUTHENTICATED,
                &[Session],
            ),
            Self::SessionReused => facts(
                "session-reused",
                "as certificate-self-signed, with sessions that can be resumed, in hope that mail for \
                 a domain without policy opens the way for that of another at the same host",
                DEFER,
                UNAUTHENTICATED,
                &[Session],
            ),
            Self::MxForged => facts(
                "mx-forged",
                "the MX record names the attacker's host, which has a genuine certificate in its name",
                DEFER,
                MISLED,
                &[MxRecords],
            ),
            Self::MxNameForged => facts(
                "mx-name-forged",
                "the MX record names a host that the policy covers, at the attacker's address, where a \
                 genuine certificate in another name is shown",
                DEFER,
                MISLED,
                &[MxRecords],
            ),
            Self::MxTwoLabels => facts(
                "mx-two-labels",
                "the MX record names a host two labels below the policy's wildcard, or below the \
                 domain, with a certificate that is valid for it",
                DEFER,
                MISLED,
                &[MxRecords],
            ),
            Self::MxBackupOutside => facts(
                "mx-backup-outside",
                "the MX hosts are blocked, and the MX records have one more, the attacker's",
                DEFER,
                MISLED,
                &[MxRecords, Session],
            ),
            Self::AdSpoofed => facts(
                "ad-spoofed",
                "as mx-forged, and every answer about the domain has the AD bit and no signature",
                DEFER,
                "deliver to the attacker if the MX records are unsigned; never take the AD bit of a \
                 resolver that is not on loopback for a proof",
                &[MxRecords],
            ),
            Self::StsRecordDenied => facts(
                "sts-record-denied",
                "the DNS says that there is no STS record, without proof",
                AS_BEFORE,
                UNDISCOVERED,
                &[StsRecord],
            ),
            Self::StsRecordDropped => facts(
                "sts-record-dropped",
                "questions for the STS record get no answer",
                AS_BEFORE,
                UNDISCOVERED,
                &[StsRecord],
            ),
            Self::StsRecordSecond => facts(
                "sts-record-second",
                "a second STS record stands beside the first, which makes both void",
                AS_BEFORE,
                UNDISCOVERED,
                &[StsRecord],
            ),
            Self::StsIdForged => facts(
                "sts-id-forged",
                "the STS record has a new id, and connections to the policy host are reset",
                AS_BEFORE,
                NO_POLICY,
                &[StsRecord, PolicyHost],
            ),
            Self::PolicyRedirected => facts(
                "policy-redirected",
                "a new id, and the policy host redirects to the attacker's, whose policy is of mode none",
                AS_BEFORE,
                NO_POLICY,
                &[StsRecord, PolicyHost],
            ),
            Self::PolicyCutMaxAge => facts(
                "policy-cut-max-age",
                "a new id, and the connection ends without close_notify after the first digit of max_age",
                AS_BEFORE,
                NO_POLICY,
                &[StsRecord, PolicyHost],
            ),
            Self::PolicyCutMx => facts(
                "policy-cut-mx",
                "a new id, and the connection ends without close_notify before the last mx",
                AS_BEFORE,
                NO_POLICY,
                &[StsRecord, PolicyHost],
            ),
            Self::PolicyNone => facts(
                "policy-none-bad-certificate",
                "a new id, and a policy of mode none under a certificate that the attacker signed himself",
                AS_BEFORE,
                NO_POLICY,
                &[StsRecord, PolicyHost],
            ),
            Self::PolicyReplayed => facts(
                "policy-replayed",
                "a new id, and a policy of the past in mode testing under a certificate that has expired",
                AS_BEFORE,
                NO_POLICY,
                &[StsRecord, PolicyHost],
            ),
            Self::HttpsBlocked => facts(
                "https-blocked",
                "nothing comes back from the policy host",
                AS_BEFORE,
                NO_POLICY,
                &[PolicyHost],
            ),
            Self::TlsaDropped => facts(
                "tlsa-dropped",
                "questions for TLSA records get no answer, all others do",
                "defer, or deliver to hosts that pass MTA-STS where the MX records are unsigned; never \
                 take silence for absence (RFC 7672 §2.1.2)",
                "defer where the MX records are signed; else deliver",
                &[TlsaRecords],
            ),
            Self::TlsaDenied => facts(
                "tlsa-denied",
                "the DNS says that there are no TLSA records, without proof",
                "in a signed zone defer: the denial is bogus; else deliver to hosts that pass MTA-STS",
                "in a signed zone defer: the denial is bogus; else deliver",
                &[TlsaRecords],
            ),
            Self::RrsigExpired => facts(
                "rrsig-expired",
                "every signature about the domain is one of the past",
                "defer in a signed zone: all is bogus; unsigned ones are as before",
                "defer in a signed zone: all is bogus; unsigned ones are as before",
                &[Signatures],
            ),
            Self::DnsSlow => facts(
                "dns-slow",
                "every answer of the DNS about the domain comes seven seconds late",
                "decide in time, under the cached policy; what is not known in time is a failed look-up",
                "as without MTA-STS, and defer where TLSA records may be pending",
                &[Timing],
            ),
            Self::DnsBlocked => facts(
                "dns-blocked",
                "no answer of the DNS about the domain comes at all",
                "defer: without MX records there is no way",
                "defer: without MX records there is no way",
                &[MxRecords, StsRecord, TlsaRecords, Signatures, Timing],
            ),
        }
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// No attack has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such attack; `sealpost lab attacks` lists all")]
pub struct UnknownAttack;

impl FromStr for Attack {
    type Err = UnknownAttack;

    fn from_str(name: &str) -> Result<Self, UnknownAttack> {
        Self::ALL.into_iter().find(|attack| attack.name() == name).ok_or(UnknownAttack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_has_a_name_of_its_own_and_says_what_it_is() {
        for (place, attack) in Attack::ALL.into_iter().enumerate() {
            let name = attack.name();
            assert_eq!(name.parse(), Ok(attack));
            let is_kebab =
                |octet: u8| octet.is_ascii_lowercase() || b"-0123456789".contains(&octet);
            assert!(name.bytes().all(is_kebab), "{name}");
            let first = Attack::ALL.iter().position(|other| other.name() == name);
            assert_eq!(first, Some(place), "{name}");
            for text in [attack.about(), attack.with_policy(), attack.without_policy()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{name}: {text}");
            }
            assert!(
                Attack::ALL
                    .iter()
                    .all(|other| attack.contradicts(*other) == other.contradicts(attack))
            );
            assert!(!attack.contradicts(attack));
        }
        assert!(Attack::MxForged.contradicts(Attack::AdSpoofed));
        assert!(!Attack::MxForged.contradicts(Attack::StartTlsStripped));
        assert_eq!("none".parse::<Attack>(), Err(UnknownAttack));
    }
}
