//! Start, stop, bounds.
#![expect(clippy::disallowed_methods, reason = "these clients are not sealpost's")]

use std::{net::SocketAddr, time::Duration};

use hickory_proto::rr::RecordType;
use jiff::Timestamp;
use sealpost_lab::{Lab, LabError, Options};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use crate::client::{DEADLINE, NOW, addresses, ask, start};

#[tokio::test]
async fn nothing_listens_outside_loopback() {
    let lab = start().await;
    let mut ours = 0;
    for (table, is_listener) in
        [("/proc/self/net/tcp", "0A"), ("/proc/self/net/tcp6", "0A"), ("/proc/self/net/udp", "07")]
    {
        for line in fs_err::read_to_string(table).unwrap().lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(&state)) = (columns.get(1), columns.get(3)) else { continue };
            let (address, port) = local.split_once(':').unwrap();
            let port = u16::from_str_radix(port, 16).unwrap();
            if ![lab.resolver().port(), lab.https_port(), lab.smtp_port()].contains(&port)
                || state != is_listener
            {
                continue;
            }
            ours += 1;
            // Little-endian: 127.x.y.z ends with 7F; ::1 ends with 01000000.
            let loopback = if address.len() == 8 {
                address.ends_with("7F")
            } else {
                address == "00000000000000000000000001000000"
            };
            assert!(loopback, "{table}: {line}");
        }
    }
    assert!(ours > 100, "{ours} sockets seen");
}

#[tokio::test]
async fn a_stopped_lab_is_gone() {
    let lab = start().await;
    let (resolver, folder) = (lab.resolver(), lab.settings_file().parent().unwrap().to_path_buf());
    let settings = fs_err::read_to_string(lab.settings_file()).unwrap();
    assert!(settings.contains(&format!("resolvers = [\"{resolver}\"]")), "{settings}");
    lab.stop().await;
    assert!(TcpStream::connect(resolver).await.is_err());
    assert!(!folder.exists());
}

#[tokio::test]
async fn labs_run_side_by_side_whatever_their_ports() {
    let now = Timestamp::from_second(NOW).unwrap();
    let (first, second) = (
        Lab::start(Options::new(now)).await.unwrap(),
        Lab::start(Options::new(now)).await.unwrap(),
    );
    assert_ne!(first.resolver(), second.resolver());
    assert_ne!(first.https_port(), second.https_port());
    assert_ne!(first.smtp_port(), second.smtp_port());
    for lab in [&first, &second] {
        assert!(ask(lab, "good.test.", RecordType::MX).await.is_some());
    }
}

#[tokio::test]
async fn a_senseless_time_is_refused() {
    for second in [0, -1, 10_000_000_000] {
        let options = Options::new(Timestamp::from_second(second).unwrap());
        assert!(matches!(Lab::start(options).await, Err(LabError::Time)), "{second}");
    }
}

#[tokio::test]
async fn the_lab_holds_with_hostile_clients() {
    let lab = start().await;
    let ip = *addresses(&lab, "mx1.good.test.").await.first().unwrap();
    let mx = SocketAddr::new(ip, lab.smtp_port());
    // More connections than are served: the rest is dropped, and comes back when there is room.
    let mut crowd = Vec::new();
    for _ in 0..80 {
        crowd.push(TcpStream::connect(mx).await.unwrap());
    }
    drop(crowd);
    // A line without end.
    let mut endless = TcpStream::connect(mx).await.unwrap();
    let flood = async {
        for _ in 0..10_000 {
            endless.write_all(&[b'x'; 1024]).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    assert!(timeout(DEADLINE, flood).await.unwrap().is_err(), "ten megabytes were taken");
    // Octets that are no DNS.
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for length in [0, 1, 2, 11, 12, 13, 600] {
        socket.send_to(&vec![0xff; length], lab.resolver()).await.unwrap();
    }
    assert!(ask(&lab, "good.test.", RecordType::MX).await.is_some());
    for _ in 0..50 {
        let mut stream = TcpStream::connect(mx).await.unwrap();
        if let Ok(Ok(b'2')) = timeout(DEADLINE, stream.read_u8()).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the MX host no longer greets");
}
