//! From an account to a session.

use std::path::PathBuf;

use sealpost_net::{Connection, DialError, Network};
use sealpost_wire::imap::{TooMuch, Unreadable};
use tokio::sync::Mutex;

use crate::session::{Credentials, Session};
use crate::successor::SuccessorFile;
use crate::tokens::{Freshness, Tokens};
use crate::{Account, Login, Security, TokenError};

/// A mailbox that can be opened again and again.
#[derive(Debug)]
pub struct Mailbox {
    account: Account,
    network: Network,
    tokens: Mutex<Tokens>,
}

/// Why a mailbox cannot be read. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// There is no connection, or no secure one.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The password cannot be read; the text names the file.
    #[error("read the password: {0}")]
    Password(std::io::Error),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The connection broke.
    #[error("read the mailbox: the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    /// The server closed the connection.
    #[error("read the mailbox: the server closed the connection ({0})")]
    Closed(String),
    /// The server took too long.
    #[error("read the mailbox: the server did not answer in time")]
    TimedOut,
    /// The server sends more than is taken.
    #[error("read the mailbox: {0}")]
    TooMuch(#[from] TooMuch),
    /// The server does not speak IMAP.
    #[error("read the mailbox: {0}")]
    Unreadable(#[from] Unreadable),
    /// The server says something else than what is its turn.
    #[error("read the mailbox: the server answers {0} out of turn")]
    OutOfTurn(&'static str),
    /// The server offers no STARTTLS, or refuses it.
    #[error(
        "protect the connection: the server offers no STARTTLS; set `security = \"tls\"`, or mend the server"
    )]
    NoStartTls,
    /// Something came in plain text that belongs behind the handshake.
    #[error("protect the connection: somebody sent more before TLS began")]
    Injected,
    /// The server is not on this machine.
    #[error("log in without TLS: the server is not on this machine")]
    NotLoopback,
    /// The server takes no login that we know.
    #[error("log in: the server takes no {0} here")]
    NoMechanism(&'static str),
    /// A name cannot be sent.
    #[error("log in: the user or the password cannot be sent by LOGIN: {0}")]
    Unsendable(#[from] sealpost_wire::imap::AstringError),
    /// The server refuses the login.
    #[error("log in: the server says {0:?}; look at the user and the password or token")]
    LoginRefused(String),
    /// The server refuses something else.
    #[error("{command}: the server says {text:?}")]
    Refused {
        /// What was to be done.
        command: &'static str,
        /// What it says.
        text: String,
    },
    /// The server cannot remove one message without others.
    #[error(
        "{0} mails: the server knows neither MOVE nor UIDPLUS; set `after` to \"seen\" or \"leave\""
    )]
    NoUidPlus(&'static str),
}

impl Mailbox {
    /// A mailbox, opened by this network.
    pub fn new(account: Account, network: Network) -> Self {
        Self { account, network, tokens: Mutex::default() }
    }

    /// The same, with a file in which a refresh token is kept that the provider gives in place of the
    /// operator's. It holds secrets: it is made for its owner only, and is not to be copied around.
    #[must_use]
    pub fn keeping_tokens(self, file: PathBuf) -> Self {
        Self { tokens: Mutex::new(Tokens::keeping(SuccessorFile::at(file))), ..self }
    }

    /// What is opened.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Connects, logs in and opens the mailbox. Messages of more than `most_octets` are not
    /// fetched. A token that the server refuses is asked for anew, once.
    ///
    /// # Errors
    ///
    /// [`MailboxError`]; the connection is closed.
    pub async fn open(&self, most_octets: usize) -> Result<Session<Connection>, MailboxError> {
        let mut tokens = self.tokens.lock().await;
        loop {
            // First, so that a server is not kept waiting for the token.
            let (credentials, freshness) = match &self.account.login {
                Login::Password(file) => {
                    let password = file.read().map_err(MailboxError::Password)?;
                    (Credentials::Password(password), Freshness::New)
                }
                Login::Token(source) => {
                    let (token, freshness) = tokens.token(source, &self.network).await?;
                    (Credentials::Token(token), freshness)
                }
            };
            let mut session = self.connect(most_octets).await?;
            match session.log_in(&self.account.user, &credentials).await {
                Ok(()) => {}
                Err(MailboxError::LoginRefused(_)) if freshness == Freshness::Held => {
                    tokens.forget();
                    continue;
                }
                Err(error) => {
                    tokens.forget();
                    return Err(error);
                }
            }
            session.select(&self.account.folder, &self.account.after).await?;
            return Ok(session);
        }
    }

    async fn connect(&self, most_octets: usize) -> Result<Session<Connection>, MailboxError> {
        let Account { host, port, security, .. } = &self.account;
        let connection = self.network.dial(host, *port).await?;
        match security {
            Security::Tls => {
                let connection = self.network.secure(connection, host).await?;
                Session::greet(connection, most_octets).await
            }
            Security::StartTls => {
                let session = Session::greet(connection, most_octets).await?;
                let plain = session.start_tls().await?;
                let connection = self.network.secure(plain, host).await?;
                Ok(Session::begun(connection, most_octets))
            }
            Security::Loopback if !connection.peer().is_loopback() => {
                Err(MailboxError::NotLoopback)
            }
            Security::Loopback => Session::greet(connection, most_octets).await,
        }
    }
}
