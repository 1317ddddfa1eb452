//! The questions of a Postfix or Exim that is about to deliver, and the answers in words that it
//! understands.
//!
//! Postfix asks by next hop, for a line as in its `smtp_tls_policy_maps`. What such a line may say
//! depends on its version, and Exim reads the same lines with other eyes: the name of the map tells
//! which [`Profile`] the answer is for.
//!
//! An unknown attribute, a repeated one or an empty name makes Postfix hold back all mail to the
//! domain, and a forged one would lower what protects it. So answers are made of nothing but names
//! that were read as [`DomainName`](mail_domain::DomainName)s, numbers, and the words of this
//! module; of a policy's extensions nothing is repeated.
//!
//! # Limitations
//! - Where a certificate has a common name and no subject alternative name, Postfix takes the common
//!   name at the level `secure`; RFC 8461 section 4.2 does not.
//! - The policy lines of an answer are written anew. They leave out extensions, and errors that the
//!   policy as published may have.

// The question.
mod key;
mod map_name;

pub use key::{HostLookup, Key, SmartHost};
pub use map_name::{MapName, Profile};

// The answer.
mod answer;
mod reply;

pub use answer::{Answer, Enforced};
pub use reply::{PolicyText, Reason, Reply, Table};

// The smaller protocol that carries both.
pub mod tcp_table;
