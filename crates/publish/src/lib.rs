//! What a domain owner publishes: the policies and records of many domains, from a configuration.
//!
//! A configuration names domains, in groups that share what is alike, in `sealpost.toml` or in a
//! folder of files ([`Section`]). Read as a whole it becomes [`Domains`], of which each
//! [`PublishedDomain`] knows the policy that its stage asks for, the records that go with it, and the files
//! that a web server needs ([`export`]).
//!
//! # Limitations
//!
//! The policy host, certificates and writing to the DNS are not here: who uses this uploads the
//! files and sets the records.

// What the operator writes.
mod section;
pub use section::{
    DnsWay, HostWay, IdStyle, Pattern, PolicyMode, ProviderName, Rua, Seconds, Section, Terms,
};

// All of it together, checked.
mod domains;
pub use domains::{ConfigurationError, Domains, PublishedDomain};

// What goes into the zone.
mod records;
pub use records::{DnsRecord, RecordData, Target, zone_file};

// How it gets there.
mod dns;
pub use dns::{Confirmation, DnsWriteError, DnsWriter, SharedDnsWriter, Writing};

// What goes onto a web server.
pub mod export;
