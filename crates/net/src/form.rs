//! One POST of a form over HTTPS, to a server that the operator names: the token endpoint of OAuth
//! 2.0 (RFC 6749 §3.2).

use std::str::FromStr;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use mail_domain::DomainName;
use sealpost_evidence::{BodyEnd, HttpReply};
use tokio::task::JoinSet;

use crate::https::{LARGEST_HEAD, MOST_FIELDS, Purpose, head_fault, read_reply};
use crate::{DialError, Network, deadline::Deadline};

const SOFTWARE: &str = concat!("sealpost/", env!("CARGO_PKG_VERSION"));

/// A URL of scheme `https`: a host name, a port, a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsUrl {
    host: DomainName,
    port: u16,
    path: String,
}

/// The text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a URL as in \"https://login.example.com/token\"")]
pub struct HttpsUrlError;

/// What came back; the body is at most 64 KiB long, and whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormReply {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Network {
    /// Posts a form, already encoded. No redirect is followed: the form holds secrets.
    ///
    /// # Errors
    ///
    /// [`DialError`] after at most the deadlines for DNS, connecting, TLS and HTTPS.
    pub async fn post_form(&self, url: &HttpsUrl, form: String) -> Result<FormReply, DialError> {
        let HttpsUrl { host, port, path } = url;
        let broken = |reason: String| DialError::Unreachable { host: host.clone(), reason };
        let connection = self.dial(host, *port).await?;
        let connection = self.secure(connection, host).await?;
        let deadline = Deadline::after(self.means.deadlines.https);

        let mut client = http1::Builder::new();
        client.max_headers(MOST_FIELDS).max_header_size(LARGEST_HEAD).max_buf_size(LARGEST_HEAD);
        let shaken = client.handshake(TokioIo::new(connection)).await;
        let (mut sender, connection) = shaken.map_err(|error| broken(head_fault(&error).text))?;
        // Aborted when this function ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let named = if *port == 443 { host.to_string() } else { format!("{host}:{port}") };
        let request = Request::post(path.as_str())
            .header(HOST, named)
            .header(USER_AGENT, SOFTWARE)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(CONNECTION, "close")
            .body(Full::new(Bytes::from(form)))
            .map_err(|_| broken("the path can't be asked for".to_owned()))?;
        let response = match deadline.bound(sender.send_request(request)).await {
            Err(_) => return Err(broken("no answer within the deadline".to_owned())),
            Ok(Err(error)) => return Err(broken(head_fault(&error).text)),
            Ok(Ok(response)) => response,
        };
        let HttpReply { status, body, body_end, .. } =
            read_reply(response, Purpose::Policy, deadline).await;
        match body_end {
            BodyEnd::Complete | BodyEnd::ClosedCleanly => {
                Ok(FormReply { status, body: body.as_slice().to_vec() })
            }
            _ => Err(broken("its answer was cut off, or is too long".to_owned())),
        }
    }
}

impl HttpsUrl {
    /// The host.
    pub fn host(&self) -> &DomainName {
        &self.host
    }
}

impl FromStr for HttpsUrl {
    type Err = HttpsUrlError;

    fn from_str(text: &str) -> Result<Self, HttpsUrlError> {
        let is_visible = text.len() <= 1000 && text.bytes().all(|octet| octet.is_ascii_graphic());
        let rest = text.strip_prefix("https://").filter(|_| is_visible && !text.contains('#'));
        let rest = rest.ok_or(HttpsUrlError)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(HttpsUrlError)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => {
                (host, port.parse().ok().filter(|port| *port != 0).ok_or(HttpsUrlError)?)
            }
            _ => (authority, 443),
        };
        let host = DomainName::parse(host).map_err(|_| HttpsUrlError)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, host, port, path) in [
            ("https://a.example/t", "a.example", 443, "/t"),
            ("https://a.example", "a.example", 443, "/"),
            ("https://a.example:8443/t?x=y", "a.example", 8443, "/t?x=y"),
            ("https://a.example?x", "a.example", 443, "/?x"),
        ] {
            let url: HttpsUrl = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.port, url.path.as_str()), (host, port, path));
        }
        for text in [
            "",
            "http://a.example/t",
            "https://",
            "https://u:p@a.example/",
            "https://a.example:0/",
            "https://a.example:99999/",
            "https://a.example/a b",
            "https://a.example/#x",
            "https://[::1]/",
        ] {
            assert!(text.parse::<HttpsUrl>().is_err(), "{text}");
        }
    }
}
