//! Where policies are asked for.

use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::tls::{TlsHandler, TlsLimits};
use sealpost_listen::{
    Address, Handler, Inherited, Limits, ListenError, PerSource, Server, Sources,
};
use sealpost_publish::{Door, HostApi, HostSection, PolicyHost};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::with_source;
use crate::outcome::Failure;

/// How long answers may take when we stop.
const GRACE: Duration = Duration::from_secs(10);
/// The largest head of a request for a policy, in octets, and the most fields in it.
const HEAD: (usize, usize) = (8 * 1024, 64);

/// All listeners of the policy host.
pub(super) struct Doors {
    running: JoinSet<()>,
    stop: watch::Sender<bool>,
    inherited: Inherited,
    places: Vec<String>,
}

impl Doors {
    /// Listens everywhere, and begins to serve.
    pub(super) async fn open(
        section: &HostSection,
        host: &PolicyHost,
        inherited: Inherited,
    ) -> Result<Self, Failure> {
        let (stop, _) = watch::channel(false);
        let mut doors = Self { running: JoinSet::new(), stop, inherited, places: Vec::new() };
        let limits = Limits { connections: section.connections, grace: GRACE };
        let sources = Sources::new(section.connections_per_source);
        let http = HttpLimits {
            head_octets: HEAD.0,
            head_fields: HEAD.1,
            // Nobody has anything to send.
            body_octets: 0,
            head_time: Duration::from_secs(section.idle_seconds.clamp(1, 3_600)),
            ..HttpLimits::default()
        };
        let handler = |door| HttpHandler::new(host.service(door), http);

        let tls =
            TlsHandler::named(handler(Door::Https), host.certificates(), TlsLimits::default());
        let server = Server::new(PerSource::new(tls, sources.clone()), limits);
        doors.serve(&section.https, "policies over https", server).await?;
        let server = Server::new(PerSource::new(handler(Door::Http), sources), limits);
        doors.serve(&section.http, "challenges over http", server).await?;
        // All who come through a proxy are one source.
        let server = Server::new(handler(Door::Proxied), limits);
        doors.serve(&section.proxied, "policies over http", server).await?;
        let api = HostApi::new(host.clone(), env!("CARGO_PKG_VERSION"));
        let server = Server::new(HttpHandler::new(api, HttpLimits::default()), Limits::default());
        doors.serve(&section.health, "health and metrics over http", server).await?;
        Ok(doors)
    }

    /// Where it is listened.
    pub(super) fn places(&self) -> &[String] {
        &self.places
    }

    /// Brings what is under way to its end, and closes everything.
    pub(super) async fn close(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }

    async fn serve<H: Handler>(
        &mut self,
        addresses: &[Address],
        name: &str,
        server: Server<H>,
    ) -> Result<(), Failure> {
        for address in addresses {
            let listeners = address.listen(&mut self.inherited).await;
            for listener in listeners.map_err(|error| refused(&error))? {
                self.places.push(format!("{listener}, {name}"));
                let (server, mut stopping) = (server.clone(), self.stop.subscribe());
                self.running.spawn(async move {
                    let stopped = async {
                        // An error means that nobody is left to tell it.
                        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
                    };
                    server.serve(listener, stopped).await;
                });
            }
        }
        Ok(())
    }
}

fn refused(error: &ListenError) -> Failure {
    let failure = Failure::new(with_source(error));
    match error {
        ListenError::Tcp { address, source } => match source.kind() {
            std::io::ErrorKind::AddrInUse => failure.hint(format!(
                "another program serves there: `ss -ltnp 'sport = :{}'` names it; stop it, or set \
                 `proxied` and let it pass requests on",
                address.port()
            )),
            std::io::ErrorKind::PermissionDenied => failure.hint(
                "ports below 1024 want CAP_NET_BIND_SERVICE, or a socket that systemd passes",
            ),
            _ => failure,
        },
        _ => failure,
    }
}
