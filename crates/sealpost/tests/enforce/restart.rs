//! A restart under socket activation: nobody is refused, and no reply is lost.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::daemon::{Daemon, World, connect};

const RESTARTS: usize = 2;

/// Starts it as systemd does, with the socket at descriptor 3.
fn activate(world: &World, socket: &TcpListener) -> Daemon {
    let script = r#"exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1
        export LISTEN_FDNAMES=enforce; exec "$0" "$@""#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_sealpost"), "enforce"])
        .args(["--listen", "systemd:enforce", "--deadline", "20", "--network"])
        .arg(world.lab.settings_file())
        .arg("--store")
        .arg(world.folder.path().join("store.sqlite"))
        .env("SEALPOST_CONFIG", world.configuration("usual.toml", ""))
        .env("SEALPOST_LOG", "off")
        .stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    Daemon::launch(&mut command)
}

#[test]
fn a_restart_refuses_nobody_and_loses_no_reply() {
    let world = World::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut daemon = activate(&world, &socket);
    let expected = daemon_reply(address);
    let is_over = AtomicBool::new(false);
    let (asked, kept) = scope(|scope| {
        let each = scope.spawn(|| each_on_its_own(address, &expected, &is_over));
        let kept = scope.spawn(|| on_one_connection(address, &expected, &is_over));
        for _ in 0..RESTARTS {
            sleep(Duration::from_millis(300));
            daemon.terminate();
            let (status, said) = daemon.wait();
            assert!(status.success(), "{said}");
            // Nobody is there. Clients connect and wait.
            sleep(Duration::from_millis(200));
            daemon = activate(&world, &socket);
            assert_eq!(daemon.loaded, 1);
        }
        sleep(Duration::from_millis(300));
        is_over.store(true, Ordering::SeqCst);
        (each.join().unwrap(), kept.join().unwrap())
    });
    assert!(asked > 100, "only {asked} questions");
    let (asked, reconnected) = kept;
    assert!(asked > 100, "only {asked} questions");
    assert!(
        (RESTARTS..=RESTARTS + 1).contains(&reconnected),
        "{reconnected} times a connection ended"
    );
}

fn daemon_reply(address: SocketAddr) -> String {
    let reply = connect(address).ask("postfix", "good.test");
    assert!(reply.starts_with("OK secure "), "{reply}");
    reply
}

/// A new connection for each question: every one is answered.
fn each_on_its_own(address: SocketAddr, expected: &str, is_over: &AtomicBool) -> usize {
    let mut asked = 0;
    while !is_over.load(Ordering::SeqCst) {
        assert_eq!(connect(address).ask("postfix", "good.test"), expected);
        asked += 1;
    }
    asked
}

/// One connection for as long as it lasts, as Postfix has it: when it has ended before a reply has
/// begun, the question is asked once more, on a new one.
fn on_one_connection(address: SocketAddr, expected: &str, is_over: &AtomicBool) -> (usize, usize) {
    let (mut asked, mut reconnected) = (0, 0);
    let mut client = connect(address);
    while !is_over.load(Ordering::SeqCst) {
        let reply = client.try_send("postfix good.test").and_then(|()| client.try_reply());
        match reply {
            Ok(Some(reply)) => assert_eq!(reply, expected),
            Ok(None) => client = again(address, expected, &mut reconnected),
            Err(error) => {
                let kind = error.kind();
                let has_ended = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&kind);
                assert!(has_ended, "{error}");
                client = again(address, expected, &mut reconnected);
            }
        }
        asked += 1;
    }
    (asked, reconnected)
}

fn again(
    address: SocketAddr,
    expected: &str,
    reconnected: &mut usize,
) -> crate::daemon::Client<std::net::TcpStream> {
    *reconnected += 1;
    let mut client = connect(address);
    assert_eq!(client.ask("postfix", "good.test"), expected);
    client
}
