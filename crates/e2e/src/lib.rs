//! Real servers for tests: Knot, Unbound, nginx and Postfix, started by one [`Environment`].
//!
//! The lab proves that we agree with ourselves; this crate proves that we agree with what runs in
//! the world. A test describes a [`World`] of mail domains and starts an [`Environment`] of it:
//!
//! - The servers come from small Debian systems, which the script `setup` beside this crate's
//!   manifest builds once. They are the distribution's own packages, configured as an operator
//!   would; what is started of them, a script of the folder `boot` says.
//! - They run in namespaces of their own. Their network consists of nothing but a loopback
//!   interface, so that they use the true ports (53, 443, 25), never disturb each other, and can
//!   neither be reached from outside nor reach it.
//! - The DNS is a whole one: a signed root, signed and broken zones below it at Knot, and an Unbound
//!   that resolves and validates from the root's key.
//! - They all end with the environment, and also when the test is killed: process 1 of the
//!   namespace reads from a pipe that the test holds, and when it ends, the kernel ends the rest.
//!
//! And in another kind of environment, [`Senders`], mail servers ask `sealpost enforce` and send into
//! the lab, which has an attacker. In a third kind, [`Reporter`], one sends TLS reports,
//! and in a fourth, [`Hosting`], a policy host gets its certificates.
//!
//! # Limitations
//!
//! It needs Linux, Debian and root. Without them it fails; nothing is skipped.

// What a test wants to have in the world.
mod world;
pub use world::{Domain, LeafKind, MailHost, PolicyHost, PolicyReply, Tlsa, World};
mod zone;
pub use zone::{Signing, Transfer, Zone};

// The servers' certificates and configuration.
mod certificates;
mod configuration;
pub use configuration::Dnssec;
mod knot;
mod nginx;
mod postfix;
mod unbound;

// Mail servers that send into the lab.
mod senders;
pub use senders::{Memory, Message, Route, Seen, Senders};

// A mail server that reports.
mod reporter;
pub use reporter::Reporter;

// An authority, for a policy host.
mod hosting;
pub use hosting::{Hosting, PolicyDaemon};

// Mailboxes that reports lie in.
mod dovecot;

// Name servers that take updates.
mod publication;

// The running servers.
mod environment;
pub use environment::{
    Environment, Server, Signal, System, alertmanager, hosted_tools, made_for_pages,
};
mod error;
pub use error::EnvironmentError;

// The programs that are compared.
mod checkers;
pub use checkers::ask_checker;
mod dkimpy;
pub use dkimpy::{DkimpyVerdict, ask_dkimpy};
mod mail_auth;
pub use mail_auth::{ReadByMailAuth, ask_mail_auth};
mod parsedmarc;
pub use parsedmarc::{ParsedmarcVerdict, ask_parsedmarc};
mod lookup;
pub use lookup::{Answers, Question, delv_answer, sealpost_answers};
mod sealpost;
pub use sealpost::{Report, check_arguments, sealpost_binary, when_ready};
