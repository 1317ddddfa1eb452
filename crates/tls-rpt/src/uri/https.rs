//! `https:` URIs, as far as a report needs them: a host and a port to connect to.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mail_domain::{DomainName, DomainNameError};

use super::{UriError, percent_decoded};

/// An `https:` URI. User information, path, query and fragment are legal and kept in the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpsUri {
    text: Box<str>,
    host: Host,
    port: u16,
}

impl HttpsUri {
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# In the case of "https", reports should be submitted via POST
    //# [RFC7231] to the specified URI.
    pub(super) fn new(text: &str, hierarchy: &str) -> Result<Self, UriError> {
        let after_slashes = hierarchy.strip_prefix("//").ok_or(UriError::HostMissing)?;
        let (authority, path) = after_slashes.split_once('/').unwrap_or((after_slashes, ""));
        let (user, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
        let stray = user.chars().find(|c| matches!(c, '@' | '[' | ']'));
        let stray = stray.or_else(|| path.chars().find(|c| matches!(c, '[' | ']')));
        if let Some(character) = stray {
            return Err(UriError::Character { character });
        }

        let (host, port) = match host_and_port.strip_prefix('[') {
            Some(bracketed) => {
                let (address, port) = bracketed.split_once(']').ok_or(UriError::Ipv6)?;
                let address: Ipv6Addr = address.parse().map_err(|_| UriError::Ipv6)?;
                let port = match port.strip_prefix(':') {
                    Some(port) => port,
                    None if port.is_empty() => "",
                    None => return Err(UriError::Port),
                };
                (Host::Address(IpAddr::V6(address)), port)
            }
            None => {
                let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, ""));
                if host.is_empty() {
                    return Err(UriError::HostMissing);
                }
                (Host::named(host).map_err(|reason| UriError::Host { reason })?, port)
            }
        };
        Ok(Self { text: text.into(), host, port: parse_port(port)? })
    }

    /// The host to connect to.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port to connect to; 443 if the URI names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URI as published.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The host of an `https:` URI.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name, in lower-case A-labels.
    Domain(DomainName),
    /// An IP address; in a URI an IPv6 address stands in brackets.
    Address(IpAddr),
}

impl Host {
    fn named(text: &str) -> Result<Self, DomainNameError> {
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(IpAddr::V4(address)));
        }
        // Octets that are not UTF-8 become a character that no domain name may hold.
        let name = percent_decoded(text);
        DomainName::parse(&String::from_utf8_lossy(&name)).map(Self::Domain)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

fn parse_port(digits: &str) -> Result<u16, UriError> {
    const HTTPS: u16 = 443;
    // RFC 3986 section 3.2.3: the port may be empty, and then is the scheme's own.
    if digits.is_empty() {
        return Ok(HTTPS);
    }
    // `parse` alone would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UriError::Port);
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err(UriError::Port),
        Ok(port) => Ok(port),
    }
}
