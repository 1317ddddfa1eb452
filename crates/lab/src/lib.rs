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
//! JSON for each in a file. Who came to them and how far he got is kept too, whether he delivered
//! something or not: [`Lab::visits`].
//!
//! An attacker lives in it too, and does nothing until he is told: [`Lab::attack`] begins an
//! [`Attack`] on one domain or on all, [`Lab::cease`] ends it, and a Unix socket does both from
//! outside ([`Control`]). While it is on, answers of the DNS and servers are really others; mail that
//! he gets to read is [written down as his](TakenBy::Attacker). He has an MX host and a policy host
//! of his own, at `attacker.test`. The domains that begin with `victim-` are meant for him: their
//! records live for seconds.
//!
//! One domain, `tour.test`, begins with nothing and is not of the fleet: its owner changes what is
//! published, served and shown there ([`Lab::set_text`] and what stands below it), and a [`Sender`]
//! delivers to it as its policy asks, and counts its sessions.
//!
//! [Reporters](reporters) send what senders of TLS reports send, on traffic that is made up, and say
//! what is true of it; the keys of their signatures are in the DNS of the lab.
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
//! - All hosts share one IPv6 address, where no host can be singled out: one that is attacked has no
//!   AAAA record as long as that lasts.
//! - The attacker sits on the network. What happens to the sender itself is no attack of the lab: a
//!   flooded cache, a clock that is set forward, a restart without its store, a daemon that is
//!   killed, forged reports. Their tests do it to the daemon, with `https-blocked` or `dns-blocked`
//!   on where the outside has to be gone.
//! - That a sender believes in a certificate that fails MTA-STS and fits its TLSA records is no
//!   attack either; `dane-self-signed.test` is such a domain.

// The whole: start, addresses, stop.
mod lab;
pub use lab::{Lab, Options, Ports};
mod delivery;
pub use delivery::{Delivery, DeliveryTls, TakenBy, Visit};
mod error;
pub use error::LabError;
mod files;
mod plan;

// The domains and what is wrong with them.
mod domain;
pub use domain::{Domain, Expect};
mod fleet;
mod host;

// What is done to them while the lab runs.
mod attack;
pub use attack::{Attack, UnknownAttack};
mod attacker;
pub use attacker::AttackError;
mod control;
pub use control::{Control, ControlError};

// Who reports on mail.
pub mod reporters;

// Who changes a domain, and who sends to it.
mod owner;
mod sender;
pub use sender::{Sender, Sent, hand_over, read_page};

// The servers.
mod authority;
mod dns;
mod https;
mod listen;
mod old_tls;
mod smtp;
mod tls;
mod zone;
