//! Where policies are asked for.

use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::tls::{TlsHandler, TlsLimits};
use sealpost_listen::{Inherited, Limits, Listener, PerSource, Server, Sources};
use sealpost_publish::{Door, HostApi, HostSection, PolicyHost};

use crate::daemon::doors::Doors;
use crate::outcome::Failure;

/// How long answers may take when we stop.
const GRACE: Duration = Duration::from_secs(10);
/// The largest head of a request for a policy, in octets, and the most fields in it.
const HEAD: (usize, usize) = (8 * 1024, 64);

/// Opens all doors of the policy host, and begins to serve.
pub(super) async fn open(
    section: &HostSection,
    host: &PolicyHost,
    inherited: Inherited,
) -> Result<Doors, Failure> {
    let mut doors = Doors::new(inherited);
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
    let named = |name: &'static str| move |listener: &Listener| format!("{listener}, {name}");

    let tls = TlsHandler::named(handler(Door::Https), host.certificates(), TlsLimits::default());
    let server = Server::new(PerSource::new(tls, sources.clone()), limits);
    doors.open(&section.https, server, named("policies over https")).await?;
    let server = Server::new(PerSource::new(handler(Door::Http), sources), limits);
    doors.open(&section.http, server, named("challenges over http")).await?;
    // All who come through a proxy are one source.
    let server = Server::new(handler(Door::Proxied), limits);
    doors.open(&section.proxied, server, named("policies over http")).await?;
    let api = HostApi::new(host.clone(), env!("CARGO_PKG_VERSION"));
    let server = Server::new(HttpHandler::new(api, HttpLimits::default()), Limits::default());
    doors.open(&section.health, server, named("health and metrics over http")).await?;
    Ok(doors)
}
