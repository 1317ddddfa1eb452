//! Reports that come by HTTPS (RFC 8460 §5.4).

use std::{net::IpAddr, sync::Arc, time::Duration};

use sealpost_listen::{
    Peer,
    http::{HttpService, Method, Request, Response, Status},
};
use sealpost_runtime::Stopwatch;
use sealpost_store::{Arrival, Origin, RawState, StoreError};
use tls_rpt::Medium;
use tokio::time::timeout;

use super::{mail::address, rate::Rate};
use crate::{
    PostPath, Proxy, ReadingRoom,
    metrics::{PostRefusal, Way},
};

/// When a client shall come again for whom nothing could be stored.
const COME_AGAIN: Duration = Duration::from_secs(60);
/// How long an answer waits for a stored report to be read, so that its sender hears what is wrong
/// with it.
const READING: Duration = Duration::from_secs(5);
/// The media types of RFC 8460 §6.
const MEDIA_TYPES: [&str; 2] = ["application/tlsrpt+gzip", "application/tlsrpt+json"];

/// Takes in reports that are posted to a path.
#[derive(Clone)]
pub struct PostDoor {
    room: ReadingRoom,
    path: PostPath,
    proxies: Vec<Proxy>,
    rate: Arc<Rate>,
}

impl PostDoor {
    /// Reports that are posted to this path, at most so many in a minute from one source. Who posts
    /// is what a proxy says in `X-Forwarded-For`, if these are those who may say it.
    pub fn new(
        room: ReadingRoom,
        path: PostPath,
        proxies: Vec<Proxy>,
        posts_per_minute: u32,
    ) -> Self {
        let rate = Arc::new(Rate::new(posts_per_minute));
        Self { room, path, proxies, rate }
    }

    /// Who has posted: the last in the list, which is the one that the proxy itself has seen. Those
    /// before it are what the client says.
    fn source(&self, request: &Request) -> Option<IpAddr> {
        let peer = address(request.peer);
        let is_proxy = self.proxies.iter().any(|proxy| match (proxy, peer) {
            (Proxy::Unix, None) => request.peer == Peer::Unix,
            (Proxy::Network(network), Some(peer)) => network.contains(peer),
            _ => false,
        });
        let forwarded = || {
            let list = request.fields.single("x-forwarded-for")?;
            list.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
        };
        if is_proxy {
            // If it does not say so clearly, nobody knows: it must not be taken for the proxy itself.
            forwarded().map(|source| source.to_canonical())
        } else {
            peer
        }
    }

    fn refuse(&self, why: PostRefusal, response: Response) -> Response {
        self.room.metrics().post_refused.increment(why);
        response
    }

    fn unwanted(&self, request: &Request) -> Option<Response> {
        let refuse = |why, response| Some(self.refuse(why, response));
        if !self.path.is(&request.path) {
            return refuse(PostRefusal::Target, Response::not_found());
        }
        if request.method != Method::Post {
            return refuse(PostRefusal::Target, Response::method_not_allowed("POST"));
        }
        let media_type = request.fields.single("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        let is_known = MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type));
        // What gzip is shows in its first octets, whoever says it.
        let is_coding = !request.fields.has("content-encoding")
            || request.fields.single("content-encoding").is_some_and(|coding| {
                let known = ["identity", "gzip", "x-gzip"];
                known.iter().any(|known| known.eq_ignore_ascii_case(coding.trim()))
            });
        if !is_known || !is_coding {
            let text =
                "send application/tlsrpt+gzip or application/tlsrpt+json (RFC 8460 section 5.4)\n";
            return refuse(
                PostRefusal::MediaType,
                Response::text(Status::UnsupportedMediaType, text),
            );
        }
        self.rate.take(self.source(request)).err().map(|wait| {
            let text = "too many reports at once, try again later\n";
            let response = Response::text(Status::TooManyRequests, text).retry_after(wait);
            self.refuse(PostRefusal::TooMany, response)
        })
    }
}

impl HttpService for PostDoor {
    fn admit(&self, head: &Request) -> Option<Response> {
        self.unwanted(head)
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.4
    //# The receiving system MUST return a "successful" response from its
    //# HTTPS server, typically a 200 or 201 HTTP code [RFC7231].
    async fn respond(&self, request: Request) -> Response {
        if !matches!(Medium::of(&request.body), Some(Medium::Gzip | Medium::Json)) {
            let text = "this is neither gzip data nor a JSON object\n";
            return self.refuse(PostRefusal::Content, Response::text(Status::BadRequest, text));
        }
        let source = self.source(&request);
        let intake = self.room.intake();
        let arrival = Arrival {
            origin: Origin::Http,
            at: intake.now(),
            peer: source,
            recipient: Some(self.path.to_string()),
        };
        let metrics = self.room.metrics();
        let watch = Stopwatch::start();
        let digest = match intake.store(request.body, arrival).await {
            Ok(digest) => digest,
            // It would be refused the next time too.
            Err(StoreError::Refused { .. }) => {
                let text = "it is longer than what is kept\n";
                let response = Response::text(Status::ContentTooLarge, text);
                return self.refuse(PostRefusal::Content, response);
            }
            Err(error) => {
                metrics.store_failures.increment();
                tracing::error!(?source, %error, "a post could not be stored, its sender shall come again");
                let text = "it could not be stored, try again later\n";
                let response = Response::text(Status::ServiceUnavailable, text);
                return self.refuse(PostRefusal::Deferred, response.retry_after(COME_AGAIN));
            }
        };
        metrics.store_seconds.observe(watch.elapsed());
        metrics.stored.increment(Way::Http);
        match timeout(READING, self.room.read(digest)).await {
            Ok(Some(RawState::Quarantined { reason })) => {
                let text = format!("this is no report that can be read: {reason}\n");
                self.refuse(PostRefusal::Unreadable, Response::text(Status::BadRequest, text))
            }
            // It is stored, whatever else happens.
            _ => Response::text(Status::Created, format!("{digest}\n")),
        }
    }
}
