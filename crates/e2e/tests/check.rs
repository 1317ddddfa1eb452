//! `sealpost check` judges servers that we did not write.

use sealpost_e2e::{Domain, Environment, LeafKind, MailHost, PolicyReply, Report, World};

/// A domain, the verdict on it, and the codes of all findings.
type Case = (Domain, &'static str, &'static [&'static str]);

#[test]
fn check_judges_real_servers() {
    let cases: Vec<Case> = vec![
        (Domain::good("good.test"), "enforced", &[]),
        (Domain::good("lenient.test").mail_host(MailHost::Lenient), "enforced", &["MX309"]),
        (with_mail_host("expired.test", LeafKind::Expired), "failing", &["MX302"]),
        (with_mail_host("self-signed.test", LeafKind::SelfSigned), "failing", &["MX305"]),
        (with_mail_host("other-name.test", LeafKind::OtherName), "failing", &["MX304"]),
        (Domain::good("plain-text.test").mail_host(MailHost::PlainText), "failing", &["MX204"]),
        (Domain::good("redirect.test").policy_reply(PolicyReply::Redirect), "broken", &["STS212"]),
        (with_policy_host("host-expired.test", LeafKind::Expired), "broken", &["STS206"]),
        (with_policy_host("host-self-signed.test", LeafKind::SelfSigned), "broken", &["STS209"]),
        (with_policy_host("host-other-name.test", LeafKind::OtherName), "broken", &["STS208"]),
    ];
    let domains = cases.iter().map(|(domain, ..)| domain.clone()).collect();
    let environment = Environment::start(&World::new(domains)).unwrap();

    let mut differences = String::new();
    for (domain, verdict, codes) in &cases {
        // Old TLS beside newer is a warning; all other faults here are errors.
        let status = if *verdict == "enforced" { 0 } else { 1 };
        let report =
            Report::check(&environment, &environment.settings_file(), domain.name).unwrap();
        if report.status != Some(status) || report.verdict != *verdict || report.codes != *codes {
            differences += &format!(
                "\n{}: expected status {status}, {verdict}, {codes:?}, seen {}, {:?}",
                domain.name, report.verdict, report.codes
            );
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

fn with_mail_host(name: &'static str, certificate: LeafKind) -> Domain {
    Domain::good(name).mail_host(MailHost::StartTls(certificate))
}

fn with_policy_host(name: &'static str, certificate: LeafKind) -> Domain {
    Domain::good(name).policy_certificate(certificate)
}
