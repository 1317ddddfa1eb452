//! DANE against real servers: `sealpost check` and Postfix's own TLS client judge the same hosts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpost_e2e::{Domain, Environment, LeafKind, MailHost, Report, Signing, Tlsa, World, Zone};

/// A domain; the verdict on it and the codes of all findings; what Postfix says under `dane-only`.
type Case = (Domain, &'static str, &'static [&'static str], &'static str);

#[test]
fn check_and_postfix_agree_on_tlsa_records() {
    let self_signed = MailHost::StartTls(LeafKind::SelfSigned);
    let cases: Vec<Case> = vec![
        (Domain::good("good.test").tlsa(Tlsa::Matching), "enforced", &[], VERIFIED),
        (Domain::good("mismatch.test").tlsa(Tlsa::Other), "enforced", &["DANE101"], UNVERIFIED),
        (Domain::good("none.test"), "enforced", &[], NO_RECORDS),
        // DANE needs no authority, and MTA-STS does.
        (
            Domain::good("self-signed.test").mail_host(self_signed).tlsa(Tlsa::Matching),
            "failing",
            &["MX305"],
            VERIFIED,
        ),
        (
            Domain::good("plain-text.test").mail_host(MailHost::PlainText).tlsa(Tlsa::Other),
            "failing",
            &["DANE109", "MX204"],
            NO_STARTTLS,
        ),
        // Without DNSSEC a TLSA record says nothing.
        (Domain::good("unsigned.test").tlsa(Tlsa::Other), "enforced", &[], NO_RECORDS),
        (Domain::good("nsec3.test").tlsa(Tlsa::Matching), "enforced", &[], VERIFIED),
        (Domain::good("other-key.test").tlsa(Tlsa::Matching), "unknown", &["DNS101"], NO_MX),
        (Domain::good("expired.test").tlsa(Tlsa::Matching), "unknown", &["DNS101"], NO_MX),
    ];
    let world = World::new(cases.iter().map(|(domain, ..)| domain.clone()).collect())
        .zone(Zone::new("unsigned.test", Signing::Unsigned))
        .zone(Zone::new("nsec3.test", Signing::Nsec3))
        .zone(Zone::new("other-key.test", Signing::OtherKey))
        .zone(Zone::new("expired.test", Signing::Expired));
    let environment = Environment::start(&world).unwrap();

    let mut differences = String::new();
    for (domain, verdict, codes, postfix_says) in &cases {
        let report =
            Report::check(&environment, &environment.settings_file(), domain.name).unwrap();
        if report.verdict != *verdict || report.codes != *codes {
            differences += &format!(
                "\n{}: expected {verdict}, {codes:?}, seen {}, {:?}",
                domain.name, report.verdict, report.codes
            );
        }
        let answer = postfix(&environment, domain.name);
        if !answer.contains(postfix_says) {
            differences += &format!("\n{}: Postfix says {answer}", domain.name);
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

const VERIFIED: &str = "Verified TLS connection established";
const UNVERIFIED: &str = "Untrusted TLS connection established";
const NO_RECORDS: &str = "no TLSA records found";
/// It gives up after the last line of the reply to EHLO.
const NO_STARTTLS: &str = "< 250 CHUNKING\nposttls-finger: > QUIT";
const NO_MX: &str = "Host not found";

/// What Postfix's client says of the MX hosts of a domain when it may use DANE alone.
fn postfix(environment: &Environment, domain: &str) -> String {
    let arguments = ["-o", "inet_protocols=ipv4", "-l", "dane-only", "-L", "summary", domain];
    let output = environment.run_inside("posttls-finger", &arguments).unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
