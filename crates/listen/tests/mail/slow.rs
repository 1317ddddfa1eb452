use std::time::Duration;

use sealpost_listen::smtp::{SmtpLimits, SmtpSettings};
use tokio::time::sleep;

use crate::{
    client::Client,
    server::{Running, hasty, settings},
};

const STEP: Duration = Duration::from_millis(40);

#[tokio::test]
async fn a_silent_client_is_told_and_closed() {
    let running = Running::start(SmtpSettings { limits: hasty(), ..settings() });
    let mut client = Client::connect(running.address).await;
    assert_eq!(client.reply().await, "421 4.4.2 mx.example nothing came for too long");
    assert!(client.is_closed().await);
    running.wait_for_silence().await;
    assert_eq!(running.counters.read().too_slow, 1);
}

#[tokio::test]
async fn octets_that_complete_nothing_prolong_nothing() {
    let running = Running::start(SmtpSettings { limits: hasty(), ..settings() });
    let mut client = Client::connect(running.address).await;
    for _ in 0..100 {
        if client.try_send(b"x").await.is_err() {
            break;
        }
        sleep(STEP).await;
        if running.counters.read().too_slow > 0 {
            break;
        }
    }
    assert_eq!(client.reply().await, "421 4.4.2 mx.example nothing came for too long");
}

#[tokio::test]
async fn commands_prolong_it() {
    let running = Running::start(SmtpSettings { limits: hasty(), ..settings() });
    let mut client = Client::connect(running.address).await;
    for _ in 0..15 {
        assert_eq!(client.ask("NOOP").await, "250 2.0.0 done");
        sleep(STEP).await;
    }
}

#[tokio::test]
async fn a_message_has_a_time_in_all() {
    let running = Running::start(SmtpSettings { limits: hasty(), ..settings() });
    let mut client = Client::connect(running.address).await;
    client.begin().await;
    for _ in 0..100 {
        if client.try_send(b"a line that never ends it\r\n").await.is_err()
            || running.counters.read().too_slow > 0
        {
            break;
        }
        sleep(STEP).await;
    }
    assert_eq!(client.reply().await, "421 4.4.2 mx.example it comes too slowly");
    assert!(client.is_closed().await);
    assert_eq!(running.stored(), 0);
}

#[tokio::test]
async fn a_message_has_a_least_rate() {
    let limits = SmtpLimits {
        window_time: Duration::from_millis(200),
        window_octets: 1_000,
        ..SmtpLimits::default()
    };
    let running = Running::start(SmtpSettings { limits, ..settings() });
    let mut slow = Client::connect(running.address).await;
    let mut fast = Client::connect(running.address).await;
    slow.begin().await;
    fast.begin().await;
    let line = format!("{}\r\n", "x".repeat(500));
    for _ in 0..12 {
        let _ = slow.try_send(b"x\r\n").await;
        fast.send(&line).await;
        sleep(STEP).await;
    }
    assert_eq!(slow.reply().await, "421 4.4.2 mx.example it comes too slowly");
    assert_eq!(fast.ask(".").await, "250 2.6.0 stored");
    assert_eq!(running.stored(), 1);
}

#[tokio::test]
async fn a_session_does_not_last_for_ever() {
    let limits = SmtpLimits { session_time: Duration::from_millis(200), ..SmtpLimits::default() };
    let running = Running::start(SmtpSettings { limits, ..settings() });
    let mut client = Client::connect(running.address).await;
    let mut busy = Client::connect(running.address).await;
    busy.begin().await;
    assert_eq!(client.reply().await, "421 4.3.2 mx.example enough for one connection, come again");
    // A message is brought to its end.
    assert_eq!(busy.ask("text\r\n.").await, "250 2.6.0 stored");
    assert!(busy.reply().await.starts_with("421 4.3.2 "));
}
