//! The host that sees to the rest.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use mail_domain::DomainName;
use serde::Deserialize;

/// A mail server that takes our mail for everybody: `127.0.0.1:25`, `[::1]:25`, `mail.example.com`,
/// `mail.example.com:587`. The operator chose it, so the address guard is not asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Relay {
    pub(super) host: RelayHost,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum RelayHost {
    Domain(DomainName),
    Address(IpAddr),
}

/// Why a text names no relay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// Neither a name nor an address.
    #[error("the relay is no host: write mail.example.com, 192.0.2.1:25 or [2001:db8::1]:25")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port of the relay must be a number from 1 to 65535")]
    Port,
}

/// The port of SMTP.
const SMTP: u16 = 25;

impl Relay {
    /// Reads a host, with its port unless that is 25.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, RelayError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            if address.port() == 0 {
                return Err(RelayError::Port);
            }
            return Ok(Self { host: RelayHost::Address(address.ip()), port: address.port() });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self { host: RelayHost::Address(address), port: SMTP });
        }
        let (host, port) = match text.rsplit_once(':') {
            None => (text, SMTP),
            Some((host, digits)) => {
                let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
                let port = digits.parse().ok().filter(|port| is_number && *port > 0);
                (host, port.ok_or(RelayError::Port)?)
            }
        };
        let host = DomainName::parse(host).map_err(|_| RelayError::Host)?;
        Ok(Self { host: RelayHost::Domain(host), port })
    }

    /// Whether it is this machine.
    pub fn is_here(&self) -> bool {
        match &self.host {
            RelayHost::Domain(name) => name.as_str() == "localhost",
            RelayHost::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            RelayHost::Domain(name) => write!(f, "{name}:{}", self.port),
            RelayHost::Address(address) => SocketAddr::new(*address, self.port).fmt(f),
        }
    }
}

impl FromStr for Relay {
    type Err = RelayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Relay {
    type Error = RelayError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_a_port() {
        let good = |text: &str, shown: &str| {
            assert_eq!(Relay::parse(text).unwrap().to_string(), shown, "{text}");
        };
        good("127.0.0.1", "127.0.0.1:25");
        good("127.0.0.1:2525", "127.0.0.1:2525");
        good("::1", "[::1]:25");
        good("[::1]", "[::1]:25");
        good("[::1]:587", "[::1]:587");
        good("Mail.Example.com", "mail.example.com:25");
        good("localhost:25", "localhost:25");
        for text in ["", "a b", "mail:0", "mail:+25", "mail:x", "127.0.0.1:0", "mail:70000"] {
            assert!(Relay::parse(text).is_err(), "{text}");
        }
    }
}
