//! One connection: hyper reads and writes, and we set the bounds.

use std::{convert::Infallible, pin::pin, time::Duration};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
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
    patience::Patience,
    request::{self, Malformed},
    response::Afterwards,
};
use crate::{Connection, Handler, Peer};

/// How long a request may be behind its connection when the server stops.
const MOMENT: Duration = Duration::from_millis(100);

/// Answers requests.
pub trait HttpService: Send + Sync + 'static {
    /// The answer to one request. It is given up when its time is over or the client has gone.
    fn respond(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// A handler of connections that speaks HTTP/1.1 for a service.
#[derive(Debug)]
pub struct HttpHandler<S> {
    service: S,
    limits: HttpLimits,
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

/// A request that the service does not see.
struct Refusal {
    status: Status,
    text: &'static str,
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
    /// A handler for this service.
    pub fn new(service: S, limits: HttpLimits) -> Self {
        Self { service, limits }
    }

    /// The answer to a request, whatever happens.
    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: Peer,
    ) -> (Response, Afterwards) {
        let answered = timeout(self.limits.request_time, async {
            let request = self.read(request, peer).await?;
            Ok(self.service.respond(request).await)
        });
        let refusal: Refusal = match answered.await {
            Ok(Ok(response)) => return (response, Afterwards::Continue),
            Ok(Err(refusal)) => refusal,
            Err(elapsed) => elapsed.into(),
        };
        (Response::text(refusal.status, refusal.text), Afterwards::Close)
    }

    async fn read(
        &self,
        request: hyper::Request<Incoming>,
        peer: Peer,
    ) -> Result<Request, Refusal> {
        let (head, body) = request.into_parts();
        // RFC 9112 §3.2 demands 400 for any other number.
        match head.headers.get_all(HOST).iter().count() {
            1 => {}
            0 if head.version == Version::HTTP_10 => {}
            _ => return Err(Refusal::bad_request("one Host field is wanted\n")),
        }
        let path = request::path(head.uri.path())?;
        let query = request::query(head.uri.query().unwrap_or_default())?;
        let body = timeout(self.limits.body_time, self.read_body(body)).await;
        let slow = |_| Refusal { status: Status::RequestTimeout, text: "the body is too slow\n" };
        let body = body.map_err(slow)??;
        Ok(Request { method: (&head.method).into(), path, query, body, peer })
    }

    async fn read_body(&self, body: Incoming) -> Result<Vec<u8>, Refusal> {
        let limit = self.limits.body_octets;
        let too_large =
            Refusal { status: Status::ContentTooLarge, text: "the body is too large\n" };
        // One that says so is not read at all.
        if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(too_large);
        }
        match Limited::new(body, limit).collect().await {
            Ok(body) => Ok(body.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large),
            Err(_) => Err(Refusal::bad_request("the body is malformed\n")),
        }
    }
}

impl<S: HttpService> Handler for HttpHandler<S> {
    async fn serve(&self, connection: Connection) {
        let Connection { stream, peer, mut stopping } = connection;
        let service = service_fn(async |request: hyper::Request<Incoming>| {
            let (response, afterwards) = self.answer(request, peer).await;
            Ok::<hyper::Response<Full<Bytes>>, Infallible>(response.into_hyper(afterwards))
        });
        let stream = TokioIo::new(Patience::new(stream, self.limits.write_time));
        let mut serving = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.head_time)
                .max_header_size(self.limits.head_octets)
                .max_buf_size(self.limits.head_octets.max(MIN_BUFFER))
                .max_headers(self.limits.head_fields)
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
    fn bad_request(text: &'static str) -> Self {
        Self { status: Status::BadRequest, text }
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::bad_request("the target is malformed\n")
    }
}

impl From<Elapsed> for Refusal {
    fn from(_: Elapsed) -> Self {
        Self { status: Status::ServiceUnavailable, text: "it takes too long\n" }
    }
}
