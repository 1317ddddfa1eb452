//! The HTTP server, asked octet by octet.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "clients on loopback")]

mod posts;
mod server;

use std::time::Duration;

use sealpost_listen::http::HttpLimits;

use crate::server::{Client, Running};

const HOST: &str = "Host: localhost\r\n\r\n";

fn short() -> HttpLimits {
    let time = Duration::from_millis(200);
    HttpLimits { head_time: time, body_time: time, ..HttpLimits::default() }
}

#[test]
fn the_limits_are_as_documented() {
    let limits = HttpLimits::default();
    let sizes = (limits.head_octets, limits.head_fields, limits.body_octets);
    assert_eq!(sizes, (16 * 1024, 64, 64 * 1024));
    let times = [limits.head_time, limits.body_time, limits.request_time, limits.write_time];
    assert_eq!(times.map(|time| time.as_secs()), [30, 10, 30, 10]);
}

#[tokio::test]
async fn an_answer_has_its_fields() {
    let running = Running::start(HttpLimits::default());
    let mut client = running.client().await;
    client.send(&format!("GET /echo/a%2Fb?x=1+2 HTTP/1.1\r\n{HOST}")).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"Get ["echo", "a/b"] [("x", "1 2")] """#);
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.field("content-length"), Some(answer.body.len().to_string().as_str()));

    client.send(&format!("GET /nowhere HTTP/1.1\r\n{HOST}")).await;
    assert_eq!(client.answer().await.status, 404);
    client.send(&format!("PATCH /method HTTP/1.1\r\n{HOST}")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let running = Running::start(HttpLimits::default());
    let mut client = running.client().await;
    client.send(&format!("HEAD /echo HTTP/1.1\r\n{HOST}GET /echo HTTP/1.1\r\n{HOST}")).await;
    let head = client.head().await;
    let whole = client.answer().await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.field("content-length"), whole.field("content-length"));
    assert_eq!(whole.body, r#"Get ["echo"] [] """#);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let running = Running::start(HttpLimits::default());
    let mut client = running.client().await;
    let requests: String =
        (0..50).map(|count| format!("GET /echo/{count} HTTP/1.1\r\n{HOST}")).collect();
    client.send(&requests).await;
    for count in 0..50 {
        assert_eq!(client.answer().await.body, format!(r#"Get ["echo", "{count}"] [] """#));
    }
}

#[tokio::test]
async fn a_body_arrives_by_length_and_in_chunks() {
    let running = Running::start(HttpLimits::default());
    let mut client = running.client().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(client.answer().await.body, r#"Post ["echo"] [] "hello""#);
    let chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    client.send(&format!("POST /echo HTTP/1.1\r\nHost: a\r\n{chunks}")).await;
    assert_eq!(client.answer().await.body, r#"Post ["echo"] [] "hello""#);
}

#[tokio::test]
async fn malformed_requests_are_told_so_and_closed() {
    let running = Running::start(HttpLimits::default());
    for request in [
        "NONSENSE\r\n\r\n".to_owned(),
        "GET /echo HTTP/9.9\r\n\r\n".to_owned(),
        "GET /echo HTTP/1.1\r\n\r\n".to_owned(), // no Host
        format!("GET /echo HTTP/1.1\r\nHost: a\r\n{HOST}"), // two of them
        format!("GET /%zz HTTP/1.1\r\n{HOST}"),
        format!("GET /%00 HTTP/1.1\r\n{HOST}"),
        format!("OPTIONS * HTTP/1.1\r\n{HOST}"),
        format!("CONNECT a:1 HTTP/1.1\r\n{HOST}"),
        format!("POST /echo HTTP/1.1\r\nContent-Length: x\r\n{HOST}"),
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
    ] {
        let mut client = running.client().await;
        client.send(&request).await;
        assert_eq!(client.answer().await.status, 400, "{request:?}");
        assert!(client.is_closed().await, "{request:?}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let running = Running::start(HttpLimits::default());
    let long = "x".repeat(20_000);
    let many: String = (0..80).map(|count| format!("X-{count}: 1\r\n")).collect();
    let chunk = format!("10000\r\n{}\r\n1\r\nx\r\n", "x".repeat(0x10000));
    for (request, expected) in [
        (format!("GET /echo/{long} HTTP/1.1\r\n{HOST}"), 431),
        (format!("GET /echo HTTP/1.1\r\nX-Long: {long}\r\n{HOST}"), 431),
        (format!("GET /echo HTTP/1.1\r\n{many}{HOST}"), 431),
        (format!("POST /echo HTTP/1.1\r\nContent-Length: 65537\r\n{HOST}"), 413),
        (format!("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{HOST}{chunk}"), 413),
    ] {
        let mut client = running.client().await;
        client.send(&request).await;
        assert_eq!(client.answer().await.status, expected);
        assert!(client.is_closed().await);
    }
    let mut client = running.client().await;
    let body = "x".repeat(65_536);
    client.send(&format!("POST /echo HTTP/1.1\r\nContent-Length: 65536\r\n{HOST}{body}")).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_are_closed() {
    let running = Running::start(short());
    let mut slow = running.client().await;
    // An octet now and then must not prolong it.
    for octet in "GET /echo HT".chars() {
        if slow.try_send(&octet.to_string()).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert!(slow.is_closed().await);
    let mut idle = running.client().await;
    idle.send(&format!("GET /echo HTTP/1.1\r\n{HOST}")).await;
    assert_eq!(idle.answer().await.status, 200);
    assert!(idle.is_closed().await);
}

#[tokio::test]
async fn a_slow_body_and_a_slow_service_are_given_up() {
    let running = Running::start(short());
    let mut client = running.client().await;
    client.send(&format!("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n{HOST}he")).await;
    assert_eq!(client.answer().await.status, 408);
    assert!(client.is_closed().await);

    let time = Duration::from_millis(100);
    let running = Running::start(HttpLimits { request_time: time, ..HttpLimits::default() });
    let mut client = running.client().await;
    client.send(&format!("GET /hang HTTP/1.1\r\n{HOST}")).await;
    assert_eq!(client.answer().await.status, 503);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn who_does_not_read_loses_the_connection() {
    let time = Duration::from_millis(100);
    let running = Running::start(HttpLimits { write_time: time, ..HttpLimits::default() });
    let mut client = running.client().await;
    client.send(&format!("GET /large HTTP/1.1\r\n{HOST}")).await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while running.counts().served == 0 || running.counts().open > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn stopping_answers_what_runs_and_closes_what_is_idle() {
    let running = Running::start(HttpLimits::default());
    let mut idle = running.client().await;
    idle.send(&format!("GET /echo HTTP/1.1\r\n{HOST}")).await;
    assert_eq!(idle.answer().await.status, 200);
    let mut silent = running.client().await;
    let mut busy = running.client().await;
    busy.send(&format!("GET /slow HTTP/1.1\r\n{HOST}")).await;
    running.wait_for_slow().await;
    let stopped = running.stop();
    assert!(idle.is_closed().await);
    assert!(silent.is_closed().await);
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "slow"));
    assert!(busy.is_closed().await);
    let ended = stopped.await.unwrap();
    assert_eq!((ended.finished, ended.cut), (3, 0));
}

#[tokio::test]
async fn a_service_that_panics_loses_one_connection() {
    let running = Running::start(HttpLimits::default());
    let mut client = running.client().await;
    client.send(&format!("GET /panic HTTP/1.1\r\n{HOST}")).await;
    assert!(client.is_closed().await);
    let mut client: Client = running.client().await;
    client.send("GET /echo HTTP/1.0\r\n\r\n").await; // without Host, as it was then
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(running.counts().panicked, 1);
}
