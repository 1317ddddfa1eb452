//! What a test wants to have in the world: mail domains, each with its policy host and its MX.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::{Signing, Zone};

/// The mail domains that an environment serves; at most 200.
///
/// Each has two IPv4 addresses of its own, one for the policy host and one for the MX. A loopback
/// interface has a single IPv6 address, and the first domain has it.
///
/// Their records stand in signed zones: the root, `test`, and what [`World::zone`] adds.
#[derive(Clone, Debug)]
pub struct World {
    domains: Vec<Domain>,
    zones: Vec<Zone>,
}

/// One mail domain, below `test`.
#[derive(Clone, Debug)]
pub struct Domain {
    /// The policy domain.
    pub name: &'static str,
    /// How its policy host behaves.
    pub policy_host: PolicyHost,
    /// How its only MX host behaves.
    pub mail_host: MailHost,
    /// The TLSA record of its MX host.
    pub tlsa: Tlsa,
}

/// The behaviour of a policy host, which is an nginx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyHost {
    /// Its certificate.
    pub certificate: LeafKind,
    /// Its answer to a request for the policy.
    pub reply: PolicyReply,
}

/// What a policy host answers when it is asked for the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyReply {
    /// The policy, in mode `enforce`, for the domain's MX.
    Policy,
    /// A redirect to the same path at `www.` + policy domain.
    Redirect,
}

/// The behaviour of an MX host, which is a Postfix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailHost {
    /// It offers STARTTLS with this certificate, TLS 1.2 or later, and no weak suite.
    StartTls(LeafKind),
    /// It offers STARTTLS with a good certificate, and takes all TLS that Postfix takes unless it is
    /// told otherwise: TLS 1.0, TLS 1.1 and anonymous suites too.
    Lenient,
    /// It does not offer STARTTLS.
    PlainText,
}

/// The TLSA record of an MX host (RFC 7672).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tlsa {
    /// There is none.
    None,
    /// `3 1 1` and the key that the host uses.
    Matching,
    /// `3 1 1` and another key.
    Other,
}

/// What is wrong with a server's certificate, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// Nothing: the chain, the dates and the name are right.
    Good,
    /// Nothing, until so long after 1970 began, when its validity ends.
    Until(Duration),
    /// Its validity has ended; all else is right.
    Expired,
    /// It is signed by its own key; all else is right.
    SelfSigned,
    /// It is for another name; all else is right.
    OtherName,
}

impl MailHost {
    /// Its certificate, if it has one.
    pub(crate) fn certificate(self) -> Option<LeafKind> {
        match self {
            Self::StartTls(certificate) => Some(certificate),
            Self::Lenient => Some(LeafKind::Good),
            Self::PlainText => None,
        }
    }
}

impl World {
    /// A world of these domains.
    ///
    /// # Panics
    ///
    /// When they are too many for the plan of addresses.
    pub fn new(domains: Vec<Domain>) -> Self {
        assert!(domains.len() <= 200, "a world holds at most 200 domains");
        Self { domains, zones: vec![Zone::new("test", Signing::Nsec)] }
    }

    /// The same with one zone more, or with this one in the place of that of the same name.
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zones.retain(|other| other.name != zone.name);
        self.zones.push(zone);
        self
    }

    /// The zones below the root.
    pub(crate) fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// The zone that holds a name; `None` for the root.
    pub(crate) fn zone_of(&self, name: &str) -> Option<&Zone> {
        let enclosing = self.zones.iter().filter(|zone| zone.encloses(name));
        enclosing.max_by_key(|zone| zone.name.len())
    }

    /// The domains, each with its addresses.
    pub(crate) fn sites(&self) -> impl Iterator<Item = Site<'_>> {
        (1..=u8::MAX).zip(&self.domains).map(|(number, domain)| Site { number, domain })
    }
}

impl Domain {
    /// A domain with which all is well: mode `enforce`, valid certificates, STARTTLS.
    pub fn good(name: &'static str) -> Self {
        Self {
            name,
            policy_host: PolicyHost { certificate: LeafKind::Good, reply: PolicyReply::Policy },
            mail_host: MailHost::StartTls(LeafKind::Good),
            tlsa: Tlsa::None,
        }
    }

    /// The same with another certificate at the policy host.
    #[must_use]
    pub fn policy_certificate(mut self, certificate: LeafKind) -> Self {
        self.policy_host.certificate = certificate;
        self
    }

    /// The same with another answer of the policy host.
    #[must_use]
    pub fn policy_reply(mut self, reply: PolicyReply) -> Self {
        self.policy_host.reply = reply;
        self
    }

    /// The same with another MX host.
    #[must_use]
    pub fn mail_host(mut self, mail_host: MailHost) -> Self {
        self.mail_host = mail_host;
        self
    }

    /// The same with another TLSA record.
    #[must_use]
    pub fn tlsa(mut self, tlsa: Tlsa) -> Self {
        self.tlsa = tlsa;
        self
    }
}

/// A domain at its place in the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    /// Its place, from 1.
    number: u8,
    /// The domain.
    pub(crate) domain: &'a Domain,
}

impl Site<'_> {
    /// The name of the policy host.
    pub(crate) fn policy_host_name(&self) -> String {
        format!("mta-sts.{}", self.domain.name)
    }

    /// The name of the MX host.
    pub(crate) fn mail_host_name(&self) -> String {
        format!("mx1.{}", self.domain.name)
    }

    /// The policy that the policy host serves.
    pub(crate) fn policy(&self) -> String {
        let mail_host = self.mail_host_name();
        format!("version: STSv1\r\nmode: enforce\r\nmx: {mail_host}\r\nmax_age: 604800\r\n")
    }

    /// The addresses of the policy host.
    pub(crate) fn policy_host_addresses(&self) -> Vec<IpAddr> {
        self.addresses(1)
    }

    /// The addresses of the MX host.
    pub(crate) fn mail_host_addresses(&self) -> Vec<IpAddr> {
        self.addresses(2)
    }

    fn addresses(&self, host: u8) -> Vec<IpAddr> {
        let mut addresses = vec![IpAddr::V4(Ipv4Addr::new(127, 70, self.number, host))];
        if self.number == 1 {
            addresses.push(IpAddr::V6(Ipv6Addr::LOCALHOST));
        }
        addresses
    }
}
