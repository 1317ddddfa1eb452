//! Reports of tlsrpt-reporter: from the sessions of a real Postfix, and from datagrams as libtlsrpt
//! writes them, by mail and by HTTPS, to the session.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;

use sealpost_e2e::{Domain, LeafKind, MailHost, Reporter, Signing, Tlsa, World, Zone};
use serde_json::{Value, json};

use crate::beside::Beside;
use crate::receive::{Receive, show, stop, wait};

/// Domains without a mail host of their own, and where reports on them are posted.
const RECORDS: &str = "\
post.test. MX 10 mx1.none.test.
_smtp._tls.post.test. TXT \"v=TLSRPTv1; rua=https://mx1.door.test/v1/tls-reports\"
$INCLUDE /e2e/dkim/s1.txt sender.test.
";
const POST: &str = "https://mx1.door.test/v1/tls-reports";

/// How many mails Postfix sends, each in a session of its own, and whether that fails.
const SENT: [(&str, u64, Ends); 7] = [
    ("none.test", 2, Ends::Well),
    ("post.test", 3, Ends::Well),
    ("dane.test", 4, Ends::Well),
    ("dane-bad.test", 2, Ends::Badly),
    ("sts.test", 5, Ends::Well),
    ("sts-bad.test", 3, Ends::Badly),
    ("sts-plain.test", 2, Ends::Badly),
];

/// The domains that only datagrams are about, and that are ours too.
const MADE_UP: [&str; 4] = ["both.test", "large.test", "nobody.test", "twice.test"];

#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Well,
    Badly,
}

/// The policy domains that reports name. That of DANE is the MX host (RFC 8460 §1.1).
fn policy_domain(domain: &str) -> String {
    if domain.starts_with("dane") { format!("mx1.{domain}") } else { domain.to_owned() }
}

/// Why sessions failed: the policy domain, the result type, and how many.
const FAILURES: [(&str, &str, u64); 5] = [
    ("both.test", "validation-failure", 10),
    ("large.test", "certificate-not-trusted", 250),
    ("mx1.dane-bad.test", "certificate-not-trusted", 2),
    ("sts-bad.test", "certificate-host-mismatch", 3),
    ("sts-plain.test", "starttls-not-supported", 2),
];

/// Lowest and highest, of successful sessions and of failed ones.
type Sums = ([u64; 2], [u64; 2]);

