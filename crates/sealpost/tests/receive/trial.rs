//! `receive test`: reports that are sent, and found again in the store of the daemon.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealpost_dkim::SigningKey;
use sealpost_store::reports::Scope;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::stored::reports;
use crate::world::{Answer, World};

const MAIL: &str = "mailto:tls-reports@example.com";

/// A domain whose MX host is the daemon.
struct Trial {
    world: World,
    configuration: PathBuf,
    daemon: Daemon,
}

impl Trial {
    /// `receive` are lines of the configuration.
    fn new(receive: &str) -> Self {
        let world = World::new();
        world.dns.set("example.com", Answer::Exchange("mx.example.com"));
        world.dns.set("mx.example.com", Answer::Loopback);
        let configuration = world.configuration(receive);
        let daemon = Daemon::start(&configuration);
        Self { world, configuration, daemon }
    }

    fn wants(&self, uris: &str) {
        let record = Answer::Text(format!("v=TLSRPTv1; rua={uris}"));
        self.world.dns.set("_smtp._tls.example.com", record);
    }

    /// A key in a file; what stands in DNS for it.
    fn key(&self, kind: &'static rcgen::SignatureAlgorithm) -> (PathBuf, String) {
        let pem = rcgen::KeyPair::generate_for(kind).unwrap().serialize_pem();
        let path = self.world.folder.path().join("dkim.pem");
        fs_err::write(&path, &pem).unwrap();
        (path, SigningKey::from_pem(pem.as_bytes()).unwrap().record().unwrap())
    }

    fn run(&self, more: &[&str]) -> (String, String, i32) {
        run(&self.configuration, self.daemon.address("smtp"), more)
    }

    fn json(&self, more: &[&str]) -> (Value, i32) {
        let (out, said, status) = self.run(&[&["--format", "json"][..], more].concat());
        (serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{said}")), status)
    }
}

fn run(configuration: &Path, smtp: SocketAddr, more: &[&str]) -> (String, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "test", "example.com", "--contact", "r@reporter.example"])
        .args(["--allow-network", "127.0.0.0/8", "--smtp-port", &smtp.port().to_string()])
        .arg("--config")
        .arg(configuration)
        .args(more)
        .output()
        .unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn shape(account: &Value, key: &str) -> Vec<Value> {
    let places = account["destinations"].as_array().unwrap();
    places.iter().map(|place| place[key].clone()).collect()
}

#[test]
fn a_signed_report_arrives_counts_and_changes_no_figure() {
    let trial = Trial::new("domains = [\"example.com\"]");
    trial.wants(MAIL);
    let (key, record) = trial.key(&rcgen::PKCS_ED25519);
    trial.world.dns.set("s1._domainkey.reporter.example", Answer::Text(record.clone()));
    let key = key.to_str().unwrap();
    let signing = ["--key", key, "--selector", "s1", "--organization", "Reporter & Söhne"];
    let (account, status) = trial.json(&signing);
    assert_eq!(status, 0, "{account:#}");
    assert_eq!(shape(&account, "submission"), ["accepted"]);
    assert_eq!(shape(&account, "place"), ["mx.example.com [127.0.0.1]"]);
    assert_eq!(shape(&account, "protection"), ["open"]);
    assert_eq!(shape(&account, "scope"), ["counted"]);
    assert_eq!(account["destinations"][0]["trust"]["signer"], "reporter.example", "{account:#}");
    assert_eq!(account["key_in_dns"], true);
    assert_eq!(account["signed"]["algorithm"], "ed25519-sha256");
    assert_eq!(account["signed"]["record"], record);

    let (page, _, status) = trial.run(&signing);
    assert_eq!(status, 0, "{page}");
    assert!(page.contains("\n  believed   reporter.example signed it; it counts\n"), "{page}");
    assert!(page.contains("s1._domainkey.reporter.example fits."), "{page}");

    let stored = reports(&trial.world.store(), Scope::Counted);
    assert_eq!(stored.len(), 2, "each run has an id of its own");
    for report in stored {
        assert_eq!(report.reporter.organisation, "Reporter & Söhne (test)");
        assert!(report.report_id.starts_with("test."), "{}", report.report_id);
        assert_eq!((report.successful.exact(), report.failed.exact()), (Some(0), Some(0)));
        assert!(!report.is_failing);
    }
}

#[test]
fn rsa_and_a_relay() {
    let trial = Trial::new("domains = [\"example.com\"]");
    trial.wants(MAIL);
    let key = trial.world.folder.path().join("rsa.pem");
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"])
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let pem = fs_err::read(&key).unwrap();
    let record = SigningKey::from_pem(&pem).unwrap().record().unwrap();
    trial.world.dns.set("s1._domainkey.reporter.example", Answer::Text(record));
    let relay = trial.daemon.address("smtp").to_string();
    let key = key.to_str().unwrap();
    let (account, status) = trial.json(&["--key", key, "--selector", "s1", "--relay", &relay]);
    assert_eq!(status, 0, "{account:#}");
    assert_eq!(shape(&account, "place"), ["127.0.0.1"]);
    assert_eq!(account["signed"]["algorithm"], "rsa-sha256");
}

#[test]
fn without_a_key_it_arrives_and_does_not_count() {
    let trial = Trial::new("domains = [\"example.com\"]");
    trial.wants(MAIL);
    let (page, _, status) = trial.run(&[]);
    assert_eq!(status, 1, "{page}");
    assert!(page.contains("The mail is not signed: no key was given."), "{page}");
    assert!(page.contains("\n  arrived    after "), "{page}");
    assert!(page.contains("nobody vouches for it (no-signature)"), "{page}");
    assert_eq!(reports(&trial.world.store(), Scope::Unverified).len(), 1);
}

