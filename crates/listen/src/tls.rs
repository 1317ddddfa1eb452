//! TLS for those who connect.
//!
//! An [`Identity`] is a certificate and its key from two PEM files, taken up again when the files
//! have changed: certificates are renewed while the service runs. [`NamedCertificates`] are many, chosen by
//! the name that the client asks for. [`TlsHandler`] puts TLS in front
//! of a [`Handler`](crate::Handler); for STARTTLS the handler of SMTP does the same in the middle of
//! a connection.
//!
//! TLS 1.2 and 1.3 by rustls, no early data, no client certificates.

mod handler;
mod identity;
mod load;
mod named;
pub use handler::{TlsHandler, TlsLimits};
pub(crate) use identity::Inside;
pub use identity::{Identity, Reloaded, TlsCounts};
pub use load::{IdentityFiles, TlsError};
pub(crate) use named::HTTP2;
pub use named::{NamedCertificate, NamedCertificates};
