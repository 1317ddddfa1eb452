//! Who may look.

use std::{net::IpAddr, str::FromStr};

use sealpost_listen::{
    Peer,
    http::{Request, Response, Status},
};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Who may look: clients on this machine that call it by one of its names.
///
/// A proxy in front of it, which has its own idea of who may pass, is on this machine too. The name
/// that people then use must be listed.
#[derive(Clone, Debug, Default)]
pub struct Access {
    names: Vec<HostName>,
}

/// A name under which people call us, as it stands in `Host`, without a port.
#[derive(Clone, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(with = "String")]
pub struct HostName(String);

/// The text is no name of a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name: write it as sealpost.example.com, without scheme and port")]
pub struct HostNameError(String);

impl Access {
    /// These names beside the addresses of this machine and `localhost`.
    pub fn by_names(names: Vec<HostName>) -> Self {
        Self { names }
    }

    /// Why a request is refused; `None` if it is not.
    pub(crate) fn refusal(&self, request: &Request) -> Option<Response> {
        let is_near = match request.peer {
            Peer::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Peer::Unix => true,
        };
        if !is_near {
            return Some(refused(
                "these pages are for this machine only; put a proxy that asks for a password in \
                 front of them\n",
            ));
        }
        // A name that somebody else points to 127.0.0.1 would let his pages read ours.
        let host = request.fields.single("host").map(host_of).unwrap_or_default();
        if is_own(host) || self.names.iter().any(|HostName(name)| name.eq_ignore_ascii_case(host)) {
            return None;
        }
        Some(refused("this is not a name of this host; list it in `hosts` of [web]\n"))
    }
}

fn refused(why: &'static str) -> Response {
    Response::text(Status::Forbidden, why)
}

/// The name or address without its port.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(authority, |(address, _)| address);
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

fn is_own(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if text.is_empty() || text.len() > 253 || !text.chars().all(is_fit) {
            return Err(HostNameError(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_known_and_no_others() {
        for (authority, is_one) in [
            ("localhost", true),
            ("LocalHost:8460", true),
            ("127.0.0.1:8460", true),
            ("127.9.9.9", true),
            ("[::1]:8460", true),
            ("[::1]", true),
            ("192.0.2.1:8460", false),
            ("localhost.example", false),
            ("evil.example:8460", false),
            ("", false),
        ] {
            assert_eq!(is_own(host_of(authority)), is_one, "{authority}");
        }
    }

    #[test]
    fn a_host_name_is_a_name_only() {
        assert!("sealpost.example.com".parse::<HostName>().is_ok());
        for text in ["", "https://a.example", "a.example:8460", "a b"] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }
}