#[test]
fn reports_of_tlsrpt_reporter_agree_with_what_was_sent_to_the_session() {
    let reporter = start();
    let mut expected: BTreeMap<String, Sums> = BTreeMap::new();
    for (domain, count, ends) in SENT {
        for _ in 0..count {
            reporter.send(&format!("u@{domain}")).unwrap();
        }
        let sums = if ends == Ends::Well { ([count; 2], [0; 2]) } else { ([0; 2], [count; 2]) };
        expected.insert(policy_domain(domain), sums);
    }
    let beside = Beside::start();
    for (domain, sums) in datagrams(&reporter, &beside) {
        expected.insert(domain.to_owned(), sums);
    }
    // Postfix has told the collector of each of its sessions.
    let log = reporter.environment().directory().join("log/postfix");
    let told = || fs_err::read_to_string(&log).unwrap().matches("TLSRPT: status=").count();
    let sent: u64 = SENT.iter().map(|(_, count, _)| count).sum();
    let sent = usize::try_from(sent).unwrap();
    wait(|| (told() >= sent).then_some(()), || fs_err::read_to_string(&log).unwrap());
    assert_eq!(told(), sent, "{}", fs_err::read_to_string(&log).unwrap());

    // And the collector has heard all of it, each policy of each session, before the day ends; a
    // session of the stranger too.
    let policies: u64 = expected.values().map(|(good, bad)| good[1] + bad[1]).sum::<u64>() + 1;
    let collected = || reporter.collected().unwrap();
    wait(|| (collected() >= policies).then_some(()), || format!("{} of {policies}", collected()));
    assert_eq!(collected(), policies);

    reporter.end_the_day().unwrap();
    let receive = Receive::start(
        reporter.environment(),
        "mx1.door.test",
        "127.70.2.2:443",
        &format!(
            "domains = {:?}\n[[receive.admit]]\nname = \"poster\"\nnetworks = [\"127.0.0.0/8\"]",
            [&SENT.map(|(domain, ..)| domain)[..], &MADE_UP].concat(),
        ),
    );
    let mut reportd = reporter.report().unwrap();
    // A report for each domain; that on both.test comes by mail and is posted.
    // And there is one that is not about us.
    let reports = u64::try_from(expected.len()).unwrap() + 1;
    receive.comes_to("sealpost_receive_stored_total{way=\"http\"}", 4);
    receive.comes_to("sealpost_receive_stored_total{way=\"lmtp\"}", 2);
    receive.comes_to("sealpost_receive_stored_total{way=\"smtp\"}", reports + 1 - 4 - 2);
    receive.comes_to("sealpost_receive_reports_total{as=\"new\"}", reports);
    // OpenDKIM has signed each mail, and the key was found; the same report by both ways is known.
    receive.comes_to("sealpost_receive_reports_trust_total{trust=\"verified\"}", reports - 3);
    receive.comes_to("sealpost_receive_reports_trust_total{trust=\"admitted\"}", 4);
    stop(&mut reportd);

    let found: BTreeMap<String, Sums> = receive.summary(&[])["domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|domain| {
            let sum = |key| [&domain[key]["lower"], &domain[key]["upper"]];
            let sum = |key| sum(key).map(|number: &Value| number.as_u64().unwrap());
            (domain["domain"].as_str().unwrap().to_owned(), (sum("successful"), sum("failed")))
        })
        .collect();
    assert_eq!(found, expected);
    let scopes = &receive.summary(&[])["scopes"];
    assert_eq!((&scopes[1]["reports"], &scopes[2]["reports"]), (&json!(0), &json!(1)), "{scopes}");
    beside.agrees_with(&made(&reporter));
    assert_eq!(failures(&reporter), FAILURES.map(|(name, kind, n)| (name.into(), kind.into(), n)));
    // Nothing is left that the collector could not read.
    assert!(!reporter.folder().join("invalid").exists());
}

