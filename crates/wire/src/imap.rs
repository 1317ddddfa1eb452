//! IMAP4rev1 (RFC 3501) from the client's side, as far as a mailbox is emptied by it: what a server
//! says, cut into responses and read, and the few commands that are sent.
//!
//! `imap::ResponseReader` is fed octets; `imap::Response::read` makes sense of what it cuts out. Whoever
//! holds the connection matches tags, waits, and decides.
//!
//! # Limitations
//! - Of a response only what fetching mail needs is kept: no envelopes, no body structures, no lists
//!   of mailboxes. What is not known is `imap::Response::Other`, and is passed over.
//! - Names of mailboxes are sent as they are: one that is not US-ASCII has to be given in modified
//!   UTF-7 (RFC 3501 §5.1.3).

// What the server says.
mod reader;
mod response;
mod value;
pub use reader::{RawResponse, ReaderLimits, ResponseReader, TooMuch};
pub use response::{Code, Fetched, Response, Status, Unreadable};

// What it is sent.
mod command;
pub use command::{Astring, AstringError, plain_response, xoauth2_response};
