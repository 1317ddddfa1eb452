//! The socket: one that systemd holds, and the queue of the kernel before it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use crate::daemon::{Daemon, World, successful, today};

/// Starts the daemon as systemd does, with the socket at descriptor 3.
fn activate(world: &World, socket: &UnixDatagram) -> Daemon {
    const SCRIPT: &str = r#"exec 3<&0 </dev/null
        export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=tlsrpt; exec "$0" "$@""#;
    let descriptor: OwnedFd = socket.try_clone().unwrap().into();
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT, env!("CARGO_BIN_EXE_sealpost"), "report", "--config"])
        .arg(world.path("sealpost.toml"))
        .args(["--socket", "systemd:tlsrpt"])
        .stdin(Stdio::from(descriptor));
    Daemon::launch(&mut command)
}

/// What mail servers tell while nobody is there waits in the socket, which is never gone.
#[test]
fn a_socket_of_systemd_outlives_a_restart_and_loses_nothing() {
    let world = World::new();
    let held = UnixDatagram::bind(world.socket()).unwrap();
    let sender = world.sender();
    let send = |count: u64| {
        for _ in 0..count {
            assert!(sender.send(successful("a.test")));
        }
    };
    let day = today();
    send(2);
    let daemon = activate(&world, &held);
    send(1);
    daemon.wait_for(3);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    send(4);
    let daemon = activate(&world, &held);
    daemon.wait_for(4);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(world.socket().exists(), "the file is systemd's");
    assert_eq!(today(), day, "midnight came between; begin again");
    assert_eq!(world.sums("a.test", &day), (7, 0));
}

/// A mail server that finds no file loses what it sends, and tells nobody.
#[test]
fn a_socket_file_that_somebody_removed_is_there_again() {
    let world = World::new();
    let daemon = world.start(&[]);
    assert!(world.sender().send(successful("a.test")));
    daemon.wait_for(1);
    fs_err::remove_file(world.socket()).unwrap();
    daemon.wait_until("sealpost_report_receive_failures_total", 1);
    assert!(world.sender().send(successful("a.test")));
    daemon.wait_for(2);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(
        said.contains("tlsrpt.sock was removed by somebody, and has been made again"),
        "{said}"
    );
}

#[test]
fn a_short_queue_is_told_at_the_start_with_what_to_do() {
    const SCRIPT: &str = r#"ip link set lo up && echo "$length" >/proc/sys/net/unix/max_dgram_qlen &&
        exec "$program" report --config "$config""#;
    let world = World::new();
    for (length, is_told) in [("10", true), ("511", true), ("512", false)] {
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--net", "--", "sh", "-c", SCRIPT])
            .env("program", env!("CARGO_BIN_EXE_sealpost"))
            .env("config", world.path("sealpost.toml"))
            .env("length", length);
        let (status, said) = Daemon::launch(&mut command).terminate();
        assert!(status.success(), "{said}");
        let warning = format!("warning: net.unix.max_dgram_qlen is {length}: ");
        assert_eq!(said.contains(&warning), is_told, "{said}");
        assert_eq!(said.contains("sysctl -w net.unix.max_dgram_qlen=512"), is_told, "{said}");
    }
}
