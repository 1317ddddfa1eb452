//! `report doctor`: what a receiver would find of our own set-up, with the DNS of these tests.

use std::process::Command;

use sealpost_dkim::SigningKey;
use serde_json::Value;

use crate::dns::{Answer, Dns};

/// Who reports for example.com, with all in order at first.
struct Patient {
    dns: Dns,
    folder: tempfile::TempDir,
    /// What our key wants in DNS.
    record: String,
}

impl Patient {
    fn new() -> Self {
        let (dns, folder) = (Dns::start(), tempfile::tempdir().unwrap());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        fs_err::write(folder.path().join("dkim.pem"), &key).unwrap();
        let record = SigningKey::from_pem(key.as_bytes()).unwrap().record().unwrap();
        let configuration = format!(
            "[network]\nresolvers = [\"{}\"]\ndnssec = \"off\"\n[network.deadlines]\ndns = 1\n\
             domain = 3\n",
            dns.address()
        );
        fs_err::write(folder.path().join("sealpost.toml"), configuration).unwrap();
        let patient = Self { dns, folder, record };
        patient.set("s1._domainkey.example.com", &patient.record);
        patient.set("bounces.example.com", "v=spf1 a:mx.example.com -all");
        patient.set("_dmarc.example.com", "v=DMARC1; p=reject; adkim=s");
        patient.dns.set("example.com", Answer::Exchange("mx.example.com"));
        patient.dns.set("mx.example.com", Answer::Loopback);
        patient.dns.set("1.0.0.127.in-addr.arpa", Answer::Exchange("mx.example.com"));
        patient
    }

    fn set(&self, name: &str, text: &str) {
        self.dns.set(name, Answer::Text(text.to_owned()));
    }

    fn run(&self, more: &[&str]) -> (Vec<Value>, i32) {
        let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["report", "doctor", "--format", "json", "--contact", "tls@example.com"])
            .args(["--return-path", "tls@bounces.example.com", "--selector", "s1", "--direct"])
            .args(["--ehlo-name", "mx.example.com", "--key"])
            .arg(self.folder.path().join("dkim.pem"))
            .arg("--config")
            .arg(self.folder.path().join("sealpost.toml"))
            .args(more)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let found: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {said}"));
        (found.get("examined").unwrap().as_array().unwrap().clone(), output.status.code().unwrap())
    }

    /// How one thing is, and all that is said of it.
    fn of(&self, what: &str) -> (String, String) {
        let (found, _) = self.run(&[]);
        let mut found = found.iter().filter(|one| one["what"] == what);
        let one = found.next().unwrap();
        assert!(found.next().is_none(), "{what} is there twice");
        let said = format!("{} {}", one["found"].as_str().unwrap(), one["remedy"]);
        (one["state"].as_str().unwrap().to_owned(), said)
    }
}

#[test]
fn what_is_in_order_is_told_as_such() {
    let patient = Patient::new();
    let (found, status) = patient.run(&[]);
    let ill: Vec<_> =
        found.iter().filter(|one| one["what"] != "queue" && one["state"] != "good").collect();
    assert!(ill.is_empty(), "{ill:#?}");
    // The queue is that of the machine.
    let is_short = found.iter().any(|one| one["what"] == "queue" && one["state"] == "doubtful");
    assert_eq!(status, i32::from(is_short));
    let what: Vec<_> = found.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(
        what,
        ["queue", "dkim", "contact", "transport", "mx", "spf", "dmarc", "reverse-dns"]
    );
}

#[test]
fn each_fault_of_the_key_is_told_with_the_record_to_publish() {
    let patient = Patient::new();
    let name = "s1._domainkey.example.com";
    let is = |record: &str, state: &str, expected: &str| {
        patient.set(name, record);
        let (found, said) = patient.of("dkim");
        assert_eq!(found, state, "{record}: {said}");
        assert!(said.contains(expected), "{record}: {said}");
        assert!(said.contains(&patient.record), "{record}: {said}");
    };
    assert!(!patient.record.contains("; s="), "some verifiers would refuse {}", patient.record);
    let with = |tag: &str| patient.record.replace("p=", &format!("{tag}; p="));
    is(&with("s=tlsrpt"), "doubtful", "for `s=tlsrpt` alone");
    is(&with("s=other"), "bad", "for other services");
    is(&with("t=y"), "doubtful", "being tried out");
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
    let other = SigningKey::from_pem(other.as_bytes()).unwrap().record().unwrap();
    is(&other, "bad", "another one than the key that signs here");
    is("v=DKIM1; k=ed25519; p=", "bad", "withdrawn");
    is("v=spf1 -all", "bad", "is not believed");
    for good in [patient.record.clone(), with("s=email:tlsrpt"), with("s=*")] {
        patient.set(name, &good);
        assert_eq!(patient.of("dkim").0, "good", "{good}");
    }
    patient.dns.set(name, Answer::ServerFailure);
    assert_eq!(patient.of("dkim").0, "unknown");
    patient.dns.set(name, Answer::Loopback);
    let (state, said) = patient.of("dkim");
    assert!(state == "bad" && said.starts_with("there is no key at s1._domainkey."), "{said}");
    assert_eq!(patient.run(&[]).1, 1);
}

#[test]
fn each_fault_of_the_domain_is_told() {
    let patient = Patient::new();
    let (_, status) = patient.run(&["--from", "tls@stranger.example"]);
    assert_eq!(status, 1);
    let is = |what: &str, state: &str, expected: &str| {
        let (found, said) = patient.of(what);
        assert_eq!(found, state, "{said}");
        assert!(said.contains(expected), "{said}");
    };
    patient.set("bounces.example.com", "v=spf1 -all");
    is("spf", "bad", "nobody may send");
    patient.set("bounces.example.com", "v=spf2.0/pra +all");
    is("spf", "doubtful", "has no SPF record");
    patient.set("_dmarc.example.com", "none");
    is("dmarc", "doubtful", "has no DMARC record");
    patient.dns.set("1.0.0.127.in-addr.arpa", Answer::Exchange("other.example.com"));
    is("reverse-dns", "doubtful", "does not lead back");
    patient.set("1.0.0.127.in-addr.arpa", "");
    is("reverse-dns", "doubtful", "has no name");
    patient.set("example.com", "");
    is("mx", "bad", "neither MX nor address");
    patient.dns.set("example.com", Answer::ServerFailure);
    is("mx", "unknown", "could not be looked up");
}
