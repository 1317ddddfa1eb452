//! Socketmap, the protocol that carries the questions of a mail server and the answers.
//!
//! Requests and replies are netstrings. A request is the name of a map and a key; a reply is a word
//! that says what became of it, a space and a text. One request is under way at a time, but nothing
//! here depends on that.
//!
//! # Limitations
//! - The server's side only: replies are written, not read.

// The frame.
mod netstring;

pub use netstring::{NetstringError, NetstringReader, write_netstring};

// What is in it.
mod question;
mod reply;

pub use question::{LONGEST_REQUEST, Question, QuestionError};
pub use reply::write_reply;
