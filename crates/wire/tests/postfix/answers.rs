//! What is said, word for word.

use mta_sts::Policy;
use sealpost_wire::postfix::{Answer, Enforced, MapName, Profile, Reason, Reply, Table};

use crate::{PROFILES, grammar, names, policy, secure};

/// A policy for `example.com` with an exact name and a wildcard, and the hosts of its MX records.
#[track_caller]
fn check(map: MapName, mx_hosts: &[&str], expected: &str) {
    let policy = policy(&["mx1.example.com", "*.example.net"]);
    let reply = secure(map.profile(), Table::Socketmap, &policy, &names(mx_hosts));
    match reply {
        Reply::Found(text) => {
            assert_eq!(text.as_str(), expected);
            assert_eq!(text.to_string(), expected);
            grammar::read(map.profile(), text.as_str()).unwrap();
        }
        Reply::Temporary(reason) => assert_eq!(format!("TEMP {reason}"), expected),
        other => panic!("{other:?}"),
    }
}

const NO_HOST: &str = "TEMP the MTA-STS policy of example.com allows none of its MX hosts";

//= https://www.rfc-editor.org/rfc/rfc8461#section-7.1
//= type=test
//# When connecting to an
//# SMTP server, the SNI extension MUST contain the MX hostname.
//= https://www.rfc-editor.org/rfc/rfc8461#section-7.2
//= type=test
//# MTAs supporting MTA-STS MUST have support for TLS 1.2 [RFC5246] or
//# TLS 1.3 [RFC8446] or higher.
#[test]
fn postfix_that_checks_mx_hosts_gets_the_patterns() {
    let expected = "secure match=mx1.example.com:.example.net servername=hostname \
        protocols=>=TLSv1.2 policy_type=sts policy_domain=example.com \
        mx_host_pattern=mx1.example.com mx_host_pattern=*.example.net \
        { policy_string = version: STSv1 } { policy_string = mode: enforce } \
        { policy_string = mx: mx1.example.com } { policy_string = mx: *.example.net } \
        { policy_string = max_age: 86400 }";
    check(MapName::Postfix, &[], expected);
    // Its hosts make no difference: it looks them up and judges for itself.
    check(MapName::Postfix, &["mx1.example.com"], expected);
    check(MapName::Postfix, &["mx.other.test"], expected);
}

#[test]
fn postfix_3_10_gets_the_present_hosts_and_the_policy() {
    for map in [MapName::Postfix3_10, MapName::QueryWithTlsRpt] {
        check(
            map,
            &["mx1.example.com", "mx.other.test", "a.example.net"],
            "secure match=mx1.example.com:a.example.net servername=hostname \
             protocols=>=TLSv1.2 policy_type=sts policy_domain=example.com \
             mx_host_pattern=mx1.example.com mx_host_pattern=*.example.net \
             { policy_string = version: STSv1 } { policy_string = mode: enforce } \
             { policy_string = mx: mx1.example.com } { policy_string = mx: *.example.net } \
             { policy_string = max_age: 86400 }",
        );
        check(map, &["mx.other.test"], NO_HOST);
        check(map, &[], NO_HOST);
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-5
//= type=test
//# "enforce": In this mode, Sending MTAs MUST NOT deliver the
//# message to hosts that fail MX matching or certificate validation
//# or that do not support STARTTLS.
#[test]
fn older_mail_servers_get_the_present_hosts_that_the_policy_allows() {
    let tls = "protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1";
    let cases = [
        (MapName::Postfix3_9, format!(" servername=hostname {tls}")),
        (MapName::Query, format!(" servername=hostname {tls}")),
        (MapName::Postfix3_3, format!(" {tls}")),
        (MapName::Exim, String::new()),
    ];
    for (map, rest) in cases {
        let check = |hosts: &[&str], expected: &str| {
            check(map, hosts, &format!("secure match={expected}{rest}"));
        };
        check(&["mx1.example.com"], "mx1.example.com");
        check(&["a.example.net", "mx1.example.com"], "a.example.net:mx1.example.com"); // their order
        check(&["mx1.example.com", "mx1.example.com"], "mx1.example.com"); // each once
        check(&["mx2.example.com", "a.example.net"], "a.example.net"); // not in the policy
        check(&["a.b.example.net", "a.example.net"], "a.example.net"); // two labels for one star
        check(&["example.net", "b.example.net"], "b.example.net"); // none
        check(&["MX1.Example.Com."], "mx1.example.com");
    }
    for (map, _) in [(MapName::Postfix3_9, ()), (MapName::Postfix3_3, ()), (MapName::Exim, ())] {
        check(map, &[], NO_HOST);
        check(map, &["example.com"], NO_HOST);
        check(map, &["a.b.example.net", "mx2.example.com"], NO_HOST);
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-5
//= type=test
//# (In all cases, MTAs SHOULD treat such failures as
//# transient errors and retry delivery later.)
#[test]
fn a_policy_that_allows_no_host_is_a_temporary_failure() {
    let policy = policy(&["mx.example.com"]);
    for profile in PROFILES.into_iter().filter(|profile| !profile.checks_mx_hosts()) {
        let reply = secure(profile, Table::Socketmap, &policy, &names(&["mx.attacker.test"]));
        assert!(matches!(reply, Reply::Temporary(_)), "{profile:?}: {reply:?}");
    }
}

#[test]
fn other_answers_are_the_same_for_all() {
    for profile in PROFILES {
        for table in [Table::Socketmap, Table::Tcp] {
            let text = |answer: Answer<'_>| match answer.reply(profile, table) {
                Reply::Found(text) => text.to_string(),
                other => panic!("{other:?}"),
            };
            assert_eq!(text(Answer::DaneOnly), "dane-only");
            assert_eq!(text(Answer::Dane), "dane");
            assert_eq!(Answer::NotFound.reply(profile, table), Reply::NotFound);
            let reason = Reason::new("no answer from DNS");
            let temporary = Answer::Temporary(reason.clone()).reply(profile, table);
            assert_eq!(temporary, Reply::Temporary(reason));
        }
    }
}

#[test]
fn only_mode_enforce_is_enforced() {
    let domain = "example.com".parse().unwrap();
    for (mode, is_enforced) in [("enforce", true), ("testing", false), ("none", false)] {
        let body = format!("version: STSv1\nmode: {mode}\nmx: mx.example.com\nmax_age: 86400\n");
        let policy = Policy::parse(body.as_bytes()).unwrap();
        assert_eq!(Enforced::new(&domain, &policy, &[]).is_some(), is_enforced, "{mode}");
    }
}

#[test]
fn max_age_is_the_one_that_counts() {
    let body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 9999999999\n";
    let policy = Policy::parse(body).unwrap();
    let reply = secure(Profile::Postfix, Table::Socketmap, &policy, &[]);
    let Reply::Found(text) = reply else { panic!("{reply:?}") };
    assert!(text.as_str().ends_with("{ policy_string = max_age: 31557600 }"), "{text}");
}

#[test]
fn what_a_mail_server_cannot_do_is_said() {
    for profile in PROFILES {
        assert_eq!(profile.shortfall().is_none(), profile == Profile::Postfix, "{profile:?}");
    }
    assert!(Profile::Postfix3_3.shortfall().unwrap().starts_with("not compliant with RFC 8461"));
    assert!(PROFILES.map(Profile::takes_policies).iter().filter(|takes| **takes).count() == 2);
}
