//! One GET from one address, by the rules of RFC 8461 §3.3, or to see whether anything answers.
//!
//! No redirect is followed, nothing is cached, no encoding is asked for. The request is sent even
//! over a session with a faulty certificate: an auditor wants to see what lies behind it.

use std::error::Error as _;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap,
    HeaderName, HeaderValue, LOCATION, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mail_domain::DomainName;
use sealpost_evidence::{
    BodyEnd, ConnectionFault, ConnectionFaultKind, ConnectionStage, FetchOutcome, HttpReply,
    Octets, PolicyFetch, TlsSession,
};
use sealpost_runtime::Stopwatch;
use tokio::task::JoinSet;

use crate::Deadlines;
use crate::connect::{connect, fault, io_fault, timed_out};
use crate::deadline::Deadline;
use crate::guard::Guard;
use crate::text::printable;
use crate::tls::{Protocol, TlsClient};

/// The largest body that is read, in octets.
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//# A suggested timeout is
//# one minute, and a suggested maximum policy size is 64 kilobytes;
const LARGEST_BODY: usize = 64 * 1024;

/// The largest head of a reply, in octets.
pub(crate) const LARGEST_HEAD: usize = 16 * 1024;

/// The most fields in the head of a reply.
pub(crate) const MOST_FIELDS: usize = 64;

const SOFTWARE: &str = concat!("sealpost/", env!("CARGO_PKG_VERSION"), " (+MTA-STS policy check)");

/// What a fetch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read a policy.
    Policy,
    /// To see whether anything answers: the body is not read.
    Answer,
}

/// What to fetch, and how.
pub(crate) struct Get<'a> {
    /// The host, for SNI, for the certificate, and for `Host`.
    pub(crate) host: &'a DomainName,
    /// The path, with the query if there is one.
    pub(crate) path: &'a str,
    pub(crate) purpose: Purpose,
    pub(crate) guard: &'a Guard,
    pub(crate) tls: &'a TlsClient,
    pub(crate) deadlines: &'a Deadlines,
}

