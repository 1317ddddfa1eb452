//! DANE for SMTP ([RFC 6698](https://www.rfc-editor.org/rfc/rfc6698),
//! [RFC 7671](https://www.rfc-editor.org/rfc/rfc7671),
//! [RFC 7672](https://www.rfc-editor.org/rfc/rfc7672)): TLSA records, and whether the certificates
//! that a mail server sends match them.
//!
//! Pure computation: nothing here opens a socket, asks DNS, reads a clock or logs. The caller brings
//! the records of a *secure* RRset, the certificates of a handshake, and the time; what comes back
//! says which record matched which certificate, or why each did not.
//!
//! ```
//! use dane::{DaneOutcome, FailureCause, Requirement, TlsaRecord, TlsaSet, verify};
//!
//! let record: TlsaRecord =
//!     "3 1 1 3fe246a848798236dd2ab78d39f0651d6b6e7ca8e2984012eb0a2e1ac8a87b72".parse()?;
//! let set = TlsaSet::new([record]);
//! assert_eq!(set.requirement(), Requirement::Authentication);
//!
//! let certificates: [&[u8]; 1] = [b"what the server sent, in DER"];
//! let DaneOutcome::NotAuthenticated { failures } = verify(&set, &certificates, &[], 0) else {
//!     unreachable!()
//! };
//! assert_eq!(failures[0].cause, FailureCause::NoMatch);
//! # Ok::<(), dane::TlsaTextError>(())
//! ```
//!
//! # Limitations
//!
//! - Looking up records, their DNSSEC status and their lifetimes are the caller's; so is the proof,
//!   in the TLS handshake, that the server holds the key of its certificate. Raw public keys
//!   (RFC 7250) are not read.
//! - The order of digests by strength is fixed: SHA-512, then SHA-256 (RFC 7671 §9 would have it
//!   configurable).
//! - Paths for DANE-TA are verified by `webpki`. It refuses what is rare among mail servers: a
//!   server's certificate marked as an authority, X.509 versions before 3 except for the trust
//!   anchor, RSA keys below 2048 bits, signatures with SHA-1. Of the certificates sent, the first 16
//!   are looked at, and at most three of one subject are tried as issuers.
//! - The dates of a trust anchor count like those of any other certificate, where RFC 5280 leaves
//!   the choice. Some clients accept an anchor that has expired.
//! - Below an authority with name constraints a common name never counts, because they do not reach
//!   it.
//! - A certificate longer than 65,535 octets is not read.

// Records.
mod parameters;
mod record;
mod usability;
pub use parameters::{MatchingType, Selector, Usage};
pub use record::{TlsaRdataError, TlsaRecord, TlsaTextError};
pub use usability::{UnusableReason, Usability};

// Records together, and where they are found.
mod base_domain;
mod set;
pub use base_domain::{
    AddressLookup, Route, Security, candidate_base_domains, reference_identifiers, tlsa_owner,
};
pub use set::{Member, Requirement, Standing, TlsaSet};

// Certificates.
mod certificate;
mod chain;
mod der;
mod name;
mod path;

// Records and certificates compared.
mod expectation;
mod outcome;
mod verify;
pub use expectation::{Expectation, expects};
pub use outcome::{DaneOutcome, Failure, FailureCause, Match};
pub use verify::verify;
