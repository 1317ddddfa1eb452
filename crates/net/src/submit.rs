//! The way out of a report: by SMTP, by POST over HTTPS, or through a program of this machine.
//!
//! A report is to arrive, also where TLS is broken: that is what it tells of. So TLS is tried and
//! never required, and neither MTA-STS nor DANE is asked.
//!
//! Whatever happens is one of three things ([`Submitted`]): it was taken, it may be taken later, or
//! trying again is of no use. All waiting ends with the patience that the caller has.
//!
//! # Limitations
//! - No SMTP AUTH: a relay has to know us by our address.
//! - Where a connection ends after a report was sent and before the answer came, it is sent again
//!   later, and may arrive twice: its id tells.

mod dialogue;
mod mail;
mod post;
mod program;
mod relay;
mod retry_after;

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tls_rpt::MailAddress;

use crate::text::printable;

pub use post::{Certificates, Poster};
pub use program::Program;
pub use relay::{Relay, RelayError};

/// A mail with its envelope.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// Who is told if it fails later; `None` for nobody.
    pub sender: Option<&'a MailAddress>,
    /// Where it goes.
    pub recipient: &'a MailAddress,
    /// The mail, its lines ending with CRLF.
    pub octets: &'a [u8],
}

/// The way of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum MailWay {
    /// To the MX hosts of the recipient's domain.
    Direct,
    /// To this host, which sees to the rest.
    Relay(Relay),
    /// To a program of this machine.
    Program(Program),
}

/// Why a text names no way of mails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailWayError {
    /// The relay is none.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The program could be any of that name.
    #[error("the path of sendmail is not absolute")]
    Program,
    /// None of the three.
    #[error("the way of mails is relay:HOST:PORT, sendmail:/usr/sbin/sendmail, or direct")]
    Form,
}

impl FromStr for MailWay {
    type Err = MailWayError;

    /// `relay:HOST:PORT`, `sendmail:PATH` or `direct`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "direct" => Ok(Self::Direct),
            Some(("relay", host)) => Ok(Self::Relay(Relay::parse(host)?)),
            Some(("sendmail", path)) => {
                Program::at(path).map(Self::Program).ok_or(MailWayError::Program)
            }
            _ => Err(MailWayError::Form),
        }
    }
}

impl TryFrom<String> for MailWay {
    type Error = MailWayError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// What became of a report on its way to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Submitted {
    /// It was taken.
    Accepted(Acceptance),
    /// It was not taken, or that is not known; it may be tried again.
    Later {
        /// Why.
        fault: SubmitFault,
        /// How long the other side wants to be left alone; at most a day.
        after: Option<Duration>,
    },
    /// It was refused, and trying again is of no use.
    Refused(SubmitFault),
}

/// Who took a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The host with its address, or the program.
    pub place: String,
    /// What it said: text from outside, in one line, without control characters.
    pub answer: String,
    /// How the report travelled.
    pub protection: Protection,
}

/// How a report travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// It did not leave this machine, or nobody knows how it will.
    Local,
    /// In the open.
    Open,
    /// Through TLS, with whoever was there.
    Encrypted,
    /// Through TLS, with a certificate that holds for the host.
    Verified,
}

/// Why a report was not taken: text for people and lists, in one line, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{text}", place.as_deref().map(|place| format!("{place}: ")).unwrap_or_default())]
pub struct SubmitFault {
    /// Where: the host with its address; `None` where it did not get that far.
    pub place: Option<String>,
    /// What happened.
    pub text: String,
}

impl Submitted {
    fn later(fault: SubmitFault) -> Self {
        Self::Later { fault, after: None }
    }

    /// Whether it was taken.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// A stable name, for metrics and lists.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Later { .. } => "later",
            Self::Refused(_) => "refused",
        }
    }
}

impl Protection {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Open => "open",
            Self::Encrypted => "encrypted",
            Self::Verified => "verified",
        }
    }
}

impl SubmitFault {
    fn new(text: impl AsRef<str>) -> Self {
        Self { place: None, text: printable(text.as_ref()) }
    }

    fn at(place: &str, text: impl AsRef<str>) -> Self {
        Self { place: Some(place.to_owned()), ..Self::new(text) }
    }
}

#[cfg(test)]
mod tests;
