//! What a Postfix needs in order to ask us, worked out from what it says about itself.
//!
//! [`PostfixFound`] is what `postconf` printed and what the resolver's files hold; [`Plan`] is what
//! comes of it: the lines for `main.cf`, each with its reason, what stands in the way, and the
//! settings for us that go with them. [`Record`] is what has been changed, so that it can be undone.
//! Nothing here runs a program, opens a file or asks a resolver.
//!
//! Whatever is planned never lowers what the operator has: a level that is set stays, and so do the
//! policy maps that are there, before ours.

// What was found.
mod found;
mod master;
mod resolv_conf;
mod version;
pub use found::{ASKED, PostfixFound, Proof, read_settings};
pub use master::{Chroot, Override, SmtpClient};
pub use resolv_conf::ResolvConf;
pub use version::{PostfixVersion, VersionError};

// What is to be.
mod endpoint;
mod level;
mod plan;
mod policy_maps;
mod remark;
pub use endpoint::{Endpoint, EndpointError};
pub use level::Level;
pub use plan::{Dane, Line, Plan, PlanError};
pub use remark::{Remark, Weight};

// What was done, and how it is undone.
mod record;
pub use record::{Change, Record, Undo};

#[cfg(test)]
mod tests;
