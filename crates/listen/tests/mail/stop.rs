use std::time::Duration;

use sealpost_listen::{Ended, Limits};

use crate::{
    client::Client,
    server::{Running, settings},
};

const STOPS: &str = "421 4.3.2 mx.example the service stops, come again later";

#[tokio::test]
async fn idle_clients_are_told() {
    let running = Running::start(settings());
    let mut idle = Client::connect(running.address).await;
    let mut between = Client::connect(running.address).await;
    between.ask("EHLO c").await;
    between.ask("MAIL FROM:<>").await;
    let ended = running.stop();
    for client in [&mut idle, &mut between] {
        assert_eq!(client.reply().await, STOPS);
        assert!(client.is_closed().await);
    }
    drop((idle, between));
    assert_eq!(ended.await.unwrap(), Ended { finished: 2, cut: 0 });
}

#[tokio::test]
async fn a_message_on_its_way_is_taken_to_its_end() {
    let running = Running::start(settings());
    let seen = std::sync::Arc::clone(&running.seen);
    let mut client = Client::connect(running.address).await;
    client.begin().await;
    client.send("first half\r\n").await;
    let ended = running.stop();
    client.send("wait\r\n.\r\n").await;
    seen.waiting.notified().await;
    seen.release.notify_one();
    assert_eq!(client.reply().await, "250 2.6.0 stored");
    assert_eq!(client.reply().await, STOPS);
    assert!(client.is_closed().await);
    drop(client);
    assert_eq!(ended.await.unwrap(), Ended { finished: 1, cut: 0 });
    assert_eq!(seen.stored.lock().unwrap().len(), 1);
}

/// Whoever hears no 250 sends it again: so none may be said of what was not stored.
#[tokio::test]
async fn a_message_that_is_not_stored_in_time_is_not_acknowledged() {
    let limits = Limits { grace: Duration::from_millis(300), ..Limits::default() };
    let running = Running::start_with(settings(), limits);
    let seen = std::sync::Arc::clone(&running.seen);
    let mut storing = Client::connect(running.address).await;
    storing.begin().await;
    storing.send("wait\r\n.\r\n").await;
    running.wait_for_message().await;
    let mut sending = Client::connect(running.address).await;
    sending.begin().await;
    sending.send("half\r\n").await;
    assert_eq!(running.stop().await.unwrap(), Ended { finished: 0, cut: 2 });
    seen.release.notify_one();
    for client in [&mut storing, &mut sending] {
        assert_eq!(client.reply().await, "", "cut off without a reply");
    }
    assert_eq!(seen.stored.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_flood_does_not_hold_up_the_stop() {
    let running = Running::start(settings());
    let mut client = Client::connect(running.address).await;
    let flood = tokio::spawn(async move {
        while client.try_send(b"RSET\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    while running.counters.read().sessions == 0 {
        tokio::task::yield_now().await;
    }
    let ended = running.stop();
    assert_eq!(ended.await.unwrap().finished, 1, "after so many commands it is over");
    flood.abort();
}
