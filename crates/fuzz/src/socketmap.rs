//! Targets for what mail servers ask: nothing depends on how octets are cut, every request has an
//! answer, and keys that are domains are the same in each of their forms.

use sealpost_wire::postfix::{Key, tcp_table};
use sealpost_wire::socketmap::{
    LONGEST_REQUEST, NetstringError, NetstringReader, Question, write_netstring, write_reply,
};

use crate::names::assert_is_message;

/// Requests of socketmap, one after another.
pub fn socketmap_request(octets: &[u8]) {
    let whole = netstrings([octets]);
    assert_eq!(netstrings(octets.chunks(1)), whole);
    assert_eq!(netstrings(octets.chunks(7)), whole);

    let (payloads, failure) = whole;
    if let Some(failure) = failure {
        assert_is_message(&failure.to_string());
    }
    let mut again = Vec::new();
    payloads.iter().for_each(|payload| write_netstring(payload, &mut again));
    assert_eq!(netstrings([again.as_slice()]), (payloads.clone(), None));

    // The octets themselves as a request too, lest the frame hide most of them.
    for payload in payloads.iter().map(Vec::as_slice).chain([octets]) {
        match Question::parse(payload) {
            Ok(question) => assert_is_settled(&question.key),
            Err(error) => {
                assert_is_message(&error.to_string());
                let mut reply = Vec::new();
                write_reply(&error.reply(), &mut reply);
                assert!(reply.len() <= "999:PERM ,".len() + 200);
                assert!(reply.iter().all(|octet| matches!(octet, b' '..=b'~')));
            }
        }
    }
}

/// Requests of a `tcp:` map, one after another.
pub fn tcp_table_request(octets: &[u8]) {
    let whole = keys([octets]);
    assert_eq!(keys(octets.chunks(1)), whole);
    assert_eq!(keys(octets.chunks(7)), whole);
    whole.0.iter().for_each(assert_is_settled);
    if let Some(failure) = whole.1 {
        assert_is_message(&failure.to_string());
    }
}

type Netstrings = (Vec<Vec<u8>>, Option<NetstringError>);

fn netstrings<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Netstrings {
    let mut reader = NetstringReader::new(LONGEST_REQUEST);
    let mut payloads = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next_payload() {
                Ok(Some(payload)) => payloads.push(payload.to_vec()),
                Ok(None) => break,
                Err(failure) => return (payloads, Some(failure)),
            }
        }
    }
    (payloads, None)
}

fn keys<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Key>, Option<tcp_table::RequestError>) {
    let mut reader = tcp_table::RequestReader::new();
    let mut keys = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next_key() {
                Ok(Some(key)) => keys.push(key),
                Ok(None) => break,
                Err(failure) => return (keys, Some(failure)),
            }
        }
    }
    (keys, None)
}

/// Whatever form the next hop has, its domain is the same.
fn assert_is_settled(key: &Key) {
    let Some(domain) = key.policy_domain() else { return };
    for form in [format!("{domain}"), format!("[{domain}]:25"), format!("{domain}.:submission")] {
        assert_eq!(Key::parse(form.as_bytes()).policy_domain(), Some(domain), "{form}");
    }
    assert_eq!(Key::parse(format!(".{domain}").as_bytes()), Key::NotADomain);
}
