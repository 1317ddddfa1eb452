//! A day and the night after it: 500 mails into the lab, and the reports on them, which the same
//! Postfix and HTTPS bring to `sealpost receive`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sealpost_e2e::{Memory, Message, Route, Senders, sealpost_binary, when_ready};
use serde_json::Value;

use crate::{Counts, ROUTES, Report, WAIT, counted, logged};

/// Where mail is sent to: good, wrong name, expired, no STARTTLS, DANE good and bad, fetch error,
/// testing, no policy.
const DOMAINS: [&str; 14] = [
    "good.test",
    "good-rua-https.test",
    "good-testing.test",
    "mx-certificate-wrong-name.test",
    "mx-certificate-expired.test",
    "mx-no-starttls.test",
    "testing-no-starttls.test",
    "absent-no-starttls.test",
    "dane-good.test",
    "dane-mismatch.test",
    "dane-without-starttls.test",
    "policy-host-refused.test",
    "mx-not-covered.test",
    "victim-shared-no-policy.test",
];
/// Of these Postfix tells nothing: it asks for no TLS, and none is offered.
const UNTOLD: [&str; 2] = ["testing-no-starttls.test", "absent-no-starttls.test"];
/// Mails to each of them by each route: a few more than 500 in all.
const EACH: usize = 20;
/// The policy of this one cannot be fetched: its sessions are as good as any, the report says why they
/// were held against none.
const UNFETCHED: &str = "policy-host-refused.test";
/// One of the MX hosts of this one is not in its policy: Postfix leaves it out and tells nothing of it,
/// the report does.
const SKIPPED: &str = "mx-not-covered.test";
/// DANE decides here, and there is a policy too.
const BOTH: &str = "dane-good.test";
/// Where `sealpost receive` takes reports.
const SMTP: u16 = 8490;
const HTTPS: u16 = 8491;

#[test]
fn the_reports_of_a_night_arrive_and_agree_with_what_was_seen() {
    #[expect(
        clippy::disallowed_methods,
        reason = "`enforce` lives by the real clock, and notes by day which policies it could not fetch"
    )]
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let (noon, midnight) =
        (format!("{day}T12:00:00Z"), format!("{}T00:00:01Z", day.tomorrow().unwrap()));
    let senders = Senders::start().unwrap();
    let sections = format!(
        "[report.delivery]\nmail = \"relay:127.0.0.1:2510\"\nspread_hours = 0\nsettle_minutes = 0\n\
         [network]\nresolvers = [\"127.70.0.53:53\"]\ndnssec = \"off\"\nhttps_port = {HTTPS}\n\
         allowed_networks = [\"127.0.0.0/8\"]\nehlo_name = \"reporter.test\"\n"
    );
    let daemon = Report::start_with(&senders, &sections, &["--at", &noon]);
    senders.bring_reports_to(SMTP).unwrap();
    senders.tell_of_sessions().unwrap();
    senders.share_no_session().unwrap();
    let mail: Vec<_> = DOMAINS
        .iter()
        .flat_map(|domain| {
            (0..EACH).flat_map(move |number| {
                let tag = format!("sessions-{number}");
                ROUTES.map(|route| Message::new(route, Memory::Cached, &tag, domain))
            })
        })
        .collect();
    assert!(mail.len() >= 500);
    senders.submit(&mail).unwrap();
    crate::wait_until_tried(&senders, mail.len());
    daemon.stop();
    let log = senders.log(Route::Postfix3_10, Memory::Cached).unwrap();
    assert!(!log.contains("Could not report TLS"), "{log}");
    let logged = logged(&log);
    let (told, _) = counted(&senders, &["--day", &day.to_string()]);
    assert_eq!(told, logged);
    // `enforce` writes down beside its answers what it finds.
    for (domain, word) in
        [(UNFETCHED, "sts-policy-fetch-error"), (SKIPPED, "validation-failure"), (BOTH, "\"sts\"")]
    {
        wait_until_previewed(&senders, &day.to_string(), domain, word);
    }
    let by_result = by_result(&told);
    for domain in DOMAINS {
        let (successful, failed) = by_result.get(domain).copied().unwrap_or_default();
        let all = if UNTOLD.contains(&domain) { 0 } else { EACH * ROUTES.len() };
        assert_eq!(usize::try_from(successful + failed).unwrap(), all, "{domain}: {told:?}");
    }

    let receive = Receive::start(&senders, &midnight);
    let daemon = Report::start_with(&senders, &sections, &["--at", &midnight]);
    let reports = wait_for_reports(&senders, day, by_result.len());
    let queue = queue_when_settled(&senders);
    daemon.stop();
    drop(receive);

    let arrived: Sums =
        reports.iter().map(|(domain, report)| (domain.clone(), sums(report))).collect();
    assert_eq!(arrived, by_result, "what came is what was counted");
    for (domain, report) in &reports {
        let expected: &[&str] = match domain.as_str() {
            UNFETCHED => &["sts-policy-fetch-error"],
            SKIPPED => &["validation-failure"],
            _ => &[],
        };
        assert_eq!(remarks(report), expected, "{report:#}");
    }
    let of_both = reports[BOTH]["policies"].as_array().unwrap();
    let types: BTreeSet<_> = of_both.iter().map(|policy| policy["policy_type"].as_str()).collect();
    assert_eq!(types, BTreeSet::from([Some("tlsa"), Some("sts")]), "{of_both:#?}");
    let seen = encrypted_deliveries(&senders);
    for (domain, (successful, _)) in arrived {
        let deliveries = seen.get(&domain).copied().unwrap_or_default();
        assert_eq!(successful, deliveries, "{domain}: what its MX hosts took through TLS");
    }
    assert!(queue.iter().all(is_accepted), "{queue:#?}");
    let is_https = |row: &&Value| row["rua"].as_str().unwrap().starts_with("https:");
    assert_eq!(queue.iter().filter(is_https).count(), 1, "{queue:#?}");
}

