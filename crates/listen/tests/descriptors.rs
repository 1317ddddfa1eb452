//! Out of descriptors. Alone in its program, because the limit is that of the whole process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "clients on loopback")]

use std::{future::pending, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sealpost_listen::{Connection, Handler, Limits, Listener, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Returns single octets.
struct Echo;

impl Handler for Echo {
    async fn serve(&self, mut connection: Connection) {
        let mut octet = [0];
        while connection.stream.read_exact(&mut octet).await.is_ok() {
            connection.stream.write_all(&octet).await.unwrap();
        }
    }
}

const CLIENTS: u64 = 5;

#[tokio::test]
async fn accepting_goes_on_when_there_are_descriptors_again() {
    let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.tcp_address().unwrap();
    let server = Server::new(Echo, Limits::default());

    // Room for all clients and one connection of the server.
    let open = u64::try_from(fs_err::read_dir("/proc/self/fd").unwrap().count()).unwrap() - 1;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(open + CLIENTS + 1), maximum }).unwrap();
    let mut clients = Vec::new();
    for number in 0_u8..5 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&[number]).await.unwrap();
        clients.push(client);
    }
    assert!(TcpStream::connect(address).await.is_ok(), "the limit is too low");
    let clone = server.clone();
    tokio::spawn(async move { clone.serve(listener, pending()).await });

    for (number, mut client) in (0_u8..5).zip(clients) {
        let mut answer = [0xFF];
        let long = Duration::from_secs(20);
        timeout(long, client.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, [number]);
        if number == 0 {
            // Some pauses: the queue cannot be emptied, and the loop does not run hot.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let failed = server.counts().failed;
            assert!((1..=10).contains(&failed), "{failed} failures");
        }
    }
    assert!(server.counts().served > CLIENTS - 1);
}