impl Get<'_> {
    /// Fetches from this address. Nothing is waited for longer than the deadline for HTTPS, or than
    /// `deadline`.
    pub(crate) async fn from(&self, address: SocketAddr, deadline: Deadline) -> PolicyFetch {
        let stopwatch = Stopwatch::start();
        let mut tls = None;
        let outcome = match self.reply(address, deadline, &mut tls).await {
            Ok(reply) => FetchOutcome::Replied(reply),
            Err(fault) => FetchOutcome::Failed(fault),
        };
        PolicyFetch { address: address.ip(), took_ms: stopwatch.elapsed_ms(), tls, outcome }
    }

    async fn reply(
        &self,
        address: SocketAddr,
        deadline: Deadline,
        session: &mut Option<TlsSession>,
    ) -> Result<HttpReply, ConnectionFault> {
        let Deadlines { connect: connecting, tls: handshaking, https, .. } = *self.deadlines;
        let deadline = Deadline::after(https).or_before(deadline);
        let stream =
            connect(address, self.guard, Deadline::after(connecting).or_before(deadline)).await?;
        let within = Deadline::after(handshaking).or_before(deadline);
        let (stream, shown) = self.tls.handshake(stream, self.host, Protocol::Http, within).await?;
        *session = Some(shown);

        let head = ConnectionStage::HttpHead;
        let mut client = http1::Builder::new();
        client.max_headers(MOST_FIELDS).max_header_size(LARGEST_HEAD).max_buf_size(LARGEST_HEAD);
        let (mut sender, connection) =
            client.handshake(TokioIo::new(stream)).await.map_err(|error| head_fault(&error))?;
        // Aborted when this function ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = match deadline.bound(sender.send_request(self.request()?)).await {
            Err(_) => return Err(timed_out(head)),
            Ok(Err(error)) => return Err(head_fault(&error)),
            Ok(Ok(response)) => response,
        };
        Ok(read_reply(response, self.purpose, deadline).await)
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, ConnectionFault> {
        Request::get(self.path)
            .header(HOST, self.host.as_str())
            .header(USER_AGENT, SOFTWARE)
            .header(ACCEPT, self.purpose.media_types())
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(|error| {
                let text = format!("the path can't be asked for: {error}");
                fault(ConnectionStage::HttpHead, ConnectionFaultKind::Local, &text)
            })
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//# HTTP 3xx redirects MUST NOT be followed, and HTTP
//# caching (as specified in [RFC7234]) MUST NOT be used.
pub(crate) async fn read_reply(
    response: Response<Incoming>,
    purpose: Purpose,
    deadline: Deadline,
) -> HttpReply {
    let (head, body) = response.into_parts();
    let (octets, body_end) = match purpose {
        _ if body.is_end_stream() => (Vec::new(), BodyEnd::Complete),
        Purpose::Policy => read_body(body, is_announced(&head.headers), deadline).await,
        Purpose::Answer => (Vec::new(), BodyEnd::OverLimit),
    };
    HttpReply {
        status: head.status.as_u16(),
        content_type: field(&head.headers, &CONTENT_TYPE),
        content_encoding: field(&head.headers, &CONTENT_ENCODING),
        location: field(&head.headers, &LOCATION),
        body: Octets::new(octets),
        body_end,
    }
}

async fn read_body(
    mut body: Incoming,
    announced: Announced,
    deadline: Deadline,
) -> (Vec<u8>, BodyEnd) {
    let mut octets = Vec::new();
    loop {
        let Ok(frame) = deadline.bound(body.frame()).await else {
            return (octets, BodyEnd::TimedOut);
        };
        match frame {
            None => {
                let end = match announced {
                    Announced::Yes => BodyEnd::Complete,
                    Announced::No => BodyEnd::ClosedCleanly,
                };
                return (octets, end);
            }
            // A length that is not reached, a chunk that is not ended, a session that ends without
            // close_notify: whoever sits on the way may have cut it.
            Some(Err(_)) => return (octets, BodyEnd::Cut),
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                let room = LARGEST_BODY - octets.len();
                octets.extend_from_slice(data.get(..room).unwrap_or(&data));
                if data.len() > room {
                    return (octets, BodyEnd::OverLimit);
                }
            }
        }
    }
}

impl Purpose {
    fn media_types(self) -> &'static str {
        match self {
            Self::Policy => "text/plain",
            Self::Answer => "*/*",
        }
    }
}

/// Is the end of the body announced in the head, or only told by the end of the connection?
enum Announced {
    Yes,
    No,
}

fn is_announced(headers: &HeaderMap) -> Announced {
    // A coding that is not chunked at last ends with the connection, and a length does not count
    // beside it (RFC 9112 §6.3).
    let is_chunked = |coding: &HeaderValue| {
        let last = coding.as_bytes().rsplit(|octet| *octet == b',').next().unwrap_or_default();
        last.trim_ascii().eq_ignore_ascii_case(b"chunked")
    };
    let coding = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    if coding.map_or_else(|| headers.contains_key(CONTENT_LENGTH), is_chunked) {
        Announced::Yes
    } else {
        Announced::No
    }
}

/// A field of the head; several of one name as one list (RFC 9110 §5.3).
fn field(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| printable(&values.join(", ")))
}

/// The fault behind a reply whose head did not come.
pub(crate) fn head_fault(error: &hyper::Error) -> ConnectionFault {
    let stage = ConnectionStage::HttpHead;
    let io_error = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    let kind = match io_error {
        // Clients of hyper have no other way to tell this fault from the rest of its kind.
        _ if error.is_parse() && error.to_string().contains("too large") => {
            ConnectionFaultKind::TooLarge
        }
        _ if error.is_parse() => ConnectionFaultKind::Malformed,
        _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            ConnectionFaultKind::Closed
        }
        Some(io_error) => io_fault(stage, io_error).kind,
        // Octets that belong to no reply, such as a reply without a request.
        None => ConnectionFaultKind::Malformed,
    };
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    fault(stage, kind, &text)
}

#[cfg(test)]
mod tests;
