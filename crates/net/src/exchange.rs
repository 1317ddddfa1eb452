//! One request over HTTPS to a server that the operator names, and its whole answer.
//!
//! No redirect is followed and nothing is cached.

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT};
use hyper_util::rt::TokioIo;
use mail_domain::DomainName;
use sealpost_evidence::{BodyEnd, HttpReply};
use tokio::task::JoinSet;

use crate::https::{LARGEST_HEAD, MOST_FIELDS, Purpose, head_fault, read_reply};
use crate::{Connection, DialError, HttpsUrl, Network, ServiceUrl, deadline::Deadline};

const SOFTWARE: &str = concat!("sealpost/", env!("CARGO_PKG_VERSION"));

/// What is wanted of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Its body.
    Get,
    /// The fields of its head.
    Head,
    /// That it takes this.
    Post {
        /// What it is.
        media_type: &'static str,
        /// The octets.
        body: Vec<u8>,
        /// What else stands in the head.
        fields: Vec<(&'static str, String)>,
    },
}

/// What came back; the body is at most 64 KiB long, and whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    fields: HeaderMap,
}

impl Answer {
    /// The value of a field, if it comes once and is visible US-ASCII.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// All values of a field that are visible US-ASCII.
    pub fn field_values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }
}

impl Network {
    /// Asks, and reads the answer.
    ///
    /// # Errors
    ///
    /// [`DialError`] after at most the deadlines for DNS, connecting, TLS and HTTPS. An answer with
    /// any status is one.
    pub async fn ask(
        &self,
        url: &HttpsUrl,
        ask: Ask,
        accept: &'static str,
    ) -> Result<Answer, DialError> {
        let HttpsUrl { host, port, path } = url;
        let connection = self.dial(host, *port).await?;
        let connection = self.secure(connection, host).await?;
        let named = if *port == 443 { host.to_string() } else { format!("{host}:{port}") };
        self.exchange(connection, host, &named, path, ask, accept).await
    }

    /// Asks a service of the operator: over HTTPS, or on this machine without TLS.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub async fn ask_service(
        &self,
        url: &ServiceUrl,
        ask: Ask,
        accept: &'static str,
    ) -> Result<Answer, DialError> {
        match url {
            ServiceUrl::Https(url) => self.ask(url, ask, accept).await,
            ServiceUrl::Here { address, host, path } => {
                let connection = self.dial_here(*address, host).await?;
                self.exchange(connection, host, &address.to_string(), path, ask, accept).await
            }
        }
    }

    async fn exchange(
        &self,
        connection: Connection,
        host: &DomainName,
        named: &str,
        path: &str,
        ask: Ask,
        accept: &'static str,
    ) -> Result<Answer, DialError> {
        let broken = |reason: String| DialError::Unreachable { host: host.clone(), reason };
        let deadline = Deadline::after(self.means.deadlines.https);

        let mut client = http1::Builder::new();
        client.max_headers(MOST_FIELDS).max_header_size(LARGEST_HEAD).max_buf_size(LARGEST_HEAD);
        let shaken = client.handshake(TokioIo::new(connection)).await;
        let (mut sender, connection) = shaken.map_err(|error| broken(head_fault(&error).text))?;
        // Aborted when this function ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let (request, media_type, body, fields) = match ask {
            Ask::Get => (Request::get(path), None, Vec::new(), Vec::new()),
            Ask::Head => (Request::head(path), None, Vec::new(), Vec::new()),
            Ask::Post { media_type, body, fields } => {
                (Request::post(path), Some(media_type), body, fields)
            }
        };
        let mut request = request
            .header(HOST, named)
            .header(USER_AGENT, SOFTWARE)
            .header(ACCEPT, accept)
            .header(CONNECTION, "close");
        if let Some(media_type) = media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| broken("the path can't be asked for".to_owned()))?;
        let response = match deadline.bound(sender.send_request(request)).await {
            Err(_) => return Err(broken("no answer within the deadline".to_owned())),
            Ok(Err(error)) => return Err(broken(head_fault(&error).text)),
            Ok(Ok(response)) => response,
        };
        let fields = response.headers().clone();
        let HttpReply { status, body, body_end, .. } =
            read_reply(response, Purpose::Policy, deadline).await;
        match body_end {
            BodyEnd::Complete | BodyEnd::ClosedCleanly => {
                Ok(Answer { status, body: body.as_slice().to_vec(), fields })
            }
            _ => Err(broken("its answer was cut off, or is too long".to_owned())),
        }
    }
}
