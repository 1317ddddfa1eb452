//! A service behind TLS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sealpost_listen::{
    Ended, Limits, Listener, PerSource, Server, Sources,
    http::{HttpHandler, HttpLimits, HttpService, Method, Request, Response, Status},
    tls::{Identity, TlsHandler, TlsLimits},
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::{LONG, certificate::Certificate};

pub(crate) struct Service;

impl HttpService for Service {
    async fn respond(&self, request: Request) -> Response {
        match (request.method, request.segments().as_slice()) {
            (Method::Post, ["length"]) => {
                Response::text(Status::Created, request.body.len().to_string())
            }
            (_, path) => Response::text(Status::Ok, format!("/{}", path.join("/"))),
        }
    }
}

/// A server in the background.
pub(crate) struct Running {
    server: Server<PerSource<TlsHandler<HttpHandler<Service>>>>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Ended>,
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: reports.example\r\nConnection: close\r\n\r\n")
}

impl Running {
    pub(crate) fn start(certificate: &Certificate, limits: TlsLimits) -> Self {
        Self::start_for(certificate, limits, Sources::new(100))
    }

    pub(crate) fn start_for(
        certificate: &Certificate,
        limits: TlsLimits,
        sources: Sources,
    ) -> Self {
        let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.tcp_address().unwrap();
        let identity = Arc::new(Identity::load(certificate.files()).unwrap());
        let http = HttpLimits { body_octets: 1 << 20, ..HttpLimits::default() };
        let handler = HttpHandler::new(Service, http);
        let handler = TlsHandler::http(handler, Arc::clone(&identity), limits);
        let server = Server::new(PerSource::new(handler, sources), Limits::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let clone = server.clone();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            clone.serve(listener, shutdown).await
        });
        Self { server, identity, address, stop, task }
    }

    pub(crate) async fn wait_for_connections(&self, count: u64) {
        timeout(LONG, async {
            while self.server.counts().open < count {
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
