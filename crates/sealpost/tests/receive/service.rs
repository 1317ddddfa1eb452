//! What a service manager is told.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::daemon::{Daemon, command};
use crate::world::World;

#[test]
fn a_service_manager_hears_of_start_reload_life_and_stop() {
    let world = World::new();
    let path = world.folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let hears = |words: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = manager.recv(&mut buffer).unwrap();
            if String::from_utf8_lossy(&buffer[..length]).contains(words) {
                return;
            }
        }
    };
    let daemon = Daemon::launch(
        command(&world.configuration(""))
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "200000"),
    );
    hears("READY=1");
    hears("WATCHDOG=1");
    daemon.signal("-HUP");
    hears("RELOADING=1");
    hears("READY=1");
    daemon.signal("-TERM");
    hears("STOPPING=1");
    assert!(daemon.wait().success());
}
