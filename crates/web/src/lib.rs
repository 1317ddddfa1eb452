//! Pages for people and JSON for programs, over what the store keeps.
//!
//! [`Site`] answers requests. Every page shows what a query in `queries` gives, and `/api/v1` gives
//! the same as JSON, with a description in OpenAPI made from the same types.
//!
//! Pages are made on the server, by templates that escape what they are given, with one style sheet,
//! no script and nothing from elsewhere. What strangers wrote (organisations, reasons, names of
//! hosts) stands in its own direction of writing and breaks anywhere.
//!
//! # Who may look, and who may change something
//!
//! Without more in the [`Section`] it is whoever is on this machine and calls it by a name of this
//! machine, and nobody changes anything. With a password, a trusted proxy or tokens, [`Access`]
//! knows who asks: then a person's word on a roll-out ([`Deed`]) may come through here too, which
//! [`Hands`] carry out, and the audit log of the store says who gave it.

// Who.
mod access;
mod section;
pub use access::{
    Access, HostName, HostNameError, LoggedIn, NewToken, PasswordError, PasswordHash,
};
pub use section::{ProxyPlace, ProxyRights, Section, SectionError, TrustedProxy};

// What.
mod api;
mod deed;
mod format;
mod metrics;
mod model;
mod pages;
mod plot;
mod queries;
mod reader;
mod site;
mod witness;
pub use deed::{Carried, Declined, Deed, Hands, Wish};
pub use metrics::{
    Answer as AnswerLabel, DeedOutcome as DeedLabel, LogIn as LogInLabel, Refused as RefusedLabel,
    WebMetrics,
};
pub use model::{DecisionRow, Decisions, Examination, ExaminedRow, ObservedRow, Setting};
pub use reader::{Reader, ReportText, TextPiece};
pub use site::Site;
pub use witness::Witness;
