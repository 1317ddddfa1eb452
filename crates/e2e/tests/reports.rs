//! Postfix hands report mails to `sealpost receive`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Child, Command};
use std::time::Duration;

use sealpost_e2e::{Domain, Environment, World, sealpost_binary, when_ready};

/// A Postfix that takes mail from this machine.
const POSTFIX: &str = "smtp://127.70.1.2:25/client.test";

struct Postfix {
    environment: Environment,
}

impl Postfix {
    fn start() -> Self {
        let environment = Environment::start(&World::new(vec![Domain::good("good.test")])).unwrap();
        // The doors are at their default places: the network is the environment's own.
        let certificate = environment.directory().join("certificates/mx1.good.test.pem");
        let text = format!(
            "[receive]\nstore = \"{}\"\nhttp = [\"127.0.0.1:8466\"]\ncertificate = \"{1}\"\n\
             key = \"{1}\"\n[[receive.admit]]\nname = \"postfix\"\nnetworks = [\"127.0.0.0/8\"]\n",
            environment.directory().join("reports.sqlite").display(),
            certificate.display(),
        );
        fs_err::write(environment.directory().join("receive.toml"), text).unwrap();
        Self { environment }
    }

    fn receive(&self) -> Receive {
        let program = sealpost_binary().unwrap();
        let configuration = self.environment.directory().join("receive.toml");
        let configuration = configuration.to_string_lossy();
        let child = self.environment.spawn(&program, ["receive", "--config", &*configuration]);
        Receive(when_ready(child.unwrap()).unwrap())
    }

    fn send(&self, recipient: &str, id: &str) {
        let report = format!(
            "{{\"organization-name\":\"Reporter\",\"report-id\":\"{id}\",\"date-range\":\
             {{\"start-datetime\":\"2026-11-24T00:00:00Z\",\"end-datetime\":\"2026-11-24T23:59:59Z\"}},\
             \"policies\":[{{\"policy\":{{\"policy-type\":\"sts\",\"policy-domain\":\"good.test\"}},\
             \"summary\":{{\"total-successful-session-count\":5,\"total-failure-session-count\":0}}}}]}}"
        );
        let mail = format!(
            "From: <r@reporter.test>\r\nTo: <{recipient}>\r\nSubject: Report Domain: good.test\r\n\
             Date: Wed, 25 Nov 2026 01:00:00 +0000\r\nMessage-ID: <{id}@reporter.test>\r\n\
             MIME-Version: 1.0\r\nContent-Type: application/tlsrpt+json\r\n\r\n{report}\r\n"
        );
        fs_err::write(self.environment.directory().join("report.eml"), mail).unwrap();
        let arguments =
            ["-sS", POSTFIX, "--mail-from", "r@reporter.test", "--mail-rcpt", recipient];
        let arguments = [&arguments[..], &["-T", "/e2e/report.eml"]].concat();
        let output = self.environment.run_inside("curl", &arguments).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until Postfix has logged this.
    fn logs(&self, words: &[&str]) {
        let log = self.environment.directory().join("log/postfix");
        for _ in 0..200 {
            let text = fs_err::read_to_string(&log).unwrap();
            if text.lines().any(|line| words.iter().all(|word| line.contains(word))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no {words:?} in {}", fs_err::read_to_string(&log).unwrap());
    }

    /// Waits until the metric of `sealpost receive` has this value.
    fn comes_to(&self, metric: &str) {
        let mut text = String::new();
        for _ in 0..200 {
            let url = "http://127.0.0.1:8466/metrics";
            let output = self.environment.run_inside("curl", &["-sS", url]).unwrap();
            text = String::from_utf8_lossy(&output.stdout).into_owned();
            if text.lines().any(|line| line == metric) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no {metric} in {text}");
    }
}

struct Receive(Child);

impl Drop for Receive {
    fn drop(&mut self) {
        // What is between us and it passes on nothing else. It fails only if it has ended.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn postfix_delivers_by_lmtp_and_by_smtp_with_tls() {
    let postfix = Postfix::start();
    let daemon = postfix.receive();
    postfix.send("tls-reports@lmtp.test", "by-lmtp");
    postfix.logs(&["to=<tls-reports@lmtp.test>", "status=sent (250 2.6.0"]);
    postfix.send("tls-reports@smtp.test", "by-smtp");
    postfix.logs(&["to=<tls-reports@smtp.test>", "status=sent (250 2.6.0"]);
    postfix.comes_to("sealpost_receive_reports_total{as=\"new\"} 2");
    postfix.comes_to("sealpost_receive_stored_total{way=\"lmtp\"} 1");
    postfix.comes_to("sealpost_receive_stored_total{way=\"smtp\"} 1");
    // Nobody else is written to, and the sender is told by his own server.
    postfix.send("root@smtp.test", "refused");
    postfix.logs(&["to=<root@smtp.test>", "status=bounced", "550 5.1.1"]);
    // Down: the mail waits in Postfix.
    drop(daemon);
    postfix.send("tls-reports@lmtp.test", "later");
    postfix.logs(&["to=<tls-reports@lmtp.test>", "status=deferred"]);
    let _daemon = postfix.receive();
    let flush = postfix.environment.run_inside("postqueue", &["-f"]).unwrap();
    assert!(flush.status.success(), "{}", String::from_utf8_lossy(&flush.stderr));
    postfix.comes_to("sealpost_receive_reports_total{as=\"new\"} 1");
}