/// The reports as `tlsrpt-reportd` has made them, each on a line.
fn made(reporter: &Reporter) -> String {
    let script = "import sqlite3
for report, in sqlite3.connect('/e2e/reporter/reportd.sqlite').execute('SELECT report FROM reports'):
    print(report.replace('\\n', ' '))";
    let output = reporter.environment().run_inside("python3", &["-c", script]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What `receive show` says of the failures in them.
fn failures(reporter: &Reporter) -> Vec<(String, String, u64)> {
    let mut failures = Vec::new();
    for report in made(reporter).lines() {
        let shown = show(report);
        for domain in shown["reports"][0]["domains"].as_array().unwrap() {
            for failure in domain["failures"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let sessions = failure["sessions"]["likely"].as_u64().unwrap();
                failures.push((text(&domain["domain"]), text(&failure["result_type"]), sessions));
            }
        }
    }
    failures.sort();
    failures
}

fn start() -> Reporter {
    let world = World::new(vec![
        // It has an address of IPv6, which Postfix takes for its own and others for the policy host.
        Domain::good("first.test"),
        Domain::good("door.test"),
        Domain::good("none.test"),
        Domain::good("dane.test").tlsa(Tlsa::Matching),
        Domain::good("dane-bad.test").tlsa(Tlsa::Other),
        Domain::good("sts.test"),
        Domain::good("sts-bad.test").mail_host(MailHost::StartTls(LeafKind::OtherName)),
        Domain::good("sts-plain.test").mail_host(MailHost::PlainText),
    ])
    .zone(Zone::new("test", Signing::Nsec).records(RECORDS));
    let policies: String = ["sts.test", "sts-bad.test", "sts-plain.test"]
        .iter()
        .map(|domain| {
            let mx = format!("mx1.{domain}");
            format!(
                "{domain} secure match={mx} servername=hostname policy_type=sts \
                 policy_domain={domain} mx_host_pattern={mx} {{ policy_string = version: STSv1 }} \
                 {{ policy_string = mode: enforce }} {{ policy_string = mx: {mx} }} \
                 {{ policy_string = max_age: 604800 }}\n"
            )
        })
        .collect();
    Reporter::start(&world, &policies).unwrap()
}

/// Sends datagrams as libtlsrpt does, about what a Postfix does not do by itself, to both; what
/// reports must say of them.
fn datagrams(reporter: &Reporter, beside: &Beside) -> Vec<(&'static str, Sums)> {
    let socket = UnixDatagram::unbound().unwrap();
    let send = |domain: &str, rua: &str, policies: Value| {
        let datagram = json!({
            "dpv": "1", "d": domain, "pr": format!("v=TLSRPTv1; rua={rua}"), "policies": policies,
        });
        let datagram = datagram.to_string();
        assert_eq!(socket.send_to(datagram.as_bytes(), reporter.socket()).unwrap(), datagram.len());
        beside.send(datagram.as_bytes());
    };
    let sts = |domain: &str, failure: Option<Value>| {
        let failed = u8::from(failure.is_some());
        let mut policy = json!({
            "policy-type": 2, "policy-domain": domain, "t": failed, "f": failed,
            "policy-string": ["version: STSv1", "mode: testing", "mx: mx.example", "max_age: 86400"],
            "mx-host": ["mx.example"],
        });
        if let Some(failure) = failure {
            policy["failure-details"] = json!([failure]);
        }
        policy
    };
    let tlsa = |domain: &str| {
        let records = ["3 1 1 1F850A337E6DB9C609C522D136A475638CC43E1ED424F8EEC8513D747D1D085D"];
        json!({"policy-type": 1, "policy-domain": domain, "policy-string": records, "t": 0, "f": 0})
    };
    let failure = |code: u16, address: &str| {
        json!({
            "c": code, "s": "192.0.2.10", "n": "mx.example", "r": address,
            "h": "250-mx.example\r\n250-STARTTLS\r\n250 8BITMIME", "f": "self-signed_certificate",
        })
    };

    // By both ways, and counted once.
    let both = format!("mailto:tls-reports@both.test,{POST}");
    for number in 0..40 {
        let failure = match number % 4 {
            0 => Some(failure(205, "198.51.100.7")),
            _ => None,
        };
        send("both.test", &both, json!([sts("both.test", failure)]));
    }
    // Many failures that differ.
    for number in 0..250 {
        let address = format!("198.51.100.{number}");
        send("large.test", POST, json!([sts("large.test", Some(failure(203, &address)))]));
        send("large.test", POST, json!([sts("large.test", None)]));
    }
    // Sessions that both policies were applied to.
    for _ in 0..6 {
        send("twice.test", POST, json!([tlsa("twice.test"), sts("twice.test", None)]));
    }
    // As Postfix 3.11 and older ones send it.
    let nobody = "mailto:tls-reports@nobody.test";
    for _ in 0..3 {
        send("nobody.test", nobody, json!([{"policy-type": 9, "t": 0, "f": 0}]));
    }
    send("stranger.test", "mailto:tls-reports@nobody.test", json!([sts("stranger.test", None)]));
    vec![
        ("both.test", ([30; 2], [10; 2])),
        ("large.test", ([250; 2], [250; 2])),
        ("twice.test", ([6, 12], [0; 2])),
        // The report-id names the domain that the entry does not.
        ("nobody.test", ([3; 2], [0; 2])),
    ]
}
