//! Processes that share a store.

use sealpost_e2e::Hosting;

use crate::{believe_bind, with_zone};

/// By a record, so that it does not matter which of them the authority would ask.
#[test]
fn processes_that_share_a_store_share_orders_and_certificates() {
    let hosting = Hosting::start(86_400, "").unwrap();
    let configure = |name: &str, address: &str, domains: &[&str]| {
        let text = with_zone("shared.sqlite", domains).replace("127.0.0.80", address);
        let path = hosting.configuration(name, &text).unwrap();
        believe_bind(&path);
        path
    };
    // Both have taken up what is kept, which is nothing.
    let second = configure("second.toml", "127.0.0.81", &[]);
    let other = hosting.serve(&second, &[]).unwrap();
    let first = configure("first.toml", "127.0.0.80", &["dns.test"]);
    let one = hosting.serve(&first, &[]).unwrap();
    one.says("ordering a certificate").unwrap();
    configure("second.toml", "127.0.0.81", &["dns.test"]);
    other.signal("-HUP").unwrap();
    one.says("there is a new certificate").unwrap();
    other.says("another process has got a new certificate").unwrap();
    assert_eq!(hosting.other_orders().unwrap(), 1);
    for address in ["127.0.0.80", "127.0.0.81"] {
        let resolve = format!("mta-sts.dns.test:443:{address}");
        let url = "https://mta-sts.dns.test/.well-known/mta-sts.txt";
        hosting.curl(&["--insecure", "--resolve", &resolve, url]).unwrap();
    }

    // Who is gone is waited for, and what he began is gone on with.
    configure("first.toml", "127.0.0.80", &["dns.test", "killed.test"]);
    one.signal("-HUP").unwrap();
    one.says("the order is made").unwrap();
    one.kill().unwrap();
    configure("second.toml", "127.0.0.81", &["dns.test", "killed.test"]);
    other.signal("-HUP").unwrap();
    other.says("there is a new certificate").unwrap();
    assert_eq!(hosting.other_orders().unwrap(), 2, "one for each name");
}
