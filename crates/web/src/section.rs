//! What the operator writes into the configuration.

use std::{
    fmt, io,
    io::Read as _,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use schemars::JsonSchema;
use sealpost_store::Rights;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::access::{HostName, PasswordError, PasswordHash};

/// The largest file with the hash of a password.
const LARGEST_FILE: u64 = 4 * 1024;

/// The section `[web]`: who may see the pages. Without any key it is who is on this machine, to
/// read.
///
/// ```toml
/// [web]
/// hosts = ["sealpost.example.com"]
/// password_file = "/etc/sealpost/web-password"  # `sealpost web password` writes it
/// idle_minutes = 30
/// session_hours = 12
///
/// [web.proxy]
/// addresses = ["127.0.0.1"]
/// user = "X-Remote-User"
/// rights = "write"
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// Names under which people call the pages, beside those of this machine.
    pub hosts: Vec<HostName>,
    /// The file with the hash of the operator's password.
    #[schemars(extend("x-path" = "secret"))]
    pub password_file: Option<PathBuf>,
    /// The same by the name of a credential of systemd (`LoadCredential=`).
    pub password_credential: Option<String>,
    /// A session ends when nothing came in it for so many minutes: 30.
    pub idle_minutes: u16,
    /// And at the latest after so many hours: 12.
    pub session_hours: u16,
    /// A proxy that says who somebody is.
    pub proxy: Option<TrustedProxy>,
}

/// A proxy whose word counts.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedProxy {
    /// From where it connects.
    pub addresses: Vec<ProxyPlace>,
    /// The field in which it names who it has let in; without one it only passes on.
    pub user: Option<String>,
    /// What those may do.
    #[serde(default)]
    pub rights: ProxyRights,
}

/// From where a proxy connects: an address, or a socket file.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub enum ProxyPlace {
    /// Any socket file of ours.
    Unix,
    /// This address.
    Address(IpAddr),
}

/// What those may do whom a proxy names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyRights {
    /// Look.
    #[default]
    Read,
    /// Change something too.
    Write,
}

/// Why the pages cannot be shown as the section says. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SectionError {
    /// The file cannot be read.
    #[error("read the hash of the password: {0}")]
    Read(#[from] io::Error),
    /// It is not fit.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Two places are named, or a credential that is not there.
    #[error("find the hash of the password: {0}")]
    Place(&'static str),
    /// The name of a field is none.
    #[error("take {0:?} for the name of a field: write it as X-Remote-User")]
    Field(String),
    /// A duration is 0.
    #[error("read [web]: idle_minutes and session_hours must be at least 1")]
    Duration,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            password_file: None,
            password_credential: None,
            idle_minutes: 30,
            session_hours: 12,
            proxy: None,
        }
    }
}

impl Section {
    /// Relative paths start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        if let Some(path) = &mut self.password_file {
            *path = folder.join(&*path);
        }
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(u64::from(self.idle_minutes) * 60)
    }

    pub(crate) fn life(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_hours) * 3_600)
    }

    /// The hash of the password, if there is one.
    pub(crate) fn password(
        &self,
        credentials: Option<&Path>,
    ) -> Result<Option<PasswordHash>, SectionError> {
        if self.idle_minutes == 0 || self.session_hours == 0 {
            return Err(SectionError::Duration);
        }
        let path = match (&self.password_file, &self.password_credential) {
            (None, None) => return Ok(None),
            (Some(path), None) => path.clone(),
            (None, Some(name)) => {
                let is_name = !name.is_empty() && !name.contains('/') && name != "..";
                let folder = credentials.filter(|_| is_name).ok_or(SectionError::Place(
                    "systemd passes no credential of this name; see LoadCredential=",
                ))?;
                folder.join(name)
            }
            (Some(_), Some(_)) => {
                return Err(SectionError::Place(
                    "password_file and password_credential name two places; keep one of them",
                ));
            }
        };
        let mut text = String::new();
        fs_err::File::open(path)?.take(LARGEST_FILE).read_to_string(&mut text)?;
        Ok(Some(text.parse()?))
    }

    /// The proxy, with the name of its field in lower case.
    pub(crate) fn proxy(&self) -> Result<Option<TrustedProxy>, SectionError> {
        let Some(mut proxy) = self.proxy.clone() else { return Ok(None) };
        if let Some(field) = &mut proxy.user {
            let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if field.is_empty() || field.len() > 64 || !field.chars().all(is_fit) {
                return Err(SectionError::Field(field.chars().take(80).collect()));
            }
            field.make_ascii_lowercase();
        }
        Ok(Some(proxy))
    }
}

impl From<ProxyRights> for Rights {
    fn from(rights: ProxyRights) -> Self {
        match rights {
            ProxyRights::Read => Self::Read,
            ProxyRights::Write => Self::Write,
        }
    }
}

impl FromStr for ProxyPlace {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unix" { Ok(Self::Unix) } else { text.parse().map(Self::Address) }
    }
}

impl fmt::Display for ProxyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("unix"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for ProxyPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            D::Error::custom(format!("{text:?} is neither an IP address nor \"unix\""))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Section, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_section_may_be_empty() {
        let section = read("").unwrap();
        assert_eq!(section, Section::default());
        assert!(section.password(None).unwrap().is_none() && section.proxy().unwrap().is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, why) in [
            ("password = \"x\"", "unknown field"),
            ("hosts = [\"a b\"]", "not a host name"),
            ("[proxy]\naddresses = [\"localhost\"]", "neither an IP address"),
            ("[proxy]\nuser = \"a\"", "missing field"),
        ] {
            assert!(read(text).unwrap_err().to_string().contains(why), "{text}");
        }
        for (text, why) in [
            ("password_file = \"a\"\npassword_credential = \"a\"", "two places"),
            ("password_credential = \"a\"", "no credential"),
            ("password_file = \"/nowhere/hash\"", "/nowhere/hash"),
            ("idle_minutes = 0", "at least 1"),
        ] {
            let error = read(text).unwrap().password(None).unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
        let folder = Path::new("/nowhere");
        let error = read("password_credential = \"../a\"").unwrap().password(Some(folder));
        assert!(matches!(error, Err(SectionError::Place(_))), "no way out of the folder");
        let proxy = "[proxy]\naddresses = [\"unix\", \"::1\"]\nuser = \"A B\"";
        assert!(matches!(read(proxy).unwrap().proxy(), Err(SectionError::Field(_))));
    }
}
