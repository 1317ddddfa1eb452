//! Sockets that a service manager passes on.
//!
//! This program starts itself again with `child` as its first argument; that process finds the
//! sockets where systemd would put them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "clients on loopback")]
#![expect(clippy::print_stdout, reason = "the result of each test is printed")]

use std::{
    env,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener, UnixStream},
    },
    panic::catch_unwind,
    process::{Child, Command, ExitCode, Stdio},
};

use sealpost_listen::{
    Address, Connection, DatagramSocket, Handler, Inherited, Limits, ListenError, Server,
    SocketOwner,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
};

const TESTS: &[(&str, fn())] = &[
    ("sockets_are_found_by_name", sockets_are_found_by_name),
    ("sockets_of_another_process_are_left_alone", sockets_of_another_process_are_left_alone),
    ("a_datagram_socket_is_unfit", a_datagram_socket_is_unfit),
    ("a_datagram_socket_is_taken_over", a_datagram_socket_is_taken_over),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, mode] = arguments.as_slice()
        && first == "child"
    {
        // Before there are threads.
        let inherited = Inherited::from_environment();
        child(mode, inherited);
        return ExitCode::SUCCESS;
    }
    // As the usual harness: words are parts of the names wanted, flags are its own affair.
    let filters: Vec<&String> = arguments.iter().filter(|text| !text.starts_with('-')).collect();
    let mut failed = 0;
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        let is_passed = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if is_passed { "ok" } else { "FAILED" });
        failed += u8::from(!is_passed);
    }
    ExitCode::from(failed)
}

/// Answers one octet with the name of the listener, and tells the server to stop.
struct Named {
    name: &'static str,
    stop: watch::Sender<bool>,
}

impl Handler for Named {
    async fn serve(&self, mut connection: Connection) {
        connection.stream.read_exact(&mut [0]).await.unwrap();
        connection.stream.write_all(self.name.as_bytes()).await.unwrap();
        self.stop.send_replace(true);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn child(mode: &str, mut inherited: Inherited) {
    match mode {
        "serve" => {
            assert_eq!(inherited.names(), ["web", "enforce"]);
            for name in ["enforce", "web"] {
                let [listener] = inherited.take(name).unwrap().try_into().unwrap();
                let (stop, mut stopped) = watch::channel(false);
                let limits = Limits { connections: 1, ..Limits::default() };
                let server = Server::new(Named { name, stop }, limits);
                server
                    .serve(listener, async {
                        stopped.wait_for(|&stopped| stopped).await.unwrap();
                    })
                    .await;
                assert!(matches!(inherited.take(name), Err(ListenError::NotPassed { .. })));
                assert!(inherited.clone().take(name).is_err(), "clones share what was taken");
                assert_eq!(inherited.anew().take(name).unwrap().len(), 1);
            }
        }
        "none" => {
            assert!(inherited.names().is_empty());
            assert!(matches!(inherited.take("web"), Err(ListenError::NotPassed { .. })));
        }
        "unfit" => {
            // No name was given.
            assert_eq!(inherited.names(), ["unknown"]);
            assert!(matches!(inherited.take("unknown"), Err(ListenError::Unfit { .. })));
        }
        "datagrams" => {
            let address: Address = "systemd:tlsrpt".parse().unwrap();
            let owner = SocketOwner::default();
            let socket = DatagramSocket::bind(&address, &owner, &mut inherited).unwrap();
            let again = DatagramSocket::bind(&address, &owner, &mut inherited);
            assert!(matches!(again, Err(ListenError::NotPassed { .. })));
            let address: Address = "systemd:other".parse().unwrap();
            let unfit = DatagramSocket::bind(&address, &owner, &mut inherited);
            assert!(matches!(unfit, Err(ListenError::Unfit { .. })));
            let mut receiver = socket.into_receiver().unwrap();
            let mut came = Vec::new();
            receiver.take(|datagram| came.push(datagram.octets.to_vec())).unwrap();
            assert_eq!(came, [b"before", b"start."]);
        }
        other => panic!("no such child: {other}"),
    }
}

/// Starts a child with sockets at the descriptors 3 and 4, as systemd has them.
fn start(mode: &str, environment: &str, sockets: [OwnedFd; 2]) -> Child {
    let [third, fourth] = sockets;
    let script = format!(r#"exec 3<&0 4<&1 </dev/null >&2; export {environment}; exec "$0" "$@""#);
    Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .args(["child", mode])
        .stdin(Stdio::from(third))
        .stdout(Stdio::from(fourth))
        .spawn()
        .unwrap()
}

fn sockets_are_found_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("enforce.sock");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let held = tcp.try_clone().unwrap();
    // They are there before anybody serves them.
    let mut enforce = UnixStream::connect(&path).unwrap();
    let mut web = TcpStream::connect(address).unwrap();
    let mut accepted = TcpStream::connect(address).unwrap();
    let mut queued = TcpStream::connect(address).unwrap();
    queued.write_all(b"?").unwrap();
    let mut child = start(
        "serve",
        "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:enforce",
        [tcp.into(), unix.into()],
    );
    assert_eq!(answer(&mut enforce), "enforce");
    assert_eq!(answer(&mut web), "web");
    assert_eq!(answer(&mut accepted), "web");
    assert!(child.wait().unwrap().success());
    // Its file belongs to who made it, and what it did not accept is left to the next process.
    assert!(path.exists());
    held.set_nonblocking(true).unwrap();
    let (mut left, _) = held.accept().unwrap();
    left.set_nonblocking(false).unwrap();
    let mut octet = [0];
    left.read_exact(&mut octet).unwrap();
    assert_eq!(octet, *b"?");
}

fn answer(stream: &mut (impl std::io::Read + std::io::Write)) -> String {
    stream.write_all(b"!").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn sockets_of_another_process_are_left_alone() {
    for environment in ["LISTEN_PID=1 LISTEN_FDS=2", "LISTEN_PID=$$ LISTEN_FDS=100000", "A=1"] {
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap().into());
        assert!(start("none", environment, sockets).wait().unwrap().success(), "{environment}");
    }
}

fn a_datagram_socket_is_unfit() {
    let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap().into());
    let environment = "LISTEN_PID=$$ LISTEN_FDS=1";
    assert!(start("unfit", environment, sockets).wait().unwrap().success());
}

fn a_datagram_socket_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tlsrpt.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    // What came before the start waits.
    let sender = UnixDatagram::unbound().unwrap();
    for text in [b"before", b"start."] {
        sender.send_to(text, &path).unwrap();
    }
    let stream = UnixListener::bind(folder.path().join("stream.sock")).unwrap();
    let environment = "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=tlsrpt:other";
    let mut child = start("datagrams", environment, [socket.into(), stream.into()]);
    assert!(child.wait().unwrap().success());
    assert!(path.exists(), "the file is systemd's");
}
