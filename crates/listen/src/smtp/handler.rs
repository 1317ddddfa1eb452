//! The handler and its settings.

use std::{sync::Arc, time::Duration};

use sealpost_wire::smtp::{
    EhloName,
    server::{End, Limits, Protocol, Session, Settings, Tls},
};

use super::{MailService, SmtpCounters, conversation::Conversation, counts::add};
use crate::{Budget, Connection, Handler, Sources, tls::Identity};

/// A handler of connections that speaks SMTP or LMTP for a service.
#[derive(Debug)]
pub struct SmtpHandler<S> {
    service: S,
    /// By what the connection is: in the open, or through TLS from the first octet.
    plain: Arc<Settings>,
    over_tls: Arc<Settings>,
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) limits: SmtpLimits,
    pub(super) budget: Budget,
    sources: Sources,
    pub(super) counters: SmtpCounters,
}

/// How a handler presents itself, and what it shares with others.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// What is spoken.
    pub protocol: Protocol,
    /// The name of this host.
    pub host: EhloName,
    /// The bounds of a session's octets and commands.
    pub session: Limits,
    /// The bounds of its time.
    pub limits: SmtpLimits,
    /// What STARTTLS presents. Without it, STARTTLS is not offered.
    pub identity: Option<Arc<Identity>>,
    /// Memory for messages on their way in, over all handlers that share it. If it is less than
    /// [`Limits::message_octets`], messages may be as large as the budget.
    pub budget: Budget,
    /// Connections by source, over all handlers that share it.
    pub sources: Sources,
}

/// What a connection may cost in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpLimits {
    /// Until the next command is whole: 5 minutes, the least that RFC 5321 §4.5.3.2.7 asks for. Then
    /// 421.
    pub command_time: Duration,
    /// The same while there are more than [`crowd`](Self::crowd) sessions: 20 seconds.
    pub hurried_time: Duration,
    /// Sessions from which on clients are hurried: 500.
    pub crowd: u64,
    /// From 354 until a message is whole: 15 minutes. Then 421.
    pub message_time: Duration,
    /// In each time of this length while a message comes in: 3 minutes, as long as RFC 5321
    /// §4.5.3.2.5 lets one octet take …
    pub window_time: Duration,
    /// … so many octets have to come: 32 KiB. Less is a client that only wants to hold the place.
    pub window_octets: usize,
    /// Until the service has answered about a recipient or a beginning: 30 seconds. Then 451.
    pub answer_time: Duration,
    /// Until the service has stored a message: 5 minutes, for clients wait for ten. Then 451.
    pub store_time: Duration,
    /// Until a client has taken a reply: 30 seconds. Then the connection is closed.
    pub write_time: Duration,
    /// Until TLS stands after STARTTLS: 30 seconds. Then the connection is closed.
    pub handshake_time: Duration,
    /// How long a session may last at most before it is asked to come again: an hour. What is under
    /// way is brought to its end.
    pub session_time: Duration,
}

impl Default for SmtpLimits {
    fn default() -> Self {
        Self {
            command_time: Duration::from_secs(5 * 60),
            hurried_time: Duration::from_secs(20),
            crowd: 500,
            message_time: Duration::from_secs(15 * 60),
            window_time: Duration::from_secs(3 * 60),
            window_octets: 32 * 1024,
            answer_time: Duration::from_secs(30),
            store_time: Duration::from_secs(5 * 60),
            write_time: Duration::from_secs(30),
            handshake_time: Duration::from_secs(30),
            session_time: Duration::from_secs(60 * 60),
        }
    }
}

impl<S: MailService> SmtpHandler<S> {
    /// A handler for this service.
    pub fn new(service: S, settings: SmtpSettings) -> Self {
        let SmtpSettings { protocol, host, mut session, limits, identity, budget, sources } =
            settings;
        // One that could never come must not be put off for ever.
        session.message_octets = session.message_octets.min(budget.octets());
        let tls = if identity.is_some() { Tls::Offered } else { Tls::Absent };
        let plain = Settings { host, protocol, tls, limits: session };
        let over_tls = Settings { tls: Tls::Active, ..plain.clone() }.into();
        let counters = SmtpCounters::default();
        Self { service, plain: plain.into(), over_tls, identity, limits, budget, sources, counters }
    }

    /// What happens from now on, to be read while the server runs.
    pub fn counters(&self) -> SmtpCounters {
        self.counters.clone()
    }

    pub(super) fn service(&self) -> &S {
        &self.service
    }
}

impl<S: MailService> Handler for SmtpHandler<S> {
    async fn serve(&self, connection: Connection) {
        let is_tls = connection.stream.is_tls();
        let mut session =
            Session::new(Arc::clone(if is_tls { &self.over_tls } else { &self.plain }));
        let place = self.sources.enter(connection.peer);
        if place.is_none() {
            add(&self.counters.counters().crowded, 1);
            session.end(End::Crowded);
        }
        let open = self.counters.open();
        Conversation::new(self, session, connection).run().await;
        drop((open, place));
    }
}
