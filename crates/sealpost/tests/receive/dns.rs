//! A DNS server of a few records.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};

/// A DNS server on a thread of its own.
pub(crate) struct Dns {
    address: String,
    records: Arc<Mutex<BTreeMap<String, Answer>>>,
}

/// What is answered about a name.
#[derive(Clone)]
pub(crate) enum Answer {
    Text(String),
    /// An MX or PTR record with this host.
    Exchange(&'static str),
    /// An A record: 127.0.0.1.
    Loopback,
    ServerFailure,
}

impl Dns {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let records: Arc<Mutex<BTreeMap<String, Answer>>> = Arc::default();
        let known = Arc::clone(&records);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                let reply = reply(&buffer[..length], &known.lock().unwrap());
                let _ = socket.send_to(&reply, client);
            }
        });
        Self { address, records }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn set(&self, name: &str, answer: Answer) {
        self.records.lock().unwrap().insert(name.to_ascii_lowercase(), answer);
    }
}

const A: u8 = 1;
const PTR: u8 = 12;
const MX: u8 = 15;
const TXT: u8 = 16;

/// The answer to one question (RFC 1035 §4).
fn reply(query: &[u8], records: &BTreeMap<String, Answer>) -> Vec<u8> {
    let (mut place, mut labels) = (12, Vec::new());
    while query[place] != 0 {
        let length = usize::from(query[place]);
        let label = &query[place + 1..place + 1 + length];
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        place += 1 + length;
    }
    let question = &query[12..place + 5];
    let kind = query[place + 2];
    let answer = records.get(&labels.join("."));
    let code = match answer {
        Some(Answer::ServerFailure) => 2,
        Some(_) => 0,
        None => 3,
    };
    let mut data = Vec::new();
    let mut add = |part: &[u8]| {
        data.push(u8::try_from(part.len()).unwrap());
        data.extend_from_slice(part);
    };
    match (answer, kind) {
        (Some(Answer::Text(text)), TXT) => text.as_bytes().chunks(255).for_each(add),
        (Some(Answer::Exchange(host)), MX) => {
            host.split('.').chain([""]).for_each(|label| add(label.as_bytes()));
            data.splice(0..0, [0, 10]);
        }
        (Some(Answer::Exchange(host)), PTR) => {
            host.split('.').chain([""]).for_each(|label| add(label.as_bytes()));
        }
        (Some(Answer::Loopback), A) => data.extend_from_slice(&[127, 0, 0, 1]),
        _ => {}
    }
    let count = u8::from(!data.is_empty());
    let mut reply = query[..2].to_vec();
    reply.extend_from_slice(&[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    reply.extend_from_slice(question);
    if count == 1 {
        reply.extend_from_slice(&[0xC0, 12, 0, kind, 0, 1, 0, 0, 0, 60]);
        reply.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend_from_slice(&data);
    }
    reply
}
