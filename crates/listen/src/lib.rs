//! Inward: the only crate that accepts connections.
//!
//! A [`Server`] runs a [`Handler`] on the connections of any number of [`Listener`]s, within
//! common [`Limits`], and ends them decently when it is told to stop. A listener is a TCP address,
//! a socket file, or a socket that systemd passed on; [`Address`] is how people write that.
//! [`http`] has a handler for local interfaces over HTTP/1.1.
//!
//! # What a connection may cost
//!
//! * Beyond the limit connections wait in the kernel's queue, and none is closed to make room: a
//!   mail server keeps its connections and takes a closed one for a fault. How long a silent
//!   connection may hold its place is for the handler to say, who knows the protocol.
//! * A handler that panics loses its connection; it is counted and logged, and nobody else notices.
//! * When descriptors run out, accepting pauses and goes on as soon as a connection has ended.
//!
//! # Stopping
//!
//! [`Server::serve`] then accepts what already waits in the queue of its own sockets, tells every
//! handler through [`Stopping`], and gives them [`Limits::grace`]. The queue of a socket that
//! systemd holds is left to the next process, so a restart refuses nobody.
//!
//! # Limitations
//!
//! - No TLS yet, and no limit by client address: what listens here is meant for the own machine.

// Where to listen.
mod address;
mod inherited;
mod listener;
mod socket_file;
pub use address::{Address, AddressError, SocketMode};
pub use inherited::Inherited;
pub use listener::{ListenError, Listener};

// Serving.
mod server;
mod stream;
pub use server::{Connection, Counts, Ended, Handler, Limits, Server, Stopping};
pub use stream::{Peer, Stream};

// A protocol that several roles speak.
pub mod http;
