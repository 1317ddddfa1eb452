//! Where mail servers ask.

use std::sync::Arc;
use std::time::Duration;

use sealpost_enforce::{Answerer, HttpApi, Section, TcpTables};
use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::{Handler, Inherited, Limits, Listener, Server};
use sealpost_runtime::{DedicatedThread, Liveness, StopRequest};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::daemon::doors::{Doors, listen};
use crate::daemon::role::Pulse;
use crate::outcome::Failure;

/// All listeners of the role. Mail servers are answered on a thread of their own, which no fetch, no
/// signature and no page can delay.
pub(super) struct EnforceDoors {
    mail_servers: DedicatedThread<()>,
    http: Doors,
    places: Vec<String>,
}

impl EnforceDoors {
    /// Listens everywhere, and begins to serve.
    pub(super) async fn open(
        section: Section,
        answerer: Answerer,
        api: Arc<HttpApi>,
        inherited: Inherited,
    ) -> Result<Self, Failure> {
        let mut http = Doors::new(inherited.clone());
        let server = Server::new(HttpHandler::new(api, HttpLimits::default()), limits(&section));
        http.open(&section.http, server, |listener| format!("http://{listener}")).await?;

        let (opened, opening) = oneshot::channel();
        let serve = |stop| serve_mail_servers(section, answerer, inherited, stop, opened);
        let mail_servers = DedicatedThread::start("sealpost-answer", serve)?;
        // Whoever listens tells before it goes.
        let mut places = opening.await.map_err(|_| Failure::new("listen for mail servers"))??;
        places.extend_from_slice(http.places());
        Ok(Self { mail_servers, http, places })
    }

    /// Where it is listened.
    pub(super) fn places(&self) -> &[String] {
        &self.places
    }

    /// Tells whether mail servers are being answered.
    pub(super) fn pulse(&self) -> Pulse {
        let handle = self.mail_servers.handle().clone();
        Arc::new(move || {
            let answered = handle.spawn(async {});
            Box::pin(async move {
                match answered.await {
                    Ok(()) => Liveness::Alive,
                    Err(_) => Liveness::Stuck,
                }
            })
        })
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
        self.mail_servers.stop();
        // A panic was logged when it happened.
        let _ = self.mail_servers.ended().await;
        self.http.close().await;
    }
}

/// Listens, tells where or why not, and serves until it is to stop.
async fn serve_mail_servers(
    section: Section,
    answerer: Answerer,
    mut inherited: Inherited,
    mut stop: StopRequest,
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
    // Who listens nowhere may still be asked over HTTP.
    if running.is_empty() {
        stop.made().await;
    }
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
    let grace = section.deadline.0.saturating_add(Duration::from_secs(1));
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
