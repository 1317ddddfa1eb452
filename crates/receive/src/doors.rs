//! The doors: what comes in by mail and by HTTPS is stored, acknowledged, and then read.

mod mail;
mod mailbox;
mod maildir;
mod posts;
mod rate;
pub use mail::MailDoor;
pub use mailbox::{Harvest, MailboxDoor, MailboxFailure};
pub use maildir::{MaildirAfter, MaildirDoor};
pub use posts::PostDoor;
