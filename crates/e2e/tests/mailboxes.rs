//! Dovecot keeps the mailboxes from which `sealpost receive` takes reports.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpost_e2e::{Environment, Server, Signal, sealpost_binary};

const IMAPS: &str = "host = \"mx1.good.test\"\npassword_file = \"password\"\n";
const STARTTLS: &str = "host = \"mx1.good.test\"\nsecurity = \"starttls\"\n\
                        password_file = \"password\"\n";
const TOKEN: &str = "host = \"mx1.good.test\"\n[receive.imap.oauth]\n\
                     endpoint = \"https://mx1.good.test:8443/token\"\nclient_id = \"client\"\n\
                     client_secret_file = \"client-secret\"\n";
/// How much later than at once mail may come in: five seconds, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(15);

struct Mailboxes {
    environment: Environment,
}

impl Mailboxes {
    fn start() -> Self {
        let environment = Environment::start_with_mailboxes().unwrap();
        for (name, secret) in [
            ("password", "secret-word\n"),
            ("wrong", "nothing\n"),
            ("client-secret", "s&cret\n"),
            ("refresh-token", "refresh=1\n"),
        ] {
            fs_err::write(environment.directory().join(name), secret).unwrap();
        }
        Self { environment }
    }

    /// Writes a configuration with one mailbox in it.
    fn configure(&self, user: &str, mailbox: &str) {
        let network = fs_err::read_to_string(self.environment.settings_file()).unwrap();
        let text = format!(
            "[network]\n{network}[receive]\nstore = \"reports.sqlite\"\n\
             http = [\"127.0.0.1:8466\"]\n[[receive.imap]]\nuser = \"{user}\"\n{mailbox}"
        );
        fs_err::write(self.environment.directory().join("receive.toml"), text).unwrap();
    }