#[test]
fn a_key_that_is_not_in_dns_is_told_with_the_record_that_should_be() {
    let trial = Trial::new("domains = [\"example.com\"]");
    trial.wants(MAIL);
    let (key, record) = trial.key(&rcgen::PKCS_ED25519);
    let key = key.to_str().unwrap();
    let (page, _, status) = trial.run(&["--key", key, "--selector", "s1"]);
    assert_eq!(status, 1, "{page}");
    assert!(page.contains("By what is in DNS at s1._domainkey.reporter.example"), "{page}");
    assert!(page.contains(&format!("\nThe record there should be:\n{record}\n")), "{page}");
}

#[test]
fn by_https_it_counts_where_its_source_is_admitted() {
    let certificate = rcgen::generate_simple_self_signed(vec!["other.example".to_owned()]).unwrap();
    for (admit, status, scope) in [
        ("", 1, "unverified"),
        ("\n[[receive.admit]]\nname = \"here\"\nnetworks = [\"127.0.0.0/8\"]", 0, "counted"),
    ] {
        let world = World::new();
        let at = |file: &str| world.folder.path().join(file);
        fs_err::write(at("cert.pem"), certificate.cert.pem()).unwrap();
        fs_err::write(at("key.pem"), certificate.signing_key.serialize_pem()).unwrap();
        let text = format!("certificate = \"cert.pem\"\nkey = \"key.pem\"{admit}");
        let path = world.configuration(&text);
        let text = fs_err::read_to_string(&path).unwrap();
        let https = text.replace("http = [\"127.0.0.1:0\"] }", "https = [\"127.0.0.1:0\"] }");
        fs_err::write(&path, https).unwrap();
        let daemon = Daemon::start(&path);
        world.dns.set("reports.example.com", Answer::Loopback);
        let uri = format!(
            "https://reports.example.com:{}/v1/tls-reports",
            daemon.address("https").port()
        );
        let record = Answer::Text(format!("v=TLSRPTv1; rua={uri}"));
        world.dns.set("_smtp._tls.example.com", record);
        let (out, said, got) = run(&path, daemon.address("smtp"), &["--format", "json"]);
        assert_eq!(got, status, "{out}{said}");
        let account: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(shape(&account, "scope"), [scope]);
        assert_eq!(shape(&account, "protection"), ["encrypted"], "a certificate of another host");
        assert!(account["destinations"][0]["text"].as_str().unwrap().starts_with("201"));
        assert_eq!(account["signed"], Value::Null);
    }
}

#[test]
fn every_destination_has_its_own_fate() {
    let trial = Trial::new("domains = [\"example.com\"]\nrecipients = [\"tls-reports@\"]");
    trial.wants(&format!("{MAIL},mailto:nobody@example.com,mailto:a@gone.example"));
    let (account, status) = trial.json(&[]);
    assert_eq!(status, 1, "{account:#}");
    assert_eq!(shape(&account, "submission"), ["accepted", "refused", "refused"]);
    assert!(account["destinations"][1]["text"].as_str().unwrap().contains("550"), "{account:#}");
    assert!(account["destinations"][2]["text"].as_str().unwrap().contains("does not exist"));
    let ids = shape(&account, "report_id");
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[test]
fn what_was_taken_and_does_not_come_is_not_known() {
    let trial = Trial::new("domains = [\"example.com\"]");
    trial.wants(MAIL);
    let script = trial.world.folder.path().join("sendmail");
    fs_err::write(&script, "#!/bin/sh\ncat >\"$0.mail\"\n").unwrap();
    fs_err::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let sendmail = ["--sendmail", script.to_str().unwrap()];
    let (page, _, status) = trial.run(&[&sendmail[..], &["--wait", "1"]].concat());
    assert_eq!(status, 3, "{page}");
    assert!(page.contains("\n  arrived    not seen in the store\n"), "{page}");
    let mail = fs_err::read_to_string(script.with_extension("mail")).unwrap();
    assert!(mail.starts_with("From: r@reporter.example\nTo: tls-reports@example.com\n"), "{mail}");
    assert!(mail.contains("\nThis is a test: "), "{mail}");
    // Who does not look hears that it was taken.
    let (page, _, status) = trial.run(&[&sendmail[..], &["--wait", "0"]].concat());
    assert!(status == 0 && !page.contains("arrived"), "{status}: {page}");
}

#[test]
fn domains_that_ask_for_nothing() {
    let trial = Trial::new("");
    let check = |status: i32, text: &str| {
        let (out, said, got) = trial.run(&[]);
        assert!(got == status && said.contains(text) && out.is_empty(), "{got}: {out}{said}");
    };
    check(1, "there is no TLS-RPT record at _smtp._tls.example.com");
    trial.world.dns.set("_smtp._tls.example.com", Answer::ServerFailure);
    check(3, "could not tell");
    trial.wants("tls@example.com");
    check(1, "senders cannot use the TLS-RPT record");
    // Nothing is sent before it is clear where to look.
    trial.wants(MAIL);
    let store = trial.world.folder.path().join("none.sqlite");
    let (_, said, status) = trial.run(&["--store", store.to_str().unwrap()]);
    assert!(status == 2 && said.contains("--wait 0"), "{status}: {said}");
    let (_, said, status) = trial.run(&["--key", "/nonexistent"]);
    assert!(status == 2 && said.contains("--selector"), "{status}: {said}");
}