/// Waits until the report of a domain would have this word.
fn wait_until_previewed(senders: &Senders, day: &str, domain: &str, word: &str) {
    let mut report = String::new();
    for _ in 0..150 {
        report = crate::preview(senders, &[domain, "--day", day]);
        if report.contains(word) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{domain} has no {word} yet: {report}");
}

/// Successful and failed sessions by domain.
type Sums = BTreeMap<String, (u64, u64)>;

fn by_result(counts: &Counts) -> Sums {
    let mut sums = Sums::new();
    for ((domain, result), count) in counts {
        let sum = sums.entry(domain.clone()).or_default();
        if result == "success" { sum.0 += count } else { sum.1 += count }
    }
    sums
}

struct Receive(Child);

impl Receive {
    /// It believes what comes from this machine, and is at every address of it.
    fn start(senders: &Senders, at: &str) -> Self {
        let directory = senders.environment().directory();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=receive.test"])
            .args(["-days", "7000", "-addext", "subjectAltName=DNS:receive.test", "-keyout"])
            .arg(directory.join("receive.key"))
            .arg("-out")
            .arg(directory.join("receive.pem"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = format!(
            "[receive]\nstore = \"receive.sqlite\"\npath = \"/tls\"\nhost = \"receive.test\"\n\
             certificate = \"receive.pem\"\nkey = \"receive.key\"\n[receive.listen]\n\
             smtp = [\"127.0.0.1:{SMTP}\"]\nlmtp = []\nhttps = [\"0.0.0.0:{HTTPS}\"]\n\
             [[receive.admit]]\nname = \"here\"\nnetworks = [\"127.0.0.0/8\"]\n\
             [network]\nresolvers = [\"127.70.0.53:53\"]\ndnssec = \"off\"\n"
        );
        fs_err::write(directory.join("receive.toml"), text).unwrap();
        let configuration = directory.join("receive.toml").to_string_lossy().into_owned();
        let program = sealpost_binary().unwrap();
        let arguments = ["receive", "--config", &configuration, "--at", at];
        let child = senders.environment().spawn(&program, arguments).unwrap();
        Self(when_ready(child).unwrap())
    }
}

impl Drop for Receive {
    fn drop(&mut self) {
        // What is between us and it passes on nothing else. It fails only if it has ended.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn sealpost(senders: &Senders, arguments: &[&str]) -> String {
    let name = format!("{}.toml", arguments[0]);
    let configuration = senders.environment().directory().join(name);
    let configuration = configuration.to_string_lossy();
    let arguments = [arguments, &["--config", &*configuration]].concat();
    let output = senders.environment().run(&sealpost_binary().unwrap(), arguments).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What has arrived, by the domain that is named in the id of the report: what is told of DANE bears
/// the names of MX hosts, and `receive` keeps what one report says of each policy domain apart.
fn wait_for_reports(senders: &Senders, day: Date, count: usize) -> BTreeMap<String, Value> {
    let mut reports = BTreeMap::new();
    for _ in 0..WAIT.0 {
        reports.clear();
        let mut parts = BTreeSet::new();
        let export = ["receive", "export", "--since", &day.to_string(), "--format", "ndjson"];
        for line in sealpost(senders, &export).lines() {
            let mut report: Value = serde_json::from_str(line).unwrap();
            let id = report["report_id"].as_str().unwrap();
            let named = id.strip_prefix(&format!("{day}.")).unwrap();
            let named = named.strip_suffix("@reporter.test").unwrap();
            let domain = named.rsplit_once(".1.").unwrap().0.to_owned();
            let part = (domain.clone(), report["domain"].to_string());
            assert!(parts.insert(part), "a report came twice");
            let mut policies = report["policies"].take().as_array().unwrap().clone();
            let whole: &mut Value = reports.entry(domain).or_insert(report);
            if let Some(others) = whole["policies"].as_array() {
                policies.extend(others.iter().cloned());
            }
            whole["policies"] = policies.into();
        }
        if reports.len() >= count {
            return reports;
        }
        std::thread::sleep(WAIT.1);
    }
    let queue = sealpost(senders, &["report", "queue", "list"]);
    let log = senders.log(Route::Postfix3_10, Memory::Cached).unwrap();
    let end: String = log.lines().rev().take(60).map(|line| format!("{line}\n")).collect();
    panic!("{} of {count} reports came: {reports:#?}\n{queue}\n{end}", reports.len());
}

/// What `sealpost report` says of its deliveries: it notes that one was taken after the receiver has it.
fn queue_when_settled(senders: &Senders) -> Vec<Value> {
    let mut queue: Vec<Value> = Vec::new();
    for _ in 0..WAIT.0 {
        let text = sealpost(senders, &["report", "queue", "list", "--format", "json"]);
        queue = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if queue.iter().all(is_accepted) {
            break;
        }
        std::thread::sleep(WAIT.1);
    }
    queue
}

fn is_accepted(row: &Value) -> bool {
    row["state"] == "accepted"
}

/// The successful and failed sessions of a report.
fn sums(report: &Value) -> (u64, u64) {
    let policies = report["policies"].as_array().unwrap();
    let sum = |of: &str| policies.iter().map(|policy| policy[of].as_u64().unwrap()).sum();
    (sum("successful"), sum("failed"))
}

/// What a report says of the policy itself, without a session.
fn remarks(report: &Value) -> Vec<&str> {
    let policies = report["policies"].as_array().unwrap().iter();
    policies
        .flat_map(|policy| policy["failures"].as_array().unwrap())
        .filter(|failure| failure["sessions"] == 0)
        .map(|failure| failure["result_type"].as_str().unwrap())
        .collect()
}

/// The mails that came through TLS, by domain: reports not counted.
fn encrypted_deliveries(senders: &Senders) -> BTreeMap<String, u64> {
    let file = senders.environment().directory().join("lab/deliveries.jsonl");
    let mut seen = BTreeMap::new();
    for line in fs_err::read_to_string(file).unwrap().lines() {
        let delivery: Value = serde_json::from_str(line).unwrap();
        let is_ours = delivery["recipient"].as_str().unwrap().contains(".sessions-");
        if is_ours && !delivery["tls"].is_null() {
            *seen.entry(delivery["domain"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    seen
}
