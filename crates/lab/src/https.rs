//! The policy hosts: an HTTP/1.1 server of our own, since most of them must misbehave.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::server::TlsStream;

use crate::{
    attacker::Attacker,
    host::{Manner, Reply},
    listen::hold,
    tls::{self, Tenants, drain},
};

/// Longest head of a request, in octets.
const LONGEST_HEAD: usize = 8192;
/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one connection: a handshake, a request, a reply.
pub(crate) async fn serve(
    stream: TcpStream,
    tenants: Arc<Tenants<Reply>>,
    attacker: Arc<Attacker>,
) {
    let Ok(at) = stream.local_addr() else { return };
    let is_shared = matches!(*tenants, Tenants::Many(_));
    let tenants = attacker.way_to_policy(&tenants, at.port());
    let is_hidden = |name: &str| is_shared && attacker.hides_policy_host(name);
    let accepted = tls::accept(stream, &tenants, is_hidden).await;
    let Some((host, mut stream)) = accepted else { return };
    let Ok(Ok(head)) = timeout(PATIENCE, read_head(&mut stream)).await else { return };
    let reply = &host.server.conduct;
    let ended = match request(&head, &host.name, reply.path) {
        Request::Expected => send(stream, reply).await,
        Request::Other(status) => refuse(stream, status).await,
    };
    if let Err(error) = ended {
        tracing::debug!("{}: the client went early: {error}", host.name);
    }
}

/// What a client asks for.
enum Request {
    /// What the host is there for.
    Expected,
    /// Something else, which is answered with this status.
    Other(&'static str),
}

fn request(head: &str, host: &str, expected_path: &str) -> Request {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path), Some("HTTP/1.1"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Request::Other("400 Bad Request");
    };
    let named: Vec<&str> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim().split(':').next().unwrap_or_default())
        .collect();
    match named.as_slice() {
        [name] if name.eq_ignore_ascii_case(host) => {}
        [_] => return Request::Other("421 Misdirected Request"),
        _ => return Request::Other("400 Bad Request"),
    }
    // The query of a URI counts for nothing here.
    let path = path.split('?').next().unwrap_or_default();
    match (method, path) {
        ("GET", path) if path == expected_path => Request::Expected,
        ("GET", _) => Request::Other("404 Not Found"),
        _ => Request::Other("405 Method Not Allowed"),
    }
}

