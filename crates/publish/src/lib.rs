//! What a domain owner publishes: the policies and records of many domains, from a configuration.
//!
//! A configuration names domains, in groups that share what is alike, in `sealpost.toml` or in a
//! folder of files ([`Section`]). Read as a whole it becomes [`Domains`], of which each
//! [`PublishedDomain`] knows the policy that its stage asks for, the records that go with it, and the files
//! that a web server needs ([`export`]). A [`PolicyHost`] serves the policies itself, over HTTPS with
//! certificates from files or from an authority.
//!
//! [`drive`] leads each domain from stage to stage: it looks at what is live and at what was reported,
//! asks [`decide`](sealpost_rollout::decide), carries the move out and publishes what the new stage
//! asks for. [`dns`] sets records.

// What the operator writes.
mod section;
pub use section::{
    BaseName, DnsServer, DnsWay, HostWay, IdStyle, Pattern, PolicyMode, ProviderName, Rua, Seconds,
    Section, Terms,
};

// All of it together, checked.
mod domains;
pub use domains::{ConfigurationError, Domains, PublishedDomain};

// What goes into the zone.
mod records;
pub use records::{DnsRecord, RecordData, Target, zone_file};

// Who sets it.
pub mod dns;

// Who leads each domain on.
mod api;
pub mod drive;
mod job;
pub use api::PublishApi;
pub use job::{Job, Leader};

// The policy host.
mod host;
mod metrics;
pub use host::{Door, HostApi, HostError, HostSection, PolicyHost, PolicyService, Refreshed};
pub use metrics::{Answered, DriveMetrics, Gate, InStage, PassFailure, PublishMetrics};

// Its certificates.
mod acme;
mod certificates;
pub use acme::ChallengeKind;
pub use certificates::{
    AcmeLimits, AcmeSection, CertificateState, Expected, ExternalAccount, SealError,
    certificate_in_files, states,
};

// What goes onto a web server.
pub mod export;
