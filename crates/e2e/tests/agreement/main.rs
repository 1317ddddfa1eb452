//! The lab's servers as OpenSSL, curl and BIND's tools see them: `sealpost` says the same.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sealpost;
mod tools;

use std::collections::BTreeSet;

use jiff::Timestamp;
use sealpost_e2e::{Answers, Environment, Question, World, sealpost_answers};
use sealpost_lab::{Lab, Options, Ports};

/// What was seen of a domain, each once: an MX host or a policy host may have several addresses.
type Words = BTreeSet<String>;

/// A running lab, and a Debian system with the tools to look at it.
struct Scene {
    environment: Environment,
    lab: Lab,
}

impl Scene {
    async fn set() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the tools know no time but this machine's")]
        let now = Timestamp::now();
        let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
        let lab = Lab::start(options).await.unwrap();
        let environment = Environment::start(&World::new(Vec::new())).unwrap();
        // The tools see the environment's directory as /e2e, and nothing else of this machine.
        fs_err::copy(lab.trust_roots_file(), environment.directory().join("lab.pem")).unwrap();
        let anchors = fs_err::read_to_string(lab.trust_anchors_file()).unwrap();
        let keys = environment.directory().join("lab.keys");
        fs_err::write(keys, tools::bind_keys(&anchors).unwrap()).unwrap();
        Self { environment, lab }
    }
}

/// A domain, and what is seen of its MX hosts.
const MAIL_HOSTS: &[(&str, &str)] = &[
    ("good.test", "verified"),
    ("mx-certificate-expired.test", "expired"),
    ("mx-certificate-not-yet-valid.test", "not-yet-valid"),
    ("mx-certificate-wrong-name.test", "name-mismatch"),
    ("mx-certificate-untrusted.test", "unknown-issuer"),
    ("mx-certificate-incomplete.test", "unknown-issuer"),
    ("mx-certificate-self-signed.test", "self-signed"),
    ("mx-certificate-self-signed-authority.test", "self-signed"),
    ("mx-certificate-client-only.test", "wrong-purpose"),
    ("mx-certificate-constraint.test", "other"),
    ("mx-certificate-expiring.test", "verified"),
    ("mx-certificate-expiring-yearly.test", "verified"),
    ("mx-certificate-expired-at-one.test", "expired, verified"),
    ("mx-certificate-expired-backup.test", "expired, verified"),
    ("mx-no-starttls.test", "no STARTTLS"),
    ("mx-starttls-454.test", "no TLS"),
    ("mx-tls-alert.test", "no TLS"),
    ("mx-tls-garbage.test", "no TLS"),
    ("mx-tls-reset.test", "no TLS"),
];

/// The same for the policy host: a status, a media type and where a redirect leads, or a fault.
const POLICY_HOSTS: &[(&str, &str)] = &[
    ("good.test", "200 text/plain"),
    ("policy-certificate-expired.test", "expired"),
    ("policy-certificate-not-yet-valid.test", "not-yet-valid"),
    ("policy-certificate-wrong-name.test", "name-mismatch"),
    ("policy-certificate-partial-wildcard.test", "name-mismatch"),
    ("policy-certificate-untrusted.test", "unknown-issuer"),
    ("policy-certificate-incomplete.test", "unknown-issuer"),
    ("policy-certificate-self-signed.test", "self-signed"),
    ("policy-certificate-self-signed-authority.test", "self-signed"),
    ("policy-certificate-client-only.test", "wrong-purpose"),
    ("policy-certificate-constraint.test", "other"),
    ("policy-certificate-expiring.test", "200 text/plain"),
    ("policy-certificate-expired-at-one.test", "200 text/plain, expired"),
    ("policy-redirect.test", "301 text/plain https://www.good.test/.well-known/mta-sts.txt"),
    ("policy-redirect-302.test", "302 text/plain https://www.good.test/.well-known/mta-sts.txt"),
    ("policy-404.test", "404 text/plain"),
    ("policy-500.test", "500 text/plain"),
    ("policy-204.test", "204 text/plain"),
    ("policy-as-html.test", "200 text/html; charset=utf-8"),
    ("policy-without-type.test", "200"),
    ("policy-host-refused.test", "refused"),
    ("policy-host-partly-refused.test", "200 text/plain, refused"),
    ("policy-tls-alert.test", "no TLS"),
    ("policy-tls-plain-http.test", "no TLS"),
    ("policy-tls-closed.test", "no TLS"),
    ("policy-tls-reset.test", "no TLS"),
    ("policy-cut.test", "cut"),
];

/// Certificates of which a tool says something else, and why it may.
const DIFFERENT: &[(&str, &str, &str)] = &[
    // OpenSSL looks at the common name where there is no other; RFC 8461 §4.2 knows only SANs.
    ("mx-certificate-common-name-only.test", "verified", "name-mismatch"),
    // OpenSSL takes `mx*` for a wildcard unless it is told not to, which its client can't be;
    // RFC 8461 §4.2 takes only a whole label.
    ("mx-certificate-partial-wildcard.test", "verified", "name-mismatch"),
];

