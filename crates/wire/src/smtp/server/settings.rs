//! What a session may say and cost.

use crate::smtp::EhloName;

/// Which of the two protocols is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// SMTP (RFC 5321): one reply for a message.
    Smtp,
    /// LMTP (RFC 2033): one reply for each recipient of a message.
    Lmtp,
}

/// Whether TLS can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tls {
    /// No: STARTTLS is neither offered nor taken.
    Absent,
    /// By STARTTLS.
    Offered,
    /// It stands since the connection was opened.
    Active,
}

/// How a session presents itself, and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of this host, which stands in the greeting.
    pub host: EhloName,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether TLS can be had.
    pub tls: Tls,
    /// The bounds.
    pub limits: Limits,
}

/// The bounds of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command line with its end: 2,048. RFC 5321 §4.5.3.1.4 asks for 512, and SMTPUTF8
    /// and SIZE for some more. A longer line is refused; one of sixteen times as much ends the
    /// session.
    pub command_octets: usize,
    /// Octets of a message without the dots that are doubled on the way: 26,214,400 (25 MiB). It is
    /// what EHLO offers as SIZE.
    pub message_octets: usize,
    /// Octets of a message that is refused already and still read, so that its sender hears why:
    /// 52,428,800. Beyond it the session ends.
    pub excess_octets: usize,
    /// Octets of a line of a message without its end: 1,048,576. RFC 5321 §4.5.3.1.6 allows 998, and
    /// programs that forget it lose no report here. Beyond it the message is refused.
    pub text_line_octets: usize,
    /// Recipients of a message: 100, the least that RFC 5321 §4.5.3.1.8 allows.
    pub recipients: usize,
    /// Messages in one session: 1,000.
    pub messages: usize,
    /// Commands that were refused since the last message was stored: 20. Then the session ends.
    pub errors: usize,
    /// Commands of any kind since the last message was stored: 300. Then the session ends.
    pub idle_commands: usize,
}

impl Settings {
    /// Settings with the default limits and without TLS.
    pub fn new(protocol: Protocol, host: EhloName) -> Self {
        Self { host, protocol, tls: Tls::Absent, limits: Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_octets: 2_048,
            message_octets: 25 << 20,
            excess_octets: 50 << 20,
            text_line_octets: 1 << 20,
            recipients: 100,
            messages: 1_000,
            errors: 20,
            idle_commands: 300,
        }
    }
}
