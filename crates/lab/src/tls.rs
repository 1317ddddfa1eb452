//! TLS of the lab's servers: the host is chosen by SNI or by address, and may misbehave.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    server::Acceptor,
    sign::SingleCertAndKey,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use crate::{
    authority::{Authority, IssueError},
    host::{Handshake, Server},
    listen::hold,
};

/// Alert `unrecognized_name` (RFC 6066 §3).
const UNRECOGNIZED_NAME: u8 = 112;
/// How long a client may take over its part of the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// A host at an address, with its certificate made when first needed.
pub(crate) struct Hosted<C> {
    /// The full name, in lower case and without a trailing dot.
    pub(crate) name: String,
    pub(crate) server: Server<C>,
    authority: Arc<Authority>,
    config: OnceLock<Arc<ServerConfig>>,
}

/// Who is at home at an address.
pub(crate) enum Tenants<C> {
    /// One host, whatever SNI says.
    One(Arc<Hosted<C>>),
    /// Many hosts, told apart by SNI.
    Many(HashMap<String, Arc<Hosted<C>>>),
}

impl<C> Hosted<C> {
    pub(crate) fn new(name: String, server: Server<C>, authority: Arc<Authority>) -> Self {
        Self { name, server, authority, config: OnceLock::new() }
    }

    fn config(&self) -> Result<Arc<ServerConfig>, IssueError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let identity = self.authority.issue(&self.name, self.server.certificate)?;
        let versions = match self.server.handshake {
            Handshake::Tls12Only => &[&TLS12][..],
            _ => &[&TLS13, &TLS12],
        };
        let config = ServerConfig::builder_with_provider(Arc::clone(self.authority.provider()))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }
}

impl<C> Tenants<C> {
    fn by_name(&self, server_name: Option<&str>) -> Option<Arc<Hosted<C>>> {
        match self {
            Self::One(host) => Some(Arc::clone(host)),
            Self::Many(hosts) => hosts.get(&server_name?.to_ascii_lowercase()).cloned(),
        }
    }
}

/// Reads the ClientHello, finds the host, and shakes hands its way.
///
/// `None` when there is nothing more to say on this connection.
pub(crate) async fn accept<C>(
    stream: TcpStream,
    tenants: &Tenants<C>,
) -> Option<(Arc<Hosted<C>>, TlsStream<TcpStream>)> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let start = timeout(PATIENCE, hello).await.ok()?.ok()?;
    let Some(host) = tenants.by_name(start.client_hello().server_name()) else {
        send_and_close(start.io, &fatal_alert(UNRECOGNIZED_NAME)).await;
        return None;
    };
    match host.server.handshake {
        Handshake::Complete | Handshake::Tls12Only => {
            let config = host
                .config()
                .inspect_err(|error| tracing::error!("no certificate for {}: {error}", host.name))
                .ok()?;
            let stream = timeout(PATIENCE, start.into_stream(config)).await.ok()?.ok()?;
            Some((host, stream))
        }
        Handshake::Alert(code) => {
            send_and_close(start.io, &fatal_alert(code)).await;
            None
        }
        Handshake::PlainText(text) => {
            send_and_close(start.io, text.as_bytes()).await;
            None
        }
        Handshake::Close => {
            send_and_close(start.io, b"").await;
            None
        }
        Handshake::Reset => {
            let reset = start.io.set_zero_linger();
            if let Err(error) = reset {
                tracing::debug!("no reset, but an orderly end: {error}");
            }
            None
        }
        Handshake::Silence => {
            hold(start.io).await;
            None
        }
    }
}

/// Sends the last octets of a connection and lets the client read them.
pub(crate) async fn send_and_close(mut stream: TcpStream, octets: &[u8]) {
    let sent = async {
        stream.write_all(octets).await?;
        stream.shutdown().await
    };
    if sent.await.is_ok() {
        drain(&mut stream).await;
    }
}

/// Waits a moment for the client's end, and throws away what it still says: closing a socket with
/// unread octets would reset the connection and might take the reply along.
pub(crate) async fn drain(stream: &mut (impl AsyncReadExt + Unpin)) {
    let reading = async {
        let mut scrap = [0_u8; 1024];
        // As much as any client has to say after the end, and no more.
        for _ in 0..64 {
            match stream.read(&mut scrap).await {
                Ok(0) => return Ok::<(), io::Error>(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    // Whatever comes of it, the connection ends now.
    drop(timeout(Duration::from_secs(2), reading).await);
}

/// A fatal alert as a record of TLS 1.2 (RFC 5246 §7.2).
fn fatal_alert(code: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, code]
}
