//! What was seen of a domain: raw, timed, three-valued, and free of verdicts.
//!
//! An [`Evidence`] holds everything that one look at a domain brought in: the answers of the DNS,
//! the replies of the policy host on each of its addresses, the SMTP dialogue with each address of
//! each MX host. It can be saved as JSON and judged again later, by other rules, with no network.
//!
//! Two habits run through every type here:
//!
//! * **Three values.** A look-up was answered, was answered with "there is none", or could not be
//!   answered ([`Lookup`]). A time-out is never "missing".
//! * **Raw before read.** Record texts and policy bodies are kept as the octets that came
//!   ([`Octets`]); who wants their meaning reads them with `mta-sts` or `tls-rpt`.
//!
//! Everything here was bounded by whoever gathered it; the limits stand in the gatherer's docs.

// The whole.
mod domain;
pub use domain::{Dnssec, Evidence, FORMAT, Observer, Reach};

// What the DNS said.
mod lookup;
pub use lookup::{Absence, AbsenceKind, Found, Lookup, LookupFault, LookupFaultKind, Security};
mod text;
pub use text::{Octets, TextRecord};

// What servers said.
mod connection;
pub use connection::{ConnectionFault, ConnectionFaultKind, ConnectionStage, HostAddresses};
mod tls;
pub use tls::{Certificate, CertificateFault, TlsSession};
mod policy_host;
pub use policy_host::{BodyEnd, FetchOutcome, HttpReply, PolicyFetch, PolicyHost};
mod mail_host;
pub use mail_host::{
    Dialogues, MailHost, MailHosts, MxRecord, MxSource, Offer, OutdatedTls, SmtpReply, SmtpSession,
    StartTls, TlsaLookup,
};

// What lies round them.
mod surroundings;
pub use surroundings::{CaaLookup, CaaRecord, ReportDestination, Surroundings};

// What others reported of its traffic.
pub mod traffic;

// What comes of both.
pub mod incident;
