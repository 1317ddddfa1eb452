//! A handler behind TLS.

use std::{io, sync::Arc, time::Duration};

use tokio::{select, time::sleep};

use super::{Identity, NamedCertificates, identity::Inside};
use crate::{Connection, Handler, Stream};

/// How long a handshake may still take when the server stops.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Does the handshake, and hands what is inside to another handler.
#[derive(Debug)]
pub struct TlsHandler<H> {
    handler: H,
    shown: Shown,
    limits: TlsLimits,
}

/// Who we say that we are.
#[derive(Debug)]
enum Shown {
    One(Arc<Identity>, Inside),
    Named(Arc<NamedCertificates>),
}

/// What a handshake may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsLimits {
    /// From the connection to the end of the handshake: 15 seconds.
    pub handshake_time: Duration,
}

impl Default for TlsLimits {
    fn default() -> Self {
        Self { handshake_time: Duration::from_secs(15) }
    }
}

impl<H> TlsHandler<H> {
    /// HTTPS: the handler speaks HTTP/1.1, and ALPN says so.
    pub fn http(handler: H, identity: Arc<Identity>, limits: TlsLimits) -> Self {
        Self { handler, shown: Shown::One(identity, Inside::Http), limits }
    }

    /// HTTPS with the certificate of the name that the client asks for. The handler speaks HTTP/1.1
    /// and HTTP/2, and ALPN says so.
    pub fn named(handler: H, certificates: Arc<NamedCertificates>, limits: TlsLimits) -> Self {
        Self { handler, shown: Shown::Named(certificates), limits }
    }

    /// SMTP or LMTP with TLS from the first octet. For STARTTLS the handler needs the identity
    /// itself.
    pub fn mail(handler: H, identity: Arc<Identity>, limits: TlsLimits) -> Self {
        Self { handler, shown: Shown::One(identity, Inside::Mail), limits }
    }

    async fn accept(&self, stream: Stream) -> io::Result<Option<Stream>> {
        let limit = self.limits.handshake_time;
        match &self.shown {
            Shown::One(identity, inside) => identity.accept(stream, *inside, limit).await.map(Some),
            Shown::Named(certificates) => certificates.accept(stream, limit).await,
        }
    }
}

impl<H: Handler> Handler for TlsHandler<H> {
    async fn serve(&self, connection: Connection) {
        let Connection { stream, peer, stopping } = connection;
        let mut asked_to_stop = stopping.clone();
        let too_late = async {
            asked_to_stop.requested().await;
            sleep(LAST_MOMENT).await;
        };
        let accepted = select! {
            accepted = self.accept(stream) => accepted,
            () = too_late => return,
        };
        match accepted {
            Ok(Some(stream)) => self.handler.serve(Connection { stream, peer, stopping }).await,
            Ok(None) => {}
            // Scanners and old clients: nothing that the administrator could mend.
            Err(error) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        }
    }
}
