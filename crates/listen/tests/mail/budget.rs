use sealpost_listen::{
    Budget,
    smtp::{SessionLimits, SmtpSettings},
};

use crate::{
    client::Client,
    server::{Running, settings},
};

const BUSY: &str = "452 4.3.1 too much mail at once, try again later";

#[tokio::test]
async fn a_message_without_room_is_put_off() {
    let budget = Budget::new(300_000);
    let running = Running::start(SmtpSettings { budget: budget.clone(), ..settings() });
    let mut first = Client::connect(running.address).await;
    let mut second = Client::connect(running.address).await;
    let line = format!("{}\r\n", "x".repeat(998));

    // SIZE is never more than could ever be held.
    assert!(first.ask("EHLO c").await.contains("|250-SIZE 300000|"));

    // What one holds the other cannot have.
    first.begin().await;
    first.send(&line.repeat(200)).await;
    while budget.taken() < 200_000 {
        tokio::task::yield_now().await;
    }
    second.begin().await;
    second.send(&line.repeat(150)).await;
    assert_eq!(second.ask(".").await, BUSY);
    second.ask("MAIL FROM:<> SIZE=150000").await;
    second.ask("RCPT TO:<tls@mx.example>").await;
    assert_eq!(second.ask("DATA").await, BUSY);

    assert_eq!(first.ask(".").await, "250 2.6.0 stored");
    assert_eq!(budget.taken(), 0);
    assert_eq!(second.message(&line.repeat(150)).await, "250 2.6.0 stored");
    assert_eq!(running.counters.read().without_room, 2);
}

#[tokio::test]
async fn memory_counts_until_the_message_is_stored() {
    let budget = Budget::new(1 << 20);
    let running = Running::start(SmtpSettings { budget: budget.clone(), ..settings() });
    let mut client = Client::connect(running.address).await;
    client.begin().await;
    client.send(&format!("wait\r\n{}.\r\n", format!("{}\r\n", "x".repeat(98)).repeat(1_000))).await;
    running.wait_for_message().await;
    assert!((100_000..400_000).contains(&budget.taken()), "{}", budget.taken());
    running.seen.release.notify_one();
    assert_eq!(client.reply().await, "250 2.6.0 stored");
    assert_eq!(budget.taken(), 0);
}

#[tokio::test]
async fn a_client_that_goes_leaves_nothing_behind() {
    let budget = Budget::new(1 << 20);
    let session = SessionLimits::default();
    let running = Running::start(SmtpSettings { budget: budget.clone(), session, ..settings() });
    let mut client = Client::connect(running.address).await;
    client.begin().await;
    client.send(&"x".repeat(100_000)).await;
    while budget.taken() < 100_000 {
        tokio::task::yield_now().await;
    }
    drop(client);
    running.wait_for_silence().await;
    assert_eq!((budget.taken(), running.stored(), running.counters.read().open), (0, 0, 0));
}
