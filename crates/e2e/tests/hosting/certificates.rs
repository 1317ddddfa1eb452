//! Certificates come, and are renewed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use sealpost_e2e::Hosting;

use crate::{DOMAIN, believe_bind, with_authority, with_zone};

/// A certificate of two minutes is renewed after 100 seconds at the latest.
const LOOK: Duration = Duration::from_secs(112);

/// While clients ask without a pause, by tls-alpn-01 at one address and by http-01 at another.
#[test]
#[expect(clippy::disallowed_methods, reason = "it looks for so long, by this machine's time")]
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
    let begun = Instant::now();
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

/// The record of the challenge is set at a BIND, by an update with TSIG, and is gone afterwards. The
/// authority wants an external account, and says when it wants the certificate renewed: that is when it will be.
#[test]
fn a_certificate_comes_by_dns_01_for_an_external_account_and_its_renewal_is_set_as_suggested() {
    let hosting = Hosting::start(86_400, "").unwrap();
    let text = with_authority("dns.sqlite", "dns-01", "127.0.0.80", &["dns.test"])
        .replace(":14000/", ":14001/")
        .replace("mode = \"enforce\"\n", "mode = \"enforce\"\ndns = \"bind\"\n")
        + "[publish.dns_servers.bind]\nserver = \"127.0.0.55:53\"\nkey = \"sealpost\"\n\
           secret_file = \"secret\"\n";
    let configuration = hosting.configuration("dns.toml", &text).unwrap();
    let known = fs_err::read_to_string(&configuration).unwrap();
    fs_err::write(&configuration, known.replace("127.0.0.53:53", "127.0.0.55:53")).unwrap();
    let daemon = hosting.serve(&configuration, &[]).unwrap();
    let line = daemon.says("there is no new certificate yet").unwrap();
    assert!(line.contains("it wants an external account"), "{line}");
    drop(daemon);
    let account = "external_account = { id = \"kid-1\", key_file = \"external.key\" }";
    let known = fs_err::read_to_string(&configuration).unwrap();
    let known = known.replace("[publish.acme]\n", &format!("[publish.acme]\n{account}\n"));
    fs_err::write(&configuration, known).unwrap();
    // The role does what the policy host alone does.
    let daemon = hosting.start_daemon(&["serve"], &configuration, &[]).unwrap();
    daemon.says("there is a new certificate").unwrap();
    let ready = hosting.curl(&["http://127.0.0.1:8460/readyz"]).unwrap();
    assert_eq!(String::from_utf8(ready).unwrap(), "publish: runs\ncheck: runs\n");
    let renewed = suggested_renewal(&hosting, &configuration);
    let window = 86_400 / 3..=86_400 * 5 / 6;
    assert!(window.contains(&renewed) && renewed != 57_600, "{renewed} s after it begins");
    let dig = |name: &str| {
        let arguments = ["@127.0.0.55", "+short", name, "TXT"];
        let answer = hosting.environment().run_inside("dig", &arguments).unwrap();
        String::from_utf8(answer.stdout).unwrap()
    };
    assert_eq!(dig("_acme-challenge.mta-sts.dns.test"), "", "the record is gone");
    let said = hosting.environment().directory().join("log/named");
    let said = fs_err::read_to_string(said).unwrap();
    assert!(said.contains("adding an RR at '_acme-challenge.mta-sts.dns.test' TXT"), "{said}");
}

/// Senders fetch its policy for as long as its record is there.
#[test]
fn the_certificate_of_a_domain_that_was_taken_out_is_renewed() {
    let hosting = Hosting::start(40, "").unwrap();
    let own = with_authority("gone.sqlite", "http-01", "127.0.0.80", &[DOMAIN]);
    let (without, _) = own.split_once("[publish.domains").unwrap();
    let configuration = hosting.configuration("gone.toml", &own).unwrap();
    let start = || hosting.start_daemon(&["serve"], &configuration, &[]).unwrap();
    let daemon = start();
    daemon.says("there is a new certificate").unwrap();
    let root = hosting.authority_root().unwrap();
    let url = format!("https://mta-sts.{DOMAIN}/.well-known/mta-sts.txt");
    let fetch = || {
        let arguments = ["--cacert", root, "--no-sessionid", "--write-out", "%{certs}", &url];
        String::from_utf8(hosting.curl(&arguments).unwrap()).unwrap()
    };
    let serial = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("Serial Number:"));
        line.unwrap_or_else(|| panic!("no certificate in {text}")).to_owned()
    };
    let first = fetch();
    hosting.configuration("gone.toml", without).unwrap();
    daemon.signal("-HUP").unwrap();
    daemon.says("taken out of the configuration").unwrap();
    daemon.says("there is a new certificate").unwrap();
    let second = fetch();
    assert!(second.starts_with("version: STSv1\r\nmode: enforce\r\n"), "{second}");
    assert_ne!(serial(&first), serial(&second));
    // So it is after a start that never saw it configured.
    daemon.kill().unwrap();
    let daemon = start();
    daemon.says("there is a new certificate").unwrap();
    let third = fetch();
    assert!(third.starts_with("version: STSv1\r\nmode: enforce\r\n"), "{third}");
    assert_ne!(serial(&second), serial(&third));
}

