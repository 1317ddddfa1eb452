//! What is asked.

use std::sync::Arc;

use hyper::{HeaderMap, header::HeaderValue};

use crate::Peer;

/// A request that has arrived as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// The parts of the path between its slashes, decoded: UTF-8 without control characters. A part
    /// may be empty, hold a slash or be `..`: it is a name, not a place in a folder.
    pub path: Vec<String>,
    /// The names and values behind the question mark, decoded likewise, in their order.
    pub query: Vec<(String, String)>,
    /// The host that is asked for, in lower case and without its port: of the field `Host`, or of the
    /// authority of HTTP/2. Empty if it is not named.
    pub host: String,
    /// The name that the client asked for in its TLS handshake, in lower case.
    pub server_name: Option<Arc<str>>,
    /// Whether it came through TLS that ended here.
    pub is_tls: bool,
    /// The fields of the head.
    pub fields: Fields,
    /// What came with it. Empty while [`HttpService::admit`](super::HttpService::admit) is asked.
    pub body: Vec<u8>,
    /// Who asks.
    pub peer: Peer,
}

/// The fields of a request's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(HeaderMap<HeaderValue>);

/// What a request wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Show; HEAD is this too.
    Get,
    /// Do.
    Post,
    /// Replace.
    Put,
    /// Remove.
    Delete,
    /// Anything else.
    Other,
}

/// A target that is no path, or has escapes that are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The escape of a space differs between the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Query,
}

impl Request {
    /// The path as a pattern to match on: `["v1", "enforce", domain]`.
    pub fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The names and values of a form that was sent (`application/x-www-form-urlencoded`), decoded
    /// as those of a query. `None` if it is none, or not in this form.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        let kind = self.fields.single("content-type")?;
        let kind = kind.split_once(';').map_or(kind, |(kind, _)| kind);
        if !kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        query(std::str::from_utf8(&self.body).ok()?).ok()
    }
}

impl Fields {
    /// The value of a field, whose name is given in lower case. `None` if it is absent, comes more
    /// than once, or is not visible US-ASCII with spaces and tabs: what has two meanings has none.
    pub fn single(&self, name: &str) -> Option<&str> {
        let mut values = self.0.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// The members of a field that is a list, without the space around them, in their order: those of
    /// all lines of this name, which are one list (RFC 9110 §5.3). A line that is not visible
    /// US-ASCII is one member, which is empty: what stands in it has no meaning.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let lines = self.0.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        lines.flat_map(|line| line.split(',')).map(str::trim).collect()
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl From<HeaderMap<HeaderValue>> for Fields {
    fn from(fields: HeaderMap<HeaderValue>) -> Self {
        Self(fields)
    }
}

impl From<&hyper::Method> for Method {
    fn from(method: &hyper::Method) -> Self {
        match *method {
            hyper::Method::GET | hyper::Method::HEAD => Self::Get,
            hyper::Method::POST => Self::Post,
            hyper::Method::PUT => Self::Put,
            hyper::Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }
}

/// The host of an authority (RFC 3986 §3.2), in lower case.
pub(super) fn host(authority: &str) -> String {
    let is_port = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => authority,
    };
    host.to_ascii_lowercase()
}

pub(super) fn path(text: &str) -> Result<Vec<String>, Malformed> {
    let parts = text.strip_prefix('/').ok_or(Malformed)?;
    parts.split('/').map(|part| decoded(part, Part::Path)).collect()
}

pub(super) fn query(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name, Part::Query)?, decoded(value, Part::Query)?))
        })
        .collect()
}

fn decoded(text: &str, part: Part) -> Result<String, Malformed> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => hex(rest.next())? << 4 | hex(rest.next())?,
            b'+' if part == Part::Query => b' ',
            _ => octet,
        });
    }
    let text = String::from_utf8(octets).map_err(|_| Malformed)?;
    if text.chars().any(char::is_control) { Err(Malformed) } else { Ok(text) }
}

