//! Hosts of the fleet, and all the ways in which they may misbehave.

use std::net::Ipv4Addr;

/// Where a policy lies on its host (RFC 8461 §3.2).
const POLICY_PATH: &str = "/.well-known/mta-sts.txt";

/// A host that speaks HTTPS: the policy host of a domain, or one that takes reports.
#[derive(Clone, Debug)]
pub(crate) struct WebHost {
    pub(crate) ipv4: Vec<Address<Reply>>,
    pub(crate) ipv6: Option<Server<Reply>>,
    /// The label of the host's real name, where the name is an alias.
    pub(crate) alias_of: Option<&'static str>,
}

/// An MX host.
#[derive(Clone, Debug)]
pub(crate) struct MailHost {
    /// The label below the domain; `@` for the domain itself.
    pub(crate) label: &'static str,
    pub(crate) ipv4: Vec<Address<Dialogue>>,
    pub(crate) ipv6: Option<Server<Dialogue>>,
    /// The label of the host's real name, where [`label`](Self::label) is an alias.
    pub(crate) alias_of: Option<&'static str>,
    /// The label where its addresses stand, if it has them from a wildcard.
    pub(crate) wildcard: Option<&'static str>,
}

/// One IPv4 address of a host.
#[derive(Clone, Debug)]
pub(crate) enum Address<C> {
    /// The lab gives it an address of its own, and a server there.
    Served(Server<C>),
    /// The lab gives it an address of its own, where nobody listens.
    Closed,
    /// An address outside the lab. Nobody may send a packet there.
    Elsewhere(Ipv4Addr),
}

/// What a client meets at an address: a TLS handshake, a certificate, and a conduct.
#[derive(Clone, Debug)]
pub(crate) struct Server<C> {
    pub(crate) certificate: Certificate,
    pub(crate) handshake: Handshake,
    pub(crate) conduct: C,
}

/// What is wrong or special about a certificate. Days are counted from the lab's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Certificate {
    /// For the host's name, by the lab's authority, for so many days of which so many are left;
    /// negative when it has expired.
    Dated {
        lifetime: i32,
        left: i32,
    },
    /// Issued a minute ago.
    Fresh,
    NotYetValid,
    WrongName,
    /// For this host, whatever the client asks for.
    Fixed(&'static str),
    /// The host's name stands in the common name and in no subject alternative name.
    CommonNameOnly,
    /// A wildcard that fits, `*.` and the rest of the host's name.
    Wildcard,
    /// `m*.` and the rest of the host's name, which RFC 6125 lets nobody accept here.
    PartialWildcard,
    /// Signed by its own key, marked as no authority.
    SelfSigned,
    /// Signed by its own key, marked as an authority, which is the default of common tools.
    SelfSignedAuthority,
    SelfSignedExpired,
    UntrustedRoot,
    /// Good, by an authority that calls itself as a public one does.
    NamedAuthority,
    /// Good, but the server leaves the intermediate certificate out.
    MissingIntermediate,
    /// Good, and the server sends the root too, which is superfluous.
    WithRoot,
    /// For clients only (extended key usage).
    ClientOnly,
    /// By an authority whose name constraints do not allow it.
    OutsideConstraint,
    /// With an unknown extension that is marked as critical.
    CriticalExtension,
    /// With an unknown extension that is not critical.
    UnknownExtension,
}

/// How the TLS handshake goes. Every server reads the ClientHello first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handshake {
    Complete,
    /// As [`Complete`](Self::Complete), with TLS 1.2 at most.
    Tls12Only,
    /// A fatal alert of this code (RFC 8446 §6).
    Alert(u8),
    Close,
    Reset,
    /// An answer that is not TLS.
    PlainText(&'static str),
    Silence,
    /// As [`Complete`](Self::Complete) with clients of today, and more with those of yesterday.
    Old(OldTls),
}

/// What a server still speaks, or all that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldTls {
    AlsoTls10,
    AlsoTls11,
    /// TLS 1.2 with 3DES.
    AlsoWeakSuites,
    /// As RFC 5246 appendix E.1 wants it: newer offers are answered with what it speaks.
    OnlyTls10,
    /// Refuses every offer of a newer version, even from clients that would take TLS 1.0.
    OnlyTls10Intolerant,
}

/// A TLSA record for an MX host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlsa {
    pub(crate) usage: u8,
    pub(crate) selector: u8,
    pub(crate) matching: u8,
    pub(crate) of: TlsaOf,
}

/// What a TLSA record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsaOf {
    /// The certificate that the host presents.
    Leaf,
    /// The intermediate certificate above it.
    Intermediate,
    Root,
    /// A key that no host uses, or not yet.
    OtherKey,
}

/// The reply of a policy host.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The only path that is answered with this reply.
    pub(crate) path: &'static str,
    pub(crate) status: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    /// Where the client is sent on to.
    pub(crate) location: Option<String>,
    /// `None` stands for the domain's policy.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) manner: Manner,
}

/// How a reply is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// With `Content-Length`.
    Length,
    Chunked,
    /// Without length; the end is a proper close_notify.
    CloseNotify,
    /// With length, and pauses of some milliseconds.
    InPieces,
    /// With `Content-Encoding: gzip`, and true to it.
    Gzip,
    /// Half of what `Content-Length` announces, then a proper close_notify.
    CutShort,
    /// Half of the body without length, then the connection ends without close_notify.
    CutAbruptly,
    /// So many octets of the body without length, then as above: what a man in the middle can do to
    /// a reply that ends with its connection.
    CutAt(usize),
    /// An octet now and then.
    Drip,
    /// No reply.
    Silence,
    /// Something that is no HTTP.
    Garbage,
    /// The connection ends within the head.
    CutInHead,
}