/// What the TLSA records of a domain's only MX host come to.
const TLSA: &[(&str, &str)] = &[
    ("dane-good.test", "match"),
    ("dane-certificate.test", "match"),
    ("dane-sha-512.test", "match"),
    ("dane-full.test", "match"),
    ("dane-trust-anchor.test", "match"),
    ("dane-trust-anchor-root.test", "match"),
    ("dane-digests.test", "match"),
    ("dane-mismatch.test", "mismatch"),
    ("dane-mismatch-in-stronger-digest.test", "mismatch"),
    ("dane-mismatch-trust-anchor.test", "mismatch"),
    ("dane-one-unusable.test", "match"),
    ("dane-only-unknown-selector.test", "unusable"),
    ("dane-next-key.test", "match"),
    ("dane-next-key-missing.test", "match"),
    ("dane-certificate-expired.test", "match"),
    ("dane-self-signed.test", "match"),
];

/// Questions about the lab's signed zones, and what is true of each.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("_mta-sts.good.test", "TXT", "secure, found"),
    ("_smtp._tls.good.test", "TXT", "secure, found"),
    ("good.test", "MX", "secure, found"),
    ("mx1.good.test", "A", "secure, found"),
    ("mta-sts.good.test", "AAAA", "secure, found"),
    ("_mta-sts.sts-record-missing.test", "TXT", "secure, no name"),
    ("_mta-sts.sts-record-no-data.test", "TXT", "secure, no data"),
    ("_mta-sts.unsigned.test", "TXT", "insecure, found"),
    ("unsigned.test", "MX", "insecure, found"),
    ("mx1.unsigned.test", "A", "insecure, found"),
    ("a.mail.good-wildcard-records.test", "A", "secure, found"),
    ("a.b.mail.good-wildcard-records-deep.test", "A", "secure, found"),
    ("_mta-sts.bogus-altered.test", "TXT", "bogus"),
    ("bogus-altered.test", "MX", "bogus"),
    ("_mta-sts.bogus-expired.test", "TXT", "bogus"),
    ("bogus-wrong-key.test", "MX", "bogus"),
    ("_mta-sts.bogus-sts-record.test", "TXT", "bogus"),
    ("bogus-sts-record.test", "MX", "secure, found"),
    ("_smtp._tls.bogus-tls-rpt.test", "TXT", "bogus"),
    ("bogus-mx.test", "MX", "bogus"),
    ("_mta-sts.bogus-mx.test", "TXT", "secure, found"),
];

#[tokio::test(flavor = "multi_thread")]
async fn openssl_and_curl_see_what_sealpost_sees() {
    let Scene { environment, lab } = Scene::set().await;
    let mail = MAIL_HOSTS.iter().map(|(name, expected)| (*name, *expected, *expected));
    let mail: Vec<_> = mail.chain(DIFFERENT.iter().copied()).collect();
    let names: BTreeSet<&str> =
        mail.iter().map(|row| row.0).chain(POLICY_HOSTS.iter().map(|row| row.0)).collect();
    assert!(names.len() >= 30, "only {} domains", names.len());

    let (mail, names) = (&mail, &names);
    let differences = tokio::task::block_in_place(|| {
        let tools = tools::Tools::new(&environment, &lab, names);
        let evidence = sealpost::evidence(&lab, environment.directory(), names);
        let mut differences = Vec::new();
        let mut compare = |domain, tool, expected: &str, seen: &Words| {
            let seen = seen.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            if seen != expected {
                differences.push(format!("{domain}: {tool} says {seen}, expected is {expected}"));
            }
        };
        for (domain, tool_expected, expected) in mail {
            compare(domain, "openssl", tool_expected, &tools.openssl(domain));
            compare(domain, "sealpost", expected, &sealpost::mail_hosts(&evidence, domain));
        }
        for (domain, expected) in POLICY_HOSTS {
            compare(domain, "curl", expected, &tools.curl(domain));
            compare(domain, "sealpost", expected, &sealpost::policy_host(&evidence, domain));
        }
        differences
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_matches_tlsa_records_as_sealpost_does() {
    let Scene { environment, lab } = Scene::set().await;
    let differences = tokio::task::block_in_place(|| {
        let names = TLSA.iter().map(|(name, _)| *name).collect();
        let tools = tools::Tools::new(&environment, &lab, &names);
        let evidence = sealpost::evidence(&lab, environment.directory(), &names);
        let mut differences = Vec::new();
        for (domain, expected) in TLSA {
            let openssl = tools.openssl_dane(domain);
            let sealpost = sealpost::tlsa(&evidence, domain);
            if openssl != *expected || sealpost != *expected {
                differences.push(format!(
                    "{domain}: expected {expected}, openssl says {openssl}, \
                     sealpost says {sealpost}"
                ));
            }
        }
        differences
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delv_sees_what_sealpost_sees() {
    let Scene { environment, lab } = Scene::set().await;
    let differences = tokio::task::block_in_place(|| {
        // A name is that of a domain, or has its labels in front of one.
        let domain = |name: &'static str| {
            Lab::fleet().iter().map(|domain| domain.name).find(|domain| {
                name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        };
        let names = QUESTIONS.iter().filter_map(|(name, ..)| domain(name)).collect();
        let evidence = sealpost::evidence(&lab, environment.directory(), &names);
        let answers: Answers = evidence.values().flat_map(sealpost_answers).collect();
        let mut differences = Vec::new();
        for (name, record_type, expected) in QUESTIONS {
            let question = Question::new(name, record_type);
            let delv = tools::delv(&environment, &lab, &question);
            let sealpost = answers.get(&question).map_or("nothing", String::as_str);
            if delv != *expected || sealpost != *expected {
                differences.push(format!(
                    "{name} {record_type}: expected {expected}, delv says {delv}, \
                     sealpost says {sealpost}"
                ));
            }
        }
        differences
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    lab.stop().await;
}
