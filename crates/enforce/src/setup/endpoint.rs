//! Where Postfix asks us.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use sealpost_listen::{Address, AddressError};
use sealpost_wire::postfix::MapName;

/// Where we listen, in words that Postfix takes: `inet:127.0.0.1:8461` or `unix:/run/a.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP address.
    Inet(SocketAddr),
    /// A socket file.
    Unix(String),
}

/// Why Postfix could not ask there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It stands for every address of the machine, or for any port.
    #[error("`{0}` is nothing to connect to; write the address that Postfix shall ask")]
    Any(SocketAddr),
    /// The socket is known to systemd by this name, but to Postfix by its address alone.
    #[error("`systemd:{0}` says nothing to Postfix; write the address that the socket unit has")]
    Inherited(String),
    /// The path has a character that would end it in `main.cf`.
    #[error("`{0}` cannot be written in main.cf: use letters, digits and `/._+-`")]
    Path(String),
}

impl Endpoint {
    /// The table for `smtp_tls_policy_maps`. A socket below the queue directory is named from there:
    /// so a client in a chroot finds it too, and Postfix is always in that directory.
    pub(super) fn table(&self, map: MapName, queue_directory: &str) -> String {
        let place = match self {
            Self::Inet(address) => format!("inet:{address}"),
            Self::Unix(path) => {
                format!("unix:{}", self.below(queue_directory).unwrap_or(path))
            }
        };
        format!("socketmap:{place}:{map}")
    }

    /// The path of the socket from the queue directory on, if it is below.
    pub(super) fn below(&self, queue_directory: &str) -> Option<&str> {
        match self {
            Self::Inet(_) => None,
            Self::Unix(path) => path
                .strip_prefix(queue_directory.trim_end_matches('/'))
                .and_then(|rest| rest.strip_prefix('/')),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match text.strip_prefix("inet:").unwrap_or(text).parse()? {
            Address::Tcp(address) if address.ip().is_unspecified() || address.port() == 0 => {
                Err(EndpointError::Any(address))
            }
            Address::Tcp(address) => Ok(Self::Inet(address)),
            Address::Unix { path, .. } => {
                let text = path.to_string_lossy().into_owned();
                let is_plain = text
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || b"/._+-".contains(&octet));
                if is_plain { Ok(Self::Unix(text)) } else { Err(EndpointError::Path(text)) }
            }
            Address::Inherited { name } => Err(EndpointError::Inherited(name)),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => write!(f, "inet:{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}
