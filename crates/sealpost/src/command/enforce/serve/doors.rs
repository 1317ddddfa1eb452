//! Where the daemon is asked.

use std::pin::Pin;
use std::time::Duration;

use sealpost_enforce::{Answerer, HttpApi, Section, TcpTables};
use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::{Address, Handler, Inherited, Limits, Listener, Server};
use sealpost_runtime::{DedicatedThread, Liveness, StopRequest};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::outcome::Failure;

/// All listeners of the daemon. Mail servers are answered on a thread of their own, which no look-up
/// and no page can delay.
pub(super) struct Doors {
    mail_servers: DedicatedThread<()>,
    http: JoinSet<()>,
    stop_http: watch::Sender<bool>,
    places: Vec<String>,
}

impl Doors {
    /// Listens everywhere, and begins to serve.
    pub(super) async fn open(
        section: Section,
        answerer: Answerer,
        mut inherited: Inherited,
    ) -> Result<Self, Failure> {
        let mut http = JoinSet::new();
        let (stop_http, stopping) = watch::channel(false);
        let mut http_places = Vec::new();
        let api = HttpApi::new(answerer.clone(), env!("CARGO_PKG_VERSION"));
        let server = Server::new(HttpHandler::new(api, HttpLimits::default()), limits(&section));
        for address in &section.http {
            for listener in listen(address, &mut inherited).await? {
                http_places.push(format!("http://{listener}"));
                let mut stopping = stopping.clone();
                spawn(&server, listener, &mut http, async move {
                    // An error means that nobody is left to tell it.
                    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
                });
            }
        }

        let (opened, opening) = oneshot::channel();
        let serve = |stop| serve_mail_servers(section, answerer, inherited, stop, opened);
        let mail_servers = DedicatedThread::start("sealpost-answer", serve)?;
        // Whoever listens tells before it goes.
        let mut places = opening.await.map_err(|_| Failure::new("listen for mail servers"))??;
        places.extend(http_places);
        Ok(Self { mail_servers, http, stop_http, places })
    }

    /// Where it is listened.
    pub(super) fn places(&self) -> &[String] {
        &self.places
    }

    /// Tells whether mail servers are being answered.
    pub(super) fn liveness(
        &self,
    ) -> impl FnMut() -> Pin<Box<dyn Future<Output = Liveness> + Send>> + Send + use<> {
        let handle = self.mail_servers.handle().clone();
        move || {
            let answered = handle.spawn(async {});
            Box::pin(async move {
                match answered.await {
                    Ok(()) => Liveness::Alive,
                    Err(_) => Liveness::Stuck,
                }
            })
        }
    }

    /// Waits until mail servers are no longer answered, which should not happen, and says why.
    pub(super) async fn failed(&mut self) -> String {
        match self.mail_servers.ended().await {
            Ok(()) => "go on listening".to_owned(),
            Err(panicked) => panicked.to_string(),
        }
    }

    /// Answers what has arrived, and closes everything.
    pub(super) async fn close(mut self) {
        self.stop_http.send_replace(true);
        self.mail_servers.stop();
        // A panic was logged when it happened.
        let _ = self.mail_servers.ended().await;
        while self.http.join_next().await.is_some() {}
    }
}

/// Listens, tells where or why not, and serves until it is to stop.
async fn serve_mail_servers(
    section: Section,
    answerer: Answerer,
    mut inherited: Inherited,
    stop: StopRequest,
    opened: oneshot::Sender<Result<Vec<String>, Failure>>,
) {
    let mut running = JoinSet::new();
    let told = match listen_to_all(&section, &answerer, &mut inherited, &stop, &mut running).await {
        Ok(places) => opened.send(Ok(places)),
        Err(failure) => {
            running.shutdown().await;
            opened.send(Err(failure))
        }
    };
    // Whoever started us may have gone: then we are told to stop.
    drop(told);
    running.join_all().await;
}

async fn listen_to_all(
    section: &Section,
    answerer: &Answerer,
    inherited: &mut Inherited,
    stop: &StopRequest,
    running: &mut JoinSet<()>,
) -> Result<Vec<String>, Failure> {
    let stopped = || {
        let mut stop = stop.clone();
        async move { stop.made().await }
    };
    let mut places = Vec::new();
    let server = Server::new(answerer.clone(), limits(section));
    for address in &section.listen {
        for listener in listen(address, inherited).await? {
            places.push(listener.to_string());
            spawn(&server, listener, running, stopped());
        }
    }
    for table in &section.tcp {
        let tables = TcpTables::new(answerer.clone(), table.map.0);
        let server = Server::new(tables, limits(section));
        for listener in listen(&table.listen, inherited).await? {
            places.push(format!("{listener}, a tcp table for {}", table.map.0));
            spawn(&server, listener, running, stopped());
        }
    }
    Ok(places)
}

/// What is being answered when we stop is answered to its end.
fn limits(section: &Section) -> Limits {
    let grace = section.deadline.0.saturating_mul(2).saturating_add(Duration::from_secs(1));
    Limits { grace, ..Limits::default() }
}

fn spawn<H: Handler>(
    server: &Server<H>,
    listener: Listener,
    running: &mut JoinSet<()>,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let server = server.clone();
    running.spawn(async move {
        server.serve(listener, stopped).await;
    });
}

async fn listen(address: &Address, inherited: &mut Inherited) -> Result<Vec<Listener>, Failure> {
    address.listen(inherited).await.map_err(|error| {
        Failure::new(match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })
    })
}
