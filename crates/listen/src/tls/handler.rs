//! A handler behind TLS.

use std::{sync::Arc, time::Duration};

use tokio::{select, time::sleep};

use super::{Identity, identity::Inside};
use crate::{Connection, Handler};

/// How long a handshake may still take when the server stops.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Does the handshake, and hands what is inside to another handler.
#[derive(Debug)]
pub struct TlsHandler<H> {
    handler: H,
    identity: Arc<Identity>,
    inside: Inside,
    limits: TlsLimits,
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
        Self { handler, identity, inside: Inside::Http, limits }
    }

    /// SMTP or LMTP with TLS from the first octet. For STARTTLS the handler needs the identity
    /// itself.
    pub fn mail(handler: H, identity: Arc<Identity>, limits: TlsLimits) -> Self {
        Self { handler, identity, inside: Inside::Mail, limits }
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
            accepted = self.identity.accept(stream, self.inside, self.limits.handshake_time) => accepted,
            () = too_late => return,
        };
        match accepted {
            Ok(stream) => self.handler.serve(Connection { stream, peer, stopping }).await,
            // Scanners and old clients: nothing that the administrator could mend.
            Err(error) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        }
    }
}
