//! The answers.

use std::sync::Arc;

use sealpost_listen::http::{HttpService, Method, Request, Response, Status};

use super::{Shelf, Tokens};
use crate::{PublishMetrics, metrics::Answered};

/// Where a request comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Over TLS of ours: the name of the handshake and the name of the request must be one.
    Https,
    /// Plain HTTP, for the challenges of an authority and nothing else.
    Http,
    /// Plain HTTP behind a proxy: `Host` decides.
    Proxied,
}

/// Answers requests for policies: `GET` and `HEAD` of `/.well-known/mta-sts.txt` of a host that is
/// ours, and 404 to all else. There is no redirect, for senders follow none.
#[derive(Clone, Debug)]
pub struct PolicyService {
    door: Door,
    shelf: Shelf,
    tokens: Tokens,
    metrics: Arc<PublishMetrics>,
}

impl PolicyService {
    pub(crate) fn new(
        door: Door,
        shelf: Shelf,
        tokens: Tokens,
        metrics: Arc<PublishMetrics>,
    ) -> Self {
        Self { door, shelf, tokens, metrics }
    }

    fn answer(&self, request: &Request) -> (Answered, Response) {
        let host = match (self.door, request.server_name.as_deref()) {
            // A client of HTTP/1.0 may name no host in its request.
            (Door::Https, Some(name)) if request.host.is_empty() || request.host == name => name,
            (Door::Https, _) => "",
            (Door::Http | Door::Proxied, _) => &request.host,
        };
        let not_found = || (Answered::NotFound, Response::not_found());
        if request.method != Method::Get {
            return not_found();
        }
        match request.segments().as_slice() {
            [".well-known", "mta-sts.txt"] if self.door != Door::Http => {
                match self.shelf.body(host) {
                    Some(body) => {
                        // Senders should refuse any other (RFC 8461 §3.3).
                        let media_type = "text/plain; charset=us-ascii";
                        (Answered::Policy, Response::new(Status::Ok, media_type, &*body))
                    }
                    None => not_found(),
                }
            }
            [".well-known", "acme-challenge", token] if self.door != Door::Https => {
                match self.tokens.answer(host, token) {
                    Some(answer) => {
                        let media_type = "application/octet-stream";
                        (Answered::Challenge, Response::new(Status::Ok, media_type, answer))
                    }
                    None => not_found(),
                }
            }
            _ => not_found(),
        }
    }
}

impl HttpService for PolicyService {
    async fn respond(&self, request: Request) -> Response {
        let (answered, response) = self.answer(&request);
        self.metrics.requests.increment(answered);
        response
    }
}
