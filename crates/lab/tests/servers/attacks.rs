//! Each attack as a client sees it: on, the world is another; off, it is as before.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "these clients are not sealpost's")]

use std::net::{IpAddr, SocketAddr};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, RecordType},
};
use sealpost_lab::{Attack, AttackError, Control, Lab, TakenBy};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::client::{
    Dnssec, addresses, ask, ask_about, connect, fetch, reply, start, tls, tls_untrusting,
};

/// What a sender meets at the first address of a host: how far it comes towards TLS.
async fn meet(lab: &Lab, host: &str) -> String {
    let ip = *addresses(lab, &format!("{host}.")).await.first().unwrap();
    meet_at(lab, ip, host).await
}

async fn meet_at(lab: &Lab, ip: IpAddr, host: &str) -> String {
    let mut stream = connect(lab, ip).await;
    if stream.peek(&mut [0]).await.is_err() {
        return "reset".to_owned();
    }
    reply(&mut stream).await;
    stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
    if !reply(&mut stream).await.contains("STARTTLS") {
        return "no STARTTLS".to_owned();
    }
    stream.write_all(b"STARTTLS\r\n").await.unwrap();
    let answer = reply(&mut stream).await;
    if !answer.starts_with("220") {
        return answer;
    }
    match tls(lab, stream, host).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn sessions_are_attacked_and_then_are_not() {
    let lab = start().await;
    let (domain, host) = ("victim-unsigned.test", "mx1.victim-unsigned.test");
    for (attack, expected) in [
        (Attack::StartTlsStripped, "no STARTTLS"),
        (Attack::StartTlsRefused, "454 4.7.0"),
        (Attack::HandshakeReset, "reset"),
        (Attack::OldTlsOnly, "ProtocolVersion"),
        (Attack::CertificateSelfSigned, "UnknownIssuer"),
        (Attack::SessionReused, "UnknownIssuer"),
        (Attack::CertificateOtherName, "not valid for name"),
        (Attack::CertificateMisIssued, "ok"),
        (Attack::MxBackupOutside, "reset"),
    ] {
        for whom in [domain, "*"] {
            lab.attack(attack, whom).unwrap();
            let seen = meet(&lab, host).await;
            assert!(seen.contains(expected), "{attack}: {seen}");
            let other = meet(&lab, "mx1.victim-signed.test").await;
            assert_eq!(other == "ok", whom == domain || expected == "ok", "{attack}: {other}");
            lab.cease(attack, whom);
            assert_eq!(meet(&lab, host).await, "ok", "{attack} goes on");
        }
    }
}

/// A host on IPv6 shares its address with all others, so it has none while it is attacked.
#[tokio::test]
async fn nobody_gets_round_the_attacker_on_ipv6() {
    let lab = start().await;
    let before = addresses(&lab, "mx1.good.test.").await;
    lab.attack(Attack::StartTlsStripped, "good.test").unwrap();
    let during = addresses(&lab, "mx1.good.test.").await;
    assert!(during.iter().all(IpAddr::is_ipv4) && !during.is_empty());
    let denial = ask_about(&lab, "mx1.good.test.", RecordType::AAAA, Dnssec::Ok).await.unwrap();
    assert!(
        denial.metadata.authentic_data && denial.metadata.response_code == ResponseCode::NoError
    );
    for ip in during {
        assert_eq!(meet_at(&lab, ip, "mx1.good.test").await, "no STARTTLS");
    }
    if let Some(ip) = before.iter().find(|ip| ip.is_ipv6()) {
        assert_ne!(meet_at(&lab, *ip, "mx1.good.test").await, "ok");
        assert_eq!(meet_at(&lab, *ip, "mx1.good-two-mx.test").await, "ok");
    }
    lab.cease(Attack::StartTlsStripped, "good.test");
    assert_eq!(addresses(&lab, "mx1.good.test.").await, before);
}

#[tokio::test]
async fn the_mis_issued_certificate_is_not_what_tlsa_records_are_of() {
    let lab = start().await;
    let host = "mx1.victim-dane.test";
    let fits = async || {
        let answer = ask(&lab, &format!("_25._tcp.{host}."), RecordType::TLSA).await.unwrap();
        let Some(RData::TLSA(tlsa)) = answer.answers.first().map(|record| record.data.clone())
        else {
            panic!("{answer:?}")
        };
        let ip = *addresses(&lab, &format!("{host}.")).await.first().unwrap();
        let mut stream = connect(&lab, ip).await;
        reply(&mut stream).await;
        stream.write_all(b"STARTTLS\r\n").await.unwrap();
        reply(&mut stream).await;
        let stream = tls(&lab, stream, host).await.unwrap();
        let (_, session) = stream.get_ref();
        let leaf = session.peer_certificates().unwrap().first().unwrap().to_vec();
        let digest = |octets: &[u8]| Sha256::digest(octets).to_vec();
        // P-256 keys: a SubjectPublicKeyInfo has 91 octets.
        leaf.windows(91).any(|window| digest(window) == tlsa.cert_data)
    };
    assert!(fits().await);
    lab.attack(Attack::CertificateMisIssued, "victim-dane.test").unwrap();
    assert!(!fits().await);
    lab.cease_all();
    assert!(fits().await);
}

/// Sends a message to the first address of a host, in plaintext or inside unverified TLS.
async fn deliver(lab: &Lab, host: &str, recipient: &str, with_tls: &str) {
    let ip = *addresses(lab, &format!("{host}.")).await.first().unwrap();
    let message = format!("MAIL FROM:<>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
    let mut stream = connect(lab, ip).await;
    reply(&mut stream).await;
    if with_tls == "plaintext" {
        send_message(&mut stream, &message).await;
        return;
    }
    stream.write_all(b"STARTTLS\r\n").await.unwrap();
    reply(&mut stream).await;
    let mut stream = tls_untrusting(stream, host).await.unwrap();
    send_message(&mut stream, &message).await;
}

async fn send_message<S>(stream: &mut S, message: &str)
where
    S: tokio::io::AsyncRead + AsyncWriteExt + Unpin,
{
    stream.write_all(message.as_bytes()).await.unwrap();
    for code in ["250", "250", "354"] {
        assert!(reply(stream).await.starts_with(code));
    }
    stream.write_all(b"secret\r\n.\r\n").await.unwrap();
    assert!(reply(stream).await.starts_with("250"));
}

#[tokio::test]
async fn whatever_reaches_the_attacker_is_written_down_as_his() {
    let lab = start().await;
    let to = "a@victim-unsigned.test";
    let last = || {
        let delivery = lab.deliveries().pop().unwrap();
        (delivery.host, delivery.by, delivery.tls.is_some())
    };
    let own = "mx1.victim-unsigned.test";
    deliver(&lab, own, to, "tls").await;
    assert_eq!(last(), (own.to_owned(), TakenBy::Owner, true));
    deliver(&lab, "mx.attacker.test", to, "tls").await;
    assert_eq!(last(), ("mx.attacker.test".to_owned(), TakenBy::Attacker, true));
    for (attack, with_tls) in [
        (Attack::StartTlsStripped, "plaintext"),
        (Attack::HandshakeReset, "plaintext"),
        (Attack::OldTlsOnly, "plaintext"),
        (Attack::CertificateSelfSigned, "tls"),
        (Attack::CertificateMisIssued, "tls"),
    ] {
        lab.attack(attack, "victim-unsigned.test").unwrap();
        deliver(&lab, own, to, with_tls).await;
        assert_eq!(last(), (own.to_owned(), TakenBy::Attacker, with_tls == "tls"), "{attack}");
        lab.cease_all();
    }
    deliver(&lab, own, to, "plaintext").await;
    assert_eq!(last(), (own.to_owned(), TakenBy::Owner, false));
    let lines = fs_err::read_to_string(lab.deliveries_file()).unwrap();
    assert_eq!(lines.matches("\"by\":\"attacker\"}\n").count(), 6);
}

/// The names in a domain's MX records, as a client sees them that leaves validation to the DNS.
async fn exchanges(lab: &Lab, domain: &str) -> Vec<String> {
    let answer = ask(lab, &format!("{domain}."), RecordType::MX).await.unwrap();
    if answer.metadata.response_code != ResponseCode::NoError {
        return vec![answer.metadata.response_code.to_str().to_owned()];
    }
    let exchange = |data: &RData| match data {
        RData::MX(mx) => Some(mx.exchange.to_ascii().trim_end_matches('.').to_owned()),
        _ => None,
    };
    answer.answers.iter().filter_map(|record| exchange(&record.data)).collect()
}

#[tokio::test]
async fn forged_mx_records_lead_astray_where_nobody_signs() {
    let lab = start().await;
    for (attack, domain, expected, seen_there) in [
        (Attack::MxForged, "victim-two-mx.test", vec!["mx.attacker.test"], "ok"),
        (
            Attack::MxNameForged,
            "victim-two-mx.test",
            vec!["primary.victim-two-mx.test"],
            "not valid for name",
        ),
        (
            Attack::MxNameForged,
            "victim-wildcard.test",
            vec!["forged.mail.victim-wildcard.test"],
            "not valid for name",
        ),
        (
            Attack::MxTwoLabels,
            "victim-wildcard.test",
            vec!["a.forged.mail.victim-wildcard.test"],
            "ok",
        ),
        (
            Attack::MxBackupOutside,
            "victim-two-mx.test",
            vec!["primary.victim-two-mx.test", "backup.victim-two-mx.test", "mx.attacker.test"],
            "reset",
        ),
        (Attack::AdSpoofed, "victim-two-mx.test", vec!["mx.attacker.test"], "ok"),
    ] {
        let before = exchanges(&lab, domain).await;
        lab.attack(attack, domain).unwrap();
        assert_eq!(exchanges(&lab, domain).await, expected, "{attack}");
        // An address on IPv4 and none on IPv6, which is not the same as no such name.
        let ipv6 = ask(&lab, &format!("{}.", expected[0]), RecordType::AAAA).await.unwrap();
        assert_eq!(ipv6.metadata.response_code, ResponseCode::NoError, "{attack}");
        let seen = meet(&lab, expected[0]).await;
        assert!(seen.contains(seen_there), "{attack}: {seen}");
        assert!(
            !exchanges(&lab, "victim-unsigned.test").await.contains(&"mx.attacker.test".into())
        );
        lab.cease(attack, domain);
        assert_eq!(exchanges(&lab, domain).await, before, "{attack} goes on");
        assert_eq!(meet(&lab, &before[0]).await, "ok", "{attack} goes on");
    }
}

/// Whether an answer has the AD bit, and whether any record in it is signed.
fn proof(answer: &Message) -> (bool, bool) {
    let mut records = answer.answers.iter().chain(&answer.authorities);
    let is_signed = records.any(|record| record.record_type() == RecordType::RRSIG);
    (answer.metadata.authentic_data, is_signed)
}

#[tokio::test]
async fn a_validator_notices_what_is_forged_in_a_signed_zone() {
    let lab = start().await;
    let domain = "victim-dane.test";
    let (mx, txt, tlsa) =
        ("victim-dane.test.", "_mta-sts.victim-dane.test.", "_25._tcp.mx1.victim-dane.test.");
    for (attack, name, record_type) in [
        (Attack::MxForged, mx, RecordType::MX),
        (Attack::MxBackupOutside, mx, RecordType::MX),
        (Attack::StsRecordDenied, txt, RecordType::TXT),
        (Attack::StsRecordSecond, txt, RecordType::TXT),
        (Attack::StsIdForged, txt, RecordType::TXT),
        (Attack::TlsaDenied, tlsa, RecordType::TLSA),
        (Attack::RrsigExpired, tlsa, RecordType::TLSA),
        (Attack::RrsigExpired, mx, RecordType::MX),
    ] {
        let answer = async |dnssec| ask_about(&lab, name, record_type, dnssec).await.unwrap();
        let code = |answer: &Message| answer.metadata.response_code;
        assert_eq!(proof(&answer(Dnssec::Ok).await), (true, true));
        lab.attack(attack, domain).unwrap();
        assert_eq!(code(&answer(Dnssec::Ok).await), ResponseCode::ServFail, "{attack}");
        let raw = answer(Dnssec::CheckingDisabled).await;
        let is_denied = matches!(attack, Attack::StsRecordDenied | Attack::TlsaDenied);
        assert_eq!(code(&raw) == ResponseCode::NXDomain, is_denied, "{attack}");
        // Only the signatures of the past are there at all.
        assert_eq!(proof(&raw), (false, attack == Attack::RrsigExpired), "{attack}");
        lab.cease(attack, domain);
        assert_eq!(proof(&answer(Dnssec::Ok).await), (true, true), "{attack} goes on");
    }
    lab.attack(Attack::AdSpoofed, domain).unwrap();
    for (name, record_type) in [(mx, RecordType::MX), (tlsa, RecordType::TLSA)] {
        for dnssec in [Dnssec::Ok, Dnssec::CheckingDisabled, Dnssec::Unaware] {
            let answer = ask_about(&lab, name, record_type, dnssec).await.unwrap();
            assert_eq!(proof(&answer), (true, false), "{name}");
            assert!(!answer.answers.is_empty());
        }
    }
}

/// The texts at the name of the STS record; `None` where nobody answers.
async fn sts_records(lab: &Lab, domain: &str) -> Option<Vec<String>> {
    let answer = ask(lab, &format!("_mta-sts.{domain}."), RecordType::TXT).await?;
    Some(answer.answers.iter().map(|record| record.data.to_string()).collect())
}

#[tokio::test]
async fn sts_records_and_tlsa_records_vanish_and_multiply() {
    let lab = start().await;
    let domain = "victim-unsigned.test";
    let before = sts_records(&lab, domain).await.unwrap();
    assert_eq!(before.len(), 1);
    lab.attack(Attack::StsRecordDenied, domain).unwrap();
    assert_eq!(sts_records(&lab, domain).await.unwrap(), [""; 0]);
    lab.cease_all();
    lab.attack(Attack::StsRecordDropped, domain).unwrap();
    assert_eq!(sts_records(&lab, domain).await, None);
    lab.cease_all();
    lab.attack(Attack::StsRecordSecond, domain).unwrap();
    let both = sts_records(&lab, domain).await.unwrap();
    assert!(both.len() == 2 && both[0] == before[0] && both[1].contains("id=forged"), "{both:?}");
    lab.cease_all();
    for attack in [Attack::StsIdForged, Attack::PolicyNone] {
        lab.attack(attack, domain).unwrap();
        let forged = sts_records(&lab, domain).await.unwrap();
        assert!(forged.len() == 1 && forged[0].contains("id=forged"), "{forged:?}");
        lab.cease_all();
    }
    assert_eq!(sts_records(&lab, domain).await.unwrap(), before);

    let tlsa = "_25._tcp.mx1.victim-dane.test.";
    lab.attack(Attack::TlsaDropped, "victim-dane.test").unwrap();
    assert!(ask(&lab, tlsa, RecordType::TLSA).await.is_none());
    assert_eq!(addresses(&lab, "mx1.victim-dane.test.").await.len(), 1);
    assert_eq!(exchanges(&lab, "victim-dane.test").await.len(), 2);
    lab.cease_all();
    assert_eq!(ask(&lab, tlsa, RecordType::TLSA).await.unwrap().answers.len(), 1);
}

#[tokio::test]
async fn policies_are_cut_replayed_and_kept_away() {
    let lab = start().await;
    let domain = "victim-two-mx.test";
    let ip = *addresses(&lab, "mta-sts.victim-two-mx.test.").await.first().unwrap();
    let seen = async || match fetch(&lab, ip, domain).await {
        Ok(reply) => reply,
        Err(error) => error.to_string(),
    };
    let before = seen().await;
    assert!(before.ends_with("max_age: 864000\r\n"), "{before}");
    for (attack, expected) in [
        (
            Attack::PolicyRedirected,
            "301 Moved Permanently\r\nContent-Type: text/plain\r\nLocation: https://mta-sts.attacker.test:",
        ),
        (Attack::PolicyCutMaxAge, "close_notify"),
        (Attack::PolicyCutMx, "close_notify"),
        (Attack::PolicyNone, "UnknownIssuer"),
        (Attack::PolicyReplayed, "certificate expired"),
        (Attack::StsIdForged, "reset"),
    ] {
        lab.attack(attack, domain).unwrap();
        let reply = seen().await;
        assert!(reply.contains(expected), "{attack}: {reply}");
        lab.cease(attack, domain);
        assert_eq!(seen().await, before, "{attack} goes on");
    }
    // What a client takes that does not mind the end of the connection, and no certificate.
    for (attack, end) in [
        (Attack::PolicyCutMaxAge, "\r\nmax_age: 8"),
        (Attack::PolicyCutMx, "max_age: 864000\r\nmx: primary.victim-two-mx.test\r\n"),
        (Attack::PolicyNone, "mode: none\r\nmax_age: 86400\r\n"),
        (
            Attack::PolicyReplayed,
            "mode: testing\r\nmx: mx-old.victim-two-mx.test\r\nmax_age: 604800\r\n",
        ),
    ] {
        lab.attack(attack, domain).unwrap();
        let stream = TcpStream::connect(SocketAddr::new(ip, lab.https_port())).await.unwrap();
        let host = format!("mta-sts.{domain}");
        let mut stream = tls_untrusting(stream, &host).await.unwrap();
        let request = format!("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut octets = Vec::new();
        drop(tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut octets).await);
        let text = String::from_utf8(octets).unwrap();
        assert!(text.ends_with(end), "{attack}: {text}");
        lab.cease_all();
    }
    let attacker = fetch(&lab, "127.66.0.66".parse().unwrap(), "attacker.test").await.unwrap();
    assert!(attacker.contains("mode: none"), "{attacker}");

    lab.attack(Attack::HttpsBlocked, domain).unwrap();
    let stream = TcpStream::connect(SocketAddr::new(ip, lab.https_port())).await.unwrap();
    let shaking = tls_untrusting(stream, "mta-sts.victim-two-mx.test");
    let waited = tokio::time::timeout(std::time::Duration::from_secs(1), shaking).await;
    assert!(waited.is_err(), "something came back");
    lab.cease_all();
    assert_eq!(seen().await, before);
}

#[tokio::test]
async fn the_dns_is_late_or_blocked_for_some_or_for_all() {
    let lab = start().await;
    let answers = async |name: &str| ask(&lab, name, RecordType::MX).await.is_some();
    for attack in [Attack::DnsSlow, Attack::DnsBlocked] {
        lab.attack(attack, "victim-signed.test").unwrap();
        assert!(!answers("victim-signed.test.").await, "{attack}");
        assert!(answers("victim-unsigned.test.").await, "{attack}");
        lab.cease(attack, "victim-signed.test");
        lab.attack(attack, "*").unwrap();
        assert!(!answers("victim-unsigned.test.").await, "{attack}");
        assert!(!answers("nobody.test.").await, "{attack}");
        lab.cease(attack, "*");
        assert!(answers("victim-signed.test.").await, "{attack}");
    }
    lab.attack(Attack::DnsSlow, "victim-signed.test").unwrap();
    let patience = std::time::Duration::from_secs(10);
    let late =
        crate::client::ask_with_patience(&lab, "victim-signed.test.", RecordType::MX, patience);
    assert_eq!(late.await.unwrap().answers.len(), 1);
}

/// Both domains of a shared host are in the same boat.
#[tokio::test]
async fn an_attack_on_one_domain_of_a_host_is_one_on_the_host() {
    let lab = start().await;
    lab.attack(Attack::SessionReused, "victim-shared-no-policy.test").unwrap();
    assert!(meet(&lab, "mx1.victim-shared.test").await.contains("UnknownIssuer"));
    assert_eq!(
        exchanges(&lab, "victim-shared-no-policy.test").await,
        exchanges(&lab, "victim-shared.test").await
    );
}

#[tokio::test]
async fn a_session_is_resumed_only_where_that_is_the_attack() {
    let lab = start().await;
    let (domain, host) = ("victim-shared.test", "mx1.victim-shared.test");
    let ip = *addresses(&lab, &format!("{host}.")).await.first().unwrap();
    for (attack, expected) in
        [(Attack::CertificateSelfSigned, false), (Attack::SessionReused, true)]
    {
        lab.attack(attack, domain).unwrap();
        assert_eq!(crate::client::resumes(&lab, ip, host).await, expected, "{attack}");
        lab.cease_all();
    }
}

#[tokio::test]
async fn orders_come_by_the_socket_too() {
    let lab = start().await;
    let directory = lab.directory().to_owned();
    let mode = fs_err::metadata(directory.join("control.sock")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    let orders = tokio::task::spawn_blocking(move || {
        let mut control = Control::connect(Some(&directory)).unwrap();
        control.attack("mx-forged", "victim-unsigned.test").unwrap();
        control.attack("dns-slow", "victim-unsigned.test").unwrap();
        let refusals: Vec<String> = [
            control.attack("ad-spoofed", "victim-unsigned.test"),
            control.attack("mx-forged", "example.com"),
            control.attack("everything", "*"),
            control.attack("mx-forged", "a b\nc"),
        ]
        .into_iter()
        .map(|result| result.unwrap_err().to_string())
        .collect();
        (control.attacks().unwrap(), refusals, control)
    });
    let (on, refusals, mut control) = orders.await.unwrap();
    let pair = |name: &str| (name.to_owned(), "victim-unsigned.test".to_owned());
    assert_eq!(on, [pair("mx-forged"), pair("dns-slow")]);
    for (refusal, part) in
        refusals.iter().zip(["mx-forged is on", "`*` stands", "lab attacks", "spaces"])
    {
        assert!(refusal.contains(part), "{refusal}");
    }
    assert_eq!(lab.attacks().len(), 2);
    let contradiction = AttackError::Contradiction(Attack::AdSpoofed, Attack::MxForged);
    assert_eq!(lab.attack(Attack::AdSpoofed, "*"), Err(contradiction));
    let ceased = tokio::task::spawn_blocking(move || {
        control.cease("dns-slow", "victim-unsigned.test").unwrap();
        let left = control.attacks().unwrap().len();
        control.cease_all().unwrap();
        left
    });
    assert_eq!(ceased.await.unwrap(), 1);
    assert!(lab.attacks().is_empty());
}
