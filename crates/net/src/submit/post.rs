//! A report by POST over HTTPS (RFC 8460 section 5.4).
//!
//! No redirect is followed, and only a status of 2xx counts. The connection to a host is kept for
//! the next report that goes there.

use std::collections::HashMap;
use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use sealpost_evidence::{ConnectionFault, ConnectionFaultKind};
use sealpost_runtime::Stopwatch;
use tls_rpt::{Host, HttpsUri, PackedReport};
use tokio::task::JoinSet;

use super::retry_after::retry_after;
use super::{Acceptance, Protection, SubmitFault, Submitted};
use crate::connect::connect;
use crate::deadline::Deadline;
use crate::gather::chosen;
use crate::gather::destinations::{HTTPS_PORT, path};
use crate::network::Network;
use crate::text::printable_within;
use crate::tls::Protocol;

/// The most addresses of one host that are tried.
const MOST_ADDRESSES: usize = 4;
/// The most hosts to which a connection is kept.
const MOST_KEPT: usize = 64;
/// How long a connection is kept: less than servers do.
const KEPT: u128 = 4_000;
/// The largest head of a reply, in octets.
const LARGEST_HEAD: usize = 16 * 1024;
/// The most fields in the head of a reply.
const MOST_FIELDS: usize = 64;
/// The largest body of a reply that is read, in octets.
const LARGEST_BODY: usize = 16 * 1024;
/// How long to wait for the rest of a reply whose status is known.
const REST_OF_REPLY: Duration = Duration::from_secs(5);
/// How much of a reply's body is told.
const TOLD: usize = 200;
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

const SOFTWARE: &str = concat!("sealpost/", env!("CARGO_PKG_VERSION"), " (+TLS-RPT, RFC 8460)");

/// Posts reports. A clone shares the connections of its origin.
#[derive(Clone, Debug)]
pub struct Poster {
    network: Network,
    certificates: Certificates,
    kept: Arc<Mutex<HashMap<Target, Connection>>>,
}

/// Which certificates a receiver of reports may show.
//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//# Report submitters MAY ignore certificate validation errors when
//# submitting reports via HTTPS POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Certificates {
    /// Any: a report tells of broken TLS, and its receiver is perhaps just about to hear of it.
    #[default]
    Any,
    /// Only one that holds for the host.
    Valid,
}

type Target = (Host, u16);

/// A connection that can be used for a request.
#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    place: String,
    protection: Protection,
    since: Stopwatch,
    /// Ends with the connection.
    _driver: JoinSet<Result<(), hyper::Error>>,
}

/// How a request over a connection ended.
enum Asked {
    Answered(Submitted),
    /// The connection was gone before an answer came.
    Gone(SubmitFault),
}

impl Poster {
    /// Posts through this network. Addresses that its guard does not permit are not connected to.
    pub fn new(network: Network, certificates: Certificates) -> Self {
        Self { network, certificates, kept: Arc::default() }
    }

    /// Posts a report, and waits for the answer; at most `patience`.
    pub async fn post(
        &self,
        uri: &HttpsUri,
        report: &PackedReport,
        patience: Duration,
    ) -> Submitted {
        let deadline = Deadline::after(patience);
        let target = (uri.host().clone(), uri.port());
        if let Some(connection) = self.take(&target)
            && let Asked::Answered(submitted) = self.ask(connection, uri, report, deadline).await
        {
            return submitted;
        }
        let addresses = match self.addresses(uri.host(), deadline).await {
            Ok(addresses) => addresses,
            Err(submitted) => return submitted,
        };
        let mut faults = Vec::new();
        let mut may_pass = false;
        for address in addresses {
            let fault = match self.connect(uri, address, deadline).await {
                Ok(connection) => match self.ask(connection, uri, report, deadline).await {
                    Asked::Answered(submitted) => return submitted,
                    Asked::Gone(fault) => {
                        may_pass = true;
                        fault
                    }
                },
                Err((fault, kind)) => {
                    may_pass |= kind != ConnectionFaultKind::NotRoutable;
                    fault
                }
            };
            faults.push(fault);
        }
        let fault = match faults.as_slice() {
            [only] => only.clone(),
            faults => {
                let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
                SubmitFault::new(told.join("; "))
            }
        };
        if may_pass { Submitted::later(fault) } else { Submitted::Refused(fault) }
    }

