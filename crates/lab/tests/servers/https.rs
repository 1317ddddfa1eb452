//! Policy hosts and their certificates.

use crate::client::{addresses, fetch, start};

#[tokio::test]
async fn the_good_policy_is_served_at_every_address() {
    let lab = start().await;
    let addresses = addresses(&lab, "mta-sts.good.test.").await;
    assert!(!addresses.is_empty());
    for ip in addresses {
        assert!(ip.is_loopback(), "{ip}");
        let reply = fetch(&lab, ip, "good.test").await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
        let policy =
            "\r\n\r\nversion: STSv1\r\nmode: enforce\r\nmx: mx1.good.test\r\nmax_age: 604800\r\n";
        assert!(reply.ends_with(policy), "{reply}");
    }
}

#[tokio::test]
async fn each_certificate_has_the_fault_of_its_name() {
    let lab = start().await;
    for (domain, expected) in [
        ("good-certificate-wildcard.test", "ok"),
        ("good-certificate-fresh.test", "ok"),
        ("good-certificate-quarter.test", "ok"),
        ("good-certificate-30-days.test", "ok"),
        ("good-certificate-with-root.test", "ok"),
        ("good-certificate-extension.test", "ok"),
        ("policy-certificate-expiring.test", "ok"),
        ("policy-certificate-expired.test", "certificate expired"),
        ("policy-certificate-not-yet-valid.test", "not valid yet"),
        ("policy-certificate-wrong-name.test", "not valid for name"),
        ("policy-certificate-common-name-only.test", "not valid for name"),
        ("policy-certificate-partial-wildcard.test", "not valid for name"),
        ("policy-certificate-untrusted.test", "UnknownIssuer"),
        ("policy-certificate-incomplete.test", "UnknownIssuer"),
        ("policy-certificate-self-signed.test", "UnknownIssuer"),
        ("policy-certificate-self-signed-authority.test", "CaUsedAsEndEntity"),
        ("policy-certificate-client-only.test", "extended key usage"),
        ("policy-certificate-constraint.test", "NameConstraintViolation"),
        ("policy-tls-alert.test", "HandshakeFailure"),
        ("policy-tls-old-only.test", "ProtocolVersion"),
        ("policy-tls-plain-http.test", "corrupt message"),
        ("policy-tls-closed.test", "eof"),
        ("policy-tls-reset.test", "reset"),
    ] {
        let ips = addresses(&lab, &format!("mta-sts.{domain}.")).await;
        assert!(!ips.is_empty(), "{domain}");
        for ip in ips {
            let seen = match fetch(&lab, ip, domain).await {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(seen.contains(expected), "{domain} at {ip}: {seen}");
        }
    }
}

#[tokio::test]
async fn each_reply_has_the_fault_of_its_name() {
    let lab = start().await;
    for (domain, expected) in [
        ("policy-redirect.test", Ok("HTTP/1.1 301 ")),
        ("policy-404.test", Ok("HTTP/1.1 404 ")),
        ("policy-gzip.test", Ok("\r\nContent-Encoding: gzip\r\n")),
        ("policy-http-garbage.test", Ok("SSH-2.0")),
        ("good-http-unusual.test", Ok("\r\n0\r\n\r\n")),
        ("good-http-close-delimited.test", Ok("max_age: 604800\r\n")),
        ("policy-cut-without-length.test", Err("close_notify")),
    ] {
        let ip = *addresses(&lab, &format!("mta-sts.{domain}.")).await.first().unwrap();
        match (fetch(&lab, ip, domain).await, expected) {
            (Ok(reply), Ok(part)) => assert!(reply.contains(part), "{domain}: {reply}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{domain}: {error}")
            }
            (seen, _) => panic!("{domain}: {seen:?}"),
        }
    }
    let cut = fetch(&lab, addresses(&lab, "mta-sts.policy-cut.test.").await[0], "policy-cut.test");
    let cut = cut.await.unwrap();
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    assert!(body.len() < length.parse().unwrap(), "{cut}");
}
