//! Whose a socket file is.

use std::{fmt, io, os::unix::fs::chown, path::Path, str::FromStr};

use nix::unistd::{Group, User};

/// The owner and the group that a socket file gets. By default they are those of the process.
///
/// Its text is as that of `chown`: `postfix`, `postfix:mail`, `:postfix`, with names or numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(with = "String")]
pub struct SocketOwner {
    user: Option<String>,
    group: Option<String>,
}

/// The text names no owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "read the owner: write a user, a user and a group, or a group, as in `postfix:mail` or `:mail`"
)]
pub struct SocketOwnerError;

impl SocketOwner {
    /// Gives a file to this owner.
    pub(crate) fn apply(&self, path: &Path) -> io::Result<()> {
        if *self == Self::default() {
            return Ok(());
        }
        let user = self.user.as_deref().map(user).transpose()?;
        let group = self.group.as_deref().map(group).transpose()?;
        chown(path, user, group)
    }
}

fn user(name: &str) -> io::Result<u32> {
    match (name.parse(), User::from_name(name)) {
        (Ok(number), _) => Ok(number),
        (_, Ok(Some(user))) => Ok(user.uid.as_raw()),
        (_, Ok(None)) => Err(unknown("user", name)),
        (_, Err(error)) => Err(error.into()),
    }
}

fn group(name: &str) -> io::Result<u32> {
    match (name.parse(), Group::from_name(name)) {
        (Ok(number), _) => Ok(number),
        (_, Ok(Some(group))) => Ok(group.gid.as_raw()),
        (_, Ok(None)) => Err(unknown("group", name)),
        (_, Err(error)) => Err(error.into()),
    }
}

fn unknown(what: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {what} `{name}`"))
}

impl FromStr for SocketOwner {
    type Err = SocketOwnerError;

    fn from_str(text: &str) -> Result<Self, SocketOwnerError> {
        let is_name = |name: &str| {
            name.len() <= 255 && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':')
        };
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        if !is_name(user) || !is_name(group) || (user.is_empty() && group.is_empty()) {
            return Err(SocketOwnerError);
        }
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { user: named(user), group: named(group) })
    }
}

impl<'de> serde::Deserialize<'de> for SocketOwner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for SocketOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.user.as_deref().unwrap_or_default())?;
        self.group.as_ref().map_or(Ok(()), |group| write!(f, ":{group}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_read_and_written() {
        for text in ["postfix", "postfix:mail", ":mail", "0", "106:113"] {
            assert_eq!(
                text.parse::<SocketOwner>().map(|owner| owner.to_string()).as_deref(),
                Ok(text)
            );
        }
        for bad in ["", ":", "a b", "a:b:c", "a:b\n", &"x".repeat(256)] {
            assert_eq!(bad.parse::<SocketOwner>(), Err(SocketOwnerError), "{bad}");
        }
    }

    #[test]
    fn unknown_ones_are_told() {
        let owner: SocketOwner = "no-such-user-here".parse().unwrap();
        let error = owner.apply(Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("no-such-user-here"), "{error}");
        assert_eq!(user("root").unwrap(), 0);
        assert_eq!(group("65534").unwrap(), 65_534);
    }
}
