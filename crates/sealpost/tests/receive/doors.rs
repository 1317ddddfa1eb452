//! What comes in at each door, and what does not.

use std::process::{Command, Stdio};

use sealpost_evidence::traffic::Trust;
use sealpost_store::reports::Scope;
use sealpost_store::{Origin, RawState};

use crate::daemon::{Daemon, Mailer, ask, post};
use crate::mails::{RECIPIENT, bomb, gzip, mail, report};
use crate::stored::{reports, submissions};
use crate::world::World;

/// Whoever posts or mails from this machine counts.
const ADMIT: &str = "[[receive.admit]]\nname = \"here\"\nnetworks = [\"127.0.0.0/8\"]";

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.4
//= type=test
//# The receiving system MUST return a "successful" response from its
//# HTTPS server, typically a 200 or 201 HTTP code [RFC7231].
#[test]
fn each_door_stores_what_comes_and_the_same_once() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration(ADMIT));
    let (first, second) = (mail(&report("by-smtp")), mail(&report("by-lmtp")));
    let mut smtp = daemon.smtp();
    let told = smtp.send(RECIPIENT, &first).unwrap();
    assert!(told.starts_with("250"), "{told}");
    assert!(smtp.send(RECIPIENT, &first).unwrap().starts_with("250"), "the same again");
    let mut lmtp = Mailer::lmtp(&world.lmtp()).unwrap();
    assert!(lmtp.send(RECIPIENT, &second).unwrap().starts_with("250"));
    let json = daemon.post("application/tlsrpt+json", report("by-post").as_bytes());
    assert!(json.starts_with("HTTP/1.1 201 "), "{json}");
    let packed = daemon.post("application/tlsrpt+gzip; a=b", &gzip(&report("by-gzip")));
    assert!(packed.starts_with("HTTP/1.1 201 "), "{packed}");
    // The same report by another way is the same report.
    let again = daemon.post("application/tlsrpt+json", report("by-gzip").as_bytes());
    assert!(again.starts_with("HTTP/1.1 201 "), "{again}");

    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 4);
    daemon.comes_to("sealpost_receive_reports_total{as=\"duplicate\"}", 2);
    assert_eq!(daemon.metric("sealpost_receive_stored_total{way=\"smtp\"}"), 2);
    assert_eq!(daemon.metric("sealpost_receive_stored_total{way=\"http\"}"), 3);
    assert!(daemon.get("/health").ends_with("ok\n"));
    daemon.signal("-TERM");
    assert!(daemon.wait().success());

    let counted = reports(&world.store(), Scope::Counted);
    let mut ids: Vec<_> = counted.iter().map(|report| report.report_id.as_str()).collect();
    ids.sort_unstable();
    // What came over the socket file came from nobody's network.
    assert_eq!(ids, ["by-gzip", "by-post", "by-smtp"]);
    // Only a mail says whom it is from.
    for report in &counted {
        let sender = (report.report_id == "by-smtp").then(|| "reporter.example".to_owned());
        assert_eq!(report.trust, Trust::Admitted { source: "here".into(), sender });
    }
    let apart = reports(&world.store(), Scope::Unverified);
    let [apart] = apart.as_slice() else { panic!("{apart:?}") };
    assert_eq!(apart.report_id, "by-lmtp");

    let stored = submissions(&world.store());
    let ways: Vec<_> = stored.iter().map(|entry| (entry.first.origin, entry.arrivals)).collect();
    let expected = [
        (Origin::Smtp, 2),
        (Origin::Lmtp, 1),
        (Origin::Http, 1),
        (Origin::Http, 1),
        (Origin::Http, 1),
    ];
    assert_eq!(ways, expected);
    assert!(stored.iter().all(|entry| entry.state == RawState::Read));
    assert_eq!(stored[0].first.recipient.as_deref(), Some(RECIPIENT));
}

#[test]
fn posts_are_kept_apart_unless_their_source_is_admitted() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration("proxies = [\"127.0.0.1/32\"]\n[[receive.admit]]\nname = \"relay\"\nnetworks = [\"192.0.2.0/24\"]"));
    let from = |id: &str, forwarded: &str| {
        let body = report(id);
        let request = format!(
            "POST /v1/tls-reports HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{forwarded}\
             Content-Type: application/tlsrpt+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let response = ask(daemon.address("http"), request.as_bytes()).unwrap();
        assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
    };
    from("direct", "");
    from("stranger", "X-Forwarded-For: 198.51.100.7\r\n");
    from("liar", "X-Forwarded-For: 192.0.2.7, 198.51.100.7\r\n"); // the proxy has seen the last
    from("relayed", "X-Forwarded-For: 198.51.100.7, 192.0.2.7\r\n");
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 4);
    daemon.kill();
    let counted = reports(&world.store(), Scope::Counted);
    let [relayed] = counted.as_slice() else { panic!("{counted:?}") };
    assert_eq!(relayed.report_id, "relayed");
    let apart = reports(&world.store(), Scope::Unverified);
    assert_eq!(apart.len(), 3);
    assert!(
        apart.iter().all(|report| report.trust == Trust::Unverified { reason: "https".into() })
    );
}

