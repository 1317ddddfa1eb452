//! The next hop as Postfix writes it.

use sealpost_wire::postfix::{HostLookup, Key, SmartHost};

#[track_caller]
fn domain(key: &str, name: &str) {
    let expected = Key::Domain(name.parse().unwrap());
    assert_eq!(Key::parse(key.as_bytes()), expected, "{key:?}");
    assert_eq!(expected.policy_domain().unwrap().as_str(), name);
}

#[track_caller]
fn smart_host(key: &str, name: &str, hosts: HostLookup, port: Option<u16>) {
    let domain = name.parse().unwrap();
    let expected = Key::SmartHost(SmartHost { domain, hosts, port });
    assert_eq!(Key::parse(key.as_bytes()), expected, "{key:?}");
    assert_eq!(expected.policy_domain().unwrap().as_str(), name);
}

#[track_caller]
fn no_domain(key: impl AsRef<[u8]>) {
    let key = key.as_ref();
    assert_eq!(Key::parse(key), Key::NotADomain, "{}", key.escape_ascii());
    assert_eq!(Key::parse(key).policy_domain(), None);
}

#[test]
fn domains() {
    domain("example.com", "example.com");
    domain("EXAMPLE.Com", "example.com"); // Postfix does not fold the case
    domain("example.com.", "example.com");
    domain("bücher.example", "xn--bcher-kva.example");
    domain("BÜCHER.example.", "xn--bcher-kva.example");
    domain("xn--bcher-kva.example", "xn--bcher-kva.example");
    domain("a--b.example", "a--b.example");
    domain("test", "test");
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.4
//= type=test
//# When sending mail via a "smart host" -- an administratively
//# configured intermediate SMTP relay, which is different from the
//# message recipient's server as determined from DNS -- compliant
//# senders MUST treat the smart host domain as the Policy Domain for the
//# purposes of policy discovery and application.
#[test]
fn smart_hosts() {
    use HostLookup::{Address, Mx};

    smart_host("[mail.example.com]", "mail.example.com", Address, Some(25));
    smart_host("[mail.example.com]:587", "mail.example.com", Address, Some(587));
    smart_host("[Mail.Example.com.]:587", "mail.example.com", Address, Some(587));
    smart_host("[bücher.example]:587", "xn--bcher-kva.example", Address, Some(587));
    smart_host("[mail.example.com]:submission", "mail.example.com", Address, Some(587));
    smart_host("[mail.example.com]:SMTPS", "mail.example.com", Address, Some(465));
    smart_host("[mail.example.com]:my-relay", "mail.example.com", Address, None);
    smart_host("example.com:587", "example.com", Mx, Some(587));
    smart_host("example.com:smtp", "example.com", Mx, Some(25));
    smart_host("example.com.:65535", "example.com", Mx, Some(65_535));
    smart_host("example.com:00025", "example.com", Mx, Some(25));
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.4
//= type=test
//# When sending mail to a mailbox at a subdomain, compliant senders MUST
//# NOT attempt to fetch a policy from the parent zone.
#[test]
fn parents_are_no_domains() {
    no_domain(".example.com");
    no_domain(".com");
    no_domain(".");
    no_domain("..example.com");
    no_domain("。example.com"); // the ideographic full stop
}

#[test]
fn what_is_no_domain() {
    no_domain("");
    no_domain(" ");
    no_domain(" example.com");
    no_domain("example.com ");
    no_domain("example.com\n");
    no_domain("example.com\0");
    no_domain("192.0.2.1");
    no_domain("[192.0.2.1]");
    no_domain("[192.0.2.1]:25");
    no_domain("192.0.2.1:25");
    no_domain("[2001:db8::1]");
    no_domain("[IPv6:2001:db8::1]:25");
    no_domain("2001:db8::1");
    no_domain("[]");
    no_domain("[]:25");
    no_domain("[mail.example.com");
    no_domain("mail.example.com]");
    no_domain("[mail.example.com]587");
    no_domain("[mail.example.com]:");
    no_domain("[[mail.example.com]]");
    no_domain("[.example.com]");
    no_domain("example.com:");
    no_domain("example.com:0");
    no_domain("example.com:65536");
    no_domain("example.com:00000000000000025"); // longer than any service
    no_domain("example.com:25:25");
    no_domain("example.com:a b");
    no_domain("inet:[mail.example.com]:24"); // LMTP
    no_domain("/run/dovecot/lmtp");
    no_domain("user@example.com");
    no_domain("a..example.com");
    no_domain("_tcp.example.com");
    no_domain("*.example.com");
    no_domain("-a.example.com");
    no_domain("a}.example.com");
    no_domain("\u{fe0f}.example");
    no_domain(b"\xff.example.com");
    no_domain(b"[\xc3]:25");
    no_domain("x".repeat(10_000));
    no_domain("x.".repeat(5_000));
}
