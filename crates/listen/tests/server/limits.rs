use sealpost_listen::{Limits, Server};

use crate::{
    client::{Client, loopback},
    echo::{Echo, Running},
};

const TWO: Limits = Limits { connections: 2, ..DEFAULT };
const DEFAULT: Limits = Limits { connections: 10_000, grace: std::time::Duration::from_secs(5) };

#[test]
fn the_limits_are_as_documented() {
    assert_eq!(Limits::default(), DEFAULT);
}

#[tokio::test]
async fn who_comes_too_late_waits_and_nobody_is_closed() {
    let (listener, address) = loopback("127.0.0.1");
    let running = Running::start(listener, TWO);
    let mut first = Client::tcp(address).await;
    let mut second = Client::tcp(address).await;
    assert_eq!(first.ask("1").await, "1");
    assert_eq!(second.ask("2").await, "2");
    let mut third = Client::tcp(address).await;
    let mut fourth = Client::tcp(address).await;
    third.send("3").await;
    fourth.send("4").await;
    assert!(third.hears_nothing().await);
    assert!(fourth.hears_nothing().await);
    assert_eq!(first.ask("1 again").await, "1 again");
    assert_eq!(running.server.counts().open, 2);

    drop(first);
    assert_eq!(third.receive().await, "3");
    assert!(fourth.hears_nothing().await);
    drop(second);
    assert_eq!(fourth.receive().await, "4");
    let counts = running.server.counts();
    assert_eq!((counts.open, counts.served, counts.waited), (2, 4, 2));
}

#[tokio::test]
async fn a_panic_gives_its_place_back() {
    let (listener, address) = loopback("127.0.0.1");
    let one = Limits { connections: 1, ..TWO };
    let running = Running::start(listener, one);
    for _ in 0..5 {
        assert_eq!(Client::tcp(address).await.ask("panic").await, "");
    }
    assert_eq!(Client::tcp(address).await.ask("still here").await, "still here");
    assert_eq!(running.server.counts().panicked, 5);
}

#[tokio::test]
async fn the_limit_is_for_all_listeners_together() {
    let ((left, left_address), (right, right_address)) =
        (loopback("127.0.0.1"), loopback("127.0.0.2"));
    let server = Server::new(Echo, TWO);
    let _running = [Running::join(server.clone(), left), Running::join(server.clone(), right)];
    let mut first = Client::tcp(left_address).await;
    let mut second = Client::tcp(right_address).await;
    assert_eq!(first.ask("1").await, "1");
    assert_eq!(second.ask("2").await, "2");
    let mut third = Client::tcp(right_address).await;
    third.send("3").await;
    assert!(third.hears_nothing().await);
    drop(first);
    assert_eq!(third.receive().await, "3");
    assert_eq!(server.counts().served, 3);
}