/// What its certificate depends on stood in its own lines, and those are gone before the start.
#[test]
fn where_a_domain_was_to_be_found_is_known_after_it_was_taken_out() {
    let hosting = Hosting::start(40, "").unwrap();
    for (name, text) in [
        ("http", with_authority("http.sqlite", "http-01", "127.0.0.80", &[DOMAIN])),
        ("zone", with_zone("zone.sqlite", &["killed.test"])),
    ] {
        let text = text
            .replace("addresses = [\"127.0.0.80\"]\n", "")
            .replace("mode = \"enforce\"\n", "mode = \"enforce\"\ntarget = [\"127.0.0.80\"]\n");
        let (head, rest) = text.split_once("[publish.domains").unwrap();
        let servers = rest.find("[publish.dns_servers").map_or("", |at| &rest[at..]);
        let start = |text: &str| {
            let configuration = hosting.configuration(&format!("{name}.toml"), text).unwrap();
            if name == "zone" {
                believe_bind(&configuration);
            }
            hosting.serve(&configuration, &[]).unwrap()
        };
        let daemon = start(&text);
        daemon.says("there is a new certificate").unwrap();
        daemon.kill().unwrap();
        let daemon = start(&format!("{head}{servers}"));
        let said = daemon.heard_until("there is a new certificate").unwrap();
        assert!(!said.contains("there is no new certificate yet"), "{name}: {said}");
    }
}

/// The order by which it was replaced may be lost: of a store that was put back, or of another machine.
#[test]
fn a_certificate_that_counts_as_replaced_is_ordered_as_a_new_one() {
    let hosting = Hosting::start(40, "").unwrap();
    let authority = hosting.start_forgetful_authority().unwrap();
    let text = with_authority("replaced.sqlite", "http-01", "127.0.0.80", &[DOMAIN]);
    let text = text.replace(":14000/", ":14002/");
    let configuration = hosting.configuration("replaced.toml", &text).unwrap();
    let daemon = hosting.serve(&configuration, &[]).unwrap();
    for _ in 0..2 {
        daemon.says("there is a new certificate").unwrap();
    }
    authority.says("order: replacing").unwrap();
    assert_eq!(authority.says("order: ").unwrap(), "order: new");
    assert_eq!(hosting.orders().unwrap(), 2);
}

/// What failed is tried at the authority for trials first, until it works there.
#[test]
fn after_a_failure_it_is_tried_elsewhere_first() {
    let hosting = Hosting::start(86_400, "").unwrap();
    let text = with_authority("staging.sqlite", "http-01", "127.0.0.80", &["dns.test"]).replace(
        "[publish.acme]\n",
        "[publish.acme]\nstaging = \"https://ca.test:14001/dir\"\n\
         external_account = { id = \"kid-1\", key_file = \"external.key\" }\n",
    );
    // Nobody listens where the authorities will ask.
    let deaf = text.replace("http = [\"127.0.0.80:80\"]\n", "");
    assert_ne!(deaf, text);
    let configuration = hosting.configuration("staging.toml", &deaf).unwrap();
    for (orders, trials) in [(1, 0), (1, 1)] {
        // A start takes up at once what has failed less than five times.
        let daemon = hosting.serve(&configuration, &[]).unwrap();
        let line = daemon.says("there is no new certificate yet").unwrap();
        assert!(line.contains("prove the name by http-01"), "{line}");
        assert_eq!((hosting.orders().unwrap(), hosting.other_orders().unwrap()), (orders, trials));
    }
    let configuration = hosting.configuration("staging.toml", &text).unwrap();
    let daemon = hosting.serve(&configuration, &[]).unwrap();
    daemon.says("the trial succeeded").unwrap();
    daemon.says("there is a new certificate").unwrap();
    assert_eq!((hosting.orders().unwrap(), hosting.other_orders().unwrap()), (2, 2));
    let root = hosting.authority_root().unwrap();
    let url = "https://mta-sts.dns.test/.well-known/mta-sts.txt";
    hosting.curl(&["--cacert", root, url]).unwrap();
}

/// Seconds after its begin at which the only certificate is renewed, once the authority has said so:
/// without its word that would be after two thirds of its day.
fn suggested_renewal(hosting: &Hosting, configuration: &Path) -> i64 {
    for _ in 0..200 {
        let arguments = ["certificates", "--format", "json"];
        let shown = hosting.publish(configuration, &arguments).unwrap().stdout;
        let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
        let time = |key: &str| {
            let text = shown.get(key).and_then(serde_json::Value::as_str);
            let text = text.unwrap_or_else(|| panic!("no {key}: {shown}"));
            text.parse::<jiff::Timestamp>().unwrap().as_second()
        };
        let after = time("renewed_at") - time("valid_from");
        if after != 57_600 {
            return after;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the authority was never asked");
}
