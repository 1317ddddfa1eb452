//! A DNS responder on loopback that takes its time.
//!
//! It knows no zones. A name's first word says what it answers: `cached` names have an STS record,
//! `silent` ones get no answer at all, `bogus` ones are kept back, others have no record. Every domain has an MX host with an address
//! and without TLSA records, so that three round trips can be measured beside one.

use std::{
    error::Error,
    net::{SocketAddr, UdpSocket},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    fill,
    names::{BOGUS, CACHED, SILENT},
};

/// How long answers may be kept, in seconds.
const TTL: u32 = 3600;
/// Whoever waits sleeps for so long at least, so that answers go out a few at a time: to sleep for each
/// would take the processor from those who are measured. Each goes out half a nap early for that, and on the
/// average at its time.
const NAP: Duration = Duration::from_micros(200);
const HEADER: usize = 12;
/// In the fourth octet of a question: whoever asks judges for himself.
const CHECKING_DISABLED: u8 = 0x10;
const SERVER_FAILURE: u8 = 2;
const NAME_OF_THE_QUESTION: [u8; 2] = [0xc0, 12];

mod record_type {
    pub const A: u16 = 1;
    pub const SOA: u16 = 6;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
}

/// Which answers are said to be secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// None.
    Insecure,
    /// All, which is what a validating resolver says of a signed internet.
    Secure,
}

/// Answers at `address`, each question `delay` after it came, until the process ends.
pub fn serve(address: &str, delay: Duration, security: Security) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind(address)?;
    let (sender, due) = mpsc::channel::<(Instant, Vec<u8>, SocketAddr)>();
    let sending = socket.try_clone()?;
    // All wait equally long, so they go out in the order in which they came in.
    thread::spawn(move || {
        for (at, answer, client) in due {
            let wait = at.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait.max(NAP));
            }
            // Who has gone does not need it any more.
            let _ = sending.send_to(&answer, client);
        }
    });
    let mut buffer = [0; 4096];
    loop {
        let (length, client) = socket.recv_from(&mut buffer)?;
        let now = Instant::now();
        if let Some(answer) = answer(&buffer[..length], security) {
            sender.send((now + delay - (NAP / 2).min(delay), answer, client))?;
        }
    }
}

/// The answer to a question; `None` where none is given.
fn answer(question: &[u8], security: Security) -> Option<Vec<u8>> {
    let mut end = HEADER;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*question.get(end)?);
        end += 1;
        if length == 0 {
            break;
        }
        labels.push(question.get(end..end + length)?);
        end += length;
    }
    let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
    end += 4;
    let underscored = labels.iter().take_while(|label| label.starts_with(b"_")).count();
    let word = labels.get(underscored)?;
    if word.starts_with(SILENT.as_bytes()) {
        return None;
    }
    let record = match (underscored, kind) {
        (1, record_type::TXT) if word.starts_with(CACHED.as_bytes()) => {
            let text = format!("v=STSv1; id={};", fill::ID);
            Some([&[u8::try_from(text.len()).ok()?], text.as_bytes()].concat())
        }
        (0, record_type::MX) => Some([&[0, 10, 3][..], b"mx1", &NAME_OF_THE_QUESTION].concat()),
        // Never anything but loopback. Hosts of policy domains are apart: theirs speak TLS.
        (0, record_type::A) if labels.iter().any(|label| label.starts_with(CACHED.as_bytes())) => {
            Some(vec![127, 0, 0, 2])
        }
        (0, record_type::A) => Some(vec![127, 0, 0, 3]),
        _ => None,
    };
    // A host without IPv6 address exists nevertheless; underscored names do not.
    let exists = record.is_some() || kind == record_type::AAAA || underscored == 0;
    let is_secure = security == Security::Secure;
    let is_checked = question.get(3)? & CHECKING_DISABLED == 0;
    let mut message = question.get(..end)?.to_vec();
    message[2] = 0x84 | (question[2] & 0x01);
    message[3] = 0x80 | (u8::from(is_secure) << 5) | if exists { 0 } else { 3 };
    message[4..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    if word.starts_with(BOGUS.as_bytes()) && is_checked {
        message[3] = 0x80 | SERVER_FAILURE;
        return Some(message);
    }
    match record {
        Some(data) => {
            message[7] = 1;
            add(&mut message, &NAME_OF_THE_QUESTION, kind, &data);
        }
        None => {
            message[9] = 1;
            let numbers = [1, 3600, 600, 86_400, TTL].map(u32::to_be_bytes).concat();
            add(&mut message, &[0], record_type::SOA, &[&[0, 0][..], &numbers].concat());
        }
    }
    Some(message)
}

fn add(message: &mut Vec<u8>, name: &[u8], kind: u16, data: &[u8]) {
    message.extend(name);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message.extend(TTL.to_be_bytes());
    message.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    message.extend(data);
}
