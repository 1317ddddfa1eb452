//! RFC 8461, section by section.

use sealpost_evidence::{
    BodyEnd, CertificateFault, ConnectionFaultKind, ConnectionStage, Octets, StartTls,
};

use crate::evidence::{failed_session, good, mail_host, mx, now, reply, with_mx_fault, with_reply};
use crate::judged;

#[test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# When fetching a policy, senders SHOULD validate that the media type
//# is "text/plain"
fn the_media_type_counts_and_its_parameters_do_not() {
    let with_type = |content_type: Option<&str>| {
        judged(&with_reply(|reply| reply.content_type = content_type.map(str::to_owned)))
    };
    for fine in ["text/plain", "TEXT/Plain ; charset=us-ascii", "text/plain; charset=x; y=\"z\""] {
        assert_eq!(with_type(Some(fine)), "enforced", "{fine}");
    }
    for wrong in ["text/html", "text/plainer", "application/octet-stream", "", "text/plain,x/y"] {
        assert_eq!(with_type(Some(wrong)), "broken STS214", "{wrong}");
    }
    assert_eq!(with_type(None), "broken STS214");
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# Policies fetched via HTTPS are only valid if the HTTP response code
//# is 200 (OK).  HTTP 3xx redirects MUST NOT be followed
fn only_a_whole_reply_of_status_200_holds_a_policy() {
    let with_status = |status| judged(&with_reply(|reply| reply.status = status));
    assert_eq!(with_status(200), "enforced");
    for redirect in [300, 301, 302, 303, 307, 308] {
        assert_eq!(with_status(redirect), "broken STS212", "{redirect}");
    }
    for other in [100, 201, 203, 204, 206, 400, 403, 404, 500, 503, 999] {
        assert_eq!(with_status(other), "broken STS213", "{other}");
    }
    let with_end = |end| judged(&with_reply(|reply| reply.body_end = end));
    assert_eq!(with_end(BodyEnd::ClosedCleanly), "enforced");
    assert_eq!(with_end(BodyEnd::Cut), "broken STS217");
    assert_eq!(with_end(BodyEnd::OverLimit), "broken STS216");
    assert_eq!(with_end(BodyEnd::TimedOut), "broken STS218");
}

#[test]
fn a_policy_under_a_faulty_certificate_is_none() {
    for (fault, expected) in [
        (CertificateFault::Expired { not_after: now() }, "broken STS206"),
        (CertificateFault::NotYetValid { not_before: now() }, "broken STS207"),
        (CertificateFault::UnknownIssuer, "broken STS209"),
    ] {
        let mut evidence = good();
        let fetch = &mut evidence.policy_host.as_mut().unwrap().fetches[0];
        fetch.tls.as_mut().unwrap().faults.push(fault);
        assert_eq!(judged(&evidence), expected);
    }
    // Above all "mode: none", which would switch protection off.
    let mut evidence = with_reply(|reply| {
        reply.body = Octets::new("version: STSv1\nmode: none\nmax_age: 0\n");
    });
    let fetch = &mut evidence.policy_host.as_mut().unwrap().fetches[0];
    fetch.tls.as_mut().unwrap().faults.push(CertificateFault::UnknownIssuer);
    assert_eq!(judged(&evidence), "broken STS209");
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-4
//= type=test
//# When sending to an MX at a domain for which the sender has a valid
//# and non-expired MTA-STS Policy, a Sending MTA honoring MTA-STS MUST
//# check whether:
fn an_mx_passes_only_with_a_pattern_and_starttls_and_a_certificate() {
    assert_eq!(judged(&good()), "enforced");

    let mut uncovered = good();
    let mail = uncovered.mail_hosts.as_mut().unwrap();
    mail.hosts.push(mail_host(30, "mx3.good.test", 13));
    assert_eq!(judged(&uncovered), "failing STS401");

    let with_starttls = |starttls| {
        let mut evidence = good();
        let session = &mut evidence.mail_hosts.as_mut().unwrap().hosts[1].sessions[0];
        session.tls = None;
        session.starttls = starttls;
        judged(&evidence)
    };
    assert_eq!(with_starttls(StartTls::NotOffered), "failing MX204");
    assert_eq!(with_starttls(StartTls::Refused(reply(454))), "failing MX205");

    let mut handshake = good();
    let host = &mut handshake.mail_hosts.as_mut().unwrap().hosts[0];
    let stage = ConnectionStage::TlsHandshake;
    host.sessions = vec![failed_session(11, stage, ConnectionFaultKind::TlsAlert)];
    assert_eq!(judged(&handshake), "failing MX301");
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-4.2
//= type=test
//# The certificate presented by the receiving MTA MUST not be expired
//# and MUST chain to a root CA that is trusted by the Sending MTA.  The
//# certificate MUST have a subject alternative name (SAN) [RFC5280] with
//# a DNS-ID [RFC6125] matching the hostname, per the rules given in
//# [RFC6125].
fn each_fault_of_a_certificate_fails_its_host() {
    let mismatch = CertificateFault::NameMismatch {
        expected: "mx1.good.test".to_owned(),
        presented: vec![],
        common_name_fits: true,
    };
    for (fault, code) in [
        (CertificateFault::Expired { not_after: now() }, "MX302"),
        (CertificateFault::NotYetValid { not_before: now() }, "MX303"),
        (mismatch, "MX304"),
        (CertificateFault::UnknownIssuer, "MX305"),
        (CertificateFault::SelfSigned, "MX305"),
        (CertificateFault::WrongPurpose, "MX305"),
        (CertificateFault::BadSignature, "MX305"),
        (CertificateFault::Malformed { detail: "x".to_owned() }, "MX306"),
        (CertificateFault::Other { detail: "x".to_owned() }, "MX306"),
    ] {
        assert_eq!(judged(&with_mx_fault(fault)), format!("failing {code}"));
    }
}

#[test]
fn several_faults_of_one_certificate_are_all_told() {
    let mut evidence = with_mx_fault(CertificateFault::SelfSigned);
    let host = &mut evidence.mail_hosts.as_mut().unwrap().hosts[0];
    let tls = host.sessions[0].tls.as_mut().unwrap();
    tls.faults.push(CertificateFault::Expired { not_after: now() });
    assert_eq!(judged(&evidence), "failing MX302 MX305");
}

#[test]
fn patterns_are_judged_both_ways() {
    let mut evidence = good();
    let mail = evidence.mail_hosts.as_mut().unwrap();
    mail.hosts.remove(1);
    mail.records = crate::evidence::found(vec![mx(10, "mx1.good.test")]);
    assert_eq!(judged(&evidence), "enforced STS403");
}
