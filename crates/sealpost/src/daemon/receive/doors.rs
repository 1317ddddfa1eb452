//! Where reports come in.

use std::sync::Arc;
use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::smtp::{
    EhloName, Protocol, SessionLimits, SmtpHandler, SmtpLimits, SmtpSettings,
};
use sealpost_listen::tls::{Identity, TlsHandler, TlsLimits};
use sealpost_listen::{Budget, Inherited, Limits, Listener, PerSource, Server, Sources};
use sealpost_receive::{MailDoor, PostDoor, ReadingRoom, ReceiveApi, Section};

use crate::daemon::doors::Doors;
use crate::outcome::Failure;

/// How long mail that is coming in may take when we stop; systemd waits for 90 seconds.
const GRACE: Duration = Duration::from_secs(30);
/// How long the body of a post may take.
const POST_TIME: Duration = Duration::from_secs(60);

/// Listens everywhere, and begins to serve.
pub(super) async fn open(
    section: &Section,
    host: EhloName,
    identity: Option<Arc<Identity>>,
    room: ReadingRoom,
    inherited: Inherited,
) -> Result<(Doors, Arc<ReceiveApi>), Failure> {
    let mut doors = Doors::new(inherited);
    let budget = Budget::new(section.limits.coming_in());
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
    let api = Arc::new(ReceiveApi::new(
        room.clone(),
        smtp.counters(),
        lmtp.counters(),
        env!("CARGO_PKG_VERSION"),
    ));
    doors.open(&section.listen.smtp, Server::new(smtp, limits), named("smtp")).await?;
    doors.open(&section.listen.lmtp, Server::new(lmtp, limits), named("lmtp")).await?;

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
        doors.open(&section.listen.https, Server::new(handler, limits), named("https")).await?;
    }
    // All who come through a proxy are one source.
    doors.open(&section.listen.http, Server::new(posts(), limits), named("http")).await?;
    let handler = HttpHandler::new(Arc::clone(&api), HttpLimits::default());
    let server = Server::new(handler, Limits::default());
    doors.open(&section.http, server, named("metrics over http")).await?;
    Ok((doors, api))
}

fn named(what: &str) -> impl Fn(&Listener) -> String {
    move |listener| format!("{listener}, {what}")
}
