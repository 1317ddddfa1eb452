//! Which verdict wins, and what "could not tell" does to it.

use sealpost_evidence::{
    AbsenceKind, ConnectionFaultKind, ConnectionStage, Evidence, HostAddresses, MxSource, Octets,
};

use crate::evidence::{absent, failed_session, found, good, mx, text, unknown, with_reply};
use crate::judged;

fn spoilt(spoil: impl FnOnce(&mut Evidence)) -> String {
    let mut evidence = good();
    spoil(&mut evidence);
    judged(&evidence)
}

fn with_mode(mode: &str) -> Evidence {
    let body = format!("version: STSv1\nmode: {mode}\nmx: *.good.test\nmax_age: 604800\n");
    with_reply(|reply| reply.body = Octets::new(body))
}

#[test]
fn each_state_of_the_record() {
    assert_eq!(spoilt(|e| e.sts_records = Some(unknown())), "unknown STS102");
    let missing = |e: &mut Evidence| e.sts_records = Some(absent(AbsenceKind::NoSuchName));
    assert_eq!(spoilt(missing), "absent STS114");
    assert_eq!(
        spoilt(|e| {
            missing(e);
            let host = e.policy_host.as_mut().unwrap();
            host.addresses = HostAddresses {
                ipv4: absent(AbsenceKind::NoSuchName),
                ipv6: absent(AbsenceKind::NoSuchName),
            };
            host.fetches.clear();
        }),
        "absent STS101 STS406"
    );
    let invalid = |e: &mut Evidence| e.sts_records = Some(found(vec![text("v=STSv1; id=-;")]));
    assert_eq!(spoilt(invalid), "broken STS107");
    let twice = || vec![text("v=STSv1; id=1;"), text("v=STSv1; id=2;")];
    assert_eq!(spoilt(|e| e.sts_records = Some(found(twice()))), "broken STS103");
}

#[test]
fn each_mode() {
    assert_eq!(judged(&with_mode("testing")), "testing STS320 STS321 STS407");
    assert_eq!(judged(&with_mode("none")), "off STS320 STS322");
    assert_eq!(judged(&with_mode("enforce")), "enforced STS320");
    assert_eq!(judged(&with_mode("Enforce")), "broken STS304 STS320");
}

#[test]
fn a_policy_in_testing_stays_testing_whatever_the_hosts_do() {
    let mut evidence = with_mode("testing");
    let host = &mut evidence.mail_hosts.as_mut().unwrap().hosts[0];
    host.sessions =
        vec![failed_session(11, ConnectionStage::Connect, ConnectionFaultKind::Refused)];
    assert_eq!(judged(&evidence), "testing MX201 STS320 STS321");
}

#[test]
fn what_could_not_be_told_is_never_a_fault_of_the_domain() {
    assert_eq!(
        spoilt(|e| {
            let mail = e.mail_hosts.as_mut().unwrap();
            (mail.records, mail.source) = (unknown(), MxSource::Unknown);
            mail.hosts.clear();
        }),
        "unknown MX102"
    );
    assert_eq!(
        spoilt(|e| {
            let host = e.policy_host.as_mut().unwrap();
            host.addresses = HostAddresses { ipv4: unknown(), ipv6: unknown() };
            host.fetches.clear();
        }),
        "unknown STS202"
    );
    let slow = |e: &mut Evidence| {
        let host = &mut e.mail_hosts.as_mut().unwrap().hosts[0];
        host.sessions =
            vec![failed_session(11, ConnectionStage::Greeting, ConnectionFaultKind::TimedOut)];
    };
    assert_eq!(spoilt(slow), "unknown MX208");
    // A certain fault elsewhere decides all the same.
    assert_eq!(
        spoilt(|e| {
            slow(e);
            let host = &mut e.mail_hosts.as_mut().unwrap().hosts[1];
            host.sessions[0].tls = None;
            host.sessions[0].starttls = sealpost_evidence::StartTls::NotOffered;
        }),
        "failing MX204 MX208"
    );
}

#[test]
fn one_bad_address_fails_its_host_and_an_unreachable_one_does_not() {
    let second = |kind, stage| {
        spoilt(|e| {
            let host = &mut e.mail_hosts.as_mut().unwrap().hosts[0];
            host.sessions.push(failed_session(99, stage, kind));
        })
    };
    assert_eq!(second(ConnectionFaultKind::Refused, ConnectionStage::Connect), "enforced MX201");
    assert_eq!(
        second(ConnectionFaultKind::TlsAlert, ConnectionStage::TlsHandshake),
        "failing MX301"
    );
}

#[test]
fn a_domain_without_mail_needs_neither_record() {
    let no_mail = |e: &mut Evidence| {
        e.sts_records = Some(absent(AbsenceKind::NoSuchName));
        e.tls_rpt_records = Some(absent(AbsenceKind::NoSuchName));
        e.policy_host = None;
        let mail = e.mail_hosts.as_mut().unwrap();
        mail.records = found(vec![mx(0, "")]);
        mail.source = MxSource::Null;
        mail.hosts.clear();
    };
    assert_eq!(spoilt(no_mail), "no-mail MX103");
}

#[test]
fn parts_that_were_not_asked_for_are_not_judged() {
    assert_eq!(spoilt(|e| e.mail_hosts = None), "none");
    assert_eq!(
        spoilt(|e| {
            e.sts_records = None;
            e.policy_host = None;
        }),
        "none"
    );
    assert_eq!(spoilt(|e| e.tls_rpt_records = None), "enforced");
}

#[test]
fn what_goes_wrong_inside_tls_counts() {
    let with = |change: fn(&mut sealpost_evidence::SmtpSession)| {
        spoilt(|e| change(&mut e.mail_hosts.as_mut().unwrap().hosts[0].sessions[0]))
    };
    let refused = |session: &mut sealpost_evidence::SmtpSession| {
        session.ehlo_over_tls = Some(crate::evidence::reply(554));
    };
    assert_eq!(with(refused), "failing MX203");
    let closed = |session: &mut sealpost_evidence::SmtpSession| {
        let stage = ConnectionStage::EhloOverTls;
        session.fault = Some(crate::evidence::fault(stage, ConnectionFaultKind::Closed));
        session.ehlo_over_tls = None;
    };
    assert_eq!(with(closed), "failing MX207");
}

#[test]
fn readiness_for_enforce_needs_a_valid_record_and_every_host_covered() {
    let testing = |spoil: fn(&mut Evidence)| {
        let mut evidence = with_mode("testing");
        spoil(&mut evidence);
        judged(&evidence)
    };
    assert_eq!(testing(|_| {}), "testing STS320 STS321 STS407");
    let invalid: fn(&mut Evidence) = |e| e.sts_records = Some(found(vec![text("v=STSv1; id=a-b")]));
    assert_eq!(testing(invalid), "broken STS107 STS320 STS321");
    let uncovered: fn(&mut Evidence) = |e| {
        let host = crate::evidence::mail_host(30, "mx.elsewhere.test", 13);
        e.mail_hosts.as_mut().unwrap().hosts.push(host);
    };
    assert_eq!(testing(uncovered), "testing STS320 STS321 STS402");
}
