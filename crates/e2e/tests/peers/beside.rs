//! `sealpost report` beside tlsrpt-reporter: the same datagrams, and what their reports have in common.
//!
//! All numbers, policies and failures are the same. What differs, and why ours is so:
//!
//! | what | tlsrpt-reporter 0.6.0 | sealpost | because |
//! |---|---|---|---|
//! | `report-id` | `DATE_idx1_DOMAIN` | `DATE.DOMAIN.1@SUBMITTER`; what stands before the `@` in a report that is sent tells several reporters with one contact apart | the subject of the mail needs a `msg-id` (RFC 8460 section 5.3), and the two should agree |
//! | `receiving-mx-helo` | all lines of the answer to EHLO | the name in it | extensions are no name, and make many failures of one |
//! | `policy-domain` | missing where the mail server names none | the domain of the session | receivers sort by it (RFC 8460 section 4.4 knows no report without) |
//! | `failure-details` | an empty list where there is none | left out | it is optional |
//!
//! `date-range` is not compared: the other one lives by a clock of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use sealpost_e2e::{
    ParsedmarcVerdict, ReadByMailAuth, ask_mail_auth, ask_parsedmarc, sealpost_binary,
};
use serde_json::{Value, json};

use crate::receive::stop;

/// A collector of ours that is told what the other one is told.
pub(crate) struct Beside {
    folder: tempfile::TempDir,
    child: Child,
    socket: UnixDatagram,
}

impl Beside {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[report]\nsocket = [\"unix:{}\"]\nstore = \"report.sqlite\"\nflush_seconds = 1\n\
             contact = \"smtp-tls-reporting@sender.test\"\norganization = \"Sender Inc\"\n",
            folder.path().join("tlsrpt.sock").display()
        );
        fs_err::write(folder.path().join("sealpost.toml"), text).unwrap();
        let mut child = Command::new(sealpost_binary().unwrap())
            .args(["report", "--config"])
            .arg(folder.path().join("sealpost.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while lines.next().unwrap().unwrap() != "ready" {}
        std::thread::spawn(move || lines.for_each(drop));
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(folder.path().join("tlsrpt.sock")).unwrap();
        Self { folder, child, socket }
    }

    /// Waits while the queue is full, as the other one's sender does.
    pub(crate) fn send(&self, datagram: &[u8]) {
        assert_eq!(self.socket.send(datagram).unwrap(), datagram.len());
    }

    /// Compares the reports, one on each line, with those of ours on the same domains, which parsedmarc
    /// and mail-auth read to the session.
    pub(crate) fn agrees_with(mut self, theirs: &str) {
        // What is counted is written before it ends.
        stop(&mut self.child);
        let theirs: Vec<Value> =
            theirs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let rows: Value = serde_json::from_str(&self.preview(&[])).unwrap();
        let domains = rows.as_array().unwrap();
        assert_eq!(domains.len(), 5, "{rows}");
        let mut read = BTreeMap::new();
        for row in domains {
            let domain = row["domain"].as_str().unwrap();
            let ours: Value = serde_json::from_str(&self.preview(&[domain])).unwrap();
            let (file, sums) = (format!("{domain}.json"), sums(&ours));
            fs_err::write(self.folder.path().join(&file), ours.to_string()).unwrap();
            assert_ne!(sums, ParsedmarcVerdict::Read { successful: 0, failed: 0 });
            assert_eq!(
                ask_mail_auth(&self.folder.path().join(&file)).unwrap(),
                for_mail_auth(&ours)
            );
            read.insert(file, sums);
            let id = ours["report-id"].as_str().unwrap();
            assert!(id.ends_with(&format!(".{domain}.1@sender.test")), "{id}");
            // Theirs names the domain in its id only.
            let named = format!("_{domain}");
            let mut same = theirs
                .iter()
                .filter(|report| report["report-id"].as_str().unwrap().ends_with(&named));
            let (Some(theirs), None) = (same.next(), same.next()) else {
                panic!("{domain}: {theirs:#?}")
            };
            for key in ["organization-name", "contact-info"] {
                assert_eq!(ours[key], theirs[key], "{domain}");
            }
            assert_eq!(policies(&ours, domain), policies(theirs, domain), "{domain}");
        }
        let files: Vec<String> = read.keys().cloned().collect();
        assert_eq!(ask_parsedmarc(self.folder.path(), &files).unwrap(), read);
    }

    fn preview(&self, domain: &[&str]) -> String {
        let output = Command::new(sealpost_binary().unwrap())
            .args(["report", "preview", "--format", "json", "--config"])
            .arg(self.folder.path().join("sealpost.toml"))
            .args(domain)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sessions of all policies of a report.
fn sums(report: &Value) -> ParsedmarcVerdict {
    let sum = |key: &str| {
        let policies = report["policies"].as_array().unwrap().iter();
        policies.map(|entry| i128::from(entry["summary"][key].as_u64().unwrap())).sum()
    };
    ParsedmarcVerdict::Read {
        successful: sum("total-successful-session-count"),
        failed: sum("total-failure-session-count"),
    }
}

/// The same, with the number of failure details.
fn for_mail_auth(report: &Value) -> ReadByMailAuth {
    let entries = report["policies"].as_array().unwrap();
    let sum = |key| entries.iter().map(|entry| entry["summary"][key].as_u64().unwrap()).sum();
    let details = entries.iter().filter_map(|entry| entry["failure-details"].as_array());
    ReadByMailAuth {
        successful: sum("total-successful-session-count"),
        failed: sum("total-failure-session-count"),
        details: details.map(|details| details.len() as u64).sum(),
    }
}

/// What a report says, in an order and without the differences that are listed above.
fn policies(report: &Value, domain: &str) -> BTreeMap<String, (Value, Vec<String>)> {
    let mut policies = BTreeMap::new();
    for entry in report["policies"].as_array().unwrap() {
        let mut policy = entry["policy"].clone();
        if policy["policy-domain"].is_null() {
            policy["policy-domain"] = json!(domain);
        }
        let mut details: Vec<_> = entry["failure-details"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|detail| {
                let mut detail: BTreeMap<String, Value> =
                    serde_json::from_value(detail.clone()).unwrap();
                if let Some(helo) = detail.get_mut("receiving-mx-helo") {
                    let first = helo.as_str().unwrap().lines().next().unwrap();
                    *helo = json!(first.trim_start_matches("250-"));
                }
                serde_json::to_string(&detail).unwrap()
            })
            .collect();
        details.sort();
        let policy: BTreeMap<String, Value> = serde_json::from_value(policy).unwrap();
        let key = serde_json::to_string(&policy).unwrap();
        let before = policies.insert(key, (entry["summary"].clone(), details));
        assert!(before.is_none(), "a policy is there twice: {report}");
    }
    policies
}
