//! One connection: hyper reads and writes, and we set the bounds.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Version,
    body::{Body as _, Bytes, Incoming},
    header::HOST,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    select,
    time::{error::Elapsed, timeout},
};

use super::{
    Request, Response, Status,
    body::{BodyError, Gathered},
    farewell::Farewell,
    http2,
    patience::Patience,
    request::{self, Malformed},
    response::{Afterwards, Contents},
};
use crate::{Budget, Connection, Handler, Peer};

/// How long a request may be behind its connection when the server stops.
pub(super) const MOMENT: Duration = Duration::from_millis(100);
/// When a client shall come again that found no room.
const COME_AGAIN: Duration = Duration::from_secs(60);

/// Answers requests.
pub trait HttpService: Send + Sync + 'static {
    /// Whether a request is worth its body: `None` to go on, or a refusal that spares both sides the
    /// rest. A client that waits to be asked for its body (`Expect: 100-continue`) then need not send
    /// it. All requests are admitted unless this is written otherwise.
    fn admit(&self, head: &Request) -> Option<Response> {
        let _ = head;
        None
    }

    /// The answer to one request. It is given up when its time is over or the client has gone.
    fn respond(&self, request: Request) -> impl Future<Output = Response> + Send;
}

impl<S: HttpService> HttpService for Arc<S> {
    fn admit(&self, head: &Request) -> Option<Response> {
        (**self).admit(head)
    }

    fn respond(&self, request: Request) -> impl Future<Output = Response> + Send {
        (**self).respond(request)
    }
}

/// A handler of connections that speaks HTTP for a service.
#[derive(Debug)]
pub struct HttpHandler<S> {
    pub(super) inner: Arc<Inner<S>>,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Inner<S> {
    service: S,
    pub(super) limits: HttpLimits,
    budget: Budget,
}

/// What a connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Octets of a head: 16 KiB, and not less than 8 KiB. Beyond it, 431.
    pub head_octets: usize,
    /// Fields of a head: 64. Beyond it, 431.
    pub head_fields: usize,
    /// Octets of a body: 64 KiB. Beyond it, 413.
    pub body_octets: usize,
    /// From the start of the connection, or from the last answer, until a head is whole: 30
    /// seconds. It bounds an idle connection as well as a slow head; then the connection is closed.
    pub head_time: Duration,
    /// Until a body is whole: 10 seconds. Beyond it, 408.
    pub body_time: Duration,
    /// From the head of a request until the service has answered: 30 seconds. Beyond it, 503.
    pub request_time: Duration,
    /// How long a client may take nothing of an answer: 10 seconds. Then the connection is closed.
    pub write_time: Duration,
}

/// The answer to a request that the service does not see as a whole.
struct Refusal(Response, Afterwards);

/// What its connection says of a request.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) peer: Peer,
    pub(super) server_name: Option<Arc<str>>,
    pub(super) is_tls: bool,
}

/// A request, and the memory that its body takes as long as it is answered.
struct Whole {
    request: Request,
    body: Gathered,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head_octets: 16 * 1024,
            head_fields: 64,
            body_octets: 64 * 1024,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            write_time: Duration::from_secs(10),
        }
    }
}

impl<S: HttpService> HttpHandler<S> {
    /// A handler for this service. The memory for bodies is bounded for each connection alone.
    pub fn new(service: S, limits: HttpLimits) -> Self {
        Self { inner: Arc::new(Inner { service, limits, budget: Budget::unlimited() }) }
    }

    /// The same, with memory for bodies that is shared with others. A body for which none is left is
    /// refused with 503.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        let inner = match Arc::try_unwrap(self.inner) {
            Ok(inner) => Inner { budget, ..inner },
            Err(_) => unreachable!("invariant: nothing is served before it is made"),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl<S: HttpService> Inner<S> {
    /// The answer to a request, whatever happens.
    pub(super) async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        origin: Origin,
    ) -> (Response, Afterwards) {
        let answered = timeout(self.limits.request_time, async {
            let Whole { mut request, mut body } = self.read(request, origin).await?;
            request.body = body.take();
            let response = self.service.respond(request).await;
            // As long as the service has the octets, they count.
            drop(body);
            Ok(response)
        });
        let refusal: Refusal = match answered.await {
            Ok(Ok(response)) => return (response, Afterwards::Continue),
            Ok(Err(refusal)) => refusal,
            Err(elapsed) => elapsed.into(),
        };
        (refusal.0, refusal.1)
    }

