//! The doors: what comes in by mail and by HTTPS is stored, acknowledged, and then read.

mod mail;
mod posts;
mod rate;
pub use mail::MailDoor;
pub use posts::PostDoor;