async fn read_head(stream: &mut TlsStream<TcpStream>) -> io::Result<String> {
    let mut head = Vec::new();
    let mut octets = [0_u8; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = stream.read(&mut octets).await?;
        if length == 0 || head.len() + length > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend(octets.iter().take(length));
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn refuse(stream: TlsStream<TcpStream>, status: &'static str) -> io::Result<()> {
    let reply = Reply { status, body: Some(b"no such policy\n".to_vec()), ..Reply::good() };
    send(stream, &reply).await
}

/// Sends the reply in its manner and ends the connection.
async fn send(mut stream: TlsStream<TcpStream>, reply: &Reply) -> io::Result<()> {
    let body = reply.body.as_deref().unwrap_or_default();
    let (half, _) = body.split_at(body.len() / 2);
    match reply.manner {
        Manner::Length => {
            stream.write_all(head(reply, Framing::Length(body.len())).as_bytes()).await?;
            stream.write_all(body).await?;
        }
        Manner::Gzip => {
            let body = gzip(body);
            let head = head(reply, Framing::Gzip(body.len()));
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
        }
        Manner::Chunked => {
            stream.write_all(head(reply, Framing::Chunked).as_bytes()).await?;
            for chunk in body.chunks(40) {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
                stream.write_all(chunk).await?;
                stream.write_all(b"\r\n").await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Manner::CloseNotify => {
            stream.write_all(head(reply, Framing::End).as_bytes()).await?;
            stream.write_all(body).await?;
        }
        Manner::InPieces => {
            let head = head(reply, Framing::Length(body.len()));
            in_pieces(&mut stream, head.as_bytes(), 32, Duration::from_millis(20)).await?;
            in_pieces(&mut stream, body, 16, Duration::from_millis(20)).await?;
        }
        Manner::CutShort => {
            stream.write_all(head(reply, Framing::Length(body.len())).as_bytes()).await?;
            stream.write_all(half).await?;
        }
        Manner::CutAbruptly | Manner::CutAt(_) => {
            let part = match reply.manner {
                Manner::CutAt(length) => body.get(..length).unwrap_or(body),
                _ => half,
            };
            stream.write_all(head(reply, Framing::End).as_bytes()).await?;
            stream.write_all(part).await?;
            stream.flush().await?;
            let (mut connection, _) = stream.into_inner();
            connection.shutdown().await?;
            drain(&mut connection).await;
            return Ok(());
        }
        Manner::Drip => {
            stream.write_all(head(reply, Framing::Length(body.len())).as_bytes()).await?;
            in_pieces(&mut stream, body, 1, Duration::from_millis(400)).await?;
        }
        Manner::Silence => {
            hold(stream).await;
            return Ok(());
        }
        Manner::Garbage => stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\0\x01\xff\r\n\r\n").await?,
        Manner::CutInHead => {
            stream.write_all(format!("HTTP/1.1 {}\r\nContent-Ty", reply.status).as_bytes()).await?;
        }
    }
    stream.flush().await?;
    stream.shutdown().await?;
    drain(&mut stream).await;
    Ok(())
}

async fn in_pieces(
    stream: &mut TlsStream<TcpStream>,
    octets: &[u8],
    size: usize,
    pause: Duration,
) -> io::Result<()> {
    for piece in octets.chunks(size) {
        stream.write_all(piece).await?;
        stream.flush().await?;
        sleep(pause).await;
    }
    Ok(())
}

/// How the end of a body is announced.
#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Gzip(usize),
    Chunked,
    /// By the end of the connection.
    End,
}

fn head(reply: &Reply, framing: Framing) -> String {
    let mut head = format!("HTTP/1.1 {}\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(location) = &reply.location {
        head.push_str(&format!("Location: {location}\r\n"));
    }
    match framing {
        Framing::Length(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
        Framing::Gzip(length) => {
            head.push_str(&format!("Content-Encoding: gzip\r\nContent-Length: {length}\r\n"));
        }
        Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
        Framing::End => {}
    }
    head.push_str("Connection: close\r\n\r\n");
    head
}

/// A gzip member (RFC 1952) whose deflate blocks are stored as they are (RFC 1951 §3.2.4).
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = body.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        member.push(u8::from(blocks.peek().is_none()));
        member.extend(length.to_le_bytes());
        member.extend((!length).to_le_bytes());
        member.extend(block);
    }
    member.extend(crc32(body).to_le_bytes());
    member.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    member
}

/// The checksum of RFC 1952 §8.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(u32::MAX, |sum, &octet| {
        (0..8).fold(sum ^ u32::from(octet), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn only_the_policy_of_the_host_is_served() {
        let status = |request_line: &str, host: &str| {
            let head = format!("{request_line}\r\n{host}Accept: */*\r\n\r\n");
            match request(&head, "mta-sts.good.test", "/.well-known/mta-sts.txt") {
                Request::Expected => "200",
                Request::Other(status) => status.split(' ').next().unwrap(),
            }
        };
        let get = "GET /.well-known/mta-sts.txt HTTP/1.1";
        assert_eq!(status(get, "Host: mta-sts.good.test\r\n"), "200");
        assert_eq!(status(get, "host: MTA-STS.good.test:4443\r\n"), "200");
        assert_eq!(status(get, "Host: good.test\r\n"), "421");
        assert_eq!(status(get, ""), "400");
        assert_eq!(status(get, "Host: mta-sts.good.test\r\nHost: mta-sts.good.test\r\n"), "400");
        assert_eq!(status("GET / HTTP/1.1", "Host: mta-sts.good.test\r\n"), "404");
        assert_eq!(status("POST / HTTP/1.1", "Host: mta-sts.good.test\r\n"), "405");
        assert_eq!(status("GET /", "Host: mta-sts.good.test\r\n"), "400");
    }
}
