//! Where to listen, as people write it.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// A place to listen: `127.0.0.1:8461`, `[::1]:8461`, `unix:/run/sealpost/enforce.sock`, the same
/// with `,mode=0666` behind it, or `systemd:enforce`.
#[derive(Clone, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(with = "String")]
pub enum Address {
    /// A TCP address. Port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A socket file.
    Unix {
        /// Where it is made.
        path: PathBuf,
        /// Who may connect.
        mode: SocketMode,
    },
    /// The sockets that systemd passes under this name (`FileDescriptorName=`).
    Inherited {
        /// The name.
        name: String,
    },
}

/// The permissions of a socket file, at most 0777. Connecting needs the right to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMode(u32);

/// Why a text is no [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not an IP address with a port. Names are not looked up.
    #[error("`{0}` is not an IP address with a port, as in `127.0.0.1:8461`")]
    Tcp(String),
    /// The path of a socket file is not absolute.
    #[error("`{0}` is not an absolute path, as in `unix:/run/sealpost/enforce.sock`")]
    Path(String),
    /// The permissions are not an octal number up to 0777.
    #[error("`{0}` is not an octal mode, as in `mode=0660`")]
    Mode(String),
    /// The name is empty, longer than 255 characters, or has a colon or a control character.
    #[error("`{0}` cannot be the name of a systemd socket")]
    Name(String),
}

impl SocketMode {
    /// Owner and group may connect: 0660.
    pub const GROUP: Self = Self(0o660);

    /// The permission bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for SocketMode {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let is_octal = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        match u32::from_str_radix(text, 8) {
            Ok(bits) if is_octal && bits <= 0o777 => Ok(Self(bits)),
            _ => Err(AddressError::Mode(text.to_owned())),
        }
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let (path, mode) = match rest.rsplit_once(",mode=") {
                Some((path, mode)) => (path, mode.parse()?),
                None => (rest, SocketMode::GROUP),
            };
            if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
                return Err(AddressError::Path(path.to_owned()));
            }
            return Ok(Self::Unix { path: path.into(), mode });
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            let is_name = (1..=255).contains(&name.len())
                && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':');
            if !is_name {
                return Err(AddressError::Name(name.to_owned()));
            }
            return Ok(Self::Inherited { name: name.to_owned() });
        }
        text.parse().map(Self::Tcp).map_err(|_| AddressError::Tcp(text.to_owned()))
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    /// An address in a configuration is a string, as people write it.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { path, mode } if *mode == SocketMode::GROUP => {
                write!(f, "unix:{}", path.display())
            }
            Self::Unix { path, mode } => write!(f, "unix:{},mode={mode}", path.display()),
            Self::Inherited { name } => write!(f, "systemd:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str, expected: &Address) {
        assert_eq!(text.parse().as_ref(), Ok(expected), "{text}");
        assert_eq!(expected.to_string().parse().as_ref(), Ok(expected), "{text}");
    }

    fn bad(text: &str, expected: &str) {
        let error = text.parse::<Address>().unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }

    fn unix(path: &str, mode: u32) -> Address {
        Address::Unix { path: path.into(), mode: SocketMode(mode) }
    }

    #[test]
    fn addresses_are_read_and_written() {
        good("127.0.0.1:8461", &Address::Tcp(([127, 0, 0, 1], 8461).into()));
        good("[::1]:0", &Address::Tcp("[::1]:0".parse().unwrap()));
        good("unix:/run/a.sock", &unix("/run/a.sock", 0o660));
        good("unix:/run/a.sock,mode=0666", &unix("/run/a.sock", 0o666));
        good("unix:/run/a,b.sock,mode=600", &unix("/run/a,b.sock", 0o600));
        good("systemd:enforce", &Address::Inherited { name: "enforce".to_owned() });
    }

    #[test]
    fn what_is_no_address_is_refused() {
        bad("localhost:8461", "IP address"); // names are not looked up
        bad("127.0.0.1", "IP address"); // no port
        bad("", "IP address");
        bad("unix:run/a.sock", "absolute");
        bad("unix:/run/", "absolute"); // a folder
        bad("unix:/run/a.sock,mode=rw", "octal");
        bad("unix:/run/a.sock,mode=0999", "octal");
        bad("unix:/run/a.sock,mode=+66", "octal");
        bad("unix:/run/a.sock,mode=1777", "octal");
        bad("unix:/run/a.sock,mode=", "octal");
        bad("systemd:", "name");
        bad("systemd:a:b", "name"); // the separator of LISTEN_FDNAMES
        bad(&format!("systemd:{}", "x".repeat(256)), "name");
    }
}