/// The SMTP dialogue of an MX host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialogue {
    Polite,
    /// All that RFC 5321 allows and few servers do: replies of many lines, keywords in lower case.
    Unusual,
    /// Greets after a while, and sends its replies in pieces.
    Unhurried,
    /// Refuses to talk: this greeting, then 503 to everything but QUIT.
    Refusal(&'static str),
    /// This greeting, and the connection ends.
    Farewell(&'static str),
    /// Never greets.
    Silence,
    /// Greets with a line now and then, without end.
    Tarpit,
    EhloRefused,
    CloseAfterEhlo,
    SilenceAfterEhlo,
    NoStartTls,
    /// Greets without saying who it is.
    Nameless,
    /// Answers EHLO under another name than it greeted with.
    OtherName,
    /// Something on the way has overwritten STARTTLS with this.
    Masked(&'static str),
    StartTlsRefused(&'static str),
    /// Sends a second reply, in plaintext, right behind the go-ahead for TLS.
    Injection,
}

impl WebHost {
    pub(crate) fn good() -> Self {
        Self::new(Server::good(Reply::good()))
    }

    /// The same server on IPv4 and IPv6.
    pub(crate) fn new(server: Server<Reply>) -> Self {
        Self { ipv4: vec![Address::Served(server.clone())], ipv6: Some(server), alias_of: None }
    }

    /// Takes reports, and so does not let anybody fetch anything.
    pub(crate) fn taking_reports() -> Self {
        Self::replying(Reply::not_allowed())
    }

    pub(crate) fn replying(reply: Reply) -> Self {
        Self::new(Server::good(reply))
    }

    pub(crate) fn sending(manner: Manner) -> Self {
        Self::replying(Reply { manner, ..Reply::good() })
    }

    pub(crate) fn with_certificate(certificate: Certificate) -> Self {
        Self::new(Server { certificate, ..Server::good(Reply::good()) })
    }

    pub(crate) fn with_handshake(handshake: Handshake) -> Self {
        Self::new(Server { handshake, ..Server::good(Reply::good()) })
    }

    /// These IPv4 addresses, and no IPv6.
    pub(crate) fn at(ipv4: Vec<Address<Reply>>) -> Self {
        Self { ipv4, ipv6: None, alias_of: None }
    }

    pub(crate) fn alias_of(mut self, label: &'static str) -> Self {
        self.alias_of = Some(label);
        self
    }
}

impl MailHost {
    pub(crate) fn good(label: &'static str) -> Self {
        Self::new(label, Server::good(Dialogue::Polite))
    }

    /// The same server on IPv4 and IPv6. A server whose fault shows before the client names the
    /// host is on IPv4 only, for the lab has one IPv6 address for all hosts.
    pub(crate) fn new(label: &'static str, server: Server<Dialogue>) -> Self {
        let shows_early =
            server.conduct != Dialogue::Polite || matches!(server.handshake, Handshake::Old(_));
        let ipv6 = (!shows_early).then(|| server.clone());
        let ipv4 = vec![Address::Served(server)];
        Self { label, ipv4, ipv6, alias_of: None, wildcard: None }
    }

    pub(crate) fn saying(label: &'static str, dialogue: Dialogue) -> Self {
        Self::new(label, Server::good(dialogue))
    }

    pub(crate) fn with_certificate(label: &'static str, certificate: Certificate) -> Self {
        Self::new(label, Server { certificate, ..Server::good(Dialogue::Polite) })
    }

    pub(crate) fn with_handshake(label: &'static str, handshake: Handshake) -> Self {
        Self::new(label, Server { handshake, ..Server::good(Dialogue::Polite) })
    }

    /// These IPv4 addresses, and no IPv6.
    pub(crate) fn at(label: &'static str, ipv4: Vec<Address<Dialogue>>) -> Self {
        Self { label, ipv4, ipv6: None, alias_of: None, wildcard: None }
    }

    pub(crate) fn published_at(mut self, wildcard: &'static str) -> Self {
        self.wildcard = Some(wildcard);
        self
    }

    pub(crate) fn alias_of(mut self, label: &'static str) -> Self {
        self.alias_of = Some(label);
        self
    }
}

impl<C> Server<C> {
    pub(crate) fn good(conduct: C) -> Self {
        Self { certificate: Certificate::good(), handshake: Handshake::Complete, conduct }
    }
}

impl Certificate {
    /// Ninety days, as automatic authorities issue them, of which one has passed.
    pub(crate) fn good() -> Self {
        Self::Dated { lifetime: 90, left: 89 }
    }

    pub(crate) fn expired() -> Self {
        Self::Dated { lifetime: 90, left: -3 }
    }
}

impl Reply {
    /// 200, `text/plain`, the domain's policy.
    pub(crate) fn good() -> Self {
        Self {
            path: POLICY_PATH,
            status: "200 OK",
            headers: vec![("Content-Type", "text/plain")],
            location: None,
            body: None,
            manner: Manner::Length,
        }
    }

    /// What a receiver of reports says to GET.
    pub(crate) fn not_allowed() -> Self {
        Self {
            path: "/tls",
            status: "405 Method Not Allowed",
            headers: vec![("Allow", "POST"), ("Content-Type", "text/plain")],
            location: None,
            body: Some(b"reports are sent with POST\n".to_vec()),
            manner: Manner::Length,
        }
    }
}

impl Tlsa {
    pub(crate) const fn new(usage: u8, selector: u8, matching: u8, of: TlsaOf) -> Self {
        Self { usage, selector, matching, of }
    }
}
