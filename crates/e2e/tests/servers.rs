//! The servers are what the world says, as programs that are not ours see them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::MetadataExt as _;
use std::process::Output;

use sealpost_e2e::{Domain, Environment, LeafKind, MailHost, PolicyReply, World};

/// Everything that the two streams said.
fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What OpenSSL says of the STARTTLS of an MX host at `address`, to which it offers only some TLS.
fn starttls(environment: &Environment, address: &str, name: &str, offer: &[&str]) -> String {
    let connect = format!("{address}:25");
    let mut arguments = vec![
        "s_client",
        "-starttls",
        "smtp",
        "-connect",
        &connect,
        "-servername",
        name,
        "-verify_hostname",
        name,
        "-CAfile",
        "/e2e/ca.pem",
    ];
    arguments.extend(offer);
    text(&environment.run_inside("openssl", &arguments).unwrap())
}

/// Curl's status and body for the policy of `domain`, or its complaint.
fn policy(environment: &Environment, domain: &str, family: &str) -> String {
    let url = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
    let arguments = [family, "-sS", "-w", "%{http_code} %{content_type}", &url];
    text(&environment.run_inside("curl", &arguments).unwrap())
}

#[test]
fn the_servers_are_what_the_world_says() {
    let environment = Environment::start(&World::new(vec![
        Domain::good("good.test"),
        Domain::good("expired.test").mail_host(MailHost::StartTls(LeafKind::Expired)),
        Domain::good("self-signed.test").mail_host(MailHost::StartTls(LeafKind::SelfSigned)),
        Domain::good("other-name.test").mail_host(MailHost::StartTls(LeafKind::OtherName)),
        Domain::good("plain.test").mail_host(MailHost::PlainText),
        Domain::good("lenient.test").mail_host(MailHost::Lenient),
        Domain::good("redirect.test").policy_reply(PolicyReply::Redirect),
        Domain::good("host-expired.test").policy_certificate(LeafKind::Expired),
    ]))
    .unwrap();

    let ask = |arguments: &[&str]| text(&environment.run_inside("drill", arguments).unwrap());
    for (name, record_type, expected) in [
        ("good.test", "MX", "300\tIN\tMX\t10 mx1.good.test."),
        ("_mta-sts.good.test", "TXT", "TXT\t\"v=STSv1; id=20261101000000;\""),
        ("_smtp._tls.good.test", "TXT", "TXT\t\"v=TLSRPTv1; rua=mailto:tls-reports@good.test\""),
        ("mta-sts.good.test", "AAAA", "AAAA\t::1"),
        ("mta-sts.expired.test", "AAAA", "rcode: NOERROR"),
        ("mta-sts.expired.test", "AAAA", "ANSWER: 0"),
        ("absent.test", "A", "rcode: NXDOMAIN"),
        ("example.com", "A", "rcode: NXDOMAIN"),
    ] {
        let answer = ask(&[name, record_type]);
        assert!(answer.contains(expected), "{name} {record_type}: {answer}");
    }

    let expected = "version: STSv1\r\nmode: enforce\r\nmx: mx1.good.test\r\nmax_age: 604800\r\n\
                    200 text/plain";
    for family in ["-4", "-6"] {
        assert_eq!(policy(&environment, "good.test", family), expected);
    }
    let answer = policy(&environment, "redirect.test", "-4");
    assert!(answer.ends_with("301 text/html"), "{answer}");
    let answer = policy(&environment, "host-expired.test", "-4");
    assert!(answer.contains("certificate has expired"), "{answer}");

    for (address, name, expected) in [
        ("127.70.1.2", "mx1.good.test", "Verify return code: 0 (ok)"),
        ("[::1]", "mx1.good.test", "Verify return code: 0 (ok)"),
        ("127.70.2.2", "mx1.expired.test", "Verify return code: 10 (certificate has expired)"),
        ("127.70.3.2", "mx1.self-signed.test", "Verify return code: 18 (self-signed certificate)"),
        ("127.70.4.2", "mx1.other-name.test", "Verify return code: 62 (hostname mismatch)"),
        ("127.70.5.2", "mx1.plain.test", "Didn't find STARTTLS in server response"),
    ] {
        let answer = starttls(&environment, address, name, &[]);
        assert!(answer.contains(expected), "{name} at {address}: {answer}");
    }

    for (offer, accepted) in [
        (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "Protocol  : TLSv1\n"),
        (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "Protocol  : TLSv1.1\n"),
        (["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"], "Cipher    : ADH-AES256-GCM-SHA384"),
    ] {
        let answer = starttls(&environment, "127.70.6.2", "mx1.lenient.test", &offer);
        assert!(answer.contains(accepted), "{offer:?}: {answer}");
        let answer = starttls(&environment, "127.70.1.2", "mx1.good.test", &offer);
        assert!(answer.contains("Cipher is (NONE)"), "{offer:?}: {answer}");
    }
}

#[test]
fn nothing_is_left_when_an_environment_ends() {
    let environment = Environment::start(&World::new(vec![Domain::good("good.test")])).unwrap();
    let directory = environment.directory().to_owned();
    let network = environment.network_id().unwrap();
    // Process 1, Knot, Unbound, two of nginx, and Postfix's master and log daemon at least.
    let running = processes(network);
    assert!(running.len() >= 7, "{running:?}");
    assert!(fs_err::exists(directory.join("network.toml")).unwrap());

    drop(environment);
    assert_eq!(processes(network), Vec::<String>::new());
    assert!(!fs_err::exists(&directory).unwrap());
    let mounts = fs_err::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(directory.to_str().unwrap()), "{mounts}");
}

/// The names of the processes in a network.
fn processes(network: u64) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        // A process may end while we look.
        if fs_err::metadata(path.join("ns/net")).is_ok_and(|found| found.ino() == network) {
            names.push(fs_err::read_to_string(path.join("comm")).unwrap_or_default());
        }
    }
    names
}

#[test]
fn a_world_that_a_server_refuses_is_named_with_what_it_said() {
    // No label of a domain name has 64 octets; Knot is the first to look at that.
    const NAME: &str = "a123456789b123456789c123456789d123456789e123456789f123456789g123.test";
    let world = World::new(vec![Domain::good(NAME)]);
    let message = Environment::start(&world).unwrap_err().to_string();
    assert!(message.contains("the zones could not be signed"), "{message}");
    assert!(message.contains("maximal domain name label length"), "{message}");
}
