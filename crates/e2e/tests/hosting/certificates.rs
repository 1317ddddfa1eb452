//! Certificates come, and are renewed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sealpost_e2e::Hosting;

use crate::with_authority;

/// A certificate of two minutes is renewed after 100 seconds at the latest.
const LOOK: Duration = Duration::from_secs(112);

/// While clients ask without a pause, by tls-alpn-01 at one address and by http-01 at another.
#[test]
fn short_lived_certificates_are_renewed_without_one_failed_handshake() {
    let hosting = Hosting::start(120, "").unwrap();
    let mut daemons = Vec::new();
    let places = [("tls-alpn-01", "127.0.0.80", "one.test"), ("http-01", "127.0.0.81", "two.test")];
    for (challenge, address, domain) in places {
        let host = format!("mta-sts.{domain}");
        let json = format!("{{\"host\": \"{host}\", \"addresses\": [\"{address}\"]}}");
        hosting.tell_names("add-a", &json).unwrap();
        let text = with_authority(&format!("{challenge}.sqlite"), challenge, address, &[domain]);
        let configuration = hosting.configuration(&format!("{challenge}.toml"), &text).unwrap();
        let daemon = hosting.serve(&configuration, &[]).unwrap();
        daemon.says("there is a new certificate").unwrap();
        daemons.push(daemon);
    }
    let root = hosting.authority_root().unwrap();
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    let begun = instant();
    let mut asked = 0;
    while begun.elapsed() < LOOK {
        for ((_, address, domain), seen) in places.iter().zip(&mut seen) {
            let url = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
            let resolve = format!("mta-sts.{domain}:443:{address}");
            let fetched = hosting.curl(&[
                "--cacert",
                root,
                "--resolve",
                &resolve,
                "--no-sessionid",
                "--write-out",
                "%{certs}",
                &url,
            ]);
            let text = String::from_utf8(fetched.unwrap()).unwrap();
            assert!(text.starts_with("version: STSv1\r\nmode: enforce\r\n"), "{text}");
            let serial = text.lines().find(|line| line.starts_with("Serial Number:"));
            seen.insert(serial.unwrap_or_else(|| panic!("no certificate in {text}")).to_owned());
            asked += 1;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(asked > 100, "{asked} requests");
    for seen in seen {
        assert!(seen.len() >= 2, "one certificate is renewed: {seen:?}");
    }
    assert!(hosting.orders().unwrap() <= 6, "a few orders are enough");
}

#[expect(clippy::disallowed_methods, reason = "how long a test has run")]
fn instant() -> Instant {
    Instant::now()
}
