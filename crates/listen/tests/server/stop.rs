use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use sealpost_listen::{Ended, Limits};

use crate::{
    client::{Client, loopback},
    echo::Running,
};

#[tokio::test]
async fn handlers_come_to_their_end_and_new_clients_are_refused() {
    let (listener, address) = loopback("127.0.0.1");
    let running = Running::start(listener, Limits::default());
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::tcp(address).await;
        assert_eq!(client.ask("hello").await, "hello");
        clients.push(client);
    }
    let ended = running.stop();
    // On its way while the server stops.
    clients[0].send("last words").await;
    assert_eq!(clients[0].receive().await, "last words");
    assert_eq!(ended.await.unwrap(), Ended { finished: 3, cut: 0 });
    for client in &mut clients {
        assert_eq!(client.receive().await, "");
    }
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn who_does_not_end_is_cut_off() {
    let (listener, address) = loopback("127.0.0.1");
    let limits = Limits { grace: Duration::from_secs(1), ..Limits::default() };
    let running = Running::start(listener, limits);
    let server = running.server.clone();
    let mut deaf = Client::tcp(address).await;
    assert_eq!(deaf.ask("hello").await, "hello");
    deaf.send("hang").await;
    let mut decent = Client::tcp(address).await;
    assert_eq!(decent.ask("hello").await, "hello");
    assert_eq!(running.stop().await.unwrap(), Ended { finished: 1, cut: 1 });
    assert_eq!(deaf.receive().await, "");
    assert_eq!(server.counts().open, 0);
}

/// This thread does everything: what the client does here happens before the server wakes up.
#[tokio::test]
async fn what_waits_to_be_accepted_is_served() {
    let (listener, address) = loopback("127.0.0.1");
    let running = Running::start(listener, Limits::default());
    assert_eq!(Client::tcp(address).await.ask("hello").await, "hello");
    let server = running.server.clone();

    let ended = running.stop();
    let mut late: Vec<_> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &mut late {
        stream.write_all(b"late\n").unwrap();
    }
    assert_eq!(ended.await.unwrap().cut, 0);
    for mut stream in late {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "late\n");
    }
    assert_eq!(server.counts().served, 6);
}
