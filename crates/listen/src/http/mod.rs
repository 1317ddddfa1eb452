//! HTTP/1.1 for local interfaces: small requests, small answers.
//!
//! An [`HttpHandler`] makes a [`Handler`](crate::Handler) of an [`HttpService`]. The service sees a
//! request only when it is whole and within [`HttpLimits`], and its answer is sent with its length,
//! `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`. HEAD is GET without the body;
//! the service need not know it.
//!
//! # Limitations
//!
//! - No TLS, no upgrade, no compression, and no answer in parts.
//! - The answers to a head that is malformed or too large (400, 414, 431) are hyper's own, without
//!   a body and without those two fields; the connection ends after them.

// What is asked and what is answered.
mod request;
mod response;
pub use request::{Method, Request};
pub use response::{Response, Status};

// How.
mod handler;
mod patience;
pub use handler::{HttpHandler, HttpLimits, HttpService};
