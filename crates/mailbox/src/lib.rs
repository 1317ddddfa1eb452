//! Mailboxes of the operator over IMAP (RFC 3501): logged in to, listed, read, tidied, waited on.
//!
//! [`Mailbox::open`] gives a [`Session`], in which [`Session::list`] tells what came,
//! [`Session::fetch`] reads one message, [`Session::settle`] marks, moves or deletes it, and
//! [`Session::wait`] waits for more (IDLE, RFC 2177). What becomes of the mails is the caller's.
//!
//! It is a crate of its own and not a part of `net`, because to `net` everything that it connects to
//! is a stranger that is looked at, and it keeps no secrets; here passwords and tokens are held. It is
//! not a part of `receive`, because a role decides, and does not speak protocols. What is said on the
//! wire is `sealpost-wire`'s; the connection, its address guard and its TLS are `sealpost-net`'s.
//!
//! * A password or a token is never sent without TLS to a server that has proved its name, but to
//!   this machine itself, and only if the settings say so.
//! * Every wait and every size is bounded. A secret is read when it is needed, shown nowhere, and
//!   forgotten.
//!
//! # Limitations
//! - Logging in is by password (SASL PLAIN, LOGIN) or token (XOAUTH2). No client certificates.
//! - A refresh token that the provider replaces is kept in a file of its own, and the operator's is
//!   left as it is. Programs that share the operator's token without that file shut each other out.

// What there is.
mod account;
mod mailbox;
pub use account::{Account, After, Login, Security};
pub use mailbox::{Mailbox, MailboxError};

// What is secret.
mod secret;
mod successor;
mod tokens;
pub use secret::SecretFile;
pub use tokens::{Grant, TokenError, TokenSource};

// What is said.
mod session;
pub use session::{Listed, Session};
