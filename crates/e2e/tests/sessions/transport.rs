//! The way that report mails get where the mail server does not know `TLS-Required: No`, or tells of
//! such mails: the lines of `master.cf` that our papers and `report doctor` give, in Postfix 3.10 and
//! in Postfix 3.7.

use sealpost_e2e::{Memory, Message, Route, Senders, System, sealpost_binary};
use serde_json::Value;

use crate::WAIT;

/// Their policies are enforced, and their MX hosts comply with none.
const DOMAINS: [&str; 2] = ["mx-certificate-wrong-name.test", "mx-no-starttls.test"];
/// What holds for other mail, so that each line of the way has something to do.
const USUAL: &str = "postconf -e smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8461:postfix \
                     smtp_tls_security_level=encrypt";

#[test]
fn reports_leave_where_other_mail_waits_and_nothing_is_told_of_them() {
    let senders = Senders::start().unwrap();
    // The program itself: a link to it leads nowhere from inside.
    let program = senders.environment().directory().join("doctor");
    fs_err::copy(sealpost_binary().unwrap(), program).unwrap();
    senders.tell_of_sessions().unwrap();
    for system in [System::Trixie, System::Bookworm] {
        run(&senders, system, USUAL);
    }

    let newer = transport(&senders, System::Trixie);
    assert!(newer["found"].as_str().unwrap().starts_with("Postfix 3.10."), "{newer}");
    let older = transport(&senders, System::Bookworm);
    assert!(older["found"].as_str().unwrap().starts_with("Postfix 3.7."), "{older}");
    assert!(older["remedy"].as_str().unwrap().contains("\ntlsreport unix"), "{older}");

    for domain in DOMAINS {
        for (system, route) in
            [(System::Trixie, Route::Postfix3_10), (System::Bookworm, Route::Postfix3_7)]
        {
            let ordinary = Message::new(route, Memory::Cached, "ordinary", domain);
            senders.submit(std::slice::from_ref(&ordinary)).unwrap();
            assert_eq!(became(&senders, route, &ordinary.recipients[0]), "deferred", "{domain}");
            let recipient = format!("report@{domain}");
            senders.submit_report(system, &recipient).unwrap();
            assert_eq!(became(&senders, route, &recipient), "sent", "{domain}");
        }
    }
    let log = senders.log(Route::Postfix3_10, Memory::Cached).unwrap();
    let told = log.lines().filter(|line| line.contains("TLSRPT: status=")).count();
    assert_eq!(told, DOMAINS.len(), "once for each of the other mails: {log}");
}

/// What `report doctor` says of the mail server of a system.
fn transport(senders: &Senders, system: System) -> Value {
    let arguments = [
        ["report", "doctor"],
        ["--format", "json"],
        ["--contact", "tls@good.test"],
        ["--ehlo-name", "sender.test"],
        ["--postconf", "/usr/sbin/postconf"],
        ["--resolver", "127.70.0.53:53"],
    ];
    let output =
        senders.environment().run_in(system, "/e2e/doctor", arguments.as_flattened()).unwrap();
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let mut examined = said["examined"].as_array().unwrap().iter();
    examined.find(|one| one["what"] == "transport").unwrap().clone()
}

fn run(senders: &Senders, system: System, script: &str) {
    let output = senders.environment().run_in(system, "sh", &["-c", script]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What has become of the mail to a recipient, as soon as the log says it.
fn became(senders: &Senders, route: Route, recipient: &str) -> String {
    let mut log = String::new();
    for _ in 0..WAIT.0 {
        log = senders.log(route, Memory::Cached).unwrap();
        let mut lines = log.lines().filter(|line| line.contains(&format!("to=<{recipient}>")));
        let status = lines.find_map(|line| line.split_once(" status="));
        if let Some((_, status)) = status {
            return status.split(' ').next().unwrap_or_default().to_owned();
        }
        std::thread::sleep(WAIT.1);
    }
    panic!("{recipient}: {log}");
}
