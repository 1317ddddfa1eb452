//! What is posted to us by strangers.

use std::time::Duration;

use sealpost_listen::{Budget, http::HttpLimits};

use crate::{HOST, server::Running, short};

/// Bounds as for reports.
fn large() -> HttpLimits {
    HttpLimits { body_octets: 1 << 20, ..HttpLimits::default() }
}

const REPORT: &str =
    "POST /report HTTP/1.1\r\nHost: a\r\nContent-Type: application/tlsrpt+gzip\r\n";

#[tokio::test]
async fn a_post_has_its_fields_its_body_and_its_peer() {
    let running = Running::start(large());
    let mut client = running.client().await;
    client.send(&format!("{REPORT}Content-Length: 5\r\n\r\nhello")).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 201);
    let body = answer.body.as_str();
    assert!(body.starts_with("application/tlsrpt+gzip 5 127.0.0.1:"), "{body}");

    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).repeat(200);
    client.send(&format!("{REPORT}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")).await;
    let body = client.answer().await.body;
    assert!(body.starts_with("application/tlsrpt+gzip 819200 "), "{body}");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let running = Running::start(large());
    let mut client = running.client().await;
    client.send(&format!("{REPORT}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")).await;
    assert_eq!(client.head().await.status, 100);
    client.send("hello").await;
    assert_eq!(client.answer().await.status, 201);
}

#[tokio::test]
async fn a_client_that_asks_first_is_spared_what_is_refused() {
    let running = Running::start(large());
    for (path, length, expected) in
        [("report", 2 << 20, 413), ("refused", 5, 415), ("often", 5, 429)]
    {
        let mut client = running.client().await;
        client
            .send(&format!(
                "POST /{path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\
                Expect: 100-continue\r\n\r\n"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.status, expected, "without 100 before it");
        assert_eq!(answer.field("retry-after"), (path == "often").then_some("2"));
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn a_refusal_without_a_body_keeps_the_connection() {
    let running = Running::start(large());
    let mut client = running.client().await;
    client.send(&format!("GET /refused HTTP/1.1\r\n{HOST}")).await;
    assert_eq!(client.answer().await.status, 415);
    client.send(&format!("{REPORT}Content-Length: 0\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 201);
}

/// The client goes on sending what nobody wants, and must hear the refusal all the same.
#[tokio::test]
async fn who_sends_too_much_hears_it() {
    let running = Running::start(large());
    // More than the kernel holds for us.
    let body = "x".repeat(16 << 20);
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x100_000)).repeat(16);
    for request in [
        format!("{REPORT}Content-Length: {}\r\n\r\n{body}", body.len()),
        format!("{REPORT}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"),
        format!(
            "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    ] {
        let mut client = running.client().await;
        // Many clients do not look for an answer after a broken write.
        client.try_send(&request).await.unwrap();
        let answer = client.answer().await;
        assert!(matches!(answer.status, 413 | 415), "{}", answer.status);
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn a_slow_body_is_given_up_and_its_client_told() {
    let running = Running::start(short());
    let mut client = running.client().await;
    client.send(&format!("{REPORT}Content-Length: 100\r\n\r\n")).await;
    // An octet now and then must not prolong it.
    for _ in 0..10 {
        let _ = client.try_send("x").await;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(client.answer().await.status, 408);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn bodies_share_their_memory() {
    let budget = Budget::new(100_000);
    let running = Running::start_within(large(), budget.clone());
    let keep = "POST /keep HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n";
    let mut first = running.client().await;
    first.send(&format!("{keep}{}", "x".repeat(80_000))).await;
    running.wait_for_slow().await;
    assert!(budget.taken() >= 80_000, "as long as it is answered");

    let report = format!("{REPORT}Content-Length: 50000\r\n\r\n{}", "x".repeat(50_000));
    let mut second = running.client().await;
    second.send(&report).await;
    let answer = second.answer().await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("60")));

    running.release.notify_one();
    assert_eq!(first.answer().await.status, 201);
    assert_eq!(budget.taken(), 0);
    let mut second = running.client().await;
    second.send(&report).await;
    assert_eq!(second.answer().await.status, 201);

    // One that goes away leaves nothing behind.
    let mut third = running.client().await;
    third.send(&format!("{REPORT}Content-Length: 50000\r\n\r\n{}", "x".repeat(20_000))).await;
    while budget.taken() < 20_000 {
        tokio::task::yield_now().await;
    }
    drop(third);
    while budget.taken() > 0 {
        tokio::task::yield_now().await;
    }
}
