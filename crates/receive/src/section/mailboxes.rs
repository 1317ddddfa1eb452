//! The mailboxes that are watched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_mailbox::{Account, After, Grant, Login, SecretFile, Security, TokenSource};
use sealpost_net::HttpsUrl;
use sealpost_wire::imap::Astring;
use serde::Deserialize;

use super::SectionError;

/// A mailbox that is watched over IMAP: `[[receive.imap]]`.
///
/// ```toml
/// [[receive.imap]]
/// host = "imap.example.com"
/// user = "tls-reports@example.com"
/// password_file = "/etc/sealpost/imap-password"
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImapMailbox {
    /// The server: a host name.
    #[schemars(with = "String")]
    pub host: DomainName,
    /// Its port: 993, or 143 for STARTTLS.
    pub port: Option<u16>,
    /// How the connection is protected: `tls`, `starttls`, or for a server on this machine `none`.
    #[serde(default)]
    pub security: Protection,
    /// The user, as the server knows him.
    pub user: String,
    /// The file with his password.
    #[schemars(extend("x-path" = "secret"))]
    pub password_file: Option<PathBuf>,
    /// The same by the name of a credential of systemd (`LoadCredential=`).
    pub password_credential: Option<String>,
    /// Where a token takes the place of the password.
    pub oauth: Option<ImapToken>,
    /// The mailbox: `INBOX`.
    #[serde(default = "inbox")]
    pub folder: String,
    /// What becomes of a mail after it is stored: `leave`, `seen`, `move`, `delete`.
    #[serde(default)]
    pub after: Afterwards,
    /// Where `move` moves it to.
    pub move_to: Option<String>,
    /// Between two looks where the server cannot tell that mail came, in seconds: 60.
    #[serde(default = "poll")]
    pub poll_seconds: u32,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// TLS from the beginning.
    #[default]
    Tls,
    /// STARTTLS.
    StartTls,
    /// Not at all: only to this machine.
    None,
}

/// What becomes of a mail after it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Afterwards {
    /// Nothing; the mailbox is only read.
    #[default]
    Leave,
    /// It is marked as seen.
    Seen,
    /// It is moved to another mailbox.
    Move,
    /// It is deleted.
    Delete,
}

/// Where tokens come from: `[receive.imap.oauth]`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImapToken {
    /// The token endpoint: `https://…`.
    pub endpoint: Endpoint,
    /// The name of the program at the provider.
    pub client_id: String,
    /// The file with the secret of the program.
    #[schemars(extend("x-path" = "secret"))]
    pub client_secret_file: Option<PathBuf>,
    /// The file with the refresh token; without it the program asks in its own name (client
    /// credentials).
    #[schemars(extend("x-path" = "secret"))]
    pub refresh_token_file: Option<PathBuf>,
    /// What is asked for.
    #[serde(default)]
    pub scope: String,
}

/// A URL of scheme `https`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Endpoint(HttpsUrl);

impl ImapMailbox {
    /// The account that this describes.
    ///
    /// # Errors
    ///
    /// [`SectionError::Mailbox`].
    pub fn account(&self) -> Result<Account, SectionError> {
        let wrong =
            |reason| SectionError::Mailbox { user: self.user.escape_debug().collect(), reason };
        let folder = |text: &str| {
            Astring::parse(text).map_err(|_| wrong("write folders in US-ASCII (modified UTF-7)"))
        };
        if self.user.is_empty()
            || self.user.len() > 500
            || self.user.contains(['\0', '\r', '\n', '\x01'])
        {
            return Err(wrong("`user` is 1 to 500 octets without line breaks"));
        }
        let security = match self.security {
            Protection::Tls => Security::Tls,
            Protection::StartTls => Security::StartTls,
            Protection::None => Security::Loopback,
        };
        let port = match (self.port, security) {
            (Some(0), _) => return Err(wrong("`port` is a number from 1 to 65535")),
            (Some(port), _) => port,
            (None, Security::Tls) => 993,
            (None, _) => 143,
        };
        let after = match (self.after, &self.move_to) {
            (Afterwards::Move, Some(to)) if *to == self.folder => {
                return Err(wrong("`move_to` is the folder that is watched"));
            }
            (Afterwards::Move, Some(to)) => After::Move(folder(to)?),
            (Afterwards::Move, None) => return Err(wrong("`after = \"move\"` needs `move_to`")),
            (_, Some(_)) => return Err(wrong("`move_to` is for `after = \"move\"`")),
            (Afterwards::Leave, None) => After::Leave,
            (Afterwards::Seen, None) => After::Seen,
            (Afterwards::Delete, None) => After::Delete,
        };
        if !(1..=86_400).contains(&self.poll_seconds) {
            return Err(wrong("`poll_seconds` is a number from 1 to 86400"));
        }
        let login = match (&self.password_file, &self.password_credential, &self.oauth) {
            (Some(path), None, None) => Login::Password(SecretFile::at(path)),
            (None, Some(name), None) => Login::Password(SecretFile::at(credential(name).ok_or_else(
                || wrong("`password_credential` names a file that systemd provides; there is no CREDENTIALS_DIRECTORY"),
            )?)),
            (None, None, Some(token)) => Login::Token(token.source()),
            _ => {
                return Err(wrong("give one of `password_file`, `password_credential` and `oauth`"));
            }
        };
        let (host, user, folder) = (self.host.clone(), self.user.clone(), folder(&self.folder)?);
        Ok(Account { host, port, security, user, login, folder, after })
    }

