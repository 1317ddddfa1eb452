//! DKIM (RFC 6376, RFC 8463) as far as report mails need it (RFC 8460 section 3): is this mail from
//! the domain that it says it is from, and a signature for mails of our own.
//!
//! Nothing here asks DNS and nothing reads a clock. [`Message::signatures`] says which keys are
//! needed; the caller looks them up and hands the answers, absent and unknown ones too, to
//! [`Signature::verify`]; [`Message::authenticity`] makes one judgement of all verdicts.
//!
//! ```
//! use sealpost_dkim::{KeyAnswer, Message, Verdict};
//!
//! let mail = b"From: a@example.com\r\n\r\nhello\r\n";
//! let message = Message::read(mail)?;
//! for signature in message.signatures().into_iter().flatten() {
//!     let answer = KeyAnswer::Unknown; // what DNS has at signature.query_name()
//!     let verdict: Verdict = signature.verify(&message, &answer, 1_795_600_000);
//!     println!("{}: {verdict}", signature.domain());
//! }
//! # Ok::<(), sealpost_dkim::MessageError>(())
//! ```
//!
//! # Why this is written out
//! The library at hand, mail-auth, takes keys from its own resolver only and the time from its own
//! clock; it passes signatures that do not cover `From`, signatures with SHA-1, and keys for other
//! services. What would be left of it is the canonicalisation, 100 lines, and for that it brings a
//! second DNS resolver, a cache and a certificate verifier of the operating system into the build.
//! Its signatures, and those of dkimpy, are among the test data here.
//!
//! # Limitations
//! - No ARC, no third-party signatures (RFC 6541), no reporting (RFC 6651).
//! - `z=` and `n=` are not read, and `t=` in the future is not held against a signature.
//! - Lines may end with LF alone, as in mailboxes of Unix: they are hashed as if CRLF stood there.

// What is verified.
mod canonical;
mod message;
mod tags;

pub use message::{FromFault, Message, MessageError};

// Signatures, keys and verdicts.
mod key;
mod names;
mod signature;
mod verify;

pub use key::{KeyAnswer, KeyFault, Service};
pub use names::{Selector, SelectorError};
pub use signature::{Algorithm, Signature, SignatureError};
pub use verify::{BodyHash, Failure, Pass, Verdict};

// The judgement.
mod authenticity;

pub use authenticity::{Alignment, Authentic, Authenticity, Doubt};

// Signing.
mod sign;

pub use sign::{SignError, SigningKey, SigningKeyError, sign};