    async fn read(
        &self,
        request: hyper::Request<Incoming>,
        Origin { peer, server_name, is_tls }: Origin,
    ) -> Result<Whole, Refusal> {
        let (head, body) = request.into_parts();
        let mut hosts = head.headers.get_all(HOST).iter();
        let authority = head.uri.authority().map(hyper::http::uri::Authority::as_str);
        // RFC 9112 §3.2 demands 400 for any other number; in HTTP/2 the authority takes its place
        // (RFC 9113 §8.3.1).
        let host = match (hosts.next(), hosts.next(), head.version) {
            (Some(host), None, _) => host.to_str().unwrap_or_default(),
            (None, None, Version::HTTP_2) => authority.unwrap_or_default(),
            (None, None, Version::HTTP_10) => "",
            _ => return Err(Refusal::bad_request("one Host field is wanted\n")),
        };
        let host = request::host(host);
        let path = request::path(head.uri.path())?;
        let query = request::query(head.uri.query().unwrap_or_default())?;
        let (method, fields) = ((&head.method).into(), head.headers.into());
        let request = Request {
            method,
            path,
            query,
            host,
            server_name,
            is_tls,
            fields,
            body: Vec::new(),
            peer,
        };
        if let Some(response) = self.service.admit(&request) {
            let is_whole = body.is_end_stream();
            let afterwards = if is_whole { Afterwards::Continue } else { Afterwards::Close };
            return Err(Refusal(response, afterwards));
        }
        let gathered = Gathered::new(self.limits.body_octets, &self.budget);
        match timeout(self.limits.body_time, Self::read_body(body, gathered)).await {
            Ok(body) => Ok(Whole { request, body: body? }),
            Err(_) => Err(Refusal::text(Status::RequestTimeout, "the body is too slow\n")),
        }
    }

    async fn read_body(mut body: Incoming, mut gathered: Gathered) -> Result<Gathered, Refusal> {
        // One that says that it is too large is not read at all, nor asked for.
        gathered.expect(body.size_hint().exact())?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::bad_request("the body is malformed\n"))?;
            if let Some(octets) = frame.data_ref() {
                gathered.push(octets)?;
            }
        }
        Ok(gathered)
    }
}

impl<S: HttpService> Handler for HttpHandler<S> {
    async fn serve(&self, connection: Connection) {
        let origin = Origin {
            peer: connection.peer,
            server_name: connection.stream.server_name().map(Arc::from),
            is_tls: connection.stream.is_tls(),
        };
        if connection.stream.is_http2() {
            return http2::serve(&self.inner, connection, origin).await;
        }
        let Connection { stream, peer, mut stopping } = connection;
        let limits = &self.inner.limits;
        // A client that is refused may still be sending, and shall hear why.
        let is_refused = Arc::new(AtomicBool::new(false));
        let service = service_fn(async |request: hyper::Request<Incoming>| {
            let (response, afterwards) = self.inner.answer(request, origin.clone()).await;
            if afterwards == Afterwards::Close {
                is_refused.store(true, Ordering::Relaxed);
            }
            let response = response.into_hyper(afterwards, Contents::Whole);
            Ok::<hyper::Response<Full<Bytes>>, Infallible>(response)
        });
        let stream = Farewell::new(stream, Arc::clone(&is_refused));
        let stream = TokioIo::new(Patience::new(stream, limits.write_time));
        let mut serving = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head_time)
                .max_header_size(limits.head_octets)
                .max_buf_size(limits.head_octets.max(MIN_BUFFER))
                .max_headers(limits.head_fields)
                .serve_connection(stream, service)
        );
        let asked_to_stop = async {
            stopping.requested().await;
            tokio::time::sleep(MOMENT).await;
        };
        let ended = select! {
            ended = serving.as_mut() => ended,
            () = asked_to_stop => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            // Clients come and go, and what they did wrong they have been told.
            tracing::debug!(%peer, %error, "an HTTP connection ended early");
        }
    }
}

/// The least that hyper takes.
const MIN_BUFFER: usize = 8192;

impl Refusal {
    fn text(status: Status, text: &'static str) -> Self {
        Self(Response::text(status, text), Afterwards::Close)
    }

    fn bad_request(text: &'static str) -> Self {
        Self::text(Status::BadRequest, text)
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::bad_request("the target is malformed\n")
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::text(Status::ContentTooLarge, "the body is too large\n"),
            BodyError::NoRoom => {
                let text = "too much at once, try again later\n";
                let response = Response::text(Status::ServiceUnavailable, text);
                Self(response.retry_after(COME_AGAIN), Afterwards::Close)
            }
        }
    }
}

impl From<Elapsed> for Refusal {
    fn from(_: Elapsed) -> Self {
        Self::text(Status::ServiceUnavailable, "it takes too long\n")
    }
}