#[test]
fn nothing_is_relayed_and_refusals_are_clear() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration(
        "recipients = [\"tls-reports@example.com\"]\nlimits = { post_octets = 100000, posts_per_minute = 5 }",
    ));
    let mut smtp = daemon.smtp();
    for (recipient, code) in [
        ("root@example.com", "550"),
        ("tls-reports@example.org", "550"),
        ("tls-reports@[127.0.0.1]", "550"),
        ("@example.org:tls-reports@example.org", "550"),
        ("postmaster", "550"),
    ] {
        let reply = smtp.send(recipient, &mail(&report("none"))).unwrap();
        assert!(reply.starts_with(code), "{recipient}: {reply}");
    }
    let mut lmtp = Mailer::lmtp(&world.lmtp()).unwrap();
    assert!(lmtp.send("root@example.com", b"").unwrap().starts_with("550"));
    assert_eq!(daemon.metric("sealpost_receive_smtp_refused_total{reason=\"recipient\"}"), 5);

    let body = report("none");
    let refused = |path: &str, media_type: &str, body: &[u8]| {
        let response = post(daemon.address("http"), path, media_type, body).unwrap();
        response.split_once(' ').unwrap().1[..3].to_owned()
    };
    let (path, json) = ("/v1/tls-reports", "application/tlsrpt+json");
    assert_eq!(refused("/", json, body.as_bytes()), "404");
    assert_eq!(refused(path, "application/json", body.as_bytes()), "415");
    assert_eq!(refused(path, "text/html", body.as_bytes()), "415");
    assert!(daemon.get("/v1/tls-reports").starts_with("HTTP/1.1 404"), "the wrong door");
    let get = b"GET /v1/tls-reports HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(ask(daemon.address("http"), get).unwrap().starts_with("HTTP/1.1 405"));
    assert_eq!(refused(path, json, &vec![b' '; 100_001]), "413");
    assert_eq!(refused(path, json, b"<html>"), "400");
    // What could be a report is kept, and its sender hears why it is none.
    let response = daemon.post(json, b"{\"a\":");
    assert!(response.starts_with("HTTP/1.1 400 ") && response.contains("read: "), "{response}");
    let response = daemon.post("application/tlsrpt+gzip", &bomb());
    assert!(
        response.starts_with("HTTP/1.1 400 ") && response.contains("ratio-too-high"),
        "{response}"
    );
    assert_eq!(refused(path, json, body.as_bytes()), "201");
    let response = daemon.post(json, body.as_bytes());
    assert!(response.starts_with("HTTP/1.1 429 "), "{response}");
    assert!(response.to_ascii_lowercase().contains("\r\nretry-after: "), "{response}");
    daemon.comes_to("sealpost_receive_quarantined_total{reason=\"ratio-too-high\"}", 1);
    daemon.kill();
    assert_eq!(submissions(&world.store()).len(), 3);
}

#[test]
fn a_bomb_in_a_mail_is_given_up_and_kept() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration(""));
    let bomb = bomb();
    let base64 = base64_of(&bomb);
    let mail = format!(
        "From: <r@reporter.example>\r\nMIME-Version: 1.0\r\nContent-Type: application/tlsrpt+gzip\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{base64}\r\n"
    );
    assert!(daemon.smtp().send(RECIPIENT, mail.as_bytes()).unwrap().starts_with("250"));
    daemon.comes_to("sealpost_receive_quarantined_total{reason=\"ratio-too-high\"}", 1);
    daemon.kill();
    let stored = submissions(&world.store());
    let [entry] = stored.as_slice() else { panic!("{stored:?}") };
    assert_eq!(entry.state, RawState::Quarantined { reason: "ratio-too-high".to_owned() });
    assert_eq!(entry.size, u64::try_from(mail.len()).unwrap());
}

