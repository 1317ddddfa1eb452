//! MX hosts, before and inside TLS.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::IpAddr, sync::Arc, time::Duration};

use hickory_proto::rr::{RData, RecordType};
use sealpost_lab::Lab;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::client::{DEADLINE, addresses, ask, connect, reply, start, tls};

#[tokio::test]
async fn the_good_mx_host_speaks_starttls_at_every_address() {
    let lab = start().await;
    let addresses = addresses(&lab, "mx1.good.test.").await;
    assert!(!addresses.is_empty());
    for ip in addresses {
        let mut stream = connect(&lab, ip).await;
        let greeting = reply(&mut stream).await;
        let name = greeting.split(' ').nth(1).unwrap();
        assert!(greeting.starts_with("220 ") && name.ends_with(".test"), "{greeting}");
        stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
        let extensions = reply(&mut stream).await;
        assert!(extensions.starts_with(&format!("250-{name}\r\n")), "{extensions}");
        assert!(extensions.contains("250-STARTTLS\r\n"), "{extensions}");
        stream.write_all(b"STARTTLS\r\n").await.unwrap();
        assert!(reply(&mut stream).await.starts_with("220 "));
        let mut stream = tls(&lab, stream, "mx1.good.test").await.unwrap();
        stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
        let extensions = reply(&mut stream).await;
        assert!(extensions.starts_with(&format!("250-{name}\r\n")), "{extensions}");
        assert!(!extensions.contains("STARTTLS"), "{extensions}");
        stream.write_all(b"MAIL FROM:<>\r\n").await.unwrap();
        assert!(reply(&mut stream).await.starts_with("250 "));
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
        ("mx-greeting-nameless.test", "220 ESMTP ready/", "8BITMIME/|220 2.0.0 Go ahead/"),
        ("mx-ehlo-other-name.test", "220 mx1", "8BITMIME/|220 2.0.0 Go ahead/"),
        ("mx-starttls-masked.test", "220 mx1", "|502 5.5.1 Command not implemented/"),
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
    let masked = transcript(&lab, "mx-starttls-masked.test", &[plain]).await;
    assert!(masked.contains("250-XXXXXXXX/") && !masked.contains("STARTTLS"), "{masked}");
    let other = transcript(&lab, "mx-ehlo-other-name.test", &[plain]).await;
    assert!(other.contains("|250-internal.lab.test/"), "{other}");
}

/// A connection on which the handshake comes next.
async fn to_handshake(lab: &Lab, ip: IpAddr) -> TcpStream {
    let mut stream = connect(lab, ip).await;
    reply(&mut stream).await;
    for command in ["EHLO client.example.com\r\n", "STARTTLS\r\n"] {
        stream.write_all(command.as_bytes()).await.unwrap();
        reply(&mut stream).await;
    }
    stream
}

#[tokio::test]
async fn each_handshake_has_the_fault_of_its_name() {
    let lab = start().await;
    for (domain, expected) in [
        ("good-tls12.test", "ok"),
        ("mx-certificate-expired.test", "certificate expired"),
        ("mx-certificate-critical-extension.test", "UnsupportedCriticalExtension"),
        ("mx-certificate-self-signed-expired.test", "certificate expired"),
        ("mx-sni-ignored.test", "not valid for name"),
        ("mx-tls10.test", "ok"),
        ("mx-tls11.test", "ok"),
        ("mx-weak-suites.test", "ok"),
        ("mx-tls-alert.test", "HandshakeFailure"),
        ("mx-tls-version-alert.test", "ProtocolVersion"),
        ("mx-tls-old-only-intolerant.test", "ProtocolVersion"),
        ("mx-tls-old-only.test", "ProtocolVersion"),
        ("mx-tls-garbage.test", "corrupt message"),
        ("mx-tls-reset.test", "reset"),
    ] {
        for ip in addresses(&lab, &format!("mx1.{domain}.")).await {
            let stream = to_handshake(&lab, ip).await;
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

/// A ClientHello of this version with one cipher suite and no extension.
fn old_hello(version: [u8; 2], cipher_suite: [u8; 2]) -> Vec<u8> {
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41];
    hello.extend(version);
    hello.extend([7; 32]);
    hello.extend([0, 0, 2]);
    hello.extend(cipher_suite);
    hello.extend([1, 0]);
    hello
}

#[tokio::test]
async fn old_tls_is_chosen_by_those_who_speak_it() {
    const AES: [u8; 2] = [0, 0x2f];
    const TRIPLE_DES: [u8; 2] = [0, 0x0a];
    let lab = start().await;
    let refused = |alert: u8| vec![21, 3, 3, 0, 2, 2, alert];
    let (tls10, tls11, tls12) = ([3, 1], [3, 2], [3, 3]);
    // Everything or its beginning: the version of the record, and of the ServerHello.
    for (domain, version, cipher_suite, expected) in [
        ("mx-tls10.test", tls10, AES, vec![22, 3, 1]),
        ("mx-tls10.test", tls12, TRIPLE_DES, refused(40)),
        ("mx-tls11.test", tls11, AES, vec![22, 3, 2]),
        ("mx-tls11.test", tls10, AES, refused(70)),
        ("mx-weak-suites.test", tls12, TRIPLE_DES, vec![22, 3, 3]),
        ("mx-weak-suites.test", tls10, AES, refused(70)),
        ("mx-tls-old-only.test", tls12, AES, vec![22, 3, 1]),
        ("mx-tls-old-only-intolerant.test", tls12, AES, refused(70)),
        ("mx-tls-old-only-intolerant.test", tls10, AES, vec![22, 3, 1]),
        ("good.test", tls10, AES, vec![21]),
        ("good.test", tls12, TRIPLE_DES, vec![21]),
    ] {
        let ip = *addresses(&lab, &format!("mx1.{domain}.")).await.first().unwrap();
        let mut stream = to_handshake(&lab, ip).await;
        stream.write_all(&old_hello(version, cipher_suite)).await.unwrap();
        let mut answer = Vec::new();
        // The end may be hard.
        drop(timeout(DEADLINE, stream.read_to_end(&mut answer)).await.unwrap());
        assert!(answer.starts_with(&expected), "{domain} {version:?}: {answer:?}");
        if expected.len() == 3 {
            assert_eq!(answer[5], 2, "{domain}: no ServerHello");
            assert_eq!(answer[9..11], expected[1..3], "{domain}");
            assert_eq!(answer[44..46], cipher_suite, "{domain}");
            assert!(answer.ends_with(&[14, 0, 0, 0]), "{domain}: no ServerHelloDone");
        }
    }
}

/// The certificates shown at each address of an MX host, the host's own first.
async fn chains(lab: &Lab, domain: &str) -> Vec<Vec<Vec<u8>>> {
    let name = format!("mx1.{domain}");
    let mut chains = Vec::new();
    for ip in addresses(lab, &format!("{name}.")).await {
        let stream = tls(lab, to_handshake(lab, ip).await, &name).await.unwrap();
        let (_, session) = stream.get_ref();
        chains.push(session.peer_certificates().unwrap().iter().map(|der| der.to_vec()).collect());
    }
    chains
}

#[tokio::test]
async fn a_host_shows_one_certificate_unless_it_is_meant_to_show_two() {
    let lab = start().await;
    let good = chains(&lab, "good.test").await;
    assert!(!good.is_empty() && good.iter().all(|chain| *chain == good[0]));
    let two = chains(&lab, "good-two-addresses.test").await;
    assert_eq!(two.len(), 2);
    assert_eq!(two[0], two[1]);
    let different = chains(&lab, "mx-certificates-differ.test").await;
    assert_eq!(different.len(), 2);
    assert_ne!(different[0], different[1]);
}

#[tokio::test]
async fn tlsa_records_are_of_what_the_host_shows() {
    let lab = start().await;
    for (domain, numbers, place) in [
        ("dane-certificate.test", [3, 0, 1], Some(0)),
        ("dane-trust-anchor-root.test", [2, 0, 1], Some(2)),
        ("dane-mismatch-trust-anchor.test", [2, 0, 1], None),
    ] {
        let owner = format!("_25._tcp.mx1.{domain}.");
        let answer = ask(&lab, &owner, RecordType::TLSA).await.unwrap();
        let Some(RData::TLSA(tlsa)) = answer.answers.first().map(|record| &record.data) else {
            panic!("{domain}: {answer:?}");
        };
        let seen: [u8; 3] = [tlsa.cert_usage.into(), tlsa.selector.into(), tlsa.matching.into()];
        assert_eq!(seen, numbers, "{domain}");
        let chain = chains(&lab, domain).await.swap_remove(0);
        let fits = chain.iter().position(|der| Sha256::digest(der).to_vec() == tlsa.cert_data);
        assert_eq!(fits, place, "{domain}");
    }
}
