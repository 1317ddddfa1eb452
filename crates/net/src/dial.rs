//! Connections to servers that the operator names: his mailboxes, and who gives tokens for them.
//!
//! They pass the same door as all others. Unlike a look at a stranger's server, here secrets are
//! sent: no session goes on whose certificate has a fault.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use mail_domain::DomainName;
use sealpost_evidence::{ConnectionFault, ConnectionFaultKind};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::Network;
use crate::connect::connect;
use crate::deadline::Deadline;
use crate::guard::Guard;
use crate::tls::Protocol;

/// A connection, with TLS or not yet.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    peer: IpAddr,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

/// Why there is no connection, or no secure one. The text fits after "failed to ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The host has no address, or none could be learnt.
    #[error("find an address of {host}: {reason}")]
    NoAddress {
        /// The host.
        host: DomainName,
        /// Why.
        reason: String,
    },
    /// The address guard stands in the way.
    #[error(
        "connect to {host}: {address} is not globally routable; name its network in \
         `allowed_networks` of [network]"
    )]
    NotRoutable {
        /// The host.
        host: DomainName,
        /// Its address.
        address: IpAddr,
    },
    /// No address answered, or the dialogue broke off.
    #[error("connect to {host}: {reason}")]
    Unreachable {
        /// The host.
        host: DomainName,
        /// Why, at the address that was tried last.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("speak TLS with {host}: {reason}")]
    Tls {
        /// The host.
        host: DomainName,
        /// Why.
        reason: String,
    },
    /// The certificate has a fault.
    #[error("trust {host}: its certificate {reason}")]
    Certificate {
        /// The host.
        host: DomainName,
        /// The first fault.
        reason: String,
    },
}

impl Network {
    /// Opens a TCP connection to a host that the operator named, at the first of its addresses that
    /// answers; nothing has been said on it. `localhost` is this machine without a look-up (RFC 6761
    /// §6.3).
    ///
    /// # Errors
    ///
    /// [`DialError`] after at most the deadlines for DNS and, for each address, for connecting.
    pub async fn dial(&self, host: &DomainName, port: u16) -> Result<Connection, DialError> {
        let mut last = None;
        for address in self.addresses_of(host).await? {
            let deadline = Deadline::after(self.means.deadlines.connect);
            match connect(SocketAddr::new(address, port), &self.means.guard, deadline).await {
                Ok(stream) => {
                    return Ok(Connection { stream: Stream::Plain(stream), peer: address });
                }
                Err(fault) => last = Some((address, fault)),
            }
        }
        let host = host.clone();
        Err(match last {
            Some((address, ConnectionFault { kind: ConnectionFaultKind::NotRoutable, .. })) => {
                DialError::NotRoutable { host, address }
            }
            Some((_, fault)) => DialError::Unreachable { host, reason: fault.text },
            None => DialError::NoAddress { host, reason: "it has none".to_owned() },
        })
    }

    /// Opens a TCP connection to this machine.
    pub(crate) async fn dial_here(
        &self,
        address: SocketAddr,
        host: &DomainName,
    ) -> Result<Connection, DialError> {
        let deadline = Deadline::after(self.means.deadlines.connect);
        let stream = connect(address, &Guard::open(), deadline)
            .await
            .map_err(|fault| DialError::Unreachable { host: host.clone(), reason: fault.text })?;
        Ok(Connection { stream: Stream::Plain(stream), peer: address.ip() })
    }

    /// Goes on with TLS. The certificate must be valid for the host and lead to a trusted root.
    ///
    /// # Errors
    ///
    /// [`DialError::Tls`] and [`DialError::Certificate`]; the connection is closed.
    pub async fn secure(
        &self,
        connection: Connection,
        host: &DomainName,
    ) -> Result<Connection, DialError> {
        let Connection { stream: Stream::Plain(stream), peer } = connection else {
            return Ok(connection);
        };
        let deadline = Deadline::after(self.means.deadlines.tls);
        let shaken = self.means.tls.handshake(stream, host, Protocol::Other, deadline).await;
        let (stream, session) =
            shaken.map_err(|fault| DialError::Tls { host: host.clone(), reason: fault.text })?;
        if let Some(fault) = session.faults.first() {
            let reason = crate::text::printable(&fault.to_string());
            return Err(DialError::Certificate { host: host.clone(), reason });
        }
        if !session.is_verified() {
            let reason = "was not shown".to_owned();
            return Err(DialError::Certificate { host: host.clone(), reason });
        }
        Ok(Connection { stream: Stream::Secure(Box::new(stream)), peer })
    }

    async fn addresses_of(&self, host: &DomainName) -> Result<Vec<IpAddr>, DialError> {
        if host.as_str() == "localhost" {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let deadline = Deadline::after(self.means.deadlines.dns);
        let addresses = self.means.dns.addresses(host.as_str(), deadline).await;
        let mut all = addresses.all();
        if all.is_empty() {
            let reason = if addresses.none_exist() {
                "it has none".to_owned()
            } else {
                "the look-up failed".to_owned()
            };
            return Err(DialError::NoAddress { host: host.clone(), reason });
        }
        all.truncate(self.means.limits.addresses);
        Ok(all)
    }
}

impl Connection {
    /// Whether what is sent is encrypted, for a server that has proved its name.
    pub fn is_secure(&self) -> bool {
        matches!(self.stream, Stream::Secure(_))
    }

    /// The address of the other side.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, octets),
            Stream::Secure(stream) => Pin::new(stream).poll_write(context, octets),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Secure(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
