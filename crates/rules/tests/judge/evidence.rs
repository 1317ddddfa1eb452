//! Evidence of a good domain, to be spoilt.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use sealpost_evidence::{
    Absence, AbsenceKind, BodyEnd, Certificate, CertificateFault, ConnectionFault,
    ConnectionFaultKind, ConnectionStage, Dialogues, Dnssec, Evidence, FORMAT, FetchOutcome, Found,
    HostAddresses, HttpReply, Lookup, LookupFault, LookupFaultKind, MailHost, MailHosts, MxRecord,
    MxSource, Observer, Octets, PolicyFetch, PolicyHost, Reach, Security, SmtpReply, SmtpSession,
    StartTls, TextRecord, TlsSession,
};

pub(crate) const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx1.good.test\r\nmx: mx2.good.test\r\nmax_age: 604800\r\n";

/// A domain with two MX hosts of one address each, and nothing wrong.
pub(crate) fn good() -> Evidence {
    Evidence {
        format: FORMAT,
        domain: "good.test".parse().unwrap(),
        observed: now(),
        took_ms: 7,
        observer: Observer {
            software: "test".to_owned(),
            ehlo_name: "probe.test".to_owned(),
            resolvers: vec!["192.0.2.53:53".to_owned()],
            https_port: 443,
            smtp_port: 25,
            trust_roots: "test".to_owned(),
            dnssec: Dnssec::Nobody,
            ipv4: Reach::Routed,
            ipv6: Reach::Routed,
        },
        sts_records: Some(found(vec![text("v=STSv1; id=1;")])),
        policy_host: Some(PolicyHost {
            name: "mta-sts.good.test".parse().unwrap(),
            addresses: addresses(1),
            caa: None,
            fetches: vec![fetch(1, POLICY)],
        }),
        mail_hosts: Some(MailHosts {
            records: found(vec![mx(10, "mx1.good.test"), mx(20, "mx2.good.test")]),
            source: MxSource::Records,
            dialogues: Dialogues::Wanted,
            hosts: vec![mail_host(10, "mx1.good.test", 11), mail_host(20, "mx2.good.test", 12)],
        }),
        tls_rpt_records: Some(found(vec![text("v=TLSRPTv1; rua=mailto:tls@good.test")])),
        report_destinations: vec![],
        surroundings: None,
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn found<T>(value: T) -> Lookup<T> {
    Lookup::Found(Found { value, ttl: 300, aliases: vec![], security: Security::Indeterminate })
}

pub(crate) fn absent<T>(kind: AbsenceKind) -> Lookup<T> {
    Lookup::Absent(Absence { kind, ttl: 0, aliases: vec![], security: Security::Indeterminate })
}

pub(crate) fn unknown<T>() -> Lookup<T> {
    Lookup::Unknown(LookupFault {
        kind: LookupFaultKind::TimedOut,
        text: "no answer in time".to_owned(),
    })
}

pub(crate) fn text(text: &str) -> TextRecord {
    TextRecord { strings: vec![Octets::new(text)] }
}

pub(crate) fn mx(preference: u16, exchange: &str) -> MxRecord {
    MxRecord { preference, exchange: exchange.to_owned() }
}

pub(crate) fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

pub(crate) fn addresses(last: u8) -> HostAddresses {
    HostAddresses {
        ipv4: found(vec![Ipv4Addr::new(192, 0, 2, last)]),
        ipv6: absent(AbsenceKind::NoSuchData),
    }
}

pub(crate) fn fetch(last: u8, body: &str) -> PolicyFetch {
    PolicyFetch {
        address: address(last),
        took_ms: 3,
        tls: Some(tls("mta-sts.good.test", vec![])),
        outcome: FetchOutcome::Replied(HttpReply {
            status: 200,
            content_type: Some("text/plain; charset=utf-8".to_owned()),
            content_encoding: None,
            location: None,
            body: Octets::new(body),
            body_end: BodyEnd::Complete,
        }),
    }
}

pub(crate) fn mail_host(preference: u16, name: &str, last: u8) -> MailHost {
    MailHost {
        name: name.to_owned(),
        domain: Some(name.parse().unwrap()),
        preference,
        addresses: Some(addresses(last)),
        tlsa: None,
        caa: None,
        sessions: vec![session(name, last)],
    }
}

pub(crate) fn session(name: &str, last: u8) -> SmtpSession {
    SmtpSession {
        address: address(last),
        took_ms: 5,
        greeting: Some(reply(220)),
        ehlo: Some(reply(250)),
        starttls: StartTls::Accepted,
        injected: None,
        tls: Some(tls(name, vec![])),
        ehlo_over_tls: Some(reply(250)),
        fault: None,
        outdated_tls: None,
        transcript: vec![],
    }
}

pub(crate) fn reply(code: u16) -> SmtpReply {
    SmtpReply { code, lines: vec!["mx.good.test".to_owned()] }
}

/// A session that ended at a stage, with nothing said before.
pub(crate) fn failed_session(
    last: u8,
    stage: ConnectionStage,
    kind: ConnectionFaultKind,
) -> SmtpSession {
    SmtpSession {
        greeting: None,
        ehlo: None,
        starttls: StartTls::NotReached,
        tls: None,
        ehlo_over_tls: None,
        fault: Some(fault(stage, kind)),
        ..session("mx1.good.test", last)
    }
}

pub(crate) fn fault(stage: ConnectionStage, kind: ConnectionFaultKind) -> ConnectionFault {
    ConnectionFault { stage, kind, text: "it failed".to_owned() }
}

pub(crate) fn tls(name: &str, faults: Vec<CertificateFault>) -> TlsSession {
    TlsSession {
        version: "TLSv1.3".to_owned(),
        cipher_suite: "TLS13_AES_256_GCM_SHA384".to_owned(),
        server_name: name.to_owned(),
        certificates: vec![Certificate {
            subject: format!("CN={name}"),
            issuer: "CN=Test CA".to_owned(),
            common_name: Some(name.to_owned()),
            dns_names: vec![name.to_owned()],
            not_before: "2026-10-01T00:00:00Z".parse().unwrap(),
            not_after: "2026-12-30T00:00:00Z".parse().unwrap(),
            key: "ECDSA P-256".to_owned(),
            sha256: "00".to_owned(),
            der: Octets::default(),
        }],
        faults,
    }
}

/// Spoils the certificate of the first MX host.
pub(crate) fn with_mx_fault(fault: CertificateFault) -> Evidence {
    let mut evidence = good();
    let host = &mut evidence.mail_hosts.as_mut().unwrap().hosts[0];
    host.sessions[0].tls.as_mut().unwrap().faults.push(fault);
    evidence
}

/// Changes the reply of the policy host.
pub(crate) fn with_reply(change: impl FnOnce(&mut HttpReply)) -> Evidence {
    let mut evidence = good();
    let FetchOutcome::Replied(reply) =
        &mut evidence.policy_host.as_mut().unwrap().fetches[0].outcome
    else {
        panic!("the good evidence has a reply");
    };
    change(reply);
    evidence
}
