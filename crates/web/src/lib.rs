//! Pages for people and JSON for programs, over what the store keeps.
//!
//! [`Site`] answers requests. Every page shows what a query in `queries` gives, and `/api/v1` gives
//! the same as JSON, with a description in OpenAPI made from the same types. Nothing can be changed
//! here.
//!
//! Pages are made on the server, by templates that escape what they are given, with one style sheet,
//! no script and nothing from elsewhere. What strangers wrote (organisations, reasons, names of
//! hosts) stands in its own direction of writing and breaks anywhere.
//!
//! # Who may look
//!
//! Whoever is on this machine and calls it by a name of this machine: [`Access`] refuses other
//! clients, and names that a page elsewhere on the web could have pointed here.

mod access;
mod api;
mod format;
mod model;
mod pages;
mod plot;
mod queries;
mod site;
pub use access::{Access, HostName, HostNameError};
pub use site::Site;
