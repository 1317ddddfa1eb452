//! Postfix 3.10 tells `sealpost report` of its TLS sessions, through libtlsrpt, and takes the reports.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a member of JSON that is missing is null")]

mod night;
mod testing;
mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command};
use std::time::Duration;

use sealpost_e2e::{Memory, Message, Route, Senders, sealpost_binary, when_ready};
use serde_json::Value;

/// Where mail is sent to, and how much: what is good and what is not, with and without a policy.
const MAIL: &[(&str, usize)] = &[
    ("good.test", 20),
    ("good-testing.test", 5),
    ("good-two-mx.test", 5),
    ("mx-certificate-expired.test", 5),
    ("mx-certificate-self-signed-expired.test", 5),
    ("mx-certificates-differ.test", 5),
    ("dane-good.test", 5),
    ("dane-mismatch.test", 5),
    ("dane-self-signed.test", 5),
    ("dane-without-starttls.test", 5),
    ("victim-shared-no-policy.test", 5),
];
/// How often, and how long each time, Postfix is waited for.
const WAIT: (u32, Duration) = (300, Duration::from_millis(100));
/// The default level at which DANE comes in by itself, and that at which policies are asked for.
const ROUTES: [Route; 2] = [Route::Postfix3_10, Route::Postfix3_10Dane];

/// Sessions by domain and result: `success`, or the type of the failure.
type Counts = BTreeMap<(String, String), u64>;

#[test]
fn the_sessions_of_postfix_are_counted_as_it_logs_them() {
    let senders = Senders::start().unwrap();
    let daemon = Report::start(&senders);
    senders.tell_of_sessions().unwrap();
    let mail: Vec<_> = MAIL
        .iter()
        .flat_map(|(domain, count)| {
            (0..*count).flat_map(move |number| {
                ROUTES.map(|route| {
                    Message::new(route, Memory::Cached, &format!("sessions-{number}"), domain)
                })
            })
        })
        .collect();
    senders.submit(&mail).unwrap();
    wait_until_tried(&senders, mail.len());

    // Down, and made again: Postfix goes on with the new socket.
    daemon.stop();
    let daemon = Report::start(&senders);
    let more = [Message::new(Route::Postfix3_10, Memory::Cached, "sessions-later", "good.test")];
    senders.submit(&more).unwrap();
    wait_until_tried(&senders, mail.len() + 1);
    daemon.stop();

    let log = senders.log(Route::Postfix3_10, Memory::Cached).unwrap();
    assert!(!log.contains("Could not report TLS"), "{log}");
    let logged = logged(&log);
    let (counted, types) = counted(&senders, &[]);
    assert_eq!(counted, logged);
    // The lines alone give the same.
    let store = read_log(&senders, &log);
    assert_eq!(self::counted(&senders, &["--store", &store]).0, logged);
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["no-policy-found", "sts", "tlsa"]);
    let of = |result: &str| {
        counted.iter().filter(|((_, it), _)| it == result).map(|(_, n)| n).sum::<u64>()
    };
    for result in
        ["success", "certificate-expired", "certificate-not-trusted", "starttls-not-supported"]
    {
        assert_ne!(of(result), 0, "{result}: {counted:?}");
    }
    assert!(counted.values().sum::<u64>() >= 60, "{counted:?}");
}

/// Waits until Postfix has said of so many recipients what became of them.
fn wait_until_tried(senders: &Senders, recipients: usize) {
    for _ in 0..WAIT.0 {
        let log = senders.log(Route::Postfix3_10, Memory::Cached).unwrap();
        let tried = log
            .lines()
            .filter(|line| line.contains(".sessions-") && line.contains("status="))
            .count();
        if tried >= recipients {
            return;
        }
        std::thread::sleep(WAIT.1);
    }
    panic!("{}", senders.log(Route::Postfix3_10, Memory::Cached).unwrap());
}

/// What Postfix says of the results that it has told.
fn logged(log: &str) -> Counts {
    let mut counts = Counts::new();
    for line in log.lines() {
        let Some((_, told)) = line.split_once("TLSRPT: ") else { continue };
        let value = |key: &str| {
            let found = told.split(", ").find_map(|part| part.strip_prefix(key));
            found.map(|value| value.trim().replace('_', "-"))
        };
        let domain = value("domain=").unwrap();
        let result = match value("status=").as_deref() {
            Some("success") => "success".to_owned(),
            _ => value("failure-type=").or_else(|| value("failure_type=")).unwrap(),
        };
        *counts.entry((domain, result)).or_default() += 1;
    }
    counts
}

