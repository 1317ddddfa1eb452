//! URLs of services of the operator: over HTTPS, or without TLS on this machine alone.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use mail_domain::DomainName;

use crate::HttpsUrl;

/// Where a service of the operator is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceUrl {
    /// Anywhere, over HTTPS.
    Https(HttpsUrl),
    /// On this machine, over HTTP: what is sent does not leave it.
    Here {
        /// An address of this machine alone, and a port.
        address: SocketAddr,
        /// `localhost`, for messages.
        host: DomainName,
        /// The path, with the query if there is one.
        path: String,
    },
}

/// The text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a URL as in \"https://hooks.example.com/sealpost\", or \"http://127.0.0.1:9093\" for a \
     service on this machine"
)]
pub struct ServiceUrlError;

/// Port of HTTP.
const HTTP: u16 = 80;

impl ServiceUrl {
    /// The same service, with this below its path.
    #[must_use]
    pub fn below(&self, more: &str) -> Self {
        let mut url = self.clone();
        let path = match &mut url {
            Self::Https(url) => &mut url.path,
            Self::Here { path, .. } => path,
        };
        *path = format!("{}{more}", path.trim_end_matches('/'));
        url
    }
}

impl FromStr for ServiceUrl {
    type Err = ServiceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(rest) = text.strip_prefix("http://") else {
            return text.parse().map(Self::Https).map_err(|_| ServiceUrlError);
        };
        let is_visible = text.len() <= 1000 && text.bytes().all(|octet| octet.is_ascii_graphic());
        if !is_visible || text.contains('#') {
            return Err(ServiceUrlError);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(ServiceUrlError)?;
        let named = authority.strip_prefix("localhost").map(|port| format!("127.0.0.1{port}"));
        let authority = named.as_deref().unwrap_or(authority);
        let address = authority
            .parse::<SocketAddr>()
            .or_else(|_| authority.parse::<Ipv4Addr>().map(|ip| SocketAddr::new(ip.into(), HTTP)))
            .map_err(|_| ServiceUrlError)?;
        if !address.ip().is_loopback() || address.port() == 0 {
            return Err(ServiceUrlError);
        }
        let host = DomainName::parse("localhost").map_err(|_| ServiceUrlError)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self::Here { address, host, path })
    }
}

impl fmt::Display for ServiceUrl {
    /// Without the path: it may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https(url) => write!(f, "https://{}", url.host()),
            Self::Here { address, .. } => write!(f, "http://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_asked() {
        for (text, shown) in [
            ("https://hooks.example.com/a/b?c", "https://hooks.example.com"),
            ("http://127.0.0.1:9093", "http://127.0.0.1:9093"),
            ("http://127.8.0.1/x", "http://127.8.0.1:80"),
            ("http://localhost:9093/x", "http://127.0.0.1:9093"),
            ("http://[::1]:9093/x?y", "http://[::1]:9093"),
        ] {
            assert_eq!(text.parse::<ServiceUrl>().unwrap().to_string(), shown, "{text}");
        }
        for text in [
            "",
            "http://192.0.2.1:9093/",
            "http://hooks.example.com/",
            "http://localhost.example.com/",
            "http://localhost@example.com/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:9093/a b",
            "http://127.0.0.1:9093/#x",
            "http://user@127.0.0.1:9093/",
            "http://[::ffff:192.0.2.1]:80/",
            "ftp://127.0.0.1/",
        ] {
            assert!(text.parse::<ServiceUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_is_put_below_another() {
        for (text, expected) in [
            ("http://127.0.0.1:9093", "/api/v2/alerts"),
            ("http://[::1]:1/am/", "/am/api/v2/alerts"),
        ] {
            match text.parse::<ServiceUrl>().unwrap().below("/api/v2/alerts") {
                ServiceUrl::Here { path, .. } => assert_eq!(path, expected),
                other @ ServiceUrl::Https(_) => panic!("{other}"),
            }
        }
    }
}
