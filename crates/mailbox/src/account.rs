//! Which mailbox, and how it is opened.

use mail_domain::DomainName;
use sealpost_wire::imap::Astring;

use crate::{SecretFile, TokenSource};

/// A mailbox, and how it is opened.
#[derive(Clone, Debug)]
pub struct Account {
    /// The server.
    pub host: DomainName,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The user, as the server knows him.
    pub user: String,
    /// How he proves who he is.
    pub login: Login,
    /// The mailbox, such as `INBOX`.
    pub folder: Astring,
    /// What is done with a message after it is stored.
    pub after: After,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet (RFC 8314).
    Tls,
    /// TLS after STARTTLS; without it nothing is said.
    StartTls,
    /// Not at all, to a server on this machine.
    Loopback,
}

/// How a user proves who he is.
#[derive(Clone, Debug)]
pub enum Login {
    /// By a password.
    Password(SecretFile),
    /// By a token that somebody else gives (XOAUTH2).
    Token(TokenSource),
}

/// What is done with a message after it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing: the mailbox is opened to be read only (EXAMINE).
    Leave,
    /// It is marked as seen.
    Seen,
    /// It is moved to this mailbox.
    Move(Astring),
    /// It is deleted.
    Delete,
}