/// Has the sessions counted that the log tells of, with nothing else; the store to look into.
fn read_log(senders: &Senders, log: &str) -> String {
    let directory = senders.environment().directory();
    let (store, file) = (directory.join("read-log.sqlite"), directory.join("read-log.txt"));
    fs_err::write(&file, log).unwrap();
    let output = Command::new(sealpost_binary().unwrap())
        .args(["report", "read-log"])
        .arg(&file)
        .arg("--store")
        .arg(&store)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    store.to_string_lossy().into_owned()
}

/// What `sealpost report` would report of today, or of a day in the flags, and under which types of policies.
fn counted(senders: &Senders, flags: &[&str]) -> (Counts, BTreeSet<String>) {
    let (mut counts, mut types) = (Counts::new(), BTreeSet::new());
    let domains: Value = serde_json::from_str(&preview(senders, flags)).unwrap();
    for row in domains.as_array().unwrap() {
        let domain = row["domain"].as_str().unwrap();
        let arguments = [&[domain][..], flags].concat();
        let report: Value = serde_json::from_str(&preview(senders, &arguments)).unwrap();
        for policy in report["policies"].as_array().unwrap() {
            types.insert(policy["policy"]["policy-type"].as_str().unwrap().to_owned());
            let successful = policy["summary"]["total-successful-session-count"].as_u64().unwrap();
            let mut add = |result: &str, count: u64| {
                if count > 0 {
                    *counts.entry((domain.to_owned(), result.to_owned())).or_default() += count;
                }
            };
            add("success", successful);
            let mut failed = 0;
            for detail in policy["failure-details"].as_array().into_iter().flatten() {
                let count = detail["failed-session-count"].as_u64().unwrap();
                add(detail["result-type"].as_str().unwrap(), count);
                failed += count;
            }
            // Postfix tells of one failure for each session.
            assert_eq!(policy["summary"]["total-failure-session-count"], failed);
        }
    }
    (counts, types)
}

fn preview(senders: &Senders, more: &[&str]) -> String {
    preview_of_any(senders, more).unwrap_or_else(|| panic!("no session is written down: {more:?}"))
}

/// `None` if no session is written down yet.
fn preview_of_any(senders: &Senders, more: &[&str]) -> Option<String> {
    let configuration = configuration(senders);
    let arguments = ["report", "preview", "--format", "json", "--config", &configuration];
    let arguments = [&arguments[..], more].concat();
    let output = senders.environment().run(&sealpost_binary().unwrap(), arguments).unwrap();
    let is_any = output.status.code() != Some(1);
    assert!(!is_any || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    is_any.then(|| String::from_utf8(output.stdout).unwrap())
}

fn configuration(senders: &Senders) -> String {
    senders.environment().directory().join("report.toml").to_string_lossy().into_owned()
}

struct Report(Child);

impl Report {
    fn start(senders: &Senders) -> Self {
        Self::start_with(senders, "", &[])
    }

    /// With more sections in the configuration, and flags. It shares the store with the daemon that
    /// the first route asks, as is advised.
    fn start_with(senders: &Senders, sections: &str, flags: &[&str]) -> Self {
        let directory = senders.environment().directory();
        let text = format!(
            "[report]\nsocket = [\"{}\"]\nstore = \"enforce.db\"\n\
             contact = \"tls@reporter.test\"\nflush_seconds = 1\n{sections}\n",
            senders.socket()
        );
        fs_err::write(directory.join("report.toml"), text).unwrap();
        senders.lengthen_queues().unwrap();
        let program = sealpost_binary().unwrap();
        let configuration = configuration(senders);
        let arguments = [&["report", "--config", &*configuration][..], flags].concat();
        let child = senders.environment().spawn_for_long(&program, arguments).unwrap();
        Self(when_ready(child).unwrap())
    }

    /// Asks it to end, and waits.
    fn stop(mut self) {
        Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
