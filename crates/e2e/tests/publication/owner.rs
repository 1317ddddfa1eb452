//! The owner of the domain, at the command line, and those who report to it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use jiff::Timestamp;
use sealpost_e2e::{Environment, LeafKind, Server, Signal, sealpost_binary, when_ready};

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;
/// Sessions that each of two reporters tells of on a day.
const SESSIONS: u64 = 200;

/// The owner of the domains, and the servers.
pub(crate) struct Owner {
    pub(crate) environment: Environment,
    /// Day 0, at midnight: far enough back that no report is of the future.
    begin: i64,
}

impl Owner {
    /// Starts the servers.
    pub(crate) fn start(rollout: &str) -> Self {
        let environment = Environment::start_for_publishing().unwrap();
        let network = fs_err::read_to_string(environment.settings_file()).unwrap();
        let configuration = |secret: &str| {
            format!(
                r#"[network]
{network}dnssec = "off"
survey_tls = false

[receive]
store = "publish.sqlite"
raw_store = "raw.sqlite"
http = ["127.0.0.1:8466"]
[receive.listen]
http = ["127.0.0.1:8080"]
[[receive.admit]]
name = "one"
networks = ["127.0.0.1/32"]
[[receive.admit]]
name = "two"
networks = ["127.0.0.2/32"]

[publish]
store = "publish.sqlite"
rua = ["mailto:tls-reports@lead.test"]
[publish.dns_servers.knot]
server = "127.70.0.54:53"
key = "sealpost"
secret_file = "{secret}"
authorities = ["127.70.0.54:53", "127.70.0.55:53"]
[publish.dns_servers.bind]
server = "127.70.0.55:53"
key = "sealpost"
secret_file = "{secret}"
[publish.domains."lead.test"]
mx = ["mx1.lead.test", "mx1.spare.test"]
dns = "knot"
own_networks = ["127.70.0.0/16"]
target = ["127.70.1.1", "::1"]
ttl = 1
rollout = {{ {rollout} }}
[publish.domains."spare.test"]
mx = ["mx1.spare.test"]
[publish.domains."bound.test"]
mx = ["mx1.spare.test"]
dns = "bind"
target = ["mta-sts.lead.test"]
ttl = 1
rollout = {{ {rollout} }}
"#
            )
        };
        let folder = environment.directory();
        fs_err::write(folder.join("publish.toml"), configuration("sealpost.key")).unwrap();
        fs_err::write(folder.join("wrong.toml"), configuration("wrong.key")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "certificates are of this machine's time")]
        let begin = (Timestamp::now().as_second() / DAY - 60) * DAY;
        Self { environment, begin }
    }

    /// One pass over the domain at a time, in seconds after the begin: what it says.
    pub(crate) fn pass(&self, at: i64) -> String {
        self.run_at(at, &["run", "--once", "--apply", "lead.test"], "publish.toml").0
    }

    /// Runs `sealpost publish` at a time: what it says, and its exit status.
    pub(crate) fn run_at(
        &self,
        at: i64,
        arguments: &[&str],
        configuration: &str,
    ) -> (String, Option<i32>) {
        let at = Timestamp::from_second(self.begin + at).unwrap().to_string();
        self.run(&[&["publish"][..], arguments, &["--at", &at]].concat(), configuration)
    }

    /// Runs `sealpost` now: what it says, and its exit status.
    pub(crate) fn run(&self, arguments: &[&str], configuration: &str) -> (String, Option<i32>) {
        let configuration = self.path(configuration).display().to_string();
        let arguments = [arguments, &["--config", &configuration]].concat();
        let output = self.environment.run(&sealpost_binary().unwrap(), &arguments).unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_ne!(output.status.code(), Some(2), "{arguments:?}: {said}");
        (said, output.status.code())
    }

    /// Runs `sealpost publish` at a time on a machine whose clock is so many seconds ahead.
    pub(crate) fn run_ahead(&self, seconds: i64, at: i64, arguments: &[&str]) -> String {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/publication/clock.c");
        let library = self.path("clock.so").display().to_string();
        // What links this test links that too.
        let made = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, source]).status();
        assert!(made.unwrap().success());
        let at = Timestamp::from_second(self.begin + at).unwrap().to_string();
        let (preload, ahead) = (format!("LD_PRELOAD={library}"), format!("CLOCK_AHEAD={seconds}"));
        let program = sealpost_binary().unwrap().display().to_string();
        let configuration = self.path("publish.toml").display().to_string();
        let first = [preload.as_str(), &ahead, &program, "publish"];
        let last = ["--at", &at, "--config", &configuration];
        let arguments = [&first[..], arguments, &last].concat();
        let output = self.environment.run(Path::new("/usr/bin/env"), &arguments).unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        text(&output.stdout) + &text(&output.stderr)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.environment.directory().join(name)
    }

    /// Uploads what is to be served, as the export for nginx has it.
    pub(crate) fn upload(&self, at: i64) {
        let folder = self.path("export").display().to_string();
        let arguments = ["export", "--for", "nginx", "--output", &folder, "lead.test"];
        let (said, status) = self.run_at(at, &arguments, "publish.toml");
        assert_eq!(status, Some(0), "{said}");
        let policy = self.path("export").join("lead.test/.well-known/mta-sts.txt");
        let served = self.path("www/lead.test/.well-known/mta-sts.txt");
        fs_err::copy(policy, served).unwrap();
    }

    /// The pass in which the id is written: the secondary server lags, and only when it has it too,
    /// the step is done.
    pub(crate) fn announce(&self, at: i64) {
        let written = self.pass(at);
        assert!(written.contains("+ _mta-sts.lead.test. 1 IN TXT \"v=STSv1; id="), "{written}");
        assert!(written.contains("to do: waiting for a server: [127.70.0.55]"), "{written}");
        assert!(!written.contains("id announced"), "{written}");
        // Nobody is asked to do by hand what is done already.
        assert!(!written.contains("not live yet: set "), "{written}");
        self.refresh_secondary();
        let done = self.pass(at + 300);
        assert!(done.contains("id announced: "), "{done}");
        assert!(!done.contains("changed in the zone"), "{done}");
        self.wait_for_caches();
        let live = self.pass(at + 600);
        assert!(!live.contains("to do:"), "{live}");
    }

    /// All of it, after a move: body, then id.
    pub(crate) fn publish(&self, at: i64) {
        self.upload(at);
        self.announce(at + HOUR);
    }

    /// Makes BIND fetch the zone anew.
    pub(crate) fn refresh_secondary(&self) {
        self.environment.signal(Server::Bind, Signal::Kill).unwrap();
        let copy = self.path("bind/lead.test.zone");
        if copy.exists() {
            fs_err::remove_file(&copy).unwrap();
        }
        self.environment.start_again(&[Server::Bind]).unwrap();
        for _ in 0..100 {
            if copy.exists() {
                return self.wait_for_caches();
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{}", self.environment.log(Server::Bind).unwrap());
    }

    /// The records of the domain live for a second, also in the cache of the resolver.
    pub(crate) fn wait_for_caches(&self) {
        std::thread::sleep(std::time::Duration::from_millis(1_100));
    }

    /// Servers are back: the resolver keeps that they did not answer for seconds and longer, so it is
    /// started anew.
    pub(crate) fn start_again(&self, servers: &[Server]) {
        self.environment.signal(Server::Unbound, Signal::Kill).unwrap();
        self.environment.start_again(&[servers, &[Server::Unbound]].concat()).unwrap();
    }

    /// Has the second MX host show another certificate.
    pub(crate) fn show(&self, kind: LeafKind) {
        self.environment.certify("mx1.spare.test", kind).unwrap();
        self.environment.signal(Server::Postfix, Signal::HangUp).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
    }

    /// Two reporters tell of some days; of the first one's sessions so many failed.
    pub(crate) fn report(&self, days: RangeInclusive<i64>, failed: impl Fn(i64) -> u64) {
        let mut script = String::new();
        for day in days {
            for (name, address, failed) in
                [("one", "127.0.0.1", failed(day)), ("two", "127.0.0.2", 0)]
            {
                let file = format!("report-{name}-{day}.json");
                fs_err::write(self.path(&file), self.report_of(name, day, failed)).unwrap();
                script.push_str(&format!(
                    "curl -sS -f --interface {address} -H 'Content-Type: application/tlsrpt+json' \
                     --data-binary @/e2e/{file} http://127.0.0.1:8080/v1/tls-reports || exit 1\n"
                ));
            }
        }
        let mut receive = start_receive(&self.environment);
        let output = self.environment.run_inside("sh", &["-c", &script]).unwrap();
        // What is between us and it passes this on.
        let ended = Command::new("kill").arg(receive.id().to_string()).status().unwrap();
        assert!(ended.success());
        receive.wait().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }

    fn report_of(&self, name: &str, day: i64, failed: u64) -> String {
        let time = |seconds| Timestamp::from_second(self.begin + seconds).unwrap();
        let (start, end) = (time(day * DAY), time(day * DAY + DAY - 1));
        let successful = SESSIONS - failed;
        let details = match failed {
            0 => String::new(),
            failed => format!(
                r#","failure-details":[{{"result-type":"starttls-not-supported",
                "sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mx1.spare.test",
                "receiving-ip":"127.70.2.2","failed-session-count":{failed}}}]"#
            ),
        };
        format!(
            r#"{{"organization-name":"{name}","report-id":"{day}-{name}",
            "date-range":{{"start-datetime":"{start}","end-datetime":"{end}"}},
            "policies":[{{"policy":{{"policy-type":"sts","policy-domain":"lead.test"}},"summary":
            {{"total-successful-session-count":{successful},
            "total-failure-session-count":{failed}}}{details}}}]}}"#
        )
    }

    /// The verdict of `sealpost check`.
    pub(crate) fn check(&self) -> String {
        let settings = self.environment.settings_file();
        sealpost_e2e::Report::check(&self.environment, &settings, "lead.test").unwrap().verdict
    }

    /// The logbook, with days in place of dates.
    pub(crate) fn history(&self) -> String {
        let (text, status) = self.run(&["publish", "history", "lead.test"], "publish.toml");
        assert_eq!(status, Some(0), "{text}");
        let mut told = String::new();
        for line in text.lines() {
            let words: Vec<String> = line.split(' ').map(|word| self.dated(word)).collect();
            told.push_str(&(words.join(" ") + "\n"));
        }
        told
    }

    /// A time as a day and an hour, a date as a day, an id as a word: all that differs from run to run.
    fn dated(&self, word: &str) -> String {
        if let Ok(time) = word.parse::<Timestamp>() {
            let since = time.as_second() - self.begin;
            let (day, hour, minute) = (since / DAY, since / HOUR % 24, since / 60 % 60);
            return format!("day-{day}-{hour:02}:{minute:02}");
        }
        if let Ok(time) = format!("{word}T00:00:00Z").parse::<Timestamp>() {
            return format!("day-{}", (time.as_second() - self.begin) / DAY);
        }
        word.to_owned()
    }
}

fn start_receive(environment: &Environment) -> Child {
    let configuration = environment.directory().join("publish.toml").display().to_string();
    let arguments = ["receive", "--config", &configuration];
    when_ready(environment.spawn(&sealpost_binary().unwrap(), arguments).unwrap()).unwrap()
}
