//! Mails that come back.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sealpost_store::submissions::{SubmissionState, Verdict};

use crate::house::{HOUR, House, day};

/// A notification as Postfix writes it, about a mail.
fn notification(to: &str, returned: &str, action: &str) -> String {
    let header = returned.split("\r\n\r\n").next().unwrap();
    format!(
        "From: MAILER-DAEMON@relay.test\r\nTo: {to}\r\nSubject: Undelivered Mail\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\
         \tboundary=\"b/1\"\r\n\r\n--b/1\r\nContent-Type: text/plain\r\n\r\nsorry\r\n\r\n\
         --b/1\r\nContent-Description: Delivery report\r\n\
         Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.test\r\n\r\n\
         Final-Recipient: rfc822; tls@a.test\r\nAction: {action}\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n\
         --b/1\r\nContent-Type: text/rfc822-headers\r\n\r\n{header}\r\n\r\n--b/1--\r\n"
    )
}

fn bounce(store: &Path, mail: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["report", "bounce", "-", "--store"])
        .arg(store)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(mail.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn command(store: &Path, arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .arg("report")
        .args(arguments)
        .arg("--store")
        .arg(store)
        .output()
        .unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

#[tokio::test]
async fn a_report_that_came_back_holds_its_destination_back() {
    let mut house = House::new();
    house.more =
        "return_path = \"bounces@reporter.example\"\nreturn_path_delimiter = \"+\"".to_owned();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day(), 5, 0).await;
    house.work(day(), HOUR).await;
    let mail = house.sink.mails().remove(0);
    assert!(mail.sender.starts_with("bounces+tlsrpt."), "{}", mail.sender);
    let store = house.store_file();

    let late = notification("tls@reporter.example", &mail.octets, "delayed");
    assert_eq!(bounce(&store, &late), "it says nothing final\n");
    let forged = mail.octets.replace("Message-ID: <tlsrpt.1.", "Message-ID: <tlsrpt.1.0");
    let forged = notification("tls@reporter.example", &forged, "failed");
    assert_eq!(bounce(&store, &forged), "it is about no report of ours\n");
    assert_eq!(bounce(&store, &mail.octets), "it is no delivery status notification\n");
    assert_eq!(house.states().await, [SubmissionState::Accepted]);

    // By the header of the returned mail alone, and then by the return path alone.
    let failed = notification("x@reporter.example", &mail.octets, "failed");
    let said = bounce(&store, &failed);
    assert!(said.starts_with("mailto:tls@a.test: nothing is sent there for 7 days"), "{said}");
    assert!(said.contains("550 5.1.1 no such user"), "{said}");
    let again = notification(&mail.sender, "From: x\r\n\r\n", "failed");
    assert_eq!(bounce(&store, &again), "it is known that report 1 came back\n");
    assert_eq!(house.states().await, [SubmissionState::Refused]);

    let (listed, _) = command(&store, &["suppress", "list"]);
    assert!(listed.starts_with("mailto:tls@a.test until "), "{listed}");
    let (_, status) = command(&store, &["suppress", "remove", "mailto:tls@a.test"]);
    assert_eq!(status, 0);
    let (_, status) = command(&store, &["suppress", "remove", "mailto:tls@a.test"]);
    assert_eq!(status, 1);
    for (what, status) in [("A.test", 0), ("192.0.2.1", 0), ("https://a.test/x", 0), ("a b", 2)] {
        assert_eq!(command(&store, &["suppress", "add", what]).1, status, "{what}");
    }
    let (listed, _) = command(&store, &["suppress", "list", "--format", "json"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains(r#""destination":"a.test""#), "{listed}");
    for status in [0, 1] {
        assert_eq!(command(&store, &["suppress", "remove", "A.test"]).1, status, "as it was added");
    }
}

#[tokio::test]
async fn a_host_that_is_suppressed_by_hand_gets_nothing() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test,mailto:tls@b.test");
    house.wants("c.test", "mailto:tls@a.test");
    for domain in ["a.test", "c.test"] {
        house.had(domain, day(), 5, 0).await;
    }
    // By the real clock, which is behind or not: so for long enough.
    let days = ["suppress", "add", "a.test", "--days", "60000"];
    assert_eq!(command(&house.store_file(), &days).1, 0);
    house.work(day(), HOUR).await;
    let mails = house.sink.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipient, "tls@b.test");
    let store = house.store().await;
    assert_eq!(store.submissions().verdicts(day()).await.unwrap().of(Verdict::Suppressed), 1);
    store.close().await;

    let (listed, status) = command(&house.store_file(), &["queue", "list"]);
    assert_eq!(status, 0);
    assert!(listed.contains("a.test to mailto:tls@b.test"), "{listed}");
    assert_eq!(command(&house.store_file(), &["queue", "retry", "1"]).1, 1, "it was accepted");
    assert_eq!(command(&house.store_file(), &["queue", "drop", "1"]).1, 1);
    let (said, _) = command(&house.store_file(), &["status"]);
    assert!(said.contains("reports: 0 waiting, 1 accepted, 0 refused, 0 expired"), "{said}");
}
