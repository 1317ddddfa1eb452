//! Servers with real sockets, on loopback and in temporary folders.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "clients on loopback")]

mod client;
mod echo;
mod limits;
mod socket_files;
mod stop;
mod tcp;