/// In lines of base64, by a program that is not ours.
pub(crate) fn base64_of(octets: &[u8]) -> String {
    use std::io::Write as _;
    let mut base64 =
        Command::new("base64").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = base64.stdin.take().unwrap();
    let octets = octets.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&octets).unwrap());
    let output = base64.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    String::from_utf8(output).unwrap().trim_end().replace('\n', "\r\n")
}

#[test]
fn mail_that_is_coming_in_when_we_stop_comes_to_its_end() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration(""));
    let mut smtp = daemon.smtp();
    let mail = mail(&report("at-the-end"));
    let (first, rest) = mail.split_at(mail.len() / 2);
    smtp.ask("MAIL FROM:<>").unwrap();
    smtp.ask(&format!("RCPT TO:<{RECIPIENT}>")).unwrap();
    assert!(smtp.ask("DATA").unwrap().starts_with("354"));
    smtp.write(first).unwrap();
    daemon.signal("-TERM");
    daemon.says("stopping");
    smtp.write(rest).unwrap();
    assert!(smtp.ask(".").unwrap().starts_with("250"));
    assert!(daemon.wait().success());
    assert_eq!(submissions(&world.store()).len(), 1);
}

#[test]
fn a_mail_server_cannot_be_made_to_read_two_mails_in_one() {
    let world = World::new();
    let daemon = Daemon::start(&world.configuration(""));
    let mut smtp = daemon.smtp();
    let smuggled = b"From: <a@a.example>\r\n\r\nA\n.\nMAIL FROM:<>\r\n";
    assert!(smtp.send(RECIPIENT, smuggled).unwrap().starts_with('5'));
    daemon.kill();
    assert!(submissions(&world.store()).is_empty());
}

#[test]
fn tls_by_starttls_and_https_and_a_new_certificate_at_sighup() {
    let world = World::new();
    let certificate = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let at = |file: &str| world.folder.path().join(file);
        fs_err::write(at("cert.pem"), made.cert.pem()).unwrap();
        fs_err::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    };
    certificate("first.example");
    let path = world.configuration("certificate = \"cert.pem\"\nkey = \"key.pem\"");
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, text.replace("http = [\"127.0.0.1:0\"] }", "https = [\"127.0.0.1:0\"] }"))
        .unwrap();
    let daemon = Daemon::start(&path);

    let talk = |port: u16, more: &[&str], input: &[u8]| {
        use std::io::Write as _;
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}")])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        client.stdin.take().unwrap().write_all(input).unwrap();
        let output = client.wait_with_output().unwrap();
        let both = [output.stderr, output.stdout].concat();
        String::from_utf8_lossy(&both).into_owned()
    };
    let mut session =
        format!("EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n")
            .into_bytes();
    session.extend_from_slice(&mail(&report("over-tls")));
    session.extend_from_slice(b".\r\nQUIT\r\n");
    let smtp = daemon.address("smtp").port();
    let said = talk(smtp, &["-starttls", "smtp"], &session);
    assert!(said.contains("CN = ") || said.contains("CN="), "{said}");
    assert!(said.contains("\n250 2.6.0") || said.matches("\n250 ").count() >= 3, "{said}");
    let body = report("over-https");
    let request = format!(
        "POST /v1/tls-reports HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Content-Type: application/tlsrpt+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let https = daemon.address("https").port();
    let said = talk(https, &[], request.as_bytes());
    assert!(said.contains("HTTP/1.1 201 "), "{said}");
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 2);

    let shown = |name: &str| {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &format!("127.0.0.1:{https}"), "-verify_hostname", name])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).contains(&format!("Verified peername: {name}"))
            || !String::from_utf8_lossy(&output.stdout).contains("hostname mismatch")
                && !String::from_utf8_lossy(&output.stderr).contains("ostname mismatch")
    };
    assert!(shown("first.example") && !shown("second.example"));
    certificate("second.example");
    daemon.signal("-HUP");
    daemon.says("read the certificate again");
    assert!(shown("second.example") && !shown("first.example"));
}

#[test]
fn a_wrong_configuration_stops_the_start() {
    let world = World::new();
    for (text, expected) in [
        ("recipient = []", "did you mean `recipients`?"),
        ("certificate = \"cert.pem\"", "belong together"),
        ("certificate = \"cert.pem\"\nkey = \"key.pem\"", "read the certificate"),
        ("host = \"a b\"", "name of this host"),
        ("raw_store = \"nowhere/raw.db\"", "make its folder"),
    ] {
        let path = world.configuration(text);
        let output = crate::daemon::command(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}: {said}");
        assert!(said.contains(expected), "{text}: {said}");
    }
}