    /// Between two looks where the server cannot tell.
    pub fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds.into())
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        let token = self.oauth.as_mut();
        let mut paths = vec![self.password_file.as_mut()];
        if let Some(token) = token {
            paths.push(token.client_secret_file.as_mut());
            paths.push(token.refresh_token_file.as_mut());
        }
        for path in paths.into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

impl ImapToken {
    fn source(&self) -> TokenSource {
        TokenSource {
            endpoint: self.endpoint.0.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret_file.as_ref().map(SecretFile::at),
            scope: self.scope.clone(),
            grant: match &self.refresh_token_file {
                Some(path) => Grant::RefreshToken(SecretFile::at(path)),
                None => Grant::ClientCredentials,
            },
        }
    }
}

/// A file of `LoadCredential=`.
fn credential(name: &str) -> Option<PathBuf> {
    let is_plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty())?;
    is_plain.then(|| PathBuf::from(folder).join(name))
}

fn inbox() -> String {
    "INBOX".to_owned()
}

fn poll() -> u32 {
    60
}

impl TryFrom<String> for Endpoint {
    type Error = sealpost_net::HttpsUrlError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<ImapMailbox, String> {
        let text = format!("host = \"imap.example.com\"\nuser = \"me\"\n{more}");
        toml::from_str(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn ports_follow_the_protection() {
        for (more, security, port) in [
            ("password_file = \"p\"", Security::Tls, 993),
            ("password_file = \"p\"\nsecurity = \"starttls\"", Security::StartTls, 143),
            ("password_file = \"p\"\nsecurity = \"none\"\nport = 1143", Security::Loopback, 1143),
        ] {
            let account = read(more).unwrap().account().unwrap();
            assert_eq!((account.security, account.port), (security, port), "{more}");
            assert_eq!(account.after, After::Leave);
        }
    }

    #[test]
    fn a_token_takes_the_place_of_a_password() {
        let token = "[oauth]\nendpoint = \"https://login.example.com/token\"\nclient_id = \"c\"\n";
        let of = |more: &str| {
            let mut mailbox = read(&format!("{token}{more}")).unwrap();
            mailbox.relative_to(Path::new("/etc"));
            match mailbox.account().unwrap().login {
                Login::Token(source) => source.grant,
                Login::Password(_) => panic!("a password"),
            }
        };
        assert_eq!(of(""), Grant::ClientCredentials);
        assert_eq!(of("refresh_token_file = \"r\""), Grant::RefreshToken(SecretFile::at("/etc/r")));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (more, expected) in [
            ("", "give one of"),
            ("password_file = \"a\"\npassword_credential = \"b\"", "give one of"),
            ("password_file = \"a\"\nafter = \"move\"", "needs `move_to`"),
            ("password_file = \"a\"\nmove_to = \"x\"", "is for"),
            ("password_file = \"a\"\nafter = \"move\"\nmove_to = \"INBOX\"", "is watched"),
            ("password_file = \"a\"\nfolder = \"Entwürfe\"", "US-ASCII"),
            ("password_file = \"a\"\nport = 0", "1 to 65535"),
            ("password_file = \"a\"\npoll_seconds = 0", "1 to 86400"),
        ] {
            let error = read(more).unwrap().account().unwrap_err().to_string();
            assert!(error.contains(expected), "{more}: {error}");
        }
        for (more, expected) in [
            ("password = \"geheim\"", "unknown field"),
            ("security = \"ssl\"", "unknown variant"),
            ("after = \"burn\"", "unknown variant"),
            ("[oauth]\nendpoint = \"http://a.example\"\nclient_id = \"x\"", "https://"),
        ] {
            let error = read(more).unwrap_err();
            assert!(error.contains(expected), "{more}: {error}");
        }
    }
}
