//! Who reports.

use std::net::{IpAddr, Ipv4Addr};

use super::traffic::MailDomain;

/// A sender of TLS reports, and whom it behaves like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reporter {
    /// Google: much traffic, MTA-STS and no DANE; empty `sending-mta-ip`, signatures that expire
    /// after a week.
    Google,
    /// Microsoft: the same sessions under `tlsa` and `sts`, dates without zone, TLSA records packed
    /// into one string, late.
    Microsoft,
    /// Mail.ru: days that end at midnight, reasons in the words of its library, details that do not
    /// add up.
    MailRu,
    /// Stalwart: ranges that begin with the first session, of an hour, a day or a week; empty lists
    /// and `null`; posts where it may.
    Stalwart,
    /// Postfix with tlsrpt-reporter: no domain where no policy was found.
    Postfix,
    /// Another installation of the same, whose reports have the same ids.
    PostfixTwin,
}

/// How long the ranges of a reporter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// A day of UTC.
    Day,
    /// So many seconds from the first session on.
    FromFirstSession(i64),
}

impl Reporter {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Google,
        Self::Microsoft,
        Self::MailRu,
        Self::Stalwart,
        Self::Postfix,
        Self::PostfixTwin,
    ];

    /// The domain that signs its mails.
    pub fn domain(self) -> &'static str {
        match self {
            Self::Google => "like-google.test",
            Self::Microsoft => "like-microsoft.test",
            Self::MailRu => "like-mail-ru.test",
            Self::Stalwart => "like-stalwart.test",
            Self::Postfix => "like-postfix.test",
            Self::PostfixTwin => "like-postfix-twin.test",
        }
    }

    /// What it calls itself in its reports.
    pub fn organisation(self) -> &'static str {
        match self {
            Self::Google => "Google Inc.",
            Self::Microsoft => "Microsoft Corporation",
            Self::MailRu => "Mail.ru",
            Self::Stalwart => "mx.like-stalwart.test",
            // Nobody sets another name.
            Self::Postfix | Self::PostfixTwin => "Example Inc.",
        }
    }

    /// Where it posts from, if it posts.
    pub fn posts_from(self) -> IpAddr {
        self.sending_ip()
    }

    pub(super) fn sending_ip(self) -> IpAddr {
        let last = match self {
            Self::Google => 10,
            Self::Microsoft => 20,
            Self::MailRu => 30,
            Self::Stalwart => 40,
            Self::Postfix => 50,
            Self::PostfixTwin => 60,
        };
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))
    }

    /// The mailbox that it writes from.
    pub(super) fn mailbox(self) -> &'static str {
        match self {
            Self::Google => "noreply-smtp-tls-reporting",
            Self::Microsoft => "tlsrpt-noreply",
            Self::MailRu => "tls_support",
            Self::Stalwart => "noreply-tls",
            Self::Postfix | Self::PostfixTwin => "noreply-smtp-tls-reporting",
        }
    }

    pub(super) fn range(self, domain: &MailDomain) -> Range {
        match (self, domain.name) {
            (Self::Stalwart, "good.test" | "dane-good.test") => Range::FromFirstSession(3600),
            (Self::Stalwart, "good-wildcard.test" | "xn--bcher-kva.test") => {
                Range::FromFirstSession(7 * 86_400)
            }
            (Self::Stalwart, _) => Range::FromFirstSession(86_400),
            _ => Range::Day,
        }
    }

    /// Whether it posts the reports on this domain.
    pub(super) fn posts(self, domain: &MailDomain) -> bool {
        let posted = ["good.test", "dane-without-sts.test", "good-policy-order.test"];
        matches!(self, Self::Stalwart | Self::PostfixTwin) && posted.contains(&domain.name)
    }
}
