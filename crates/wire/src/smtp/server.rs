//! The side that is called: SMTP (RFC 5321) and LMTP (RFC 2033) as a machine that takes mail in.
//!
//! A [`Session`] is fed the octets of one connection and says what to do ([`Event`]): send, ask
//! whether a recipient is wanted, ask whether there is room for a message, store one, begin TLS,
//! close. It answers "250" to a message only after the caller has said that it is stored.
//!
//! Offered are PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531),
//! ENHANCEDSTATUSCODES (RFC 2034) and STARTTLS (RFC 3207).
//!
//! # What a stranger can do with it
//! * Only recipients that the caller accepts are taken; there is no state in which mail goes on to
//!   anybody else.
//! * Lines end with CR LF and nothing else, and mail data ends with CR LF, a dot, CR LF and nothing
//!   else. A message with a bare CR or LF is refused whole, so nobody downstream can read another
//!   end into it ("SMTP smuggling").
//! * Replies are made of fixed texts, numbers and our own name. Nothing that was received is
//!   repeated.
//! * All memory is bounded by [`Limits`] and what one call of [`Session::received`] hands in.
//!
//! # Limitations
//! - No CHUNKING (RFC 3030): no sender needs it, and a second way to end a message is a second
//!   thing to get wrong. No DSN, no AUTH, no REQUIRETLS.
//! - A message has one fate for all its recipients: it is stored once, or not at all. LMTP then
//!   gives each recipient the same reply.
//! - Nothing is written into the message, neither `Received` nor `Return-Path`: signatures are
//!   verified over what came. The [`Envelope`] holds what these fields would say. Where mail comes
//!   to rest there is no loop that they could show.

// What may be said and how much of it.
mod settings;
pub use settings::{Limits, Protocol, Settings, Tls};

// What is said.
mod command;
mod data;
mod parameters;
mod path;
pub use parameters::Body;
pub use path::{Host, Mailbox, MailboxError, Recipient, Sender};

// What is answered.
mod answer;
pub use answer::{BeginAnswer, Delivery, End, Receipt, ReceiptError, RecipientAnswer};
mod reply;

// The machine.
mod envelope;
mod session;
pub use envelope::{Envelope, Greeted, Hello, Message};
pub use session::{Ended, Event, Refusals, Session};
