use sealpost_evidence::{
    AbsenceKind, CertificateFault, ConnectionFaultKind, ConnectionStage, FetchOutcome,
    HostAddresses, PolicyFetch,
};

use super::*;

const FETCH: &str = "sts-policy-fetch-error";

fn plain(type_: &str) -> FailureGroup {
    without_host(group(type_))
}

fn fetch(evidence: &mut Evidence) -> &mut PolicyFetch {
    &mut evidence.policy_host.as_mut().unwrap().fetches[0]
}

fn host_leaf(evidence: &mut Evidence) -> &mut Certificate {
    &mut fetch(evidence).tls.as_mut().unwrap().certificates[0]
}

#[test]
fn fetches_and_policies() {
    let good = evidence::good();
    let refused = spoilt(|e| {
        fetch(e).tls = None;
        fetch(e).outcome = FetchOutcome::Failed(evidence::fault(
            ConnectionStage::Connect,
            ConnectionFaultKind::Refused,
        ));
    });
    let no_route = spoilt(|e| {
        fetch(e).tls = None;
        fetch(e).outcome = FetchOutcome::Failed(evidence::fault(
            ConnectionStage::Connect,
            ConnectionFaultKind::NoRoute,
        ));
    });
    let untrusted =
        spoilt(|e| fetch(e).tls.as_mut().unwrap().faults = vec![CertificateFault::SelfSigned]);
    let gone = evidence::with_reply(|reply| reply.status = 404);
    let wrong = evidence::with_reply(|reply| {
        reply.body = sealpost_evidence::Octets::new("version: STSv1\nmode: enforced\n");
    });
    let html = evidence::with_reply(|reply| reply.content_type = Some("text/html".to_owned()));
    let no_address = spoilt(|e| {
        e.policy_host.as_mut().unwrap().addresses = HostAddresses {
            ipv4: evidence::absent(AbsenceKind::NoSuchName),
            ipv6: evidence::absent(AbsenceKind::NoSuchName),
        };
    });
    let no_record = spoilt(|e| e.sts_records = Some(evidence::absent(AbsenceKind::NoSuchName)));
    let two = spoilt(|e| {
        let records = vec![evidence::text("v=STSv1; id=1;"), evidence::text("v=STSv1; id=2;")];
        e.sts_records = Some(evidence::found(records));
    });
    let differing = spoilt(|e| {
        let body = evidence::POLICY.replace("604800", "86400");
        e.policy_host.as_mut().unwrap().fetches.push(evidence::fetch(2, &body));
    });
    for (type_, look, expected) in [
        (FETCH, &good, "FAIL215 sender unknown"),
        (FETCH, &refused, "FAIL211 ours open"),
        (FETCH, &no_route, "FAIL211 unclear unknown"), // our own fault tells nothing
        (FETCH, &untrusted, "FAIL221 ours open"),
        (FETCH, &gone, "FAIL212 ours open"),
        (FETCH, &no_address, "FAIL211 ours open"),
        (FETCH, &no_record, "FAIL214 ours open"),
        (FETCH, &two, "FAIL214 ours open"),
        (FETCH, &differing, "FAIL204 ours open"),
        ("sts-policy-invalid", &good, "FAIL232 unclear unknown"),
        ("sts-policy-invalid", &wrong, "FAIL231 ours open"),
        ("sts-policy-invalid", &html, "FAIL231 ours open"),
        ("sts-webpki-invalid", &good, "FAIL222 unclear unknown"),
        ("sts-webpki-invalid", &untrusted, "FAIL221 ours open"),
    ] {
        assert_eq!(verdict(&seen(&plain(type_), look)), expected, "{type_}");
    }
    holds(&seen(&plain("sts-policy-invalid"), &wrong), "enforced");
    holds(&seen(&plain(FETCH), &gone), "answers with status 404; only 200 counts");
}

#[test]
fn reason_codes() {
    for (type_, reason, expected) in [
        (FETCH, "bad https response code: 404", "FAIL212 ours unknown"),
        (
            FETCH,
            "unable to do http request: Get \"https://mta-sts.good.test/\": context deadline exceeded",
            "FAIL211 unclear unknown",
        ),
        (FETCH, "Get: x509: certificate signed by unknown authority", "FAIL221 ours unknown"),
        (FETCH, "no-mta-sts-dns-txt-record+fallback-to-cached-policy", "FAIL214 ours unknown"),
        (FETCH, "lookup mta-sts.good.test: no such host", "FAIL331 unclear unknown"),
        (FETCH, "MX_HOSTS_MISMATCH", "FAIL211 unclear unknown"), // contradicts
        ("sts-webpki-invalid", "certificate-expired", "FAIL221 ours unknown"),
        ("sts-policy-invalid", "policy-syntax-error", "FAIL231 ours unknown"),
        ("validation-failure", "bad https response code: 404", "FAIL212 ours unknown"),
        ("dns-error", "", "FAIL331 unclear unknown"),
    ] {
        assert_eq!(verdict(&blind(&with_reason(type_, reason))), expected, "{type_} {reason}");
    }
    let told = blind(&with_reason(FETCH, "bad https response code: 404"));
    holds(&told, "of Mail.ru: the policy host answered with this HTTP status");
    let command = told.command.unwrap();
    assert_eq!(command, "curl -sSi https://mta-sts.good.test/.well-known/mta-sts.txt");
}

#[test]
fn fetches_that_fail_since_the_certificate_changed() {
    let changed = |begin: &str| {
        let begin = begin.to_owned();
        spoilt(move |e| {
            host_leaf(e).not_before = begin.parse().unwrap();
            host_leaf(e).sha256 = "new".to_owned();
        })
    };
    let mut bad = changed("2026-10-28T09:00:00Z");
    fetch(&mut bad).tls.as_mut().unwrap().faults = vec![CertificateFault::UnknownIssuer];
    for (look, expected) in [
        (&bad, "FAIL213 ours open"),
        (&changed("2026-10-28T09:00:00Z"), "FAIL213 ours unknown"),
        (&changed("2026-10-29T09:00:00Z"), "FAIL213 ours unknown"), // on the day itself
        (&changed("2026-10-27T09:00:00Z"), "FAIL213 ours unknown"), // two days before
        (&changed("2026-10-26T09:00:00Z"), "FAIL215 sender unknown"), // too long before
        (&changed("2026-10-30T09:00:00Z"), "FAIL215 sender unknown"), // after they began
    ] {
        assert_eq!(verdict(&seen(&plain(FETCH), look)), expected);
    }
    let diagnosis = seen(&plain(FETCH), &bad);
    holds(
        &diagnosis,
        "began to fail on 2026-10-29, when the certificate of mta-sts.good.test had just changed (the present one is valid from 2026-10-28)",
    );

    let now = changed("2026-10-28T09:00:00Z");
    let mut earlier = evidence::good();
    earlier.observed = "2026-10-20T00:00:00Z".parse().unwrap();
    let known =
        |earlier| Known { evidence: Some(&now), earlier: Some(earlier), ..Known::nothing(today()) };
    let diagnosis = diagnose(&plain(FETCH), &known(&earlier));
    holds(&diagnosis, "On 2026-10-20 it still had another certificate.");
    // The same certificate was seen before they began, however its dates look.
    let mut same = now.clone();
    same.observed = "2026-10-28T12:00:00Z".parse().unwrap();
    assert_eq!(verdict(&diagnose(&plain(FETCH), &known(&same))), "FAIL215 sender unknown");
}