    async fn addresses(&self, host: &Host, deadline: Deadline) -> Result<Vec<IpAddr>, Submitted> {
        let name = match host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Domain(name) => name,
        };
        let addresses = self.network.means.dns.addresses(name.as_str(), deadline).await;
        let targets = chosen(&addresses, MOST_ADDRESSES);
        if !targets.is_empty() {
            return Ok(targets);
        }
        let unknown = [addresses.ipv4.fault(), addresses.ipv6.fault()].into_iter().flatten().next();
        // A name may be set up wrongly for an hour, so it is not the end.
        Err(Submitted::later(match unknown {
            Some(fault) => {
                let text = format!("its addresses could not be looked up: {}", fault.text);
                SubmitFault::at(name.as_str(), text)
            }
            None => SubmitFault::at(name.as_str(), "it has no address"),
        }))
    }

    async fn connect(
        &self,
        uri: &HttpsUri,
        address: IpAddr,
        deadline: Deadline,
    ) -> Result<Connection, (SubmitFault, ConnectionFaultKind)> {
        let means = &self.network.means;
        let port = match uri.port() {
            HTTPS_PORT => means.https_port,
            other => other,
        };
        let place = match uri.host() {
            Host::Domain(name) => format!("{name} [{address}]"),
            Host::Address(address) => address.to_string(),
        };
        let told = |fault: ConnectionFault| (SubmitFault::at(&place, &fault.text), fault.kind);
        let target = SocketAddr::new(address, port);
        let connecting = Deadline::after(means.deadlines.connect).or_before(deadline);
        let stream = connect(target, &means.guard, connecting).await.map_err(told)?;
        let within = Deadline::after(means.deadlines.tls).or_before(deadline);
        let (tls, protocol) = (&means.tls, Protocol::Http);
        let shaken = match uri.host() {
            Host::Domain(name) => tls.handshake(stream, name, protocol, within).await,
            Host::Address(_) => tls.handshake_with_address(stream, address, protocol, within).await,
        };
        let (stream, session) = shaken.map_err(told)?;
        let protection = match session.is_verified() {
            true => Protection::Verified,
            false if self.certificates == Certificates::Valid => {
                let faults: Vec<String> = session.faults.iter().map(ToString::to_string).collect();
                let text = format!("the certificate {}", faults.join(", and it "));
                return Err((SubmitFault::at(&place, text), ConnectionFaultKind::Malformed));
            }
            false => Protection::Encrypted,
        };
        let mut client = http1::Builder::new();
        client.max_headers(MOST_FIELDS).max_header_size(LARGEST_HEAD).max_buf_size(LARGEST_HEAD);
        let (sender, connection) = client
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| (http_fault(&place, &error), ConnectionFaultKind::Malformed))?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Ok(Connection { sender, place, protection, since: Stopwatch::start(), _driver: driver })
    }

    async fn ask(
        &self,
        mut connection: Connection,
        uri: &HttpsUri,
        report: &PackedReport,
        deadline: Deadline,
    ) -> Asked {
        let request = match request(uri, report) {
            Ok(request) => request,
            Err(fault) => return Asked::Answered(Submitted::Refused(fault)),
        };
        let place = connection.place.clone();
        let response = match deadline.bound(connection.sender.send_request(request)).await {
            Err(_) => {
                let fault = SubmitFault::at(&place, "no answer came in time");
                return Asked::Answered(Submitted::later(fault));
            }
            Ok(Err(error)) => return Asked::Gone(http_fault(&place, &error)),
            Ok(Ok(response)) => response,
        };
        let (head, body) = response.into_parts();
        let rest = Deadline::after(REST_OF_REPLY).or_before(deadline);
        let protection = connection.protection;
        let said = match read(body, rest).await {
            Some(said) => {
                self.keep((uri.host().clone(), uri.port()), connection);
                said
            }
            None => String::new(),
        };
        let now = self.network.means.clock.now();
        Asked::Answered(judge(&Response::from_parts(head, ()), &said, place, protection, now))
    }

    fn take(&self, target: &Target) -> Option<Connection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = kept.remove(target)?;
        (connection.is_young() && connection.sender.is_ready()).then_some(connection)
    }

    fn keep(&self, target: Target, mut connection: Connection) {
        connection.since = Stopwatch::start();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, connection| connection.is_young() && !connection.sender.is_closed());
        if kept.len() < MOST_KEPT {
            kept.insert(target, connection);
        }
    }
}

