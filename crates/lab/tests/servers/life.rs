//! Start, stop, bounds.
#![expect(clippy::disallowed_methods, reason = "these clients are not sealpost's")]

use hickory_proto::rr::RecordType;
use jiff::Timestamp;
use sealpost_lab::{Lab, LabError, Options};
use tokio::net::TcpStream;

use crate::client::{NOW, ask, start};

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
