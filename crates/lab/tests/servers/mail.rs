//! Mail that MX hosts take, and what is written down of it.

use sealpost_lab::{Control, Lab, TakenBy, Visit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{addresses, connect, reply, start, tls};

/// Commands that may go out together, with the text of the message behind them.
const MESSAGE: &str = "MAIL FROM:<a@client.test> SIZE=100 BODY=8BITMIME\r\n\
                       RCPT TO:<one@Good.test>\r\nRCPT TO:<two@other.test>\r\nDATA\r\n";

/// What was said to each command.
async fn said(stream: &mut (impl AsyncReadExt + Unpin), replies: usize) -> Vec<String> {
    let mut codes = Vec::new();
    for _ in 0..replies {
        codes.push(reply(stream).await[..3].to_owned());
    }
    codes
}

/// The visits, once there are as many.
async fn visits(lab: &Lab, count: usize) -> Vec<Visit> {
    for _ in 0..500 {
        if lab.visits().len() >= count {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    lab.visits()
}

/// Each delivery in short.
fn taken(lab: &Lab) -> Vec<(String, String, Option<&'static str>)> {
    lab.deliveries()
        .into_iter()
        .map(|delivery| (delivery.recipient, delivery.host, delivery.tls.map(|tls| tls.version)))
        .collect()
}

#[tokio::test]
async fn mail_is_taken_in_plaintext_and_inside_tls() {
    let lab = start().await;
    let ip = *addresses(&lab, "mx1.good.test.").await.first().unwrap();
    let mut stream = connect(&lab, ip).await;
    reply(&mut stream).await;
    stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
    assert!(reply(&mut stream).await.contains("250-PIPELINING\r\n"));
    stream.write_all(MESSAGE.as_bytes()).await.unwrap();
    assert_eq!(said(&mut stream, 4).await, ["250", "250", "250", "354"]);
    assert!(taken(&lab).is_empty(), "it was not sent yet");
    // Begun in plaintext and forgotten with STARTTLS.
    stream.write_all(b"Subject: x\r\n\r\n..\r\n.\r\nMAIL FROM:<>\r\n").await.unwrap();
    assert_eq!(said(&mut stream, 2).await, ["250", "250"]);
    stream.write_all(b"STARTTLS\r\n").await.unwrap();
    assert_eq!(said(&mut stream, 1).await, ["220"]);
    let mut stream = tls(&lab, stream, "mx1.good.test").await.unwrap();
    let again = format!("EHLO client.example.com\r\nDATA\r\n{MESSAGE}");
    stream.write_all(again.as_bytes()).await.unwrap();
    assert_eq!(said(&mut stream, 6).await, ["250", "503", "250", "250", "250", "354"]);
    stream.write_all(b"x\r\n.\r\nQUIT\r\n").await.unwrap();
    assert_eq!(said(&mut stream, 2).await, ["250", "221"]);

    let (one, two) = ("one@Good.test".to_owned(), "two@other.test".to_owned());
    let host = "mx1.good.test".to_owned();
    let expected = [
        (one.clone(), host.clone(), None),
        (two.clone(), host.clone(), None),
        (one, host.clone(), Some("TLSv1.3")),
        (two, host, Some("TLSv1.3")),
    ];
    assert_eq!(taken(&lab), expected);
    let last = lab.deliveries().pop().unwrap();
    assert_eq!((last.domain.as_str(), last.by), ("other.test", TakenBy::Owner));
    assert_eq!((last.address, last.port), (ip, lab.smtp_port()));
    assert_eq!(last.tls.unwrap().sni.as_deref(), Some("mx1.good.test"));
    let lines = fs_err::read_to_string(lab.deliveries_file()).unwrap();
    assert_eq!(lines.lines().count(), 4, "{lines}");
    let first = lines.lines().next().unwrap();
    let rest = format!(
        "\"recipient\":\"one@Good.test\",\"domain\":\"good.test\",\"host\":\"mx1.good.test\",\
         \"address\":\"{ip}\",\"port\":{},\"tls\":null,\"by\":\"owner\"}}",
        lab.smtp_port()
    );
    assert!(first.starts_with("{\"at\":\"2030-03-17T") && first.ends_with(&rest), "{first}");

    drop(stream);
    let visits = visits(&lab, 1).await;
    assert_eq!(visits.len(), 1, "one connection");
    let visit = &visits[0];
    assert_eq!((visit.host.as_str(), visit.taken), ("mx1.good.test", 2));
    assert_eq!(visit.hello.as_deref(), Some("client.example.com"));
    assert_eq!(visit.tls.as_ref().map(|tls| tls.version), Some("TLSv1.3"));
    let lines = fs_err::read_to_string(lab.visits_file()).unwrap();
    assert!(
        lines.ends_with("\"sni\":\"mx1.good.test\"},\"taken\":2,\"by\":\"owner\"}\n"),
        "{lines}"
    );
}

#[tokio::test]
async fn who_leaves_without_delivering_is_written_down_too() {
    let lab = start().await;
    let ip = *addresses(&lab, "mx1.mx-no-starttls.test.").await.first().unwrap();
    let mut stream = connect(&lab, ip).await;
    reply(&mut stream).await;
    stream.write_all(b"EHLO client.example.com\r\nSTARTTLS\r\nQUIT\r\n").await.unwrap();
    assert_eq!(said(&mut stream, 3).await, ["250", "502", "221"]);
    drop(stream);
    let visit = visits(&lab, 1).await.pop().unwrap();
    assert_eq!((visit.host.as_str(), visit.taken), ("mx1.mx-no-starttls.test", 0));
    assert_eq!((visit.hello.as_deref(), visit.tls), (Some("client.example.com"), None));
    assert!(lab.deliveries().is_empty());
}

#[tokio::test]
async fn a_host_is_mended_while_the_lab_runs() {
    let lab = start().await;
    let (host, directory) = ("mx1.mx-no-starttls.test", lab.directory().to_owned());
    let ip = *addresses(&lab, "mx1.mx-no-starttls.test.").await.first().unwrap();
    let mut stream = connect(&lab, ip).await;
    reply(&mut stream).await;
    stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
    assert!(!reply(&mut stream).await.contains("STARTTLS"));
    let mend = move |host: &'static str| {
        let directory = directory.clone();
        tokio::task::spawn_blocking(move || Control::connect(Some(&directory))?.mend(host))
    };
    mend(host).await.unwrap().unwrap();
    let mut stream = connect(&lab, ip).await;
    reply(&mut stream).await;
    stream.write_all(b"EHLO client.example.com\r\n").await.unwrap();
    assert!(reply(&mut stream).await.contains("STARTTLS"));
    stream.write_all(b"STARTTLS\r\n").await.unwrap();
    assert_eq!(said(&mut stream, 1).await, ["220"]);
    // Its certificate is verified.
    tls(&lab, stream, host).await.unwrap();
    // At every address, also that which it shares with others.
    let host = "mx1.mx-certificate-wrong-name.test";
    mend(host).await.unwrap().unwrap();
    let addresses = addresses(&lab, "mx1.mx-certificate-wrong-name.test.").await;
    assert!(!addresses.is_empty());
    for ip in addresses {
        let mut stream = connect(&lab, ip).await;
        reply(&mut stream).await;
        stream.write_all(b"EHLO client.example.com\r\nSTARTTLS\r\n").await.unwrap();
        assert_eq!(said(&mut stream, 2).await, ["250", "220"]);
        tls(&lab, stream, host).await.unwrap();
    }
    let refused = mend("mx1.nowhere.test").await.unwrap().unwrap_err();
    assert_eq!(refused.to_string(), "the lab has no MX host `mx1.nowhere.test`");
}

#[tokio::test]
async fn what_a_host_would_refuse_is_refused() {
    let lab = start().await;
    let ip = *addresses(&lab, "mx1.good.test.").await.first().unwrap();
    let mut stream = connect(&lab, ip).await;
    reply(&mut stream).await;
    for (command, code) in [
        ("EHLO client.example.com", "250"),
        ("RCPT TO:<a@good.test>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:a@b.test", "501"),
        ("MAIL FROM:<a@b.test> SIZE=52428801", "552"),
        ("MAIL FROM:<a@b.test> SMTPUTF8", "555"),
        ("MAIL FROM:<a@b.test> SIZE=52428800", "250"),
        ("MAIL FROM:<a@b.test>", "503"),
        ("DATA", "503"),
        ("RCPT TO:<postmaster>", "501"),
        ("RCPT TO:<a@good.test> NOTIFY=NEVER", "555"),
        ("RCPT TO:<a@good.test>", "250"),
        ("BDAT 3 LAST", "500"),
        ("RSET", "250"),
        ("DATA", "503"),
        ("MAIL FROM:<>", "250"),
    ] {
        stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        assert_eq!(said(&mut stream, 1).await, [code], "{command}");
    }
    let recipients = "RCPT TO:<a@good.test>\r\n".repeat(101);
    stream.write_all(recipients.as_bytes()).await.unwrap();
    let codes = said(&mut stream, 101).await;
    assert_eq!(codes.iter().filter(|code| *code == "250").count(), 100);
    assert_eq!(codes.last().unwrap(), "452");
    assert!(lab.deliveries().is_empty());
}

/// A host that lets nobody speak takes nothing, and one without STARTTLS takes what it gets.
#[tokio::test]
async fn a_faulty_host_keeps_its_fault() {
    let lab = start().await;
    for (domain, codes) in [
        ("mx-greeting-554.test", ["554", "503", "503"]),
        ("mx-no-starttls.test", ["220", "250", "250"]),
        ("mx-starttls-454.test", ["220", "250", "250"]),
    ] {
        let ip = *addresses(&lab, &format!("mx1.{domain}.")).await.first().unwrap();
        let mut stream = connect(&lab, ip).await;
        let mut seen = said(&mut stream, 1).await;
        for command in ["EHLO client.example.com\r\n", "MAIL FROM:<>\r\n"] {
            stream.write_all(command.as_bytes()).await.unwrap();
            seen.extend(said(&mut stream, 1).await);
        }
        assert_eq!(seen, codes, "{domain}");
    }
}
