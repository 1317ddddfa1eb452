//! `sealpost check` judges servers that we did not write.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpost_e2e::{Domain, Environment, LeafKind, MailHost, PolicyReply, World, sealpost_binary};
use serde_json::Value;

/// A domain, the verdict on it, and the codes of all findings.
type Case = (Domain, &'static str, &'static [&'static str]);

#[test]
fn check_judges_real_servers() {
    let cases: Vec<Case> = vec![
        (Domain::good("good.test"), "enforced", &[]),
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
        let status = if codes.is_empty() { 0 } else { 1 };
        let expected = (Some(status), (*verdict).to_owned(), codes.join(" "));
        let (seen, report) = check(&environment, domain.name);
        if seen != expected {
            differences += &format!(
                "\n{}: expected {expected:?}, seen {seen:?}, reported {report}",
                domain.name
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

/// The exit status, the verdict and the sorted codes of `sealpost check`, and all that it said.
fn check(environment: &Environment, domain: &str) -> ((Option<i32>, String, String), String) {
    let settings = environment.settings_file();
    let arguments = ["check", "--network", settings.to_str().unwrap(), "--format", "json", domain];
    let output = environment.run(&sealpost_binary().unwrap(), arguments).unwrap();

    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let verdict = report.get("verdict").and_then(Value::as_str).unwrap_or_default().to_owned();
    let findings = report.get("findings").and_then(Value::as_array);
    let mut codes: Vec<&str> = findings
        .into_iter()
        .flatten()
        .filter_map(|finding| finding.get("code").and_then(Value::as_str))
        .collect();
    codes.sort_unstable();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    ((output.status.code(), verdict, codes.join(" ")), said)
}
