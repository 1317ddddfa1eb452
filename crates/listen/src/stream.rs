//! A connection's octets, whatever its kind.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::server::TlsStream;

use crate::tls::HTTP2;

/// An accepted connection, over TCP or a socket file, with or without TLS.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// In a box, for it is large and few connections have it.
    Tls(Box<TlsStream<Stream>>),
}

/// Who has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Somebody at this address.
    Tcp(SocketAddr),
    /// Somebody on this machine.
    Unix,
}

impl Stream {
    /// Whether what is read and written goes through TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.0, Kind::Tls(_))
    }

    /// The name that the client asked for in its handshake, in lower case.
    pub fn server_name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Tls(stream) => stream.get_ref().1.server_name(),
            Kind::Tcp(_) | Kind::Unix(_) => None,
        }
    }

    /// Whether the two sides have agreed on HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        match &self.0 {
            Kind::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(HTTP2),
            Kind::Tcp(_) | Kind::Unix(_) => false,
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Tcp(stream))
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self(Kind::Unix(stream))
    }
}

impl From<TlsStream<Self>> for Stream {
    fn from(stream: TlsStream<Self>) -> Self {
        Self(Kind::Tls(stream.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_write(context, octets),
            Kind::Unix(stream) => Pin::new(stream).poll_write(context, octets),
            Kind::Tls(stream) => Pin::new(stream).poll_write(context, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Kind::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Kind::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Tcp(stream) => stream.is_write_vectored(),
            Kind::Unix(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Kind::Unix(stream) => Pin::new(stream).poll_flush(context),
            Kind::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("this machine"),
        }
    }
}
