//! One connection that speaks HTTP/2.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method,
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    select,
    time::{sleep, timeout},
};

use super::{
    HttpService,
    handler::{Inner, MOMENT, Origin},
    patience::Patience,
    response::{Afterwards, Contents},
};
use crate::Connection;

/// Requests that a connection may have under way.
const STREAMS: u32 = 16;
/// What may be under way to us and from us, in octets.
const WINDOW: u32 = 64 * 1024;
/// How long the last answers may take to go out.
const LAST: Duration = Duration::from_secs(2);

/// Requests of a connection.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    answered: AtomicU64,
}

pub(super) async fn serve<S: HttpService>(
    inner: &Arc<Inner<S>>,
    connection: Connection,
    origin: Origin,
) {
    let Connection { stream, peer, mut stopping } = connection;
    let limits = inner.limits;
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (inner, origin) = (Arc::clone(inner), origin.clone());
        let activity = Arc::clone(&activity);
        async move {
            activity.begun.fetch_add(1, Ordering::Relaxed);
            let contents = match *request.method() {
                Method::HEAD => Contents::HeadOnly,
                _ => Contents::Whole,
            };
            let (response, _) = inner.answer(request, origin).await;
            activity.answered.fetch_add(1, Ordering::Relaxed);
            // A refusal ends a stream here, not the connection.
            let response = response.into_hyper(Afterwards::Continue, contents);
            Ok::<hyper::Response<Full<Bytes>>, Infallible>(response)
        }
    });
    let head_octets = u32::try_from(limits.head_octets).unwrap_or(u32::MAX);
    let stream = TokioIo::new(Patience::new(stream, limits.write_time));
    let mut serving = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(head_octets)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(limits.body_octets.max(WINDOW as usize))
            .serve_connection(stream, service)
    );
    let asked_to_stop = async {
        stopping.requested().await;
        sleep(MOMENT).await;
    };
    let ended = select! {
        ended = serving.as_mut() => ended,
        () = asked_to_stop => finish(serving).await,
        () = activity.ended(limits.head_time) => finish(serving).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "an HTTP/2 connection ended early");
    }
}

/// Says that no more is taken, and lets out what is under way.
async fn finish<C>(mut serving: std::pin::Pin<&mut C>) -> Result<(), hyper::Error>
where
    C: Future<Output = Result<(), hyper::Error>> + Graceful,
{
    serving.as_mut().end();
    timeout(LAST, serving).await.unwrap_or(Ok(()))
}

/// What can be brought to an end.
trait Graceful {
    fn end(self: std::pin::Pin<&mut Self>);
}

impl<I, S, E> Graceful for http2::Connection<I, S, E>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = Full<Bytes>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, Full<Bytes>>,
{
    fn end(self: std::pin::Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Activity {
    /// Waits until for so long no request has begun and none was under way. A head that comes in
    /// small pieces is no request yet.
    async fn ended(&self, limit: Duration) {
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            sleep(limit).await;
            let begun = self.begun.load(Ordering::Relaxed);
            if begun == before && begun == self.answered.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}