    fn receive(&self) -> Receive {
        let configuration = self.environment.directory().join("receive.toml");
        let arguments =
            ["receive", "--config", &*configuration.to_string_lossy()].map(String::from);
        let mut child = self.environment.spawn(&sealpost_binary().unwrap(), arguments).unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut started = String::new();
        while !started.ends_with("ready\n") {
            match lines.next() {
                Some(line) => started += &(line.unwrap() + "\n"),
                None => panic!("{started}"),
            }
        }
        let said = Arc::new(Mutex::new(started));
        let hearing = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *hearing.lock().unwrap() += &(line + "\n");
            }
        });
        Receive { child, said }
    }

    /// Runs a command of `sealpost receive` to its end: its output and its exit status.
    fn run(&self, arguments: &[&str]) -> (String, String, Option<i32>) {
        let configuration = self.environment.directory().join("receive.toml");
        let configuration = configuration.to_string_lossy();
        let arguments = [&["receive"][..], arguments, &["--config", &*configuration]].concat();
        let output = self.environment.run(&sealpost_binary().unwrap(), arguments).unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.code())
    }

    /// Takes in what lies in the mailbox, as a service of systemd that was given the password as a
    /// credential: what became of it.
    fn import_with_credential(&self) -> serde_json::Value {
        let folder = self.environment.directory();
        fs_err::create_dir_all(folder.join("credentials")).unwrap();
        fs_err::write(folder.join("credentials/imap"), "secret-word\n").unwrap();
        let configuration = folder.join("receive.toml");
        let credentials = format!("CREDENTIALS_DIRECTORY={}/credentials", folder.display());
        let program = sealpost_binary().unwrap();
        let command = [&*credentials, &program.to_string_lossy(), "receive", "import", "--imap"];
        let flags = ["--no-dns", "--format", "json", "--config", &configuration.to_string_lossy()];
        let arguments = [&command[..], &flags].concat();
        let output = self.environment.run(Path::new("/usr/bin/env"), arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
    }

    fn doveadm(&self, arguments: &[&str]) -> String {
        let output = self.environment.doveadm(arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}\n{}", self.log());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn log(&self) -> String {
        let log = self.environment.directory().join("log/dovecot-mail");
        fs_err::read_to_string(log).unwrap_or_default()
    }

    /// Puts a report into a mailbox.
    fn append(&self, user: &str, folder: &str, id: &str) {
        let report = format!(
            "{{\"organization-name\":\"Reporter\",\"report-id\":\"{id}\",\"date-range\":\
             {{\"start-datetime\":\"2026-11-24T00:00:00Z\",\"end-datetime\":\"2026-11-24T23:59:59Z\"}},\
             \"policies\":[{{\"policy\":{{\"policy-type\":\"sts\",\"policy-domain\":\"good.test\"}},\
             \"summary\":{{\"total-successful-session-count\":5,\"total-failure-session-count\":0}}}}]}}"
        );
        self.append_mail(user, folder, &report);
    }

    fn append_mail(&self, user: &str, folder: &str, body: &str) {
        let mail = format!(
            "From: <r@reporter.test>\r\nTo: <{user}>\r\nSubject: Report Domain: good.test\r\n\
             Date: Wed, 25 Nov 2026 01:00:00 +0000\r\nMIME-Version: 1.0\r\n\
             Content-Type: application/tlsrpt+json\r\n\r\n{body}\r\n"
        );
        fs_err::write(self.environment.directory().join("report.eml"), mail).unwrap();
        self.doveadm(&["save", "-u", user, "-m", folder, "/e2e/report.eml"]);
    }

    fn metrics(&self) -> String {
        let url = "http://127.0.0.1:8466/metrics";
        let output = self.environment.run_inside("curl", &["-sS", url]).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the metric of `sealpost receive` has this value.
    fn comes_to(&self, metric: &str, daemon: &Receive) {
        for _ in 0..SOON.as_millis() / 100 {
            if self.metrics().lines().any(|line| line == metric) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no {metric}\n{}\n{}\n{}", daemon.said(), self.log(), self.metrics());
    }

    /// Reports that are stored, and their sessions.
    fn stored(&self) -> (u64, u64) {
        let (out, said, status) = self.run(&["summary", "--unverified", "--format", "json"]);
        assert_eq!(status, Some(0), "{said}");
        let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
        let scopes = summary["scopes"].as_array().unwrap();
        let scope = scopes.iter().find(|scope| scope["scope"] == "unverified").unwrap();
        let reports = scope["reports"].as_u64().unwrap();
        (reports, scope["successful"]["lower"].as_u64().unwrap())
    }

    /// What was granted by the token endpoint.
    fn grants(&self) -> Vec<String> {
        let log = fs_err::read_to_string(self.environment.directory().join("log/tokens")).unwrap();
        let lines = log.lines().filter_map(|line| line.strip_prefix("granted "));
        lines.map(str::to_owned).collect()
    }
}

struct Receive {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Receive {
    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn waits_to_say(&self, words: &[&str]) {
        for _ in 0..SOON.as_millis() / 100 {
            let said = self.said();
            if said.lines().any(|line| words.iter().all(|word| line.contains(word))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no {words:?} in {}", self.said());
    }

    /// Kills it at once. What stands between us and it leads a process group of its own.
    fn kill(mut self) {
        let group = format!("-{}", self.child.id());
        let status = Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
        assert!(status.success());
        let _ = self.child.wait();
    }
}

impl Drop for Receive {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // What is between us and it passes on nothing else. It fails only if it has ended.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

#[test]
fn what_comes_is_taken_at_once_and_the_mailbox_is_only_read() {
    let mailboxes = Mailboxes::start();
    mailboxes.append("read@good.test", "INBOX", "before");
    mailboxes.configure("read@good.test", IMAPS);
    let daemon = mailboxes.receive();
    mailboxes.comes_to("sealpost_receive_reports_total{as=\"new\"} 1", &daemon);
    mailboxes.comes_to("sealpost_receive_mailbox_passes_total{mailbox=\"1\"} 1", &daemon);
    // It waits now; what comes is told by the server.
    mailboxes.append("read@good.test", "INBOX", "after");
    mailboxes.comes_to("sealpost_receive_reports_total{as=\"new\"} 2", &daemon);
    mailboxes.comes_to("sealpost_receive_stored_total{way=\"imap\"} 2", &daemon);
    let flags = mailboxes.doveadm(&["fetch", "-u", "read@good.test", "flags", "all"]);
    assert!(!flags.contains("Seen"), "{flags}");
    drop(daemon);

    // After a restart nothing is fetched again, and what is too large is left.
    mailboxes.append_mail("read@good.test", "INBOX", &"x".repeat(16 << 20));
    mailboxes.append("read@good.test", "INBOX", "last");
    let daemon = mailboxes.receive();
    mailboxes.comes_to("sealpost_receive_stored_total{way=\"imap\"} 1", &daemon);
    mailboxes.comes_to("sealpost_receive_mailbox_mails_total{outcome=\"too-large\"} 1", &daemon);
    mailboxes.comes_to("sealpost_receive_reports_total{as=\"new\"} 1", &daemon);
    drop(daemon);
    assert_eq!(mailboxes.stored(), (3, 15));

    mailboxes.configure("read@good.test", "host = \"mx1.good.test\"\npassword_file = \"wrong\"\n");
    let daemon = mailboxes.receive();
    daemon.waits_to_say(&[
        "read@good.test",
        "failed to log in",
        "look at the user and the password",
    ]);
    assert!(!daemon.said().contains("nothing\n"), "{}", daemon.said());
    mailboxes.comes_to("sealpost_receive_mailbox_failures_total{mailbox=\"1\"} 1", &daemon);
}

#[test]
fn mails_are_moved_after_they_are_stored_and_a_kill_loses_none() {
    let mailboxes = Mailboxes::start();
    let user = "move@good.test";
    mailboxes.doveadm(&["mailbox", "create", "-u", user, "Reports", "Done"]);
    mailboxes.configure(
        user,
        &format!("{STARTTLS}folder = \"Reports\"\nafter = \"move\"\nmove_to = \"Done\"\n"),
    );
    let count = |folder: &str| {
        let found = mailboxes.doveadm(&["search", "-u", user, "mailbox", folder]);
        found.lines().count()
    };
    let mut expected = 0;
    for round in 0..3 {
        for number in 0..6 {
            mailboxes.append(user, "Reports", &format!("{round}-{number}"));
            expected += 1;
        }
        let daemon = mailboxes.receive();
        // Somewhere between the first mail and the last.
        while count("Reports") == 6 {
            std::thread::sleep(Duration::from_millis(5));
        }
        daemon.kill();
    }
    let daemon = mailboxes.receive();
    mailboxes.comes_to("sealpost_receive_mailbox_passes_total{mailbox=\"1\"} 1", &daemon);
    mailboxes.comes_to("sealpost_receive_unread 0", &daemon);
    mailboxes.comes_to("sealpost_receive_waiting 0", &daemon);
    assert_eq!((count("Reports"), count("Done")), (0, expected));
    drop(daemon);
    let (_, said, status) = mailboxes.run(&["reparse", "--no-dns"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(mailboxes.stored(), (18, 90));

    // The mailbox is made anew: its UIDs begin again, and what lies there is read again.
    mailboxes.doveadm(&["mailbox", "delete", "-u", user, "Reports"]);
    mailboxes.doveadm(&["mailbox", "create", "-u", user, "Reports"]);
    mailboxes.append(user, "Reports", "0-0");
    mailboxes.append(user, "Reports", "anew");
    let (out, said, status) = mailboxes.run(&["import", "--imap", "--no-dns", "--format", "json"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("UIDVALIDITY"), "{said}");
    let account: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&account["new"], &account["duplicate"]), (&1.into(), &1.into()), "{out}");
    assert_eq!(mailboxes.stored(), (19, 95));
    assert_eq!((count("Reports"), count("Done")), (0, expected + 2));
}

#[test]
fn tokens_open_mailboxes_by_both_grants() {
    let mailboxes = Mailboxes::start();
    let user = "me@good.test";
    let inbox = |token: &str| format!("{TOKEN}{token}");
    mailboxes.configure(user, &inbox("refresh_token_file = \"refresh-token\"\n"));
    mailboxes.append(user, "INBOX", "first");
    let daemon = mailboxes.receive();
    mailboxes.comes_to("sealpost_receive_reports_total{as=\"new\"} 1", &daemon);
    assert_eq!(mailboxes.grants(), ["refresh_token token-1"]);
    // The token ends before its time, and the connection too: another one is asked for.
    let revoke = "http://127.70.1.2:8081/revoke";
    assert!(mailboxes.environment.run_inside("curl", &["-sSf", revoke]).unwrap().status.success());
    mailboxes.environment.signal(Server::Dovecot, Signal::HangUp).unwrap();
    daemon.waits_to_say(&["a mailbox cannot be read for now", user]);
    mailboxes.append(user, "INBOX", "second");
    mailboxes.comes_to("sealpost_receive_reports_total{as=\"new\"} 2", &daemon);
    assert_eq!(mailboxes.grants(), ["refresh_token token-1", "refresh_token token-2"]);
    let says_no_secret = |said: &str| {
        for secret in ["token-", "s&cret", "refresh="] {
            assert!(!said.contains(secret), "{said}");
        }
    };
    says_no_secret(&daemon.said());
    drop(daemon);

    // Each refresh token held once: the program knows the newest one also after a restart.
    mailboxes.append(user, "INBOX", "after a restart");
    let daemon = mailboxes.receive();
    mailboxes.comes_to("sealpost_receive_reports_total{as=\"new\"} 1", &daemon);
    assert_eq!(mailboxes.grants().last().unwrap(), "refresh_token token-3");
    says_no_secret(&daemon.said());
    drop(daemon);
    let names = fs_err::read_dir(mailboxes.environment.directory()).unwrap();
    let files = names.map(|entry| entry.unwrap().path());
    let is_kept = |path: &PathBuf| path.to_string_lossy().contains("reports.sqlite.token-");
    let kept: Vec<PathBuf> = files.filter(is_kept).collect();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!(fs_err::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs_err::read_to_string(kept).unwrap(), "refresh=1\nrefresh=4\n");

    mailboxes.configure(user, &inbox("scope = \"imap\"\n"));
    mailboxes.append(user, "INBOX", "third");
    let (out, said, status) = mailboxes.run(&["import", "--imap", "--no-dns"]);
    assert_eq!(status, Some(0), "{said}\n{out}");
    assert_eq!(mailboxes.grants().last().unwrap(), "client_credentials token-4");
    assert_eq!(mailboxes.stored(), (4, 20));

    // Who has no right is told so by name.
    mailboxes.configure(user, &inbox("scope = \"nothing\"\n"));
    let (_, said, status) = mailboxes.run(&["import", "--imap", "--no-dns"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("mx1.good.test answers 400, invalid_grant: unknown"), "{said}");
}

#[test]
fn mails_are_marked_or_deleted_as_configured_and_no_others_with_them() {
    const CREDENTIAL: &str = "host = \"mx1.good.test\"\npassword_credential = \"imap\"\n";
    let mailboxes = Mailboxes::start();
    let flags = |user: &str| {
        let flags = mailboxes.doveadm(&["fetch", "-u", user, "flags", "all"]);
        flags
            .lines()
            .filter(|line| line.starts_with("flags"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let seen = "seen@good.test";
    mailboxes.configure(seen, &format!("{CREDENTIAL}after = \"seen\"\n"));
    mailboxes.append(seen, "INBOX", "first");
    mailboxes.append(seen, "INBOX", "second");
    let account = mailboxes.import_with_credential();
    assert_eq!(account["reports"]["new"], 2, "{account}");
    let found = flags(seen);
    assert!(found.len() == 2 && found.iter().all(|flags| flags.contains("\\Seen")), "{found:?}");
    let account = mailboxes.import_with_credential();
    assert_eq!(account["submissions"], 0, "{account}");

    // What is too long for us stays, though somebody else has marked it to be deleted.
    let delete = "delete@good.test";
    mailboxes.append_mail(delete, "INBOX", &"x".repeat(16 << 20));
    mailboxes.doveadm(&["flags", "add", "-u", delete, "\\Deleted", "all"]);
    mailboxes.append(delete, "INBOX", "third");
    mailboxes.append(delete, "INBOX", "fourth");
    mailboxes.configure(delete, &format!("{CREDENTIAL}after = \"delete\"\n"));
    let account = mailboxes.import_with_credential();
    assert_eq!((&account["reports"]["new"], &account["left"]), (&2.into(), &1.into()), "{account}");
    let found = flags(delete);
    assert!(found.len() == 1 && found.iter().all(|flags| flags.contains("Deleted")), "{found:?}");
    assert_eq!(mailboxes.stored(), (4, 20));
}
