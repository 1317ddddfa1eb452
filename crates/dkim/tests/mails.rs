//! Mails that others have signed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use sealpost_dkim::{
    Authenticity, BodyHash, Doubt, Failure, KeyAnswer, Message, Service, Signature, Verdict,
};

/// Before the signatures of 2022 and 2023 expired.
const THEN: i64 = 1_600_000_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails")
}

fn octets(name: &str) -> Vec<u8> {
    fs_err::read(folder().join(name)).unwrap()
}

/// What DNS had at the name.
fn answer(mail: &str, name: &str) -> KeyAnswer {
    let keys = fs_err::read_to_string(folder().join(mail.replace(".eml", ".keys"))).unwrap();
    let records = keys.lines().filter_map(|line| line.split_once(' '));
    let records = records.filter(|(key, _)| *key == name).map(|(_, record)| record.into());
    KeyAnswer::Found(records.collect())
}

fn signatures(message: &Message<'_>) -> Vec<Signature> {
    message.signatures().into_iter().map(Result::unwrap).collect()
}

/// The mails that have their keys beside them.
fn with_keys() -> Vec<String> {
    let mut mails: Vec<String> = fs_err::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".keys").map(|stem| format!("{stem}.eml")))
        .collect();
    mails.sort();
    mails
}

#[test]
fn signatures_of_others_hold() {
    let mails = with_keys();
    assert_eq!(mails.len(), 16);
    for mail in mails {
        let octets = octets(&mail);
        let message = Message::read(&octets).unwrap();
        let signatures = signatures(&message);
        assert_eq!(signatures.len(), if mail == "rfc8463.eml" { 2 } else { 1 }, "{mail}");
        for signature in signatures {
            let verdict = signature.verify(&message, &answer(&mail, &signature.query_name()), THEN);
            assert!(matches!(verdict, Verdict::Pass(_)), "{mail}: {verdict}");
        }
    }
}

/// Every octet of a mail is covered somehow, and a change of one that matters is seen.
#[test]
fn changed_octets_are_seen() {
    for mail in with_keys() {
        let octets = octets(&mail);
        let body = octets.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let (mut passed, mut failed) = (0, 0);
        for index in 0..octets.len() {
            let mut changed = octets.clone();
            *changed.get_mut(index).unwrap() ^= 1;
            let message = Message::read(&changed).unwrap();
            let holds = message.signatures().into_iter().flatten().all(|signature| {
                let answer = answer(&mail, &signature.query_name());
                matches!(signature.verify(&message, &answer, THEN), Verdict::Pass(_))
            }) && message.signatures().iter().all(Result::is_ok);
            if holds {
                passed += 1
            } else {
                failed += 1
            }
            // 1 added to an octet that is not white space makes no white space of it.
            let is_text = octets.get(index).is_some_and(|octet| *octet > b' ' && *octet != b'!');
            if is_text && index >= body {
                assert!(!holds, "{mail}: octet {index} of the body was changed unseen");
            }
        }
        assert!(failed > 4 * passed, "{mail}: {passed} changes were not seen, {failed} were");
    }
}

#[test]
fn bodies_of_real_reports_are_the_ones_that_were_signed() {
    let check = |mail: &str, domains: &[&str], body: BodyHash, at: i64, verdict: Failure| {
        let octets = octets(mail);
        let message = Message::read(&octets).unwrap();
        let signatures = signatures(&message);
        let found: Vec<&str> = signatures.iter().map(|s| s.domain().as_str()).collect();
        assert_eq!(found, domains, "{mail}");
        let mut verdicts = Vec::new();
        for signature in signatures {
            assert_eq!(signature.body_hash(&message), body, "{mail}");
            let found = signature.verify(&message, &KeyAnswer::Absent, at);
            assert_eq!(found, Verdict::Fail(verdict.clone()), "{mail}");
            verdicts.push((signature, found));
        }
        let doubt = Authenticity::Doubtful(Doubt::Failed(verdict));
        assert_eq!(message.authenticity(&verdicts), doubt, "{mail}");
    };
    check("google-2022.eml", &["google.com"], BodyHash::Intact, THEN, Failure::KeyGone);
    check(
        "google-2024-touched.eml",
        &["google.com"],
        BodyHash::Changed,
        THEN,
        Failure::BodyChanged,
    );
    check("microsoft-2023.eml", &["microsoft.com"], BodyHash::Intact, THEN, Failure::KeyGone);
    check(
        "microsoft-names-replaced.eml",
        &["microsoft.com"],
        BodyHash::Changed,
        THEN,
        Failure::BodyChanged,
    );
    check("dkimpy-reporter.eml", &["sender.test"], BodyHash::Intact, THEN, Failure::KeyGone);
}

/// Quirk of the field: Google signs the headers that tell about a report, Microsoft does not.
#[test]
fn not_everybody_signs_the_headers_of_reports() {
    let covers = |mail: &str, name: &str| {
        let octets = octets(mail);
        let message = Message::read(&octets).unwrap();
        signatures(&message).first().unwrap().covers(&message, name)
    };
    for name in ["TLS-Report-Domain", "tls-report-submitter", "From", "Subject"] {
        assert!(covers("google-2022.eml", name), "{name}");
        assert!(covers("dkimpy-reporter.eml", name), "{name}");
    }
    assert!(!covers("microsoft-2023.eml", "TLS-Report-Domain"));
    assert!(!covers("microsoft-2023.eml", "TLS-Report-Submitter"));
    assert!(covers("microsoft-2023.eml", "From") && covers("microsoft-2023.eml", "Content-Type"));
}

#[test]
fn services_of_keys_are_told() {
    let service = |mail: &str| {
        let octets = octets(mail);
        let message = Message::read(&octets).unwrap();
        let signatures = signatures(&message);
        let signature = signatures.first().unwrap();
        match signature.verify(&message, &answer(mail, &signature.query_name()), THEN) {
            Verdict::Pass(pass) => (pass.service, pass.rsa_bits),
            other => panic!("{mail}: {other}"),
        }
    };
    assert_eq!(service("rfc8463.eml"), (Service::All, None));
    assert_eq!(service("mail-auth-simple.eml"), (Service::All, Some(1024)));
    assert_eq!(service("dkimpy-simple-simple-open-rsa.eml"), (Service::TlsReports, Some(2048)));
}
