//! SMTP and LMTP for mail that is meant for us.
//!
//! [`SmtpHandler`] makes a [`Handler`](crate::Handler) of a [`MailService`]: the dialogue is that of
//! [`sealpost_wire::smtp::server`], and here are the connection, STARTTLS, the clock and the memory.
//! The service says which recipients are wanted and stores messages; a client hears 250 only after
//! the service has said [`Delivery::Stored`].
//!
//! # What a client may cost
//!
//! * Time: a whole command or a whole message has a time of its own, which octets that come one by
//!   one do not prolong; a message must also come at a least rate ([`SmtpLimits`]).
//! * Memory: messages on their way in share a [`Budget`](crate::Budget). When it is exhausted, the
//!   next message is not asked for, and one that outgrows it is given up: 452, come again.
//! * Places: connections of one source are bounded ([`Sources`](crate::Sources)), 421 beyond it.
//!
//! # Stopping
//!
//! Idle clients hear 421. A message that is coming in, or being stored, is brought to its end as long
//! as the server's grace lasts; if it is over before the service has answered, the connection is cut
//! without a reply and the client sends the message again later.

mod conversation;
mod counts;
mod handler;
mod service;
pub use counts::{SmtpCounters, SmtpCounts};
pub use handler::{SmtpHandler, SmtpLimits, SmtpSettings};
pub use service::MailService;

// What the service and the settings speak of.
pub use sealpost_wire::smtp::{
    EhloName,
    server::{
        BeginAnswer, Delivery, Envelope, Limits as SessionLimits, Mailbox, Message, Protocol,
        Receipt, Recipient, RecipientAnswer,
    },
};
