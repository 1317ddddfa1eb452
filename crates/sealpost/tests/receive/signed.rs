//! Who is believed: signatures, and servers of our own.

use std::process::Command;

use sealpost_evidence::traffic::Trust;
use sealpost_store::RawState;
use sealpost_store::reports::Scope;

use crate::daemon::Daemon;
use crate::mails::{RECIPIENT, Signer, mail, report};
use crate::stored::{reports, submissions};
use crate::world::{Answer, World};

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# Reports lacking such a signature MUST be ignored by the recipient.
#[test]
fn a_signed_mail_counts_and_others_are_kept_apart() {
    let world = World::new();
    let signer = Signer::new();
    world.dns.set(Signer::KEY_NAME, Answer::Text(signer.record()));
    let daemon = Daemon::start(&world.configuration("domains = [\"example.com\"]"));
    let mut smtp = daemon.smtp();
    let mut send = |mail: &[u8]| {
        let reply = smtp.send(RECIPIENT, mail).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    };
    send(&signer.signed(&mail(&report("signed"))));
    send(&mail(&report("unsigned")));
    let forged = String::from_utf8(signer.signed(&mail(&report("forged")))).unwrap();
    send(forged.replace("count\":5", "count\":6").as_bytes());
    let other = report("other").replace("example.com", "example.org");
    send(&signer.signed(&mail(&other)));
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 4);
    assert_eq!(daemon.metric("sealpost_receive_reports_trust_total{trust=\"verified\"}"), 2);
    daemon.kill();

    let of = |scope| {
        let mut rows: Vec<_> = reports(&world.store(), scope)
            .into_iter()
            .map(|report| (report.report_id, report.trust))
            .collect();
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        rows
    };
    let verified = Trust::Verified { signer: "reporter.example".into() };
    assert_eq!(of(Scope::Counted), [("signed".to_owned(), verified.clone())]);
    assert_eq!(of(Scope::NotOurs), [("other".to_owned(), verified)]);
    let unverified = |reason: &str| Trust::Unverified { reason: reason.into() };
    assert_eq!(
        of(Scope::Unverified),
        [
            ("forged".to_owned(), unverified("body-changed")),
            ("unsigned".to_owned(), unverified("no-signature")),
        ]
    );
}

#[test]
fn a_key_that_cannot_be_looked_up_is_asked_for_again_after_a_restart() {
    let world = World::new();
    let signer = Signer::new();
    world.dns.set(Signer::KEY_NAME, Answer::ServerFailure);
    let configuration = world.configuration("");
    let daemon = Daemon::start(&configuration);
    let mail = signer.signed(&mail(&report("late")));
    assert!(daemon.smtp().send(RECIPIENT, &mail).unwrap().starts_with("250"));
    daemon.comes_to("sealpost_receive_read_total{outcome=\"undecided\"}", 1);
    daemon.kill();
    assert_eq!(submissions(&world.store())[0].state, RawState::New);

    world.dns.set(Signer::KEY_NAME, Answer::Text(signer.record()));
    let daemon = Daemon::start(&configuration);
    daemon.comes_to("sealpost_receive_reports_trust_total{trust=\"verified\"}", 1);
    daemon.kill();
    assert_eq!(submissions(&world.store())[0].state, RawState::Read);
}

#[test]
fn a_server_of_our_own_vouches_and_nobody_else() {
    let world = World::new();
    let daemon = Daemon::start(
        &world.configuration("[[receive.authentication_results]]\nname = \"mx.example.com\""),
    );
    let with = |field: &str, id: &str| {
        [format!("Authentication-Results: {field}\r\n").as_bytes(), &mail(&report(id))].concat()
    };
    let mut smtp = daemon.smtp();
    for (field, id) in [
        ("mx.example.com;\r\n dkim=pass header.d=reporter.example", "vouched"),
        ("mx.example.org; dkim=pass header.d=reporter.example", "by-a-stranger"),
        ("mx.example.com; dkim=pass header.d=evil.example", "not-aligned"),
        ("mx.example.com; dkim=fail header.d=reporter.example", "failed"),
    ] {
        assert!(smtp.send(RECIPIENT, &with(field, id)).unwrap().starts_with("250"));
    }
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 4);
    daemon.kill();
    let counted = reports(&world.store(), Scope::Counted);
    let [vouched] = counted.as_slice() else { panic!("{counted:?}") };
    assert_eq!(vouched.report_id, "vouched");
    assert_eq!(
        vouched.trust,
        Trust::Vouched { signer: "reporter.example".into(), server: "mx.example.com".into() }
    );
    assert_eq!(reports(&world.store(), Scope::Unverified).len(), 3);
}

/// Its key was asked for when it could be read at last, and was gone by then: it counted nowhere.
#[test]
fn a_mail_in_quarantine_counts_when_it_is_read_though_its_key_is_gone() {
    let world = World::new();
    let signer = Signer::new();
    world.dns.set(Signer::KEY_NAME, Answer::Text(signer.record()));
    let limited = "domains = [\"example.com\"]\nlimits = { policies = 0 }";
    let daemon = Daemon::start(&world.configuration(limited));
    let mut smtp = daemon.smtp();
    let forged = String::from_utf8(signer.signed(&mail(&report("forged")))).unwrap();
    let forged = forged.replace("count\":5", "count\":6").into_bytes();
    let foreign = forged_by_another(&signer);
    for mail in [signer.signed(&mail(&report("signed"))), forged, foreign] {
        let reply = smtp.send(RECIPIENT, &mail).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    }
    drop(smtp);
    daemon.comes_to("sealpost_receive_quarantined_total{reason=\"too-many-policies\"}", 3);
    daemon.signal("-TERM");
    assert!(daemon.wait().success());
    let reason = "too-many-policies".to_owned();
    let apart = RawState::Quarantined { reason };
    assert!(submissions(&world.store()).iter().all(|entry| entry.state == apart));

    // There is the name, and no key at it.
    world.dns.set(Signer::KEY_NAME, Answer::Loopback);
    let configuration = world.configuration("domains = [\"example.com\"]");
    let network = world.folder.path().join("network.toml");
    let resolver = world.dns.address();
    let settings = format!("resolvers = [\"{resolver}\"]\ndnssec = \"off\"\n");
    fs_err::write(&network, settings).unwrap();
    let reparse = || {
        let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["receive", "reparse", "--all", "--config"])
            .arg(&configuration)
            .arg("--network")
            .arg(&network)
            .env("SEALPOST_LOG", "off")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let of = |scope| -> Vec<_> {
        let found = reports(&world.store(), scope).into_iter();
        found.map(|report| (report.report_id, report.trust)).collect()
    };
    // To do so once more asks nobody either.
    for _ in 0..2 {
        reparse();
        let verified = Trust::Verified { signer: "reporter.example".into() };
        assert_eq!(of(Scope::Counted), [("signed".to_owned(), verified)]);
        assert_eq!(of(Scope::Unverified).len(), 2);
    }
}

/// A mail whose signature would hold if it were that of its author.
fn forged_by_another(signer: &Signer) -> Vec<u8> {
    let mail = String::from_utf8(mail(&report("foreign"))).unwrap();
    signer.signed(mail.replace("<r@reporter.example>", "<r@elsewhere.example>").as_bytes())
}
