//! One POST of a form over HTTPS, to a server that the operator names: the token endpoint of OAuth
//! 2.0 (RFC 6749 §3.2).

use std::str::FromStr;

use mail_domain::DomainName;

use crate::{Ask, DialError, Network};

/// A URL of scheme `https`: a host name, a port, a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsUrl {
    pub(crate) host: DomainName,
    pub(crate) port: u16,
    pub(crate) path: String,
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
        let media_type = "application/x-www-form-urlencoded";
        let ask = Ask::Post { media_type, body: form.into_bytes(), fields: Vec::new() };
        let answer = self.ask(url, ask, "application/json").await?;
        Ok(FormReply { status: answer.status, body: answer.body })
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
