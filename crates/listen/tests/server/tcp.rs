use std::net::SocketAddr;

use sealpost_listen::{Address, Inherited, Limits, ListenError, Listener};
use sealpost_runtime::metrics::{Exposition, Process};

use crate::{
    client::{Client, loopback},
    echo::Running,
};

#[tokio::test]
async fn both_families_are_served() {
    for ip in ["127.0.0.1", "127.8.46.1", "::1"] {
        let (listener, address) = loopback(ip);
        assert_eq!(listener.to_string(), address.to_string());
        let running = Running::start(listener, Limits::default());
        let mut client = Client::tcp(address).await;
        assert_eq!(client.ask("one").await, "one");
        assert_eq!(client.ask("two").await, "two");
        let counts = running.server.counts();
        assert_eq!((counts.open, counts.served, counts.waited), (1, 1, 0), "{ip}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let (_listener, address) = loopback("127.0.0.1");
    let error = Listener::tcp(address).unwrap_err();
    assert!(matches!(error, ListenError::Tcp { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("listen at {address}"));
}

#[tokio::test]
async fn an_address_as_text_is_listened_at() {
    let address: Address = "127.0.0.1:0".parse().unwrap();
    let listeners = address.listen(&mut Inherited::none()).await.unwrap();
    assert_eq!(listeners.len(), 1);
    let address: SocketAddr = listeners[0].tcp_address().unwrap();
    assert_ne!(address.port(), 0);

    let address: Address = "systemd:enforce".parse().unwrap();
    let error = address.listen(&mut Inherited::none()).await.unwrap_err();
    assert!(matches!(error, ListenError::NotPassed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_panic_closes_its_connection_only() {
    let (listener, address) = loopback("127.0.0.1");
    let running = Running::start(listener, Limits::default());
    let mut bystander = Client::tcp(address).await;
    assert_eq!(bystander.ask("before").await, "before");
    let mut culprit = Client::tcp(address).await;
    assert_eq!(culprit.ask("panic").await, "");
    assert_eq!(bystander.ask("after").await, "after");
    assert_eq!(Client::tcp(address).await.ask("new").await, "new");
    let counts = running.server.counts();
    assert_eq!((counts.panicked, counts.served), (1, 3));
    let mut text = Exposition::default();
    text.table(&Process::new("1"));
    let text = text.into_string();
    let shown =
        text.lines().find_map(|line| line.strip_prefix("sealpost_connection_panics_total "));
    // It counts those of all servers of this process.
    assert!(shown.unwrap().parse::<u64>().unwrap() >= 1, "{text}");
}
