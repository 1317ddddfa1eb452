//! A service to ask, and a client that knows just enough of HTTP.

use std::{future::pending, io, net::SocketAddr, sync::Arc, time::Duration};

use sealpost_listen::{
    Budget, Counts, Ended, Limits, Listener, Server,
    http::{HttpHandler, HttpLimits, HttpService, Method, Request, Response, Status},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(20);

struct Service {
    slow: Arc<Notify>,
    release: Arc<Notify>,
}

impl HttpService for Service {
    fn admit(&self, head: &Request) -> Option<Response> {
        assert!(head.body.is_empty());
        match head.segments().as_slice() {
            ["refused"] => Some(Response::text(Status::UnsupportedMediaType, "not this\n")),
            ["often"] => {
                let refusal = Response::text(Status::TooManyRequests, "too often\n");
                Some(refusal.retry_after(Duration::from_millis(1_500)))
            }
            _ => None,
        }
    }

    async fn respond(&self, request: Request) -> Response {
        match (request.method, request.segments().as_slice()) {
            (method, ["echo", ..]) => {
                let Request { path, query, body, .. } = request;
                let body = String::from_utf8(body).unwrap();
                Response::text(Status::Ok, format!("{method:?} {path:?} {query:?} {body:?}"))
            }
            (Method::Other, ["method"]) => Response::method_not_allowed("GET, HEAD"),
            (Method::Post, ["report"]) => {
                let media_type = request.fields.single("content-type").unwrap_or("none");
                let text = format!("{media_type} {} {}", request.body.len(), request.peer);
                Response::text(Status::Created, text)
            }
            (Method::Post, ["keep"]) => {
                self.slow.notify_one();
                self.release.notified().await;
                Response::text(Status::Created, "kept")
            }
            (_, ["hang"]) => pending().await,
            (_, ["large"]) => Response::text(Status::Ok, "x".repeat(32 << 20)),
            (_, ["panic"]) => panic!("as asked"),
            (_, ["slow"]) => {
                self.slow.notify_one();
                sleep(Duration::from_millis(400)).await;
                Response::text(Status::Ok, "slow")
            }
            _ => Response::not_found(),
        }
    }
}

/// A server in the background.
pub(crate) struct Running {
    server: Server<HttpHandler<Service>>,
    address: SocketAddr,
    slow: Arc<Notify>,
    /// A request for `/keep` may be answered.
    pub(crate) release: Arc<Notify>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Ended>,
}

impl Running {
    pub(crate) fn start(limits: HttpLimits) -> Self {
        Self::start_within(limits, Budget::unlimited())
    }

    pub(crate) fn start_within(limits: HttpLimits, budget: Budget) -> Self {
        let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.tcp_address().unwrap();
        let (slow, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let service = Service { slow: Arc::clone(&slow), release: Arc::clone(&release) };
        let handler = HttpHandler::new(service, limits).with_budget(budget);
        let server = Server::new(handler, Limits::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let clone = server.clone();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            clone.serve(listener, shutdown).await
        });
        Self { server, address, slow, release, stop, task }
    }

    pub(crate) async fn client(&self) -> Client {
        Client(BufStream::new(TcpStream::connect(self.address).await.unwrap()))
    }

    pub(crate) fn counts(&self) -> Counts {
        self.server.counts()
    }

    /// Until a request for `/slow` or `/keep` is being answered.
    pub(crate) async fn wait_for_slow(&self) {
        timeout(LONG, self.slow.notified()).await.unwrap();
    }

    /// Tells it to stop, and gives what waits for its end.
    pub(crate) fn stop(self) -> JoinHandle<Ended> {
        self.stop.send(()).unwrap();
        self.task
    }
}

pub(crate) struct Client(BufStream<TcpStream>);

pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        // A refusal may come before all of it is sent.
        let _ = self.try_send(text).await;
    }

    pub(crate) async fn try_send(&mut self, text: &str) -> io::Result<()> {
        self.0.write_all(text.as_bytes()).await?;
        self.0.flush().await
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer.field("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        timeout(LONG, self.0.read_exact(&mut body)).await.unwrap().unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// What comes before the body.
    pub(crate) async fn head(&mut self) -> Answer {
        let first = self.line().await;
        let status = first.strip_prefix("HTTP/1.").unwrap()[2..5].parse().unwrap();
        let mut answer = Answer { status, fields: Vec::new(), body: String::new() };
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { return answer };
            answer.fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Whether the server closes the connection, with nothing more to say.
    pub(crate) async fn is_closed(&mut self) -> bool {
        match timeout(LONG, self.0.read_u8()).await {
            Ok(Ok(_)) | Err(_) => false,
            Ok(Err(_)) => true,
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(LONG, self.0.read_line(&mut line)).await.unwrap().unwrap();
        line.trim_end().to_owned()
    }
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter().filter(|(held, _)| held == name);
        let value = fields.next().map(|(_, value)| value.as_str());
        assert!(fields.next().is_none(), "{name} comes twice");
        value
    }
}
