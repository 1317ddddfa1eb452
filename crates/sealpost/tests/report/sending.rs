//! Over midnight: sessions are counted, and the reports leave.

use std::process::Command;
use std::time::Duration;

use crate::daemon::{Daemon, World, failed, successful};
use crate::dns::{Answer, Dns};
use crate::sink::Sink;

/// A world whose daemon sends, to a sink.
pub(crate) struct SendingWorld {
    pub(crate) world: World,
    pub(crate) dns: Dns,
    pub(crate) sink: Sink,
}

impl SendingWorld {
    pub(crate) fn new(pause: Duration, more: &str) -> Self {
        let (dns, sink) = (Dns::start(), Sink::start(pause));
        let world = World::with(&format!(
            "[report.delivery]\nmail = \"relay:{}\"\nspread_hours = 0\nsettle_minutes = 0\n\
             {more}\n[network]\nresolvers = [\"{}\"]\ndnssec = \"off\"\n",
            sink.address,
            dns.address()
        ));
        Self { world, dns, sink }
    }

    pub(crate) fn wants(&self, domain: &str) {
        let record = format!("v=TLSRPTv1; rua=mailto:tls@{domain}");
        self.dns.set(&format!("_smtp._tls.{domain}"), Answer::Text(record));
    }

    pub(crate) fn wait_for_mails(&self, count: usize) {
        for _ in 0..1_500 {
            if self.sink.mails().len() >= count {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{} of {count} mails came", self.sink.mails().len());
    }
}

/// Waits until something of the daemon's metrics has this value.
fn comes_to(daemon: &Daemon, metric: &str, value: u64) {
    for _ in 0..500 {
        if daemon.metric(metric) == value {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{metric} is {}", daemon.metric(metric));
}

#[test]
fn reports_leave_after_midnight_signed_and_equal_to_what_was_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = String::new();
    for algorithm in ["ED25519", "RSA"] {
        let path = folder.path().join(format!("{algorithm}.pem"));
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", algorithm, "-out"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        keys += &format!(
            "[[report.delivery.dkim]]\nkey = \"{}\"\nselector = \"{}\"\n",
            path.display(),
            algorithm.to_lowercase()
        );
    }
    let sending = SendingWorld::new(Duration::ZERO, &keys);
    let daemon = sending.world.start(&["--at", "2026-11-25T23:59:56Z"]);
    let sender = sending.world.sender();
    for number in 0..30_u64 {
        let domain = format!("d{number}.test");
        if number % 3 != 2 {
            sending.wants(&domain);
        }
        for _ in 0..=number {
            assert!(sender.send(successful(&domain)));
        }
        assert!(sender.send(failed(&domain, 204)));
    }
    sending.wait_for_mails(20);
    comes_to(&daemon, "sealpost_report_attempts_total{as=\"accepted\"}", 20);
    comes_to(&daemon, "sealpost_report_decided_total{as=\"queued\"}", 20);
    comes_to(&daemon, "sealpost_report_decided_total{as=\"not-wanted\"}", 10);
    comes_to(&daemon, "sealpost_report_submissions_waiting", 0);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");

    let mails = sending.sink.mails();
    assert_eq!(mails.len(), 20);
    for mail in mails {
        let report = mail.report();
        let domain = mail.field("TLS-Report-Domain");
        let number: u64 = domain.trim_start_matches('d').trim_end_matches(".test").parse().unwrap();
        let [policy] = report.policies.as_slice() else { panic!("{report:?}") };
        assert_eq!(policy.summary.successful.map(u64::from), Some(number + 1), "{domain}");
        assert_eq!(policy.summary.failed.map(u64::from), Some(1), "{domain}");
        assert_eq!(mail.recipient, format!("tls@{domain}"));
        assert_eq!(mail.sender, "tls@reporter.example");
        assert_eq!(mail.field("TLS-Required"), "No");
        let message = sealpost_dkim::Message::read(mail.octets.as_bytes()).unwrap();
        let algorithms: Vec<_> = message
            .signatures()
            .into_iter()
            .map(|signature| signature.unwrap().algorithm().as_str())
            .collect();
        assert_eq!(algorithms, ["rsa-sha256", "ed25519-sha256"]);
        assert!(mail.octets.contains("tls-report-domain"), "{}", mail.octets);
        assert!(!mail.octets.contains(" l="), "{}", mail.octets);
    }
}

#[test]
fn who_was_down_over_midnight_reports_when_he_is_back() {
    let sending = SendingWorld::new(Duration::ZERO, "");
    sending.wants("a.test");
    let daemon = sending.world.start(&["--at", "2026-11-25T22:00:00Z"]);
    for _ in 0..3 {
        assert!(sending.world.sender().send(successful("a.test")));
    }
    daemon.wait_for(3);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert_eq!(sending.sink.mails(), []);

    let daemon = sending.world.start(&["--at", "2026-11-27T09:00:00Z"]);
    sending.wait_for_mails(1);
    daemon.terminate();
    // And once.
    let daemon = sending.world.start(&["--at", "2026-11-27T10:00:00Z"]);
    std::thread::sleep(Duration::from_millis(500));
    daemon.terminate();
    let mails = sending.sink.mails();
    assert_eq!(mails.len(), 1);
    let id = mails[0].report().report_id.unwrap();
    assert!(id.starts_with("2026-11-25.a.test.1.") && id.ends_with("@reporter.example"), "{id}");
    // As it was shown before.
    let (shown, _) = sending.world.run(&["preview", "a.test", "--day", "2026-11-25"]);
    assert!(shown.contains(&format!("report:  {id}, ")), "{id}: {shown}");
}

#[test]
fn an_outage_of_weeks_loses_no_report() {
    let sending = SendingWorld::new(Duration::ZERO, "");
    sending.wants("a.test");
    let daemon = sending.world.start(&["--at", "2026-10-26T22:00:00Z"]);
    assert!(sending.world.sender().send(successful("a.test")));
    daemon.wait_for(1);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    let daemon = sending.world.start(&["--at", "2026-11-25T09:00:00Z"]);
    sending.wait_for_mails(1);
    daemon.terminate();
    let start = sending.sink.mails()[0].report().date_range.start;
    assert_eq!(start.map(|start| start.to_string()).as_deref(), Some("2026-10-26T00:00:00Z"));
}

#[test]
fn a_day_is_sent_by_hand() {
    let sending = SendingWorld::new(Duration::ZERO, "");
    sending.wants("a.test");
    let daemon = sending.world.start(&["--at", "2026-11-20T22:00:00Z"]);
    for domain in ["a.test", "b.test"] {
        assert!(sending.world.sender().send(successful(domain)));
    }
    daemon.wait_for(2);
    daemon.terminate();
    let send = |more: &[&str]| {
        let at = ["send", "--at", "2026-11-26T10:00:00Z", "--day"];
        sending.world.run(&[&at[..], more].concat())
    };
    // Where nobody answers it cannot be told who wants one, with and without --dry-run.
    for more in [&["--dry-run"][..], &[]] {
        let nowhere = ["2026-11-20", "--domain", "a.test", "--resolver", "127.0.0.1:1"];
        let (said, status) = send(&[&nowhere[..], more].concat());
        assert_eq!((status, said.contains("could not tell where")), (3, true), "{said}");
    }
    let (said, status) = send(&["2026-11-20", "--dry-run"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("a.test: report 2026-11-20.a.test.1."), "{said}");
    assert!(said.contains(" octets packed, to mailto:tls@a.test\n"), "{said}");
    assert!(said.contains("b.test: none (not-wanted): it asks for no reports\n"), "{said}");
    assert_eq!(sending.sink.mails(), []);
    sending.sink.answer(450);
    let (said, status) = send(&["2026-11-20", "--domain", "a.test"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("1 waiting mailto:tls@a.test: 127.0.0.1: "), "{said}");
    let (dropped, status) = sending.world.run(&["queue", "drop", "1"]);
    assert_eq!((dropped.as_str(), status), ("1 dropped\n", 0));
    sending.sink.answer(250);
    let (said, status) = sending.world.run(&["queue", "retry", "1", "7"]);
    assert_eq!((said.as_str(), status), ("1 will be tried again\n", 1));
    let (said, status) = send(&["2026-11-20"]);
    assert!(said.contains("b.test: none (not-wanted)"), "{said}");
    // It is due by the real clock, which may be ahead of the simulated one.
    assert!(status == 0 && sending.sink.mails().len() == 1 || status == 1, "{said}");
    let (_, status) = send(&["2026-11-26"]);
    assert_eq!(status, 2, "the day is not over");
}
