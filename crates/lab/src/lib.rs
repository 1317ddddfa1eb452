//! A mail internet on loopback, faults included.
//!
//! A [`Lab`] runs, in one process and without root, everything that mail security is about: a DNS
//! for `.test`, a certificate authority, policy hosts that speak HTTPS and MX hosts that speak SMTP
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
//! The lab is built on servers of its own and on other people's protocol crates. It uses no reader
//! and no client of sealpost, so that the two cannot share a bug.
//!
//! # Limitations
//!
//! - It binds addresses in 127.66.0.0/16 and `::1`. Linux answers on all of 127.0.0.0/8; systems
//!   that know only 127.0.0.1 need the addresses added first.
//! - There is no DNSSEC yet: no answer is signed, and the AD bit is never set.
//! - "Old TLS only" is an alert, as servers send it to clients that offer nothing older than
//!   TLS 1.2; no old handshake can be completed.

// The whole: start, addresses, stop.
mod lab;
pub use lab::{Lab, Options, Ports};
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
mod smtp;
mod tls;
mod zone;
