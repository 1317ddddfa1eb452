use std::time::Duration;

use sealpost_listen::{
    Limits, Listener, Peer, SocketMode,
    smtp::{Protocol, SessionLimits, SmtpLimits, SmtpSettings},
};

use tokio::{io::BufStream, net::UnixStream};

use crate::{
    client::Client,
    server::{Running, hasty, settings},
};

#[test]
fn the_limits_are_as_documented() {
    let limits = SmtpLimits::default();
    let times = [
        limits.command_time,
        limits.hurried_time,
        limits.message_time,
        limits.window_time,
        limits.answer_time,
        limits.store_time,
        limits.write_time,
        limits.handshake_time,
        limits.session_time,
    ];
    assert_eq!(times.map(|time| time.as_secs()), [300, 20, 900, 180, 30, 300, 30, 30, 3600]);
    assert_eq!((limits.crowd, limits.window_octets), (500, 32 * 1024));
}

#[tokio::test]
async fn a_message_is_taken() {
    let running = Running::start(settings());
    let mut client = Client::connect(running.address).await;
    let offers = client.ask("EHLO c.example").await;
    assert!(offers.contains("|250-SIZE 26214400|") && !offers.contains("STARTTLS"), "{offers}");
    assert_eq!(client.ask("MAIL FROM:<a@b.example>").await, "250 2.1.0 sender noted");
    assert_eq!(client.ask("RCPT TO:<x@mx.example>").await, "550 5.1.1 no such mailbox here");
    let relayed = client.ask("RCPT TO:<x@elsewhere.example>").await;
    assert_eq!(relayed, "550 5.7.1 mail to this domain is not taken here");
    assert_eq!(client.ask("RCPT TO:<tls@mx.example>").await, "250 2.1.5 recipient accepted");
    assert!(client.ask("DATA").await.starts_with("354 "));
    assert_eq!(client.ask("Subject: x\r\n\r\n..dot\r\n.").await, "250 2.6.0 stored");
    assert_eq!(client.ask("QUIT").await, "221 2.0.0 good bye");
    assert!(client.is_closed().await);

    let stored = running.seen.stored.lock().unwrap();
    let (message, peer) = &stored[0];
    assert_eq!(message.octets, b"Subject: x\r\n\r\n.dot\r\n");
    assert_eq!(message.envelope.sender.as_str(), "a@b.example");
    assert!(matches!(peer, Peer::Tcp(address) if address.ip().is_loopback()));
    let counts = running.counters.read();
    assert_eq!((counts.sessions, counts.stored, counts.octets), (1, 1, 20));
    assert_eq!((counts.recipients_accepted, counts.recipients_refused), (1, 2));
}

#[tokio::test]
async fn the_service_decides() {
    let running = Running::start(settings());
    let mut client = Client::connect(running.address).await;
    assert_eq!(client.message("named").await, "250 2.6.0 stored as abc123");
    assert_eq!(client.message("full").await, "452 4.3.1 no room to store it, try again later");
    assert_eq!(client.message("spam").await, "550 5.7.1 the message is not wanted");
    client.ask("MAIL FROM:<later@b.example>").await;
    client.ask("RCPT TO:<tls@mx.example>").await;
    assert_eq!(client.ask("DATA").await, "451 4.3.0 not now, try again later");
    let counts = running.counters.read();
    assert_eq!((counts.stored, counts.deferred, counts.refused), (1, 1, 1));
}

#[tokio::test]
async fn lmtp_answers_for_each_recipient() {
    let running = Running::start(SmtpSettings { protocol: Protocol::Lmtp, ..settings() });
    let mut client = Client::silent(running.address).await;
    assert_eq!(client.reply().await, "220 mx.example LMTP sealpost");
    let commands = "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<tls@mx.example>\r\n\
        RCPT TO:<x@mx.example>\r\nRCPT TO:<other@mx.example>\r\nDATA\r\n";
    client.send(commands).await;
    for expected in ["250-", "250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "354 "] {
        assert!(client.reply().await.starts_with(expected), "{expected}");
    }
    client.send("named\r\n.\r\nQUIT\r\n").await;
    assert_eq!(client.reply().await, "250 2.6.0 stored as abc123");
    assert_eq!(client.reply().await, "250 2.6.0 stored as abc123");
    assert_eq!(client.reply().await, "221 2.0.0 good bye");
    assert_eq!(running.stored(), 1);
}