fn hex(digit: Option<u8>) -> Result<u8, Malformed> {
    let value = digit.and_then(|digit| char::from(digit).to_digit(16)).ok_or(Malformed)?;
    u8::try_from(value).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The text with each octet as it is or encoded, by turns that are drawn; encoded where it must
    /// be.
    fn encoded(text: &str, turns: &[u8]) -> String {
        let octets = text.bytes().zip(turns.iter().cycle());
        octets
            .map(|(octet, turn)| match turn {
                0 if octet.is_ascii_alphanumeric() => char::from(octet).to_string(),
                1 => format!("%{octet:02x}"),
                _ => format!("%{octet:02X}"),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_as_it_was(
            text in r"\PC{0,40}",
            other in r"\PC{0,40}",
            turns in vec(0u8..3, 1..40),
        ) {
            let (one, two) = (encoded(&text, &turns), encoded(&other, &turns));
            prop_assert_eq!(path(&format!("/{one}/{two}")), Ok(vec![text.clone(), other.clone()]));
            prop_assert_eq!(query(&format!("{one}={two}")).map(|pairs| pairs.len()), Ok(1));
            prop_assert_eq!(query(&format!("n={one}&m={two}")), Ok(vec![
                ("n".to_owned(), text),
                ("m".to_owned(), other),
            ]));
        }

        #[test]
        fn what_is_read_has_one_meaning_and_no_control_characters(text in r"(%|[0-9a-fA-F]|[+/&=.gü]){0,30}") {
            let is_whole = |rest: &str| {
                rest.len() >= 2 && rest.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
            };
            let are_whole = text.split('%').skip(1).all(is_whole);
            match path(&format!("/{text}")) {
                Ok(parts) => {
                    prop_assert!(are_whole);
                    prop_assert_eq!(parts.len(), text.split('/').count());
                    prop_assert!(!parts.concat().contains(char::is_control));
                    let again: Vec<_> = parts.iter().map(|part| encoded(part, &[1])).collect();
                    prop_assert_eq!(path(&format!("/{}", again.join("/"))), Ok(parts));
                }
                // Either cut off, or what it stands for is no text.
                Err(Malformed) => prop_assert!(text.contains('%')),
            }
        }
    }

    #[test]
    fn paths_are_taken_apart_before_they_are_decoded() {
        let good = |text: &str, expected: &[&str]| assert_eq!(path(text).unwrap(), expected);
        good("/", &[""]);
        good("/v1/enforce/example.com", &["v1", "enforce", "example.com"]);
        good("/a%2Fb/%c3%bc", &["a/b", "ü"]);
        good("/a+b/../", &["a+b", "..", ""]);
        let bad = |text: &str| assert_eq!(path(text), Err(Malformed), "{text}");
        bad(""); // the authority of CONNECT
        bad("*");
        bad("/%"); // cut off
        bad("/%4");
        bad("/%4g");
        bad("/%+4");
        bad("/%ff"); // no UTF-8
        bad("/%00"); // control characters
        bad("/%0a");
        bad("/%C2%85");
    }

    #[test]
    fn hosts_lose_their_port() {
        for (text, expected) in [
            ("mta-sts.Example.com", "mta-sts.example.com"),
            ("mta-sts.example.com:443", "mta-sts.example.com"),
            ("mta-sts.example.com:", "mta-sts.example.com"),
            ("[2001:db8::1]:443", "[2001:db8::1]"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("a:b", "a:b"),
            ("", ""),
        ] {
            assert_eq!(host(text), expected, "{text}");
        }
    }

    #[test]
    fn fields_have_one_meaning_or_none() {
        let mut map = HeaderMap::new();
        map.append("content-type", HeaderValue::from_static("application/tlsrpt+gzip"));
        map.append("twice", HeaderValue::from_static("a"));
        map.append("twice", HeaderValue::from_static("a"));
        map.append("odd", HeaderValue::from_bytes(b"\xff").unwrap());
        let fields = Fields::from(map);
        assert_eq!(fields.single("content-type"), Some("application/tlsrpt+gzip"));
        assert_eq!(
            ["absent", "twice", "odd", "Content Type"].map(|name| fields.single(name)),
            [None; 4]
        );
        assert_eq!(["absent", "twice", "odd"].map(|name| fields.has(name)), [false, true, true]);
    }

    #[test]
    fn the_lines_of_a_list_are_one_list() {
        let mut map = HeaderMap::new();
        map.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1, 192.0.2.2:5"));
        map.append("x-forwarded-for", HeaderValue::from_bytes(b"1,\xff").unwrap());
        map.append("x-forwarded-for", HeaderValue::from_static("\t[2001:db8::1]:5 ,"));
        let fields = Fields::from(map);
        let expected = ["192.0.2.1", "192.0.2.2:5", "", "[2001:db8::1]:5", ""];
        assert_eq!(fields.list("x-forwarded-for"), expected);
        assert_eq!(fields.list("absent"), [""; 0]);
    }

    #[test]
    fn queries_are_pairs() {
        let good = |text: &str, expected: &[(&str, &str)]| {
            let pairs = query(text).unwrap();
            let pairs: Vec<_> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(pairs, expected, "{text}");
        };
        good("", &[]);
        good("a=1&b&&a=x=%26+y", &[("a", "1"), ("b", ""), ("a", "x=& y")]);
        assert_eq!(query("a=%0d"), Err(Malformed));
    }
}
