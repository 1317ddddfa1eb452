//! The domain name of a mail system: an A-label name in lower case, checked once.
//!
//! A [`DomainName`] is what stands to the right of the `@` in a mailbox, what an MX record points
//! to, and what an MTA-STS policy lists: a `Domain` of
//! [RFC 5321 §4.1.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2). Text in Unicode is
//! accepted and converted (UTS 46, the way of browsers and DNS libraries), so that two spellings of
//! one name are equal afterwards. Everything else that people put where a domain belongs (a
//! mailbox, a URL, an address literal) is refused with an error that says what to write instead.
//!
//! ```
//! use mail_domain::DomainName;
//!
//! let domain: DomainName = "Bücher.Example.".parse()?;
//! assert_eq!(domain.as_str(), "xn--bcher-kva.example");
//! assert_eq!(domain.to_unicode(), "bücher.example");
//! assert_eq!(domain.child("mta-sts")?.as_str(), "mta-sts.xn--bcher-kva.example");
//! # Ok::<(), mail_domain::DomainNameError>(())
//! ```
//!
//! # Features
//!
//! `serde`: a [`DomainName`] is a string, checked when it is read.
//!
//! # Limitations
//!
//! - Names that only DNS allows (an underscore, an escaped octet) are not domain names here. The
//!   owner names of records, such as `_mta-sts.example.com`, are text made from a [`DomainName`].
//! - Nothing asks whether a name exists, is registered, or looks like another name.

// The name itself.
mod name;
pub use name::DomainName;

// Why a text is none.
mod error;
pub use error::DomainNameError;
