//! HTTP: local interfaces with small requests, reports that are posted to us, policies that we serve.
//!
//! An [`HttpHandler`] makes a [`Handler`](crate::Handler) of an [`HttpService`]; behind
//! [`TlsHandler`](crate::tls::TlsHandler) it is HTTPS. The service may refuse a request by its head;
//! it answers a request only when that is whole and within [`HttpLimits`], and its answer is sent with its length,
//! `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`. HEAD is GET without the body;
//! the service need not know it. It is HTTP/1.1, and HTTP/2 where a TLS handshake has agreed on that
//! ([`NamedCertificates`](crate::tls::NamedCertificates)).
//!
//! # Limitations
//!
//! - No upgrade, no compression, and no answer in parts.
//! - The answers to a head that is malformed or too large (400, 414, 431) are hyper's own, without
//!   a body and without those two fields; the connection ends after them.

// What is asked and what is answered.
mod request;
mod response;
pub use request::{Fields, Method, Request};
pub use response::{Response, Status};

// How.
mod body;
mod farewell;
mod handler;
mod http2;
mod patience;
pub use handler::{HttpHandler, HttpLimits, HttpService};