impl Connection {
    fn is_young(&self) -> bool {
        u128::from(self.since.elapsed_ms()) < KEPT
    }
}

fn request(uri: &HttpsUri, report: &PackedReport) -> Result<Request<Full<Bytes>>, SubmitFault> {
    let host = match uri.host() {
        Host::Domain(name) => name.to_string(),
        Host::Address(IpAddr::V4(address)) => address.to_string(),
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
    };
    let host = match uri.port() {
        HTTPS_PORT => host,
        port => format!("{host}:{port}"),
    };
    Request::post(path(uri.as_str()))
        .header(HOST, host)
        .header(USER_AGENT, SOFTWARE)
        .header(CONTENT_TYPE, PackedReport::MEDIA_TYPE)
        .body(Full::new(Bytes::copy_from_slice(report.gzip())))
        .map_err(|error| SubmitFault::new(format!("the URI can't be asked for: {error}")))
}

/// What an answer means.
//= https://www.rfc-editor.org/rfc/rfc8460#section-5.4
//# The receiving system MUST return a "successful" response from its
//# HTTPS server, typically a 200 or 201 HTTP code [RFC7231].
fn judge(
    response: &Response<()>,
    said: &str,
    place: String,
    protection: Protection,
    now: Timestamp,
) -> Submitted {
    let status = response.status();
    let answer = match said {
        "" => status.to_string(),
        said => format!("{status}: {said}"),
    };
    if status.is_success() {
        return Submitted::Accepted(Acceptance { place, answer, protection });
    }
    let fault = SubmitFault::at(&place, answer);
    if is_for_good(status) {
        return Submitted::Refused(fault);
    }
    let after = retry_after(response.headers(), now).map(|wait| wait.min(LONGEST_WAIT));
    Submitted::Later { fault, after }
}

/// Whether the same report would be refused at any time. A missing page, a missing right or a fault
/// of the server may be mended within the day.
fn is_for_good(status: StatusCode) -> bool {
    status.is_redirection()
        || matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::GONE
                | StatusCode::LENGTH_REQUIRED
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNSUPPORTED_MEDIA_TYPE
                | StatusCode::UNPROCESSABLE_ENTITY
                | StatusCode::NOT_IMPLEMENTED
        )
}

/// The first line of a body, made fit to be shown; `None` if it was not read to its end, so that the
/// connection cannot be used again.
async fn read(mut body: Incoming, deadline: Deadline) -> Option<String> {
    let mut octets = Vec::new();
    loop {
        match deadline.bound(body.frame()).await.ok()? {
            None => break,
            Some(frame) => {
                if let Ok(data) = frame.ok()?.into_data() {
                    if octets.len().saturating_add(data.len()) > LARGEST_BODY {
                        return None;
                    }
                    octets.extend_from_slice(&data);
                }
            }
        }
    }
    let text = String::from_utf8_lossy(&octets);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Some(printable_within(line.trim(), TOLD))
}

fn http_fault(place: &str, error: &hyper::Error) -> SubmitFault {
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    SubmitFault::at(place, text)
}
