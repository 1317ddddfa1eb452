//! A resolver that answers each question a while after it came.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::ZONE;

/// How long answers may be kept, in seconds.
const TTL: u32 = 3600;
const HEADER: usize = 12;
const NAME_OF_THE_QUESTION: [u8; 2] = [0xc0, 12];

mod record_type {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const SOA: u16 = 6;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
}

/// Answers on 127.0.0.1:53 from threads of its own.
pub fn serve(delay: Duration) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:53")?;
    let listener = TcpListener::bind("127.0.0.1:53")?;
    let (sender, due) = mpsc::channel::<(Instant, Vec<u8>, SocketAddr)>();
    let sending = socket.try_clone()?;
    // All wait equally long, so they go out in the order in which they came in.
    thread::spawn(move || {
        for (at, answer, client) in due {
            let wait = at.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait);
            }
            // Who has gone does not need it any more.
            let _ = sending.send_to(&answer, client);
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..length]) {
                let _ = sender.send((Instant::now() + delay, answer, client));
            }
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || over_tcp(stream, delay));
        }
    });
    Ok(())
}

fn over_tcp(mut stream: TcpStream, delay: Duration) -> io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut question)?;
        thread::sleep(delay);
        let answer = answer(&question).unwrap_or_default();
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
    }
}

/// The answer to a question; `None` for what is none.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut end = HEADER;
    let mut name = String::new();
    loop {
        let length = usize::from(*question.get(end)?);
        end += 1;
        if length == 0 {
            break;
        }
        name.push_str(std::str::from_utf8(question.get(end..end + length)?).ok()?);
        name.push('.');
        end += length;
    }
    let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
    end += 4;
    let name = name.to_ascii_lowercase();
    let records = records(name.trim_end_matches('.'), kind);
    let mut message = question.get(..end)?.to_vec();
    message[2] = 0x80 | (question[2] & 0x01);
    message[3] = 0x80;
    message[4..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    if records.is_empty() {
        message[9] = 1;
        add(&mut message, &[0], record_type::SOA, &soa());
    }
    message[7] = u8::try_from(records.len()).ok()?;
    for record in &records {
        add(&mut message, &NAME_OF_THE_QUESTION, kind, record);
    }
    Some(message)
}

fn records(name: &str, kind: u16) -> Vec<Vec<u8>> {
    let Some(inner) = name.strip_suffix(ZONE) else { return Vec::new() };
    let labels: Vec<&str> = inner.split('.').filter(|label| !label.is_empty()).collect();
    let text = |text: &str| vec![[&[text.len() as u8], text.as_bytes()].concat()];
    match (labels.as_slice(), kind) {
        (["_mta-sts", _], record_type::TXT) => text("v=STSv1; id=20260101;"),
        (["_smtp", "_tls", domain], record_type::TXT) => {
            text(&format!("v=TLSRPTv1; rua=mailto:tls@{domain}.{ZONE}"))
        }
        (["_dmarc", _], record_type::TXT) => text("v=DMARC1; p=reject"),
        ([_], record_type::TXT) => text("v=spf1 mx -all"),
        ([_], record_type::MX) => [(10, b"mx1"), (20, b"mx2")]
            .iter()
            .map(|(preference, label)| {
                [&[0, *preference, 3][..], *label, &NAME_OF_THE_QUESTION].concat()
            })
            .collect(),
        ([_], record_type::NS) => vec![[&[3][..], b"ns1", &NAME_OF_THE_QUESTION].concat()],
        ([_], record_type::SOA) => vec![soa()],
        ([host @ ("mta-sts" | "ns1" | "mx1" | "mx2"), domain], record_type::A) => {
            // Hosts of their own for each domain, and addresses for each of 50,000.
            let number: u32 = domain.trim_start_matches('d').parse().unwrap_or_default();
            let [_, _, high, low] = (number % 50_000).to_be_bytes();
            let kind = match *host {
                "mx1" => 1,
                "mx2" => 2,
                _ => 3,
            };
            vec![vec![127, kind, high, low]]
        }
        _ => Vec::new(),
    }
}

fn soa() -> Vec<u8> {
    let numbers = [1, 3600, 600, 86_400, TTL].map(u32::to_be_bytes).concat();
    // The zone's own name server and hostmaster.
    [&b"\x03ns1"[..], &NAME_OF_THE_QUESTION, b"\x0ahostmaster", &NAME_OF_THE_QUESTION, &numbers].concat()
}

fn add(message: &mut Vec<u8>, name: &[u8], kind: u16, data: &[u8]) {
    message.extend(name);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message.extend(TTL.to_be_bytes());
    message.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    message.extend(data);
}
