use std::time::Duration;

use sealpost_listen::{
    Sources,
    smtp::{SmtpLimits, SmtpSettings},
};

use crate::{
    client::Client,
    server::{Running, settings},
};

#[tokio::test]
async fn a_source_has_so_many_connections_and_hears_why() {
    let running = Running::start(SmtpSettings { sources: Sources::new(2), ..settings() });
    let mut first = Client::connect(running.address).await;
    let _second = Client::connect(running.address).await;
    let mut third = Client::silent(running.address).await;
    assert_eq!(third.reply().await, "421 mx.example too many connections from your address");
    assert!(third.is_closed().await);
    let mut other = Client::from("127.0.0.2", running.address).await;
    assert_eq!(other.reply().await, "220 mx.example ESMTP sealpost");
    assert_eq!(running.counters.read().crowded, 1);

    first.ask("QUIT").await;
    assert!(first.is_closed().await);
    drop((first, third));
    running.wait_for_silence_of_all_but(2).await;
    Client::connect(running.address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_at_once() {
    let running = Running::start(settings());
    let mut idle = Vec::new();
    for _ in 0..950 {
        idle.push(Client::connect(running.address).await);
    }
    let mut tasks = Vec::new();
    for number in 0..50 {
        let address = running.address;
        tasks.push(tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            for _ in 0..10 {
                let reply = client.message(&format!("message of {number}")).await;
                assert_eq!(reply, "250 2.6.0 stored");
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(running.stored(), 500);
    assert_eq!(idle.last_mut().unwrap().message("still served").await, "250 2.6.0 stored");
}

#[tokio::test]
async fn in_a_crowd_clients_are_hurried() {
    let limits =
        SmtpLimits { crowd: 2, hurried_time: Duration::from_millis(100), ..SmtpLimits::default() };
    let running = Running::start(SmtpSettings { limits, ..settings() });
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::connect(running.address).await);
    }
    for client in &mut clients {
        client.ask("NOOP").await;
    }
    // Two of them may think as long as they like, once the third has gone.
    assert_eq!(clients[0].reply().await, "421 4.4.2 mx.example nothing came for too long");
}

#[tokio::test]
async fn a_flood_of_commands_ends() {
    let running = Running::start(settings());
    for (command, most) in [("NOOP\r\n", 310), ("WHAT\r\n", 30), ("EHLO c\r\n", 310)] {
        let mut client = Client::connect(running.address).await;
        let _ = client.try_send(command.repeat(100_000).as_bytes()).await;
        let mut replies = 0;
        loop {
            let reply = client.reply().await;
            if reply.starts_with("421 4.7.0 ") {
                break;
            }
            replies += 1;
            assert!(!reply.is_empty() && replies <= most, "{command:?}: {reply}");
        }
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn a_flood_of_recipients_ends() {
    let running = Running::start(settings());
    let mut client = Client::connect(running.address).await;
    let recipients: String =
        (0..1_000).map(|number| format!("RCPT TO:<guess{number}@mx.example>\r\n")).collect();
    client.send(&format!("EHLO c\r\nMAIL FROM:<>\r\n{recipients}")).await;
    while !client.reply().await.starts_with("421 4.7.0 ") {}
    running.wait_for_silence_of_all_but(1).await;
    assert!(running.counters.read().recipients_refused <= 21);
}
