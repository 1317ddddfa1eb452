use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::*;

/// A service manager's end: a socket in a folder, or with an abstract name.
struct Manager {
    socket: tokio::net::UnixDatagram,
    address: OsString,
    _folder: TempDir,
}

impl Manager {
    fn at_a_path() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
        Self { socket, address: path.into(), _folder: folder }
    }

    fn abstract_name() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("sealpost-test{}", folder.path().display());
        let socket =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::UnixDatagram::from_std(socket).unwrap();
        Self { socket, address: format!("@{name}").into(), _folder: folder }
    }

    fn client(&self, more: &[(&str, &str)]) -> ServiceManager {
        from(&[&[("NOTIFY_SOCKET", self.address.to_str().unwrap())], more].concat()).unwrap()
    }

    async fn next(&self) -> String {
        let mut octets = [0; 2048];
        let received = timeout(Duration::from_secs(20), self.socket.recv(&mut octets)).await;
        String::from_utf8(octets[..received.unwrap().unwrap()].to_vec()).unwrap()
    }
}

fn from(variables: &[(&str, &str)]) -> Result<ServiceManager, ServiceManagerError> {
    ServiceManager::from_variables(|name| {
        variables.iter().find(|(held, _)| *held == name).map(|(_, value)| value.into())
    })
}

#[tokio::test]
async fn messages_arrive_at_a_path_and_at_an_abstract_name() {
    for manager in [Manager::at_a_path(), Manager::abstract_name()] {
        let client = manager.client(&[]);
        client.ready();
        client.status("12 policies\nREADY=1");
        client.reloading();
        client.stopping();
        assert_eq!(manager.next().await, "READY=1");
        assert_eq!(manager.next().await, "STATUS=12 policies READY=1");
        let reloading = manager.next().await;
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        let now = clock_gettime(ClockId::Monotonic).tv_sec;
        let age = now - time.parse::<i64>().unwrap() / 1_000_000;
        assert!((0..60).contains(&age), "{reloading}");
        assert_eq!(manager.next().await, "STOPPING=1");
        assert_eq!(client.watchdog(), None);
    }
}

#[tokio::test]
async fn pings_stop_while_the_check_fails_or_hangs() {
    #[derive(Clone, Copy)]
    enum Fault {
        Stuck,
        Hangs,
    }
    for fault in [Fault::Stuck, Fault::Hangs] {
        let manager = Manager::at_a_path();
        let client = manager.client(&[("WATCHDOG_USEC", "100000")]);
        assert_eq!(client.watchdog(), Some(Duration::from_millis(100)));
        let is_faulty = AtomicBool::new(false);
        let watched = client.watch(async || match (is_faulty.load(Ordering::Relaxed), fault) {
            (false, _) => Liveness::Alive,
            (true, Fault::Stuck) => Liveness::Stuck,
            (true, Fault::Hangs) => std::future::pending().await,
        });
        let seen = async {
            for _ in 0..3 {
                assert_eq!(manager.next().await, "WATCHDOG=1");
            }
            is_faulty.store(true, Ordering::Relaxed);
            let mut octets = [0; 64];
            let silence = timeout(Duration::from_millis(400), manager.socket.recv(&mut octets));
            assert!(silence.await.is_err(), "a ping although the check fails");
            is_faulty.store(false, Ordering::Relaxed);
            assert_eq!(manager.next().await, "WATCHDOG=1");
        };
        tokio::select! {
            () = watched => unreachable!(),
            () = seen => {}
        }
    }
}

#[test]
fn the_watchdog_may_be_meant_for_another_process() {
    let with = |pid: &str| {
        let socket = ("NOTIFY_SOCKET", "/run/notify");
        from(&[socket, ("WATCHDOG_USEC", "5000000"), ("WATCHDOG_PID", pid)]).unwrap().watchdog()
    };
    assert_eq!(with(&process::id().to_string()), Some(Duration::from_secs(5)));
    assert_eq!(with("1"), None);
}

#[test]
fn without_a_socket_nothing_happens() {
    for variables in [&[][..], &[("NOTIFY_SOCKET", "")], &[("WATCHDOG_USEC", "5000000")]] {
        let client = from(variables).unwrap();
        client.ready();
        assert_eq!(client.watchdog(), None);
    }
}

#[test]
fn nobody_at_the_socket_is_no_harm() {
    from(&[("NOTIFY_SOCKET", "/nowhere/notify")]).unwrap().ready();
}

#[test]
fn variables_without_sense_are_refused() {
    let long = format!("/{}", "x".repeat(200));
    for address in ["notify", "@", "vsock:2:1", long.as_str()] {
        let error = from(&[("NOTIFY_SOCKET", address)]).unwrap_err();
        assert!(matches!(error, ServiceManagerError::Address(_)), "{address}: {error}");
    }
    for interval in ["0", "-1", "5s", "99999999999999999999"] {
        let error =
            from(&[("NOTIFY_SOCKET", "/run/notify"), ("WATCHDOG_USEC", interval)]).unwrap_err();
        assert!(matches!(error, ServiceManagerError::Watchdog(_)), "{interval}: {error}");
    }
}
