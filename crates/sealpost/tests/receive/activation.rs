//! Sockets that systemd passes on: all doors, and a restart that refuses nobody.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use sealpost_store::Origin;

use crate::daemon::{Daemon, Mailer, connect, post};
use crate::mails::{RECIPIENT, mail, report};
use crate::stored::submissions;
use crate::world::World;

/// The sockets that systemd holds.
struct Sockets {
    smtp: TcpListener,
    lmtp: UnixListener,
    posts: TcpListener,
}

impl Sockets {
    fn address(listener: &TcpListener) -> SocketAddr {
        listener.local_addr().unwrap()
    }

    /// Starts it as systemd does, with the sockets at descriptors 3 to 5. There are three by which a
    /// process is given something: its standard ones.
    fn activate(&self, configuration: &std::path::Path) -> Daemon {
        let script = r#"exec 3<&0 4<&1 5<&2 </dev/null >/dev/null 2>"$1"; shift
            export LISTEN_PID=$$ LISTEN_FDS=3 LISTEN_FDNAMES=mail:local:post; exec "$0" "$@""#;
        let said = configuration.with_file_name("said");
        assert!(Command::new("mkfifo").arg(&said).status().unwrap().success());
        let mut command = Command::new("sh");
        let descriptor = |owned: OwnedFd| Stdio::from(owned);
        command
            .args(["-c", script, env!("CARGO_BIN_EXE_sealpost")])
            .arg(&said)
            .args(["receive", "--config"])
            .arg(configuration)
            .env("SEALPOST_LOG", "off")
            .stdin(descriptor(self.smtp.try_clone().unwrap().into()))
            .stdout(descriptor(self.lmtp.try_clone().unwrap().into()))
            .stderr(descriptor(self.posts.try_clone().unwrap().into()));
        let daemon = Daemon::launch_saying(&mut command, &said);
        fs_err::remove_file(said).unwrap();
        daemon
    }
}

#[test]
fn sockets_of_systemd_serve_every_door_and_outlive_a_restart() {
    let world = World::new();
    let path = world.configuration("");
    let text = fs_err::read_to_string(&path).unwrap();
    let listen = text.lines().find(|line| line.starts_with("listen = ")).unwrap();
    let passed = "listen = { smtp = [\"systemd:mail\"], lmtp = [\"systemd:local\"], http = [\"systemd:post\"] }";
    fs_err::write(&path, text.replace(listen, passed)).unwrap();
    let sockets = Sockets {
        smtp: TcpListener::bind("127.0.0.1:0").unwrap(),
        lmtp: UnixListener::bind(world.lmtp()).unwrap(),
        posts: TcpListener::bind("127.0.0.1:0").unwrap(),
    };
    let (smtp, posts) = (Sockets::address(&sockets.smtp), Sockets::address(&sockets.posts));
    let by_smtp = |stream, id: &str| {
        let mut mailer = Mailer::greet(stream, "EHLO").unwrap();
        let told = mailer.send(RECIPIENT, &mail(&report(id))).unwrap();
        assert!(told.starts_with("250"), "{told}");
    };

    let daemon = sockets.activate(&path);
    by_smtp(connect(smtp).unwrap(), "by-smtp");
    let mut lmtp = Mailer::lmtp(&world.lmtp()).unwrap();
    assert!(lmtp.send(RECIPIENT, &mail(&report("by-lmtp"))).unwrap().starts_with("250"));
    let json = "application/tlsrpt+json";
    let told = post(posts, "/v1/tls-reports", json, report("by-post").as_bytes()).unwrap();
    assert!(told.starts_with("HTTP/1.1 201 "), "{told}");
    daemon.signal("-TERM");
    assert!(daemon.wait().success());

    // Nobody is there. Whoever connects waits for the next one; the socket's file is still there.
    let waiting = connect(smtp).unwrap();
    assert!(world.lmtp().exists());
    let daemon = sockets.activate(&path);
    by_smtp(waiting, "waited");
    let mut lmtp = Mailer::lmtp(&world.lmtp()).unwrap();
    assert!(lmtp.send(RECIPIENT, &mail(&report("again"))).unwrap().starts_with("250"));
    drop(lmtp);
    daemon.signal("-TERM");
    assert!(daemon.wait().success());

    let ways: Vec<Origin> =
        submissions(&world.store()).iter().map(|entry| entry.first.origin).collect();
    assert_eq!(ways, [Origin::Smtp, Origin::Lmtp, Origin::Http, Origin::Smtp, Origin::Lmtp]);
}
