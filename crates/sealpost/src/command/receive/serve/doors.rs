//! Where reports come in.

use std::sync::Arc;
use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::smtp::{
    EhloName, Protocol, SessionLimits, SmtpHandler, SmtpLimits, SmtpSettings,
};
use sealpost_listen::tls::{Identity, TlsHandler, TlsLimits};
use sealpost_listen::{Address, Budget, Handler, Inherited, Limits, PerSource, Server, Sources};
use sealpost_receive::{MailDoor, PostDoor, ReadingRoom, ReceiveApi, Section};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::outcome::Failure;

/// How long mail that is coming in may take when we stop; systemd waits for 90 seconds.
const GRACE: Duration = Duration::from_secs(30);
/// How long the body of a post may take.
const POST_TIME: Duration = Duration::from_secs(60);

/// All listeners of the daemon.
pub(super) struct Doors {
    running: JoinSet<()>,
    stop: watch::Sender<bool>,
    inherited: Inherited,
    places: Vec<String>,
}

impl Doors {
    /// Listens everywhere, and begins to serve.
    pub(super) async fn open(
        section: &Section,
        host: EhloName,
        identity: Option<Arc<Identity>>,
        room: ReadingRoom,
        inherited: Inherited,
    ) -> Result<Self, Failure> {
        let (stop, _) = watch::channel(false);
        let mut doors = Self { running: JoinSet::new(), stop, inherited, places: Vec::new() };
        let budget = Budget::new(section.limits.memory_octets);
        let sources = Sources::new(section.limits.connections_per_source);
        let limits = Limits { connections: section.limits.connections, grace: GRACE };

        let mail = |protocol| {
            let door = MailDoor::new(room.clone(), section.recipients.clone());
            let session = SessionLimits {
                message_octets: section.limits.message_octets,
                ..SessionLimits::default()
            };
            let settings = SmtpSettings {
                protocol,
                host: host.clone(),
                session,
                limits: SmtpLimits::default(),
                identity: identity.clone(),
                budget: budget.clone(),
                sources: sources.clone(),
            };
            SmtpHandler::new(door, settings)
        };
        let (smtp, lmtp) = (mail(Protocol::Smtp), mail(Protocol::Lmtp));
        let api = ReceiveApi::new(
            room.clone(),
            smtp.counters(),
            lmtp.counters(),
            env!("CARGO_PKG_VERSION"),
        );
        doors.serve(&section.listen.smtp, "smtp", Server::new(smtp, limits)).await?;
        doors.serve(&section.listen.lmtp, "lmtp", Server::new(lmtp, limits)).await?;

        let door = PostDoor::new(
            room,
            section.path.clone(),
            section.proxies.clone(),
            section.limits.posts_per_minute,
        );
        let posts = || {
            let limits = HttpLimits {
                body_octets: section.limits.post_octets,
                body_time: POST_TIME,
                request_time: POST_TIME * 2,
                ..HttpLimits::default()
            };
            HttpHandler::new(door.clone(), limits).with_budget(budget.clone())
        };
        if let Some(identity) = identity {
            let handler = TlsHandler::http(posts(), identity, TlsLimits::default());
            let handler = PerSource::new(handler, sources);
            doors.serve(&section.listen.https, "https", Server::new(handler, limits)).await?;
        }
        // All who come through a proxy are one source.
        doors.serve(&section.listen.http, "http", Server::new(posts(), limits)).await?;
        let api = HttpHandler::new(api, HttpLimits::default());
        let server = Server::new(api, Limits::default());
        doors.serve(&section.http, "metrics over http", server).await?;
        Ok(doors)
    }

    /// Where it is listened.
    pub(super) fn places(&self) -> &[String] {
        &self.places
    }

    /// Brings what is coming in to its end, and closes everything.
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
            let listeners = listeners.map_err(|error| Failure::new(super::with_source(&error)))?;
            for listener in listeners {
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
