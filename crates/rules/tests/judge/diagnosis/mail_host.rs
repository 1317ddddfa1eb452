use sealpost_evidence::{CertificateFault, ConnectionFaultKind, ConnectionStage, StartTls};
use sealpost_rules::Severity;

use super::*;

#[test]
fn starttls() {
    let type_ = "starttls-not-supported";
    let starttls = |state: StartTls| spoilt(|e| session(e, 0).starttls = state);
    let refused = starttls(StartTls::Refused(evidence::reply(454)));
    for (group, look, expected) in [
        (group(type_), None, "FAIL102 unclear unknown"),
        (group(type_), Some(starttls(StartTls::NotOffered)), "FAIL101 ours open"),
        (group(type_), Some(refused.clone()), "FAIL103 ours open"),
        (group(type_), Some(evidence::good()), "FAIL102 interference unknown"),
        // another host than the one reported is at fault
        (
            group(type_),
            Some(spoilt(|e| session(e, 1).starttls = StartTls::NotOffered)),
            "FAIL102 interference unknown",
        ),
        (group(type_), Some(starttls(StartTls::NotReached)), "FAIL102 unclear unknown"),
        (with_reason(type_, "smtp-starttls-reply-code-454"), None, "FAIL103 ours unknown"),
        (
            with_reason(type_, "smtp-starttls-reply-code-454"),
            Some(evidence::good()),
            "FAIL103 unclear unknown",
        ),
        (
            with_reason(type_, "STARTTLS was not advertised by host"),
            None,
            "FAIL102 unclear unknown",
        ),
        (
            with_reason("validation-failure", "STARTTLS was not advertised by host"),
            None,
            "FAIL102 unclear unknown",
        ),
        // a reason does not contradict a precise type
        (with_reason(type_, "certificate has expired"), None, "FAIL102 unclear unknown"),
    ] {
        let diagnosis = look.as_ref().map_or_else(|| blind(&group), |look| seen(&group, look));
        assert_eq!(verdict(&diagnosis), expected, "{group:?}");
    }
    let diagnosis = seen(&group(type_), &refused);
    holds(&diagnosis, "mx1.good.test [192.0.2.11] lists STARTTLS and answers it with \"454");
    let command = diagnosis.command.unwrap();
    assert!(command.starts_with("curl -svk --ssl-reqd") && command.contains("192.0.2.11"));
}

#[test]
fn an_expired_certificate_and_one_that_was_renewed_since() {
    let type_ = "certificate-expired";
    let expired = spoilt(|e| {
        let not_after = "2026-10-28T12:00:00Z".parse().unwrap();
        session(e, 0).tls.as_mut().unwrap().faults = vec![CertificateFault::Expired { not_after }];
        leaf(e, 0).not_after = not_after;
        leaf(e, 0).sha256 = "old".to_owned();
    });
    let diagnosis = seen(&group(type_), &expired);
    assert_eq!(verdict(&diagnosis), "FAIL111 ours open");
    holds(&diagnosis, "The certificate of mx1.good.test [192.0.2.11] expired on 2026-10-28.");
    assert_eq!(diagnosis.severity, Severity::Error);

    let renewed = spoilt(|e| leaf(e, 0).not_before = "2026-10-31T06:00:00Z".parse().unwrap());
    let known =
        Known { evidence: Some(&renewed), earlier: Some(&expired), ..Known::nothing(today()) };
    let diagnosis = diagnose(&group(type_), &known);
    assert_eq!(verdict(&diagnosis), "FAIL112 ours mended");
    holds(
        &diagnosis,
        "The certificate of mx1.good.test expired on 2026-10-28, and was renewed since.",
    );
    holds(&diagnosis, "The present certificate is valid from 2026-10-31 to ");
    assert_eq!(diagnosis.severity, Severity::Note);

    // Without an earlier look the day of its end is not known.
    let diagnosis = seen(&group(type_), &renewed);
    assert_eq!(verdict(&diagnosis), "FAIL112 ours mended");
    holds(&diagnosis, "had expired when sessions failed on 2026-10-29, and was renewed since.");

    // Near misses: the certificate of now is older than the failures; or they go on after it.
    let diagnosis = seen(&group(type_), &evidence::good());
    assert_eq!(verdict(&diagnosis), "FAIL117 unclear unknown");
    let early = spoilt(|e| leaf(e, 0).not_before = "2026-10-29T06:00:00Z".parse().unwrap());
    let diagnosis = seen(&group(type_), &early);
    assert_eq!(verdict(&diagnosis), "FAIL117 unclear unknown");
    holds(&diagnosis, "some server may still show the earlier one");

    assert_eq!(verdict(&blind(&group(type_))), "FAIL111 ours unknown");
}

