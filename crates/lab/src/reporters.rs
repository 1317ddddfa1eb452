//! Senders of TLS reports (RFC 8460) that behave as those in the field do, quirks included.
//!
//! A [`Month`] begins with the traffic: sessions of six senders with a few domains, made from a
//! seed. From it comes what each of the senders would send of them ([`Sending`]), in its own
//! shape and at its own time, with what goes wrong on the way: the same once more, a later version
//! with other numbers, a gateway that changes the text, forgeries. And from it comes what is true
//! ([`Told`]): whoever receives all of it can be held against that.
//!
//! Mails are signed. The keys are at the names of the senders in the DNS of every lab.
//!
//! # Limitations
//!
//! - It is written from reports that were seen and from what was published about their senders; it
//!   is none of their code, and each of them may do otherwise tomorrow.
//! - Sessions and hosts are made up. No session takes place in the lab, and the addresses are those
//!   of documentation (RFC 5737).
//! - Quirks that were never seen in the field (UTF-16, counts as strings) are left to other tests.

// The traffic.
mod random;
mod traffic;
pub use traffic::{MailDomain, Sessions, domains};
// Who reports on it, and in which shape.
mod account;
mod json;
mod mail;
mod reporter;
pub use reporter::Reporter;
mod sign;
pub(crate) use sign::{published_keys, signing_key};
// How it is posted.
mod poster;
pub use poster::Poster;
// A month of it.
mod forgery;
pub use forgery::Forgery;
mod month;
pub use month::{Kind, Month, MonthOptions, Sending, Told, Way, Ways};
