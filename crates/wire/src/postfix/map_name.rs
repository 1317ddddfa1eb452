//! The names of the maps, and what they say about the mail server.

use core::fmt;

/// A map that a mail server can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MapName {
    /// `postfix`.
    Postfix,
    /// `postfix-3.10`.
    Postfix3_10,
    /// `postfix-3.9`.
    Postfix3_9,
    /// `postfix-3.3`.
    Postfix3_3,
    /// `exim`.
    Exim,
    /// `QUERY`, which the documentation of other policy servers has people write into `main.cf`,
    /// whatever their version.
    Query,
    /// `QUERYwithTLSRPT`, from the same source, for Postfix 3.10 and later.
    QueryWithTlsRpt,
}

impl MapName {
    /// Every name.
    pub const ALL: [Self; 7] = [
        Self::Postfix,
        Self::Postfix3_10,
        Self::Postfix3_9,
        Self::Postfix3_3,
        Self::Exim,
        Self::Query,
        Self::QueryWithTlsRpt,
    ];

    /// Every name in one text, for messages.
    pub const LIST: &'static str =
        "postfix, postfix-3.10, postfix-3.9, postfix-3.3, exim, QUERY, QUERYwithTLSRPT";

    /// Reads a name, in any case; `None` for any other.
    pub fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_str().as_bytes()))
    }

    /// The name as it stands in the configuration of the mail server.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postfix => "postfix",
            Self::Postfix3_10 => "postfix-3.10",
            Self::Postfix3_9 => "postfix-3.9",
            Self::Postfix3_3 => "postfix-3.3",
            Self::Exim => "exim",
            Self::Query => "QUERY",
            Self::QueryWithTlsRpt => "QUERYwithTLSRPT",
        }
    }

    /// What the mail server behind this map understands. The two names that tell less about it than
    /// ours get what every version that they are used with takes, and so does not weaken any.
    pub const fn profile(self) -> Profile {
        match self {
            Self::Postfix => Profile::Postfix,
            Self::Postfix3_10 | Self::QueryWithTlsRpt => Profile::Postfix3_10,
            Self::Postfix3_9 | Self::Query => Profile::Postfix3_9,
            Self::Postfix3_3 => Profile::Postfix3_3,
            Self::Exim => Profile::Exim,
        }
    }
}

impl fmt::Display for MapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A kind of mail server, by what it makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Postfix 3.10.5 and later, whose `smtp_tls_enforce_sts_mx_patterns` is on, as it is by default:
    /// it skips MX hosts that match no pattern of the policy, and wants a certificate for the name of
    /// the host.
    Postfix,
    /// Postfix 3.10.0 to 3.10.4, or any later one whose `smtp_tls_enforce_sts_mx_patterns` is off. It
    /// takes the policy for its TLS reports (RFC 8460).
    Postfix3_10,
    /// Postfix 3.4 to 3.9.
    Postfix3_9,
    /// Postfix 3.3 and earlier. **Not compliant with RFC 8461**: it cannot be told to send the MX
    /// hostname as server name, as section 7.1 demands.
    Postfix3_3,
    /// Exim, whose configuration takes the level and the list of hosts from the answer.
    Exim,
}

impl Profile {
    /// Whether the mail server itself refuses MX hosts that no pattern of the policy allows. To the
    /// others only the hosts that it allows at the time of the answer are named.
    pub const fn checks_mx_hosts(self) -> bool {
        matches!(self, Self::Postfix)
    }

    /// Whether the mail server takes the text of the policy, for its TLS reports.
    pub const fn takes_policies(self) -> bool {
        matches!(self, Self::Postfix | Self::Postfix3_10)
    }

    /// What of RFC 8461 a mail server of this kind cannot do whatever it is told, for its operator.
    pub const fn shortfall(self) -> Option<&'static str> {
        match self {
            Self::Postfix => None,
            Self::Postfix3_10 | Self::Postfix3_9 => Some(
                "a certificate for one MX host of the policy is accepted on any other host \
                 (RFC 8461 section 4.2); Postfix 3.10.5 compares it with the name of the host",
            ),
            Self::Postfix3_3 => Some(
                "not compliant with RFC 8461: no server name is sent (section 7.1), and a \
                 certificate for one MX host of the policy is accepted on any other host \
                 (section 4.2); Postfix 3.10.5 does both as it should",
            ),
            Self::Exim => Some(
                "MX hosts are checked against the policy only as far as the configuration of Exim \
                 compares them with the list in the answer (RFC 8461 section 4.1)",
            ),
        }
    }

    /// The attributes that go with a verified connection.
    pub(super) const fn fixed_attributes(self) -> &'static str {
        match self {
            //= https://www.rfc-editor.org/rfc/rfc8461#section-7.1
            //# When connecting to an
            //# SMTP server, the SNI extension MUST contain the MX hostname.
            //= https://www.rfc-editor.org/rfc/rfc8461#section-7.2
            //# MTAs supporting MTA-STS MUST have support for TLS 1.2 [RFC5246] or
            //# TLS 1.3 [RFC8446] or higher.
            Self::Postfix | Self::Postfix3_10 => " servername=hostname protocols=>=TLSv1.2",
            // `>=` came with Postfix 3.6, and a version that does not know it defers everything.
            Self::Postfix3_9 => " servername=hostname protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1",
            Self::Postfix3_3 => " protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1",
            // Its configuration says both, once for all domains.
            Self::Exim => "",
        }
    }
}
