//! A service that takes mail for `tls@mx.example`, and what is needed to run it.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use sealpost_listen::{
    Budget, Ended, Limits, Listener, Peer, Server, Sources,
    smtp::{
        BeginAnswer, Delivery, EhloName, Envelope, MailService, Message, Protocol, Receipt,
        Recipient, RecipientAnswer, SessionLimits, SmtpCounters, SmtpHandler, SmtpLimits,
        SmtpSettings,
    },
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// What the service has seen, and what it waits for.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) stored: Mutex<Vec<(Message, Peer)>>,
    /// A message with `wait` in it has come.
    pub(crate) waiting: Notify,
    /// It may be stored.
    pub(crate) release: Notify,
}

pub(crate) struct Service(Arc<Seen>);

impl MailService for Service {
    async fn recipient(&self, recipient: &Recipient, _: Peer) -> RecipientAnswer {
        match recipient.to_string().as_str() {
            "tls@mx.example" | "other@mx.example" => RecipientAnswer::Accepted,
            "hang@mx.example" => pending().await,
            "panic@mx.example" => panic!("as asked"),
            text if text.ends_with("@mx.example") => RecipientAnswer::Unknown,
            _ => RecipientAnswer::NotOurs,
        }
    }

    async fn begin(&self, envelope: &Envelope, _: Peer) -> BeginAnswer {
        match envelope.sender.as_str() {
            "later@b.example" => BeginAnswer::Later,
            _ => BeginAnswer::Proceed,
        }
    }

    async fn deliver(&self, message: Message, peer: Peer) -> Delivery {
        let text = String::from_utf8_lossy(&message.octets).into_owned();
        if text.contains("wait") {
            self.0.waiting.notify_one();
            self.0.release.notified().await;
        }
        let delivery = match text.trim_end() {
            "hang" => pending().await,
            "panic" => panic!("as asked"),
            "full" => return Delivery::Full,
            "spam" => return Delivery::NotWanted,
            "named" => Delivery::Stored(Some(Receipt::parse("abc123").unwrap())),
            _ => Delivery::Stored(None),
        };
        self.0.stored.lock().unwrap().push((message, peer));
        delivery
    }
}

/// A server in the background.
pub(crate) struct Running {
    pub(crate) server: Server<SmtpHandler<Service>>,
    pub(crate) counters: SmtpCounters,
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Ended>,
}

pub(crate) fn settings() -> SmtpSettings {
    SmtpSettings {
        protocol: Protocol::Smtp,
        host: EhloName::parse("mx.example").unwrap(),
        session: SessionLimits::default(),
        limits: SmtpLimits::default(),
        identity: None,
        budget: Budget::unlimited(),
        sources: Sources::new(10_000),
    }
}

/// Limits of time in which tests can wait.
pub(crate) fn hasty() -> SmtpLimits {
    SmtpLimits {
        command_time: Duration::from_millis(300),
        message_time: Duration::from_millis(600),
        answer_time: Duration::from_millis(100),
        store_time: Duration::from_millis(100),
        write_time: Duration::from_millis(300),
        handshake_time: Duration::from_millis(300),
        ..SmtpLimits::default()
    }
}

impl Running {
    pub(crate) fn start(settings: SmtpSettings) -> Self {
        Self::start_with(settings, Limits::default())
    }

    pub(crate) fn start_with(settings: SmtpSettings, limits: Limits) -> Self {
        let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).unwrap();
        Self::start_at(listener, settings, limits)
    }

    pub(crate) fn start_at(listener: Listener, settings: SmtpSettings, limits: Limits) -> Self {
        let address = listener.tcp_address().unwrap_or(([0, 0, 0, 0], 0).into());
        let seen = Arc::new(Seen::default());
        let handler = SmtpHandler::new(Service(Arc::clone(&seen)), settings);
        let counters = handler.counters();
        let server = Server::new(handler, limits);
        let (stop, stopped) = oneshot::channel::<()>();
        let clone = server.clone();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            clone.serve(listener, shutdown).await
        });
        Self { server, counters, address, seen, stop, task }
    }

    /// How many messages were stored.
    pub(crate) fn stored(&self) -> usize {
        self.seen.stored.lock().unwrap().len()
    }

    /// Until a message with `wait` in it is being stored.
    pub(crate) async fn wait_for_message(&self) {
        timeout(LONG, self.seen.waiting.notified()).await.unwrap();
    }

    /// Until no connection is open.
    pub(crate) async fn wait_for_silence(&self) {
        self.wait_for_silence_of_all_but(0).await;
    }

    /// Until at most so many connections are open.
    pub(crate) async fn wait_for_silence_of_all_but(&self, count: u64) {
        timeout(LONG, async {
            while self.server.counts().served == 0 || self.server.counts().open > count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
    }

    /// Tells it to stop, and gives what waits for its end.
    pub(crate) fn stop(self) -> JoinHandle<Ended> {
        self.stop.send(()).unwrap();
        self.task
    }
}
