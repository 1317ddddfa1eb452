//! SMTP by section of its RFCs, and what holds for every server.

mod client;
mod client_properties;
mod ehlo;
mod probe;
mod properties;
mod reply;
