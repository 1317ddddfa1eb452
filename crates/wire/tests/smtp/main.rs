//! SMTP by section of its RFCs, and what holds for every server.

mod ehlo;
mod probe;
mod properties;
mod reply;
