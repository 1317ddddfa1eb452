//! What the observer's own place hides is said once, and the rest is judged.

use sealpost_evidence::{ConnectionFaultKind as Kind, ConnectionStage, Evidence, FetchOutcome};
use sealpost_rules::judge;

use crate::evidence::{POLICY, failed_session, fault, fetch, found, good, mx};
use crate::judged;

/// The sessions of the two hosts fail to connect in these ways.
fn with_connect_faults(kinds: [Kind; 2]) -> Evidence {
    let mut evidence = good();
    let hosts = &mut evidence.mail_hosts.as_mut().unwrap().hosts;
    for ((host, kind), last) in hosts.iter_mut().zip(kinds).zip([11, 12]) {
        host.sessions = vec![failed_session(last, ConnectionStage::Connect, kind)];
    }
    evidence
}

#[test]
fn a_blocked_port_is_said_once() {
    let evidence = with_connect_faults([Kind::TimedOut, Kind::TimedOut]);
    assert_eq!(judged(&evidence), "unknown OBS101");
    assert_eq!(judge(&evidence).findings.len(), 1);
    // One refusal shows that packets get through: then the silent host is at fault.
    let evidence = with_connect_faults([Kind::TimedOut, Kind::Refused]);
    assert_eq!(judged(&evidence), "failing MX201");
    assert_eq!(judge(&evidence).findings.len(), 2);
}

#[test]
fn a_missing_kind_of_address_is_said_once() {
    let mut evidence = good();
    let host = evidence.policy_host.as_mut().unwrap();
    let mut untried = fetch(1, POLICY);
    untried.address = "2001:db8::1".parse().unwrap();
    untried.tls = None;
    untried.outcome = FetchOutcome::Failed(fault(ConnectionStage::Connect, Kind::NoRoute));
    host.fetches.push(untried);
    let mail = evidence.mail_hosts.as_mut().unwrap();
    let mut untried = failed_session(9, ConnectionStage::Connect, Kind::NoRoute);
    untried.address = "2001:db8::2".parse().unwrap();
    mail.hosts[0].sessions.push(untried);
    assert_eq!(judged(&evidence), "enforced OBS102");
    let findings = judge(&evidence).findings;
    assert_eq!(findings[0].subject.to_string(), "here [2001:db8::1, 2001:db8::2]");

    // The other kind; and a host that could not be tried at all is not judged.
    let evidence = with_connect_faults([Kind::NoRoute, Kind::NoRoute]);
    assert_eq!(judged(&evidence), "unknown OBS103");
}

#[test]
fn what_was_left_out_is_said_and_keeps_the_verdict_open() {
    let mut evidence = good();
    let mail = evidence.mail_hosts.as_mut().unwrap();
    let mut records = vec![mx(10, "mx1.good.test"), mx(20, "mx2.good.test")];
    mail.records = found(records.clone());
    assert_eq!(judged(&evidence), "enforced");
    records.push(mx(30, "mx3.good.test"));
    evidence.mail_hosts.as_mut().unwrap().records = found(records);
    // The host that was not looked at is compared with the policy all the same.
    assert_eq!(judged(&evidence), "failing OBS104 STS401");

    let mut evidence = good();
    let host = &mut evidence.mail_hosts.as_mut().unwrap().hosts[0];
    let two = vec![[192, 0, 2, 11].into(), [192, 0, 2, 12].into()];
    host.addresses.as_mut().unwrap().ipv4 = found(two);
    assert_eq!(judged(&evidence), "unknown OBS104");
}
