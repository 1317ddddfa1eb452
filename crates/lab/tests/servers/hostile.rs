//! Clients that send garbage, that dawdle, and that send without end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "these clients are not sealpost's")]

use std::{io, net::SocketAddr, time::Duration};

use hickory_proto::rr::RecordType;
use sealpost_lab::Lab;
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{sleep, timeout},
};

use crate::client::{DEADLINE, addresses, ask, fetch, reply, start, tls, try_ask_over_tcp};

/// More than is served at one address at a time.
const CROWD: usize = 80;

/// Where each kind of server is.
struct Servers {
    dns: SocketAddr,
    https: SocketAddr,
    smtp: SocketAddr,
    /// An MX host that looks at ClientHellos itself.
    old_tls: SocketAddr,
}

impl Servers {
    async fn of(lab: &Lab) -> Self {
        let at = async |name: &str, port| {
            SocketAddr::new(*addresses(lab, name).await.first().unwrap(), port)
        };
        Self {
            dns: lab.resolver(),
            https: at("mta-sts.good.test.", lab.https_port()).await,
            smtp: at("mx1.good.test.", lab.smtp_port()).await,
            old_tls: at("mx1.mx-tls10.test.", lab.smtp_port()).await,
        }
    }

    fn all(&self) -> [SocketAddr; 4] {
        [self.dns, self.https, self.smtp, self.old_tls]
    }
}

/// Does every kind of server still serve a decent client, now or as soon as there is room?
async fn still_serves(lab: &Lab, servers: &Servers) {
    assert!(ask(lab, "good.test.", RecordType::MX).await.is_some(), "the DNS is silent");
    let answered = async {
        while !answers_over_tcp(lab).await {
            sleep(Duration::from_millis(50)).await;
        }
        for server in [servers.smtp, servers.old_tls] {
            while !greets(server).await {
                sleep(Duration::from_millis(50)).await;
            }
        }
        while fetch(lab, servers.https.ip(), "good.test").await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(2 * DEADLINE, answered).await.unwrap();
}

async fn answers_over_tcp(lab: &Lab) -> bool {
    try_ask_over_tcp(lab, "good.test.", RecordType::MX)
        .await
        .is_ok_and(|answer| answer.answers.len() == 1)
}

async fn greets(server: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(server).await.unwrap();
    matches!(timeout(DEADLINE, stream.read_u8()).await, Ok(Ok(b'2')))
}

/// Sends the same octets until the server has had enough.
async fn flood(stream: &mut (impl AsyncWrite + Unpin), octets: &[u8]) {
    let kilobyte = octets.repeat(1 + 1024 / octets.len());
    let flooding = async {
        for _ in 0..10_000 {
            stream.write_all(&kilobyte).await?;
            stream.flush().await?;
        }
        Ok::<(), io::Error>(())
    };
    let ended = timeout(DEADLINE, flooding).await.unwrap();
    assert!(ended.is_err(), "ten megabytes were taken");
}

/// Waits until the server ends the connection.
async fn is_ended(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let lab = start().await;
    let servers = Servers::of(&lab).await;
    let garbage: Vec<u8> = (0..2000_u32).map(|n| (n * 97 % 251) as u8).collect();
    for server in servers.all() {
        for octets in [&[0_u8; 64][..], &garbage, b"\x16\x03\x01\xff\xff\x01", b"\r\n\r\n"] {
            let mut stream = TcpStream::connect(server).await.unwrap();
            stream.write_all(octets).await.unwrap();
            stream.shutdown().await.unwrap();
            assert!(is_ended(stream).await, "{server} with {octets:?}");
        }
    }
    // Garbage in place of a ClientHello, behind a go-ahead that was rightly asked for.
    for server in [servers.smtp, servers.old_tls] {
        for octets in
            [&garbage[..], b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x15\x03\x01\0\0"]
        {
            let mut stream = TcpStream::connect(server).await.unwrap();
            reply(&mut stream).await;
            for command in ["EHLO client.example.com\r\n", "STARTTLS\r\n"] {
                stream.write_all(command.as_bytes()).await.unwrap();
                reply(&mut stream).await;
            }
            stream.write_all(octets).await.unwrap();
            // It may be gone already.
            drop(stream.shutdown().await);
            assert!(is_ended(stream).await, "{server} with {octets:?}");
        }
    }
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for length in [0, 1, 2, 11, 12, 13, 600] {
        socket.send_to(&vec![0xff; length], servers.dns).await.unwrap();
        socket.send_to(&garbage[..length], servers.dns).await.unwrap();
    }
    still_serves(&lab, &servers).await;
}

#[tokio::test]
async fn a_crowd_that_dawdles_is_let_in_by_turns() {
    let lab = start().await;
    let servers = Servers::of(&lab).await;
    let mut crowd = Vec::new();
    for server in servers.all() {
        for _ in 0..CROWD {
            let mut stream = TcpStream::connect(server).await.unwrap();
            // The beginning of anything: a length, a record, a command. Whoever comes too late for
            // a place is dropped.
            drop(stream.write_all(b"\x16\x03\x01").await);
            crowd.push(stream);
        }
    }
    // UDP knows no places.
    assert!(ask(&lab, "good.test.", RecordType::MX).await.is_some());
    drop(crowd);
    still_serves(&lab, &servers).await;
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let lab = start().await;
    let servers = Servers::of(&lab).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..2000 {
        socket.send_to(&[0xff; 512], servers.dns).await.unwrap();
    }
    // Questions without end over TCP, none of whose answers is read.
    let mut stream = TcpStream::connect(servers.dns).await.unwrap();
    flood(&mut stream, &[0, 12, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await;
    // A line without end, and commands without end, before and inside TLS.
    for octets in [&b"x"[..], b"NOOP\r\n"] {
        let mut stream = TcpStream::connect(servers.smtp).await.unwrap();
        flood(&mut stream, octets).await;
        let mut stream = TcpStream::connect(servers.smtp).await.unwrap();
        reply(&mut stream).await;
        stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
        reply(&mut stream).await;
        stream.write_all(b"STARTTLS\r\n").await.unwrap();
        reply(&mut stream).await;
        let mut stream = tls(&lab, stream, "mx1.good.test").await.unwrap();
        flood(&mut stream, octets).await;
    }
    // A ClientHello without end, and a request without end.
    let mut stream = TcpStream::connect(servers.https).await.unwrap();
    flood(&mut stream, &[22]).await;
    let stream = TcpStream::connect(servers.https).await.unwrap();
    let mut stream = tls(&lab, stream, "mta-sts.good.test").await.unwrap();
    flood(&mut stream, b"GET / HTTP/1.1\r\nX: y\r\n").await;
    still_serves(&lab, &servers).await;
}
