//! Inward: the only crate that accepts connections.
//!
//! A [`Server`] runs a [`Handler`] on the connections of any number of [`Listener`]s, within
//! common [`Limits`], and ends them decently when it is told to stop. A listener is a TCP address,
//! a socket file, or a socket that systemd passed on; [`Address`] is how people write that.
//! [`http`] has a handler for HTTP/1.1, [`smtp`] one for mail that comes by SMTP or LMTP, and [`tls`]
//! puts TLS in front of either.
//!
//! # What a connection may cost
//!
//! * Beyond the limit connections wait in the kernel's queue, and none is closed to make room: a
//!   mail server keeps its connections and takes a closed one for a fault. How long a silent
//!   connection may hold its place is for the handler to say, who knows the protocol.
//! * A handler that panics loses its connection; it is counted and logged, and nobody else notices.
//! * When descriptors run out, accepting pauses and goes on as soon as a connection has ended.
//! * Where strangers connect, [`Sources`] bounds the connections of each, and a [`Budget`] the memory
//!   that all of them may fill.
//!
//! # Stopping
//!
//! [`Server::serve`] then accepts what already waits in the queue of its own sockets, tells every
//! handler through [`Stopping`], and gives them [`Limits::grace`]. The queue of a socket that
//! systemd holds is left to the next process, so a restart refuses nobody.

// Where to listen.
mod address;
mod inherited;
mod listener;
mod owner;
mod socket_file;
pub use address::{Address, AddressError, SocketMode};
pub use inherited::Inherited;
pub use listener::{ListenError, Listener};
pub use owner::{SocketOwner, SocketOwnerError};

// Serving.
mod server;
mod stream;
pub use server::{Connection, Counts, Ended, Handler, Limits, Server, Stopping};
pub use stream::{Peer, Stream};

// Datagrams.
mod datagram;
pub use datagram::{Datagram, DatagramReceiver, DatagramSocket, Wholeness};

// What strangers may cost.
mod budget;
mod linger;
mod sources;
pub use budget::Budget;
pub use sources::{PerSource, Place, Source, Sources};

// Protocols that several roles speak.
pub mod http;
pub mod smtp;
pub mod tls;
