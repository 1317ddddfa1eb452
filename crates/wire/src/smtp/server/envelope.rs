//! What is known of a message beside its octets.

use core::fmt;

use super::{Body, Protocol, Recipient, Sender};
use crate::smtp::Channel;

/// A message with its envelope, complete, and not yet acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who sent it to whom, and how.
    pub envelope: Envelope,
    /// The message as it was before it travelled: without the doubled dots and the final one. Every
    /// line ends with CR LF.
    pub octets: Vec<u8>,
}

/// What a client has said about a message before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What was spoken.
    pub protocol: Protocol,
    /// Whether it went through TLS.
    pub channel: Channel,
    /// How the client presented itself.
    pub greeted: Greeted,
    /// Who sent it.
    pub sender: Sender,
    /// The recipients that were accepted, in order; a recipient that was named twice is here twice.
    pub recipients: Vec<Recipient>,
    /// The declared kind of its octets. Any octets may be in it.
    pub body: Body,
    /// How many octets it was said to have.
    pub declared_octets: Option<u64>,
}

/// How a client presented itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeted {
    /// The command.
    pub by: Hello,
    /// The name that it gave itself, made readable, unchecked, at most 255 characters.
    pub name: Box<str>,
}

/// The commands by which a client presents itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hello {
    /// SMTP without extensions.
    Helo,
    /// SMTP with extensions.
    Ehlo,
    /// LMTP.
    Lhlo,
}

impl Envelope {
    /// The name of the transmission type as `Received` fields have it (RFC 3848), such as `ESMTPS`.
    pub fn transmission_type(&self) -> &'static str {
        match (self.greeted.by, self.channel) {
            (Hello::Helo, _) => "SMTP",
            (Hello::Ehlo, Channel::Plain) => "ESMTP",
            (Hello::Ehlo, Channel::Tls) => "ESMTPS",
            (Hello::Lhlo, Channel::Plain) => "LMTP",
            (Hello::Lhlo, Channel::Tls) => "LMTPS",
        }
    }
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Helo => "HELO",
            Self::Ehlo => "EHLO",
            Self::Lhlo => "LHLO",
        })
    }
}
