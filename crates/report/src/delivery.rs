//! Reports on their way: made when a day is over, queued, and sent until somebody takes them.
//!
//! A [`Dispatch`] does both for as long as it runs. What is decided of a domain on a day, and that
//! its report is queued, is one transaction; so there is one report for a domain and a day, whatever
//! happens in between. The queue is the store's: what is under way when a process ends comes back.
//!
//! # What can arrive twice
//!
//! A report of which we do not know whether it was taken is sent again: when a connection ends
//! between the last octet and the answer, or the process is killed between the answer and the note
//! of it. It is the same report with the same id, and as a mail it has the same `Message-ID`.
//! A clock that is set, or a machine that sleeps, sends nothing twice: a process holds on to what it is
//! at, however late it seems to be.

mod author;
mod bounce;
mod builder;
mod courier;
mod destinations;
mod dispatch;
mod mark;

pub(crate) use author::read_key;
pub use author::{Author, AuthorError};
pub use bounce::{Bounced, DeliveryNotification, take_bounce};
pub use builder::{Built, Considered, DayBuilder, Occasion};
pub use dispatch::{Dispatch, DispatchError, DispatchParts};
pub use mark::face_in;
