//! A mail internet on loopback, faults included.
//!
//! A [`Lab`] runs, in one process and without root, everything that mail security is about: a DNS
//! for `.test`, signed, a certificate authority, policy hosts that speak HTTPS and MX hosts that speak SMTP
//! with STARTTLS, on IPv4 and IPv6. Its [fleet](Lab::fleet) is a table of domains; each is named
//! after the one thing that is wrong with it, and says which verdict and which findings an auditor
//! owes it.
//!
//! ```no_run
//! # async fn run(now: jiff::Timestamp) -> Result<(), sealpost_lab::LabError> {
//! let lab = sealpost_lab::Lab::start(sealpost_lab::Options::new(now)).await?;
//! println!("ask {} for the MX records of good.test", lab.resolver());
//! lab.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! MX hosts take mail, and keep of it who got what from where: [`Lab::deliveries`], and a line of
//! JSON for each in a file.
//!
//! The lab is built on servers of its own and on other people's protocol crates. It uses no reader
//! and no client of sealpost, so that the two cannot share a bug.
//!
//! # Limitations
//!
//! - It binds addresses in 127.66.0.0/16 and `::1`. Linux answers on all of 127.0.0.0/8; systems
//!   that know only 127.0.0.1 need the addresses added first.
//! - Its DNS is a resolver, an authority for each of its zones, and the root above them. It denies
//!   with NSEC, never NSEC3, and refuses questions of the types ANY, NSEC and RRSIG.
//! - Servers that speak TLS 1.0, TLS 1.1 or weak suites choose them and show their certificate; no
//!   such handshake can be completed.
//! - An MX host takes mail for any recipient, so that mail that was led astray can be seen. It keeps
//!   no text, bounces nothing and passes nothing on.

// The whole: start, addresses, stop.
mod lab;
pub use lab::{Lab, Options, Ports};
mod delivery;
pub use delivery::{Delivery, DeliveryTls, TakenBy};
mod error;
pub use error::LabError;
mod files;
mod plan;

// The domains and what is wrong with them.
mod domain;
pub use domain::{Domain, Expect};
mod fleet;
mod host;

// The servers.
mod authority;
mod dns;
mod https;
mod listen;
mod old_tls;
mod smtp;
mod tls;
mod zone;
