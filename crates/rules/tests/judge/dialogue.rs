//! What an MX host says of itself, and the TLS of old that it still speaks.

use sealpost_evidence::{
    ConnectionFaultKind, ConnectionStage, Evidence, Offer, OutdatedTls, SmtpReply, SmtpSession,
};

use crate::evidence::{failed_session, good};
use crate::judged;

fn with_session(change: impl FnOnce(&mut SmtpSession)) -> String {
    let mut evidence: Evidence = good();
    change(&mut evidence.mail_hosts.as_mut().unwrap().hosts[0].sessions[0]);
    judged(&evidence)
}

fn reply(code: u16, lines: &[&str]) -> SmtpReply {
    SmtpReply { code, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
}

#[test]
fn a_greeting_begins_with_a_full_name() {
    let greeted = |line: &str| {
        let name = line.split(' ').next().unwrap().to_owned();
        with_session(|session| {
            session.greeting = Some(reply(220, &[line]));
            session.ehlo = Some(reply(250, &[&name, "STARTTLS"]));
        })
    };
    assert_eq!(greeted("mx1.good.test ESMTP ready"), "enforced");
    assert_eq!(greeted("[192.0.2.1] ESMTP"), "enforced");
    for wrong in ["ESMTP ready", "localhost ESMTP", "", "mx_1.good.test ESMTP", "192.0.2.1 ESMTP"] {
        assert_eq!(greeted(wrong), "enforced MX209", "{wrong}");
    }
}

#[test]
fn greeting_and_ehlo_give_one_name_in_any_case() {
    let named = |ehlo: &str| {
        with_session(|session| {
            session.greeting = Some(reply(220, &["mx1.good.test ESMTP"]));
            session.ehlo = Some(reply(250, &[ehlo, "STARTTLS"]));
        })
    };
    assert_eq!(named("MX1.good.test Hello"), "enforced");
    assert_eq!(named("filter.good.test"), "enforced MX210");
    assert_eq!(named("Hello"), "enforced", "not a name at all is no other name");
}

#[test]
fn an_overwritten_keyword_is_seen() {
    let offered = |keyword: &str| {
        with_session(|session| {
            session.ehlo = Some(reply(250, &["mx.good.test", "SIZE 1000", keyword]));
        })
    };
    for masked in ["XXXXXXXX", "XXXXXXXA".get(..7).unwrap(), "********", "XXXX=AUTH"] {
        assert_eq!(offered(masked), "enforced MX211", "{masked}");
    }
    for fine in ["XCLIENT", "X", "XX", "X-EXPS GSSAPI", "STARTTLS"] {
        assert_eq!(offered(fine), "enforced", "{fine}");
    }
}

#[test]
fn outdated_tls_is_a_warning_beside_current_tls_and_an_error_alone() {
    let accepted = || Offer::Accepted { cipher_suite: "TLS_RSA_WITH_AES_128_CBC_SHA".to_owned() };
    let survey = |tls10, tls11, weak_suites| Some(OutdatedTls { tls10, tls11, weak_suites });
    let refused = || Offer::Refused;
    let with = |outdated: Option<OutdatedTls>| with_session(|s| s.outdated_tls = outdated);
    assert_eq!(with(survey(refused(), refused(), refused())), "enforced");
    assert_eq!(with(survey(Offer::Unknown, Offer::Unknown, Offer::Unknown)), "enforced");
    assert_eq!(with(survey(accepted(), refused(), refused())), "enforced MX309");
    assert_eq!(with(survey(refused(), accepted(), refused())), "enforced MX309");
    assert_eq!(with(survey(refused(), refused(), accepted())), "enforced MX310");

    let without_tls = |outdated| {
        with_session(|session| {
            let stage = ConnectionStage::TlsHandshake;
            *session = failed_session(11, stage, ConnectionFaultKind::TlsAlert);
            session.outdated_tls = outdated;
        })
    };
    assert_eq!(without_tls(None), "failing MX301");
    assert_eq!(without_tls(survey(refused(), refused(), refused())), "failing MX301");
    assert_eq!(without_tls(survey(accepted(), refused(), refused())), "failing MX311");
}