#[test]
fn certificates_with_other_faults() {
    let fault = |fault| spoilt(|e| session(e, 0).tls.as_mut().unwrap().faults = vec![fault]);
    let mismatch = fault(CertificateFault::NameMismatch {
        expected: "mx1.good.test".to_owned(),
        presented: vec!["a\u{1b}[31m.test".to_owned()],
        common_name_fits: false,
    });
    let early = fault(CertificateFault::NotYetValid {
        not_before: "2027-01-01T00:00:00Z".parse().unwrap(),
    });
    for (type_, look, expected) in [
        ("certificate-host-mismatch", &mismatch, "FAIL113 ours open"),
        ("certificate-host-mismatch", &evidence::good(), "FAIL117 unclear unknown"),
        ("certificate-not-trusted", &fault(CertificateFault::UnknownIssuer), "FAIL115 ours open"),
        ("certificate-not-trusted", &fault(CertificateFault::SelfSigned), "FAIL114 ours open"),
        ("certificate-not-trusted", &evidence::good(), "FAIL117 unclear unknown"),
        ("validation-failure", &early, "FAIL116 ours open"),
        ("validation-failure", &fault(CertificateFault::SelfSigned), "FAIL114 ours open"),
        ("validation-failure", &evidence::good(), "FAIL131 unclear unknown"),
    ] {
        assert_eq!(verdict(&seen(&group(type_), look)), expected, "{type_}");
    }
    holds(&seen(&group("certificate-host-mismatch"), &mismatch), "is for \"a\\u{1b}[31m.test\"");
    // A fault that is there is told, also if the report names another one.
    let diagnosis = seen(&group("certificate-expired"), &mismatch);
    assert_eq!(verdict(&diagnosis), "FAIL113 ours open");
    holds(&diagnosis, "The report names another fault");
}

#[test]
fn reason_codes_make_a_general_failure_precise() {
    for (type_, reason, expected) in [
        ("validation-failure", "unable_to_get_local_issuer_certificate", "FAIL115 ours unknown"),
        ("validation-failure", "certificate_is_not_yet_valid", "FAIL116 ours unknown"),
        ("validation-failure", "tls-handshake-failure", "FAIL121 unclear unknown"),
        ("validation-failure", "io-timeout-during-handshake", "FAIL122 unclear unknown"),
        ("validation-failure", "all-trust-anchors-unusable", "FAIL118 sender unknown"),
        ("validation-failure", "VALIDATION_FAILURE", "FAIL131 unclear unknown"),
        ("validation-failure", "something else", "FAIL131 unclear unknown"),
        ("certificate-not-trusted", "X509_V_ERR_CERT_HAS_EXPIRED", "FAIL111 ours unknown"),
        ("certificate-not-trusted", "no-system-roots", "FAIL118 sender unknown"),
        ("certificate-not-trusted", "MX_HOSTS_MISMATCH", "FAIL114 ours unknown"), // contradicts
        ("other", "MTA-STS is required and no policy was found.", "FAIL241 sender unknown"),
        ("other", "whatever", "FAIL501 unclear unknown"),
        ("", "whatever", "FAIL502 unclear unknown"),
    ] {
        let group = with_reason(type_, reason);
        assert_eq!(verdict(&blind(&group)), expected, "{type_} {reason}");
    }
    holds(&blind(&with_reason("validation-failure", "a\nb")), r#""a\u{a}b", which is not known"#);
    let told = blind(&with_reason("validation-failure", "VALIDATION_FAILURE"));
    holds(&told, "\"VALIDATION_FAILURE\" of Microsoft: the host did not validate");
}

#[test]
fn handshakes() {
    let broken = spoilt(|e| {
        *session(e, 0) = evidence::failed_session(
            11,
            ConnectionStage::TlsHandshake,
            ConnectionFaultKind::TlsIncompatible,
        );
    });
    let group = with_reason("validation-failure", "tls-handshake-failure");
    assert_eq!(verdict(&seen(&group, &broken)), "FAIL121 ours open");
    assert_eq!(verdict(&seen(&group, &evidence::good())), "FAIL121 unclear unknown");
    // No reason is given, and the handshake fails from here too.
    assert_eq!(verdict(&seen(&super::group("validation-failure"), &broken)), "FAIL121 ours open");
}
