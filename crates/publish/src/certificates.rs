//! The certificates of policy hosts: from files, or from an authority, kept and renewed in time.

mod files;
mod forecast;
mod keeper;
mod schedule;
mod seal;
mod section;
mod state;
mod whereabouts;

pub(crate) use files::Files;
pub use files::certificate_in_files;
pub(crate) use keeper::{Keeper, Parts};
pub(crate) use seal::Seal;
pub use seal::SealError;
pub use section::{AcmeLimits, AcmeSection, ExternalAccount};
pub use state::{CertificateState, Expected, states};
pub(crate) use whereabouts::Whereabouts;
