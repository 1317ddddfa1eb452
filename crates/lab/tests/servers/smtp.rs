//! MX hosts, before and inside TLS.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use sealpost_lab::Lab;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::client::{addresses, connect, reply, start, tls};

#[tokio::test]
async fn the_good_mx_host_speaks_starttls_at_every_address() {
    let lab = start().await;
    let addresses = addresses(&lab, "mx1.good.test.").await;
    assert!(!addresses.is_empty());
    for ip in addresses {
        let mut stream = connect(&lab, ip).await;
        assert!(reply(&mut stream).await.starts_with("220 "));
        stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
        assert!(reply(&mut stream).await.contains("250-STARTTLS\r\n"));
        stream.write_all(b"STARTTLS\r\n").await.unwrap();
        assert!(reply(&mut stream).await.starts_with("220 "));
        let mut stream = tls(&lab, stream, "mx1.good.test").await.unwrap();
        stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
        let extensions = reply(&mut stream).await;
        assert!(extensions.contains("mx1.good.test") && !extensions.contains("STARTTLS"));
        stream.write_all(b"MAIL FROM:<>\r\n").await.unwrap();
        assert!(reply(&mut stream).await.starts_with("550 "));
        stream.write_all(b"QUIT\r\n").await.unwrap();
        assert!(reply(&mut stream).await.starts_with("221 "));
    }
}

/// What the MX host says, command by command, until it says no more.
async fn transcript(lab: &Lab, domain: &str, commands: &[&str]) -> String {
    let ip = *addresses(lab, &format!("mx1.{domain}.")).await.first().unwrap();
    let mut stream = connect(lab, ip).await;
    let mut heard = listen(&mut stream).await;
    for command in commands {
        if stream.write_all(command.as_bytes()).await.is_err() {
            break;
        }
        heard.push('|');
        heard.push_str(&listen(&mut stream).await);
    }
    heard
}

/// Everything that comes before a pause, and `closed` at the end of the connection.
async fn listen(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut octets = [0_u8; 1024];
    while let Ok(read) = timeout(Duration::from_millis(1200), stream.read(&mut octets)).await {
        match read {
            Ok(0) | Err(_) => {
                heard.extend(b"closed");
                break;
            }
            Ok(length) => heard.extend(octets.iter().take(length)),
        }
        if heard.len() > 4096 {
            break;
        }
    }
    String::from_utf8_lossy(&heard).replace("\r\n", "/")
}

#[tokio::test]
async fn each_dialogue_has_the_fault_of_its_name() {
    let lab = Arc::new(start().await);
    let plain = "EHLO client.example.com\r\n";
    // Side by side, since half of them is silence.
    let mut dialogues = JoinSet::new();
    for (domain, start, end) in [
        ("good-smtp-unusual.test", "220-", "starttls/|220 2.0.0 Go ahead/"),
        ("good-smtp-unhurried.test", "220 ", "8BITMIME/|220 2.0.0 Go ahead/"),
        ("mx-greeting-554.test", "554 ", "|503 5.5.1 No service here/"),
        ("mx-greeting-421.test", "421 ", "later/closed|closed|closed"),
        ("mx-ehlo-refused.test", "220 ", "|502 5.5.1 Command not implemented/"),
        ("mx-no-starttls.test", "220 ", "8BITMIME/|502 5.5.1 Command not implemented/"),
        ("mx-starttls-454.test", "220 ", "8BITMIME/|454 4.7.0 TLS not available/"),
        ("mx-starttls-injection.test", "220 ", "Go ahead/250 2.1.0 Spoken too early/"),
        ("mx-not-smtp.test", "SSH-2.0", "/closed|closed|closed"),
        ("mx-closes-after-ehlo.test", "220 ", "ESMTP/|closed|closed"),
        ("mx-silent.test", "|", "|"),
        ("mx-silent-after-ehlo.test", "220 ", "ESMTP/||"),
    ] {
        let lab = Arc::clone(&lab);
        dialogues.spawn(async move {
            let heard = transcript(&lab, domain, &[plain, "STARTTLS\r\n"]).await;
            assert!(heard.starts_with(start) && heard.ends_with(end), "{domain}: {heard}");
        });
    }
    while let Some(dialogue) = dialogues.join_next().await {
        dialogue.unwrap();
    }
    let no_offer = transcript(&lab, "mx-no-starttls.test", &[plain]).await;
    assert!(!no_offer.contains("STARTTLS"), "{no_offer}");
}

#[tokio::test]
async fn each_handshake_has_the_fault_of_its_name() {
    let lab = start().await;
    for (domain, expected) in [
        ("good-tls12.test", "ok"),
        ("mx-certificate-expired.test", "certificate expired"),
        ("mx-certificate-critical-extension.test", "UnsupportedCriticalExtension"),
        ("mx-certificate-self-signed-expired.test", "certificate expired"),
        ("mx-tls-alert.test", "HandshakeFailure"),
        ("mx-tls-old-only.test", "ProtocolVersion"),
        ("mx-tls-garbage.test", "corrupt message"),
        ("mx-tls-reset.test", "reset"),
    ] {
        for ip in addresses(&lab, &format!("mx1.{domain}.")).await {
            let mut stream = connect(&lab, ip).await;
            reply(&mut stream).await;
            for command in ["EHLO client.example.com\r\n", "STARTTLS\r\n"] {
                stream.write_all(command.as_bytes()).await.unwrap();
                reply(&mut stream).await;
            }
            let seen = match tls(&lab, stream, &format!("mx1.{domain}")).await {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(seen.contains(expected), "{domain} at {ip}: {seen}");
        }
    }
}

#[tokio::test]
async fn a_client_that_speaks_before_the_handshake_is_dropped() {
    let lab = start().await;
    let pipelined = "EHLO client.example.com\r\nSTARTTLS\r\nMAIL FROM:<>\r\n";
    let heard = transcript(&lab, "good.test", &[pipelined]).await;
    assert!(heard.ends_with("220 2.0.0 Go ahead/closed"), "{heard}");
}
