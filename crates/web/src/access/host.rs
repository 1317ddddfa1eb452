//! Names by which we are called.

use std::{net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

/// A name under which people call us, as it stands in `Host`, without a port.
#[derive(Clone, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(with = "String")]
pub struct HostName(String);

/// The text is no name of a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name: write it as sealpost.example.com, without scheme and port")]
pub struct HostNameError(String);

impl HostName {
    pub(super) fn is(&self, host: &str) -> bool {
        self.0.eq_ignore_ascii_case(host)
    }
}

/// The name or address without its port.
pub(super) fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(authority, |(address, _)| address);
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// Whether it is one of this machine's own.
pub(super) fn is_own(host: &str) -> bool {
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