#[tokio::test]
async fn lmtp_goes_through_a_socket_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("lmtp.sock");
    let listener = Listener::unix(&path, SocketMode::GROUP).await.unwrap();
    let settings = SmtpSettings { protocol: Protocol::Lmtp, ..settings() };
    let running = Running::start_at(listener, settings, Limits::default());
    let mut client = Client(BufStream::new(UnixStream::connect(&path).await.unwrap()));
    assert_eq!(client.reply().await, "220 mx.example LMTP sealpost");
    client.ask("LHLO c").await;
    client.ask("MAIL FROM:<>").await;
    client.ask("RCPT TO:<tls@mx.example>").await;
    client.ask("DATA").await;
    assert_eq!(client.ask("text\r\n.").await, "250 2.6.0 stored");
    assert_eq!(running.seen.stored.lock().unwrap()[0].1, Peer::Unix);
}

#[tokio::test]
async fn many_messages_go_through_one_connection() {
    let running = Running::start(settings());
    let mut client = Client::connect(running.address).await;
    for count in 0..200 {
        assert_eq!(client.message(&format!("message {count}")).await, "250 2.6.0 stored");
    }
    assert_eq!(running.stored(), 200);
}

#[tokio::test]
async fn a_service_that_hangs_is_not_waited_for() {
    let running = Running::start(SmtpSettings { limits: hasty(), ..settings() });
    let mut client = Client::connect(running.address).await;
    assert_eq!(client.message("hang").await, "451 4.3.0 not stored, try again later");
    client.ask("MAIL FROM:<>").await;
    let reply = client.ask("RCPT TO:<hang@mx.example>").await;
    assert_eq!(reply, "451 4.3.0 not now, try again later");
    assert_eq!(running.stored(), 0);
}

#[tokio::test]
async fn a_service_that_panics_acknowledges_nothing() {
    let running = Running::start(settings());
    let mut client = Client::connect(running.address).await;
    client.begin().await;
    client.send("panic\r\n.\r\n").await;
    assert!(client.is_closed().await);
    let mut client = Client::connect(running.address).await;
    assert_eq!(client.message("after it").await, "250 2.6.0 stored");
    running.wait_for_silence_of_all_but(1).await;
    assert_eq!(running.server.counts().panicked, 1);
    assert_eq!(running.counters.read().open, 1);
}

/// The client sends and sends; the reply must reach it all the same.
#[tokio::test]
async fn a_message_that_is_too_large_is_read_to_its_end() {
    let session = SessionLimits { message_octets: 100_000, ..SessionLimits::default() };
    let running = Running::start(SmtpSettings { session, ..settings() });
    let mut client = Client::connect(running.address).await;
    client.begin().await;
    let line = format!("{}\r\n", "x".repeat(98));
    client.send(&line.repeat(20_000)).await;
    let expected = "552 5.3.4 the message is larger than SIZE allows";
    assert_eq!(client.ask(".").await, expected);
    assert_eq!(client.message("small").await, "250 2.6.0 stored");

    // Without end it is not read without end, and the refusal is heard.
    let session = SessionLimits { excess_octets: 100_000, ..session };
    let running = Running::start(SmtpSettings { session, ..settings() });
    let mut client = Client::connect(running.address).await;
    client.begin().await;
    let _ = client.try_send(line.repeat(10_000).as_bytes()).await;
    assert_eq!(client.reply().await, expected);
    assert!(client.reply().await.starts_with("421 "));
    assert!(client.is_closed().await);
    running.wait_for_silence_of_all_but(1).await;
    let counts = running.counters.read();
    assert_eq!((counts.too_large, counts.misbehaved, counts.stored), (1, 1, 0));
}

#[tokio::test]
async fn what_ends_a_session_is_heard() {
    let running = Running::start(settings());
    for (sent, expected) in [
        ("GET / HTTP/1.1\r\nHost: mx.example\r\n\r\n", "500 5.5.1 unknown command"),
        ("EHLO c\nQUIT\n", "500 5.5.2 a line ends with CR LF, not with LF alone"),
        (&"x".repeat(16_000_000), "500 5.5.2 the line is too long"),
    ] {
        let mut client = Client::connect(running.address).await;
        // All of it can be sent, more than the kernel holds: many clients do not look for a reply
        // after a broken write.
        client.send(sent).await;
        assert_eq!(client.reply().await, expected);
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn who_does_not_read_loses_the_connection() {
    let limits = SmtpLimits { write_time: Duration::from_millis(200), ..SmtpLimits::default() };
    let session =
        SessionLimits { idle_commands: usize::MAX, errors: usize::MAX, ..SessionLimits::default() };
    let running = Running::start(SmtpSettings { limits, session, ..settings() });
    let mut client = Client::silent(running.address).await;
    // More replies than all buffers of the kernel take.
    let help = b"HELP\r\n".repeat(10_000);
    for _ in 0..100 {
        if client.try_send(&help).await.is_err() {
            break;
        }
    }
    running.wait_for_silence().await;
}
