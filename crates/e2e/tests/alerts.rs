//! Incidents reach real receivers, each once: Postfix, a webhook, an Alertmanager, and a chat
//! behind the adapter of the documentation; over kills and restarts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use sealpost_e2e::{
    Domain, Environment, LeafKind, MailHost, Server, Signal, World, alertmanager, sealpost_binary,
};
use serde_json::Value;

/// A Postfix that takes mail from this machine, and hands that for `lmtp.test` to port 8465.
const POSTFIX: &str = "127.70.1.2:25";
/// A domain whose policy host is down for a while …
const FAILING: &str = "good.test";
/// … and whose MX host has a certificate that ends soon; and what people read of that host.
const ENDING: &str = "mx1.good.test";
const ENDING_OF_FAILING: &str = "mx1.good.test (good.test)";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// A day that is not far: the exception ends soon, and so does the certificate.
const SOON: i64 = 3 * 86_400;
/// The longest that anything may take here: the lease of what a killed process had in hand, and
/// what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(150);
/// Kills while incidents open, and again while they end.
const KILLS: u64 = 6;

/// The incident, the receiver and what it is told.
type NoticeName = (String, String, String);

struct Told {
    environment: Environment,
    folder: PathBuf,
    running: Vec<Child>,
    /// Of each notice, how often a kill found that it was tried and not known to have arrived.
    hand: BTreeMap<NoticeName, u64>,
}

impl Told {
    fn start() -> Self {
        let end = Duration::from_secs((now().as_second() + SOON).try_into().unwrap());
        let ending = MailHost::StartTls(LeafKind::Until(end));
        let domain = Domain::good(FAILING).mail_host(ending);
        let environment = Environment::start(&World::new(vec![domain])).unwrap();
        let folder = environment.directory().join("alerts");
        fs_err::create_dir(&folder).unwrap();
        fs_err::write(folder.join("secret"), SECRET).unwrap();
        fs_err::write(folder.join("adapter.py"), adapter()).unwrap();
        fs_err::write(
            folder.join("alertmanager.yml"),
            "route:\n  receiver: sink\n  group_by: ['...']\n  group_wait: 0s\n  group_interval: 1s\n  \
             repeat_interval: 24h\nreceivers:\n- name: sink\n  webhook_configs:\n  - url: \
             http://127.0.0.1:8473/\n",
        )
        .unwrap();
        let mut told = Self { environment, folder, running: Vec::new(), hand: BTreeMap::new() };
        told.write("\"alert\"");
        told.except(&[]);
        // Postfix would try again after minutes what it cannot hand over at once.
        told.receive("lmtp");
        told
    }

    /// Writes the configuration of a daemon with these roles.
    fn write(&self, roles: &str) {
        let network = fs_err::read_to_string(self.environment.settings_file()).unwrap();
        let receivers = "\
            [[alert.receiver]]\nname = \"postmaster\"\nmail = \"alerts@lmtp.test\"\n\
            least = \"note\"\ntimeout_seconds = 10\n\
            [[alert.receiver]]\nname = \"hook\"\nwebhook = \"http://127.0.0.1:8472/sealpost\"\n\
            secret_file = \"alerts/secret\"\nleast = \"note\"\ntimeout_seconds = 10\n\
            [[alert.receiver]]\nname = \"chat\"\nwebhook = \"http://127.0.0.1:8470/\"\n\
            secret_file = \"alerts/secret\"\nleast = \"note\"\ntimeout_seconds = 10\n\
            [[alert.receiver]]\nname = \"alertmanager\"\n\
            alertmanager = \"http://127.0.0.1:9093\"\nleast = \"note\"\ntimeout_seconds = 10\n";
        let text = format!(
            "store = \"alerts/store.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:8460\"]\nroles = [{roles}]\n\
             [check]\ndomains = [\"{FAILING}\"]\n[enforce]\nexceptions = \"alerts/exceptions.toml\"\n\
             [alert]\nmail = \"relay:{POSTFIX}\"\nfrom = \"sealpost@good.test\"\nlook_seconds = 1\n\
             open_after_seconds = 0\nresolve_after_seconds = 0\nretry_seconds = 1\n{receivers}[network]\n{network}"
        );
        fs_err::write(self.environment.directory().join("sealpost.toml"), text).unwrap();
    }

    /// Has the domain looked at once at this time, by a daemon that tells nobody, until somebody would
    /// be told of this: of the policy host, and of the certificate.
    fn look(&self, at: jiff::Timestamp, kind: &str) {
        self.write("\"check\"");
        let mut daemon = self.serve_at(at);
        self.wait_for("look", |told| {
            let (said, _) = told.alert(&["preview", "--at", &at.to_string()]);
            said.matches(&format!("  {kind} \u{2192} hook")).count() == 2
        });
        stop(&mut daemon);
        self.write("\"alert\"");
    }

    /// Writes exceptions for these domains, which end soon.
    fn except(&self, domains: &[&str]) {
        let day = now().as_second() + SOON;
        let day = jiff::Timestamp::from_second(day).unwrap().to_string();
        let day = day.split('T').next().unwrap();
        let text: String = domains
            .iter()
            .map(|domain| {
                format!(
                    "[[exception]]\ndomain = \"{domain}\"\ndo = \"testing\"\nreason = \"they are \
                     told\"\nuntil = \"{day}\"\n"
                )
            })
            .collect();
        fs_err::write(self.folder.join("exceptions.toml"), text).unwrap();
    }

    /// Starts those that are told over this protocol, and waits until they listen.
    fn receive(&mut self, protocol: &str) {
        let folder = self.folder.display().to_string();
        let receivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("receivers");
        let (receivers, secret) = (receivers.display().to_string(), format!("{folder}/secret"));
        let arguments = ["python3", &*receivers, &*folder, &*secret, protocol];
        let env = Path::new("/usr/bin/env");
        self.running.push(self.environment.spawn_for_long(env, arguments).unwrap());
        let ready = self.folder.join(format!("ready.{protocol}"));
        self.wait_for(protocol, |_| ready.exists());
    }

    /// Starts all that are told over HTTP.
    fn listen(&mut self) {
        self.receive("http");
        let folder = self.folder.display().to_string();
        let secret = format!("{folder}/secret");
        let env = Path::new("/usr/bin/env");
        let adapter = format!("{folder}/adapter.py");
        let secret = format!("SECRET_FILE={secret}");
        let arguments = [&*secret, "CHAT_URL=http://127.0.0.1:8471/", "python3", &*adapter];
        self.running.push(self.environment.spawn_for_long(env, arguments).unwrap());
        let configuration = format!("--config.file={folder}/alertmanager.yml");
        let storage = format!("--storage.path={folder}/alertmanager.data");
        let arguments = [
            &*configuration,
            &*storage,
            "--web.listen-address=127.0.0.1:9093",
            "--cluster.listen-address=",
            "--log.level=error",
        ];
        let program = alertmanager().unwrap();
        self.running.push(self.environment.spawn_for_long(&program, arguments).unwrap());
        // An attempt that fails since it does not listen yet would look like one that a kill met.
        let connect = "import socket; socket.create_connection((\"127.0.0.1\", 9093))";
        self.wait_for("Alertmanager", |told| {
            let tried = told.environment.run(env, ["python3", "-c", connect]);
            tried.unwrap().status.success()
        });
    }

    fn serve(&self) -> Child {
        self.serve_with(&[])
    }

    /// The same by a clock that shows this time at the start.
    fn serve_at(&self, at: jiff::Timestamp) -> Child {
        self.serve_with(&["--at", &at.to_string()])
    }

    fn serve_with(&self, more: &[&str]) -> Child {
        let configuration = self.environment.directory().join("sealpost.toml");
        let arguments = ["serve", "--config", &*configuration.to_string_lossy()];
        let arguments = arguments.iter().chain(more).map(|word| (*word).to_owned());
        self.environment.spawn_for_long(&sealpost_binary().unwrap(), arguments).unwrap()
    }

    /// Starts it and kills it again and again, at moments that are the same in every run.
    fn kill_often(&mut self, seed: u64) {
        for pause in pauses(seed) {
            let mut daemon = self.serve();
            std::thread::sleep(pause);
            daemon.kill().unwrap();
            daemon.wait().unwrap();
            for (name, state, attempts) in self.notices() {
                if state == "waiting" && attempts > 0 {
                    *self.hand.entry(name).or_default() += 1;
                }
            }
        }
    }

    /// Starts it again and again, and asks it to end.
    fn stop_often(&self, seed: u64) {
        for pause in pauses(seed) {
            let mut daemon = self.serve();
            std::thread::sleep(pause);
            stop(&mut daemon);
        }
    }

    /// The MX host gets a certificate that lasts, and its server is told, as one does.
    fn renew(&self) {
        self.environment.certify(ENDING, LeafKind::Good).unwrap();
        self.environment.signal(Server::Postfix, Signal::HangUp).unwrap();
        // A process of before may answer at one of the addresses for a moment more.
        for address in [POSTFIX, "[::1]:25"] {
            let shown = format!(
                "openssl s_client -starttls smtp -connect {address} </dev/null 2>/dev/null |
                 openssl x509 -noout -checkend {}",
                2 * SOON
            );
            self.wait_for("renewed certificate", |told| {
                told.environment.run_inside("sh", &["-c", &shown]).unwrap().status.success()
            });
        }
    }

    /// What is known of each notice: its state, and how often it was tried.
    fn notices(&self) -> Vec<(NoticeName, String, u64)> {
        let mut notices = Vec::new();
        for phase in ["open", "resolved"] {
            let (list, _) = self.alert(&["list", "--phase", phase, "--format", "json"]);
            for incident in serde_json::from_str::<Vec<Value>>(&list).unwrap_or_default() {
                let id = incident["id"].as_str().unwrap();
                let (shown, _) = self.alert(&["show", id, "--format", "json"]);
                let shown: Value = serde_json::from_str(&shown).unwrap();
                for notice in shown["notices"].as_array().unwrap() {
                    let word = |key: &str| notice[key].as_str().unwrap().to_owned();
                    let name = (id.to_owned(), word("receiver"), word("kind"));
                    notices.push((name, word("state"), notice["attempts"].as_u64().unwrap()));
                }
            }
        }
        notices
    }

    /// Every notice is sent; it was tried once, and once more only for each kill that found it in
    /// hand; and the webhook got it at most as often as it was tried.
    fn assert_that_each_was_told_once_but_where_a_kill_met_it(&self) {
        let mut got: BTreeMap<(String, String), u64> = BTreeMap::new();
        for body in self.got("hook") {
            for notice in body["notices"].as_array().unwrap() {
                let id = notice["incidents"][0]["id"].as_str().unwrap().to_owned();
                let kind = notice["kind"].as_str().unwrap().to_owned();
                *got.entry((id, kind)).or_default() += 1;
            }
        }
        let notices = self.notices();
        assert!(!notices.is_empty());
        for (name, state, attempts) in notices {
            let met = self.hand.get(&name).copied().unwrap_or_default();
            assert_eq!(state, "sent", "{name:?}");
            assert!((1..=1 + met).contains(&attempts), "{name:?}: {attempts} for {met} kills");
            let (id, receiver, kind) = name;
            if receiver == "hook" {
                let count = got.remove(&(id.clone(), kind.clone())).unwrap_or_default();
                assert!((1..=attempts).contains(&count), "{id} {kind}: {count} of {attempts}");
            }
        }
        assert!(got.is_empty(), "nobody knows of {got:?}");
    }

    /// Runs a command of `sealpost alert`: its output and its exit status.
    fn alert(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let configuration =
            self.environment.directory().join("sealpost.toml").display().to_string();
        let arguments = [&["alert"][..], arguments, &["--config", &*configuration]].concat();
        let output = self.environment.run(&sealpost_binary().unwrap(), arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (said, output.status.code())
    }

    /// What a receiver has written down.
    fn got(&self, name: &str) -> Vec<Value> {
        let text = fs_err::read_to_string(self.folder.join(name)).unwrap_or_default();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// How often each message came, by its id, with its words. It is the same each time.
    fn mails(&self) -> BTreeMap<String, (String, usize)> {
        let mut mails = BTreeMap::new();
        for mail in self.got("mails") {
            let field = |name: &str| {
                let fields = mail["fields"].as_array().unwrap();
                let mut found = fields.iter().filter(|field| field[0] == name);
                let value = found.next().unwrap()[1].as_str().unwrap().to_owned();
                assert!(found.next().is_none(), "{name} comes twice");
                value
            };
            assert_eq!(field("Auto-Submitted"), "auto-generated");
            assert!(!field("Date").is_empty());
            let body = mail["body"].as_str().unwrap().replace('\r', "");
            let words = format!("{}\n{body}", field("Subject"));
            let entry = mails.entry(field("Message-ID")).or_insert((words.clone(), 0));
            assert_eq!(entry.0, words, "one id, one message");
            entry.1 += 1;
        }
        mails
    }

    /// The notices that mails told, each by the place and what it was, however often the mail came.
    fn mailed(&self) -> Vec<(String, String)> {
        let mails = self.mails();
        let notices = mails.values().flat_map(|(words, _)| {
            let body = words.split_once('\n').unwrap().1;
            body.split("\n----------------------------------------\n")
        });
        let mut told: Vec<(String, String)> = notices
            .map(|notice| {
                let line = notice.trim_start().lines().next().unwrap();
                let is_over = line.starts_with("resolved: ");
                let kind = if is_over { "resolved" } else { "opened" };
                (line.rsplit(": ").next().unwrap().to_owned(), kind.to_owned())
            })
            .collect();
        told.sort();
        told
    }

    /// How many mails, and how many posts of the webhook, came that had come before.
    fn repeats(&self) -> [usize; 2] {
        let mails = self.mails().values().map(|(_, count)| count - 1).sum();
        let posts = self.got("hook");
        let ids: std::collections::BTreeSet<&str> =
            posts.iter().map(|body| body["id"].as_str().unwrap()).collect();
        [mails, posts.len() - ids.len()]
    }

    /// The notices that the webhook got, each by the place and what it was, however often its message
    /// came.
    fn hooked(&self) -> Vec<(String, String)> {
        let mut messages = BTreeMap::new();
        for body in self.got("hook") {
            messages.insert(body["id"].as_str().unwrap().to_owned(), body["notices"].clone());
        }
        let notices = messages.values().flat_map(|notices| notices.as_array().unwrap().clone());
        let mut told: Vec<(String, String)> = notices
            .map(|notice| {
                let incident = &notice["incidents"][0];
                (place(incident), notice["kind"].as_str().unwrap().to_owned())
            })
            .collect();
        told.sort();
        told
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let mut waited = Duration::ZERO;
        while !is_so(self) {
            let pause = Duration::from_millis(200);
            std::thread::sleep(pause);
            waited += pause;
            let (list, _) = self.alert(&["list"]);
            assert!(
                waited < PATIENCE,
                "no {what}\n{list}\n{:#?}\n{:?}\n{:?}",
                self.mails(),
                self.hooked(),
                self.got("alertmanager")
            );
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Asks it to end, and waits.
fn stop(daemon: &mut Child) {
    Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap();
    assert!(daemon.wait().unwrap().success());
}

/// The adapter as the documentation has it.
fn adapter() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/how-to/alerts.md");
    let page = fs_err::read_to_string(page).unwrap();
    page.split("```python\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

fn pauses(seed: u64) -> impl Iterator<Item = Duration> {
    let mut random = seed;
    (0..KILLS).map(move |_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        Duration::from_millis(300 + random % 1_500)
    })
}

#[expect(clippy::disallowed_methods, reason = "the daemon goes by the clock of the system too")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn pairs(places: &[&str], kinds: &[&str]) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = places
        .iter()
        .flat_map(|place| kinds.iter().map(|kind| ((*place).to_owned(), (*kind).to_owned())))
        .collect();
    pairs.sort();
    pairs
}

/// What an incident is about, as people read it.
fn place(incident: &Value) -> String {
    let domain = incident["domain"].as_str().unwrap();
    match incident["subject"].as_str() {
        None | Some("") => domain.to_owned(),
        Some(subject) => format!("{subject} ({domain})"),
    }
}

/// Who is told by Alertmanager: how often an alert fired and was resolved.
fn of_alertmanager(told: &Told) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for message in told.got("alertmanager") {
        for alert in message["alerts"].as_array().unwrap() {
            let status = alert["status"].as_str().unwrap().to_owned();
            *counts.entry((place(&alert["labels"]), status)).or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn each_incident_is_told_once_to_each_receiver_over_kills_and_restarts() {
    let mut told = Told::start();
    told.listen();
    // With its workers, which would go on serving.
    told.environment.signal(Server::Nginx, Signal::Terminate).unwrap();
    // So long ago that it is time for another look at the end.
    told.look(now() - jiff::SignedDuration::from_mins(11), "opened");
    told.except(&["one.test", "two.test"]);
    let places = ["one.test", "two.test", FAILING, ENDING_OF_FAILING];
    told.kill_often(0x5EA1_0001);
    let mut daemon = told.serve();
    told.wait_for("opening", |told| told.hooked() == pairs(&places, &["opened"]));
    told.wait_for("opening by Alertmanager", |told| {
        let firing = |place: &str| (place.to_owned(), "firing".to_owned());
        places.iter().all(|place| of_alertmanager(told).contains_key(&firing(place)))
    });
    told.wait_for("mail", |told| told.mailed() == pairs(&places, &["opened"]));
    told.wait_for("chat", |told| !told.got("chat").is_empty());

    // Nothing more comes of it, however often it looks.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(told.hooked(), pairs(&places, &["opened"]));
    let (list, status) = told.alert(&["list"]);
    assert_eq!((list.lines().count(), status), (4, Some(1)), "{list}");
    assert!(list.contains("good.test: the policy cannot be fetched"), "{list}");
    assert!(list.contains("good.test (mx1.good.test): a certificate expires soon"), "{list}");
    // A message comes again only where a kill met its delivery.
    told.assert_that_each_was_told_once_but_where_a_kill_met_it();
    let repeats = told.repeats();

    // Another one opens, and the process is asked to end at whatever moment: nothing comes twice.
    stop(&mut daemon);
    told.except(&["one.test", "two.test", "three.test"]);
    let places = ["one.test", "two.test", "three.test", FAILING, ENDING_OF_FAILING];
    told.stop_often(0x5EA1_0003);
    let mut daemon = told.serve();
    told.wait_for("third opening", |told| {
        let opened = pairs(&places, &["opened"]);
        told.hooked() == opened && told.mailed() == opened
    });
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(told.repeats(), repeats);

    // Now they end, under as many kills.
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    told.except(&[]);
    told.kill_often(0x5EA1_0002);
    let mut daemon = told.serve();
    let (excepted, looked_at) = places.split_at(3);
    let mut both = pairs(excepted, &["opened", "resolved"]);
    both.extend(pairs(looked_at, &["opened"]));
    both.sort();
    told.wait_for("end", |told| told.hooked() == both);
    told.wait_for("end by Alertmanager", |told| {
        let resolved = |place: &str| (place.to_owned(), "resolved".to_owned());
        excepted.iter().all(|place| of_alertmanager(told).contains_key(&resolved(place)))
    });
    told.wait_for("mail of the end", |told| told.mailed() == both);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!((told.hooked(), told.mailed()), (both.clone(), both));

    // The policy host comes back and the certificate is renewed, which is seen when it is time for the
    // next look; that too is told once, whatever is killed meanwhile.
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    told.environment.start_again(&[Server::Nginx]).unwrap();
    told.renew();
    told.look(now(), "resolved");
    told.kill_often(0x5EA1_0004);
    let mut daemon = told.serve();
    let all = pairs(&places, &["opened", "resolved"]);
    told.wait_for("end of what was looked at", |told| told.hooked() == all && told.mailed() == all);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!((told.hooked(), told.mailed()), (all.clone(), all));
    told.wait_for("state", |told| told.notices().iter().all(|(_, state, _)| state == "sent"));
    told.assert_that_each_was_told_once_but_where_a_kill_met_it();
    // A mail came as often as it was tried at most.
    let tried: BTreeMap<NoticeName, u64> =
        told.notices().into_iter().map(|(name, _, attempts)| (name, attempts)).collect();
    let mailed = tried.iter().filter(|((_, receiver, _), _)| receiver == "postmaster");
    let most: u64 = mailed.map(|(_, attempts)| attempts - 1).sum();
    assert!(told.repeats()[0] as u64 <= most, "{:?} of {most}", told.repeats());
    let of_all = pairs(&places, &["firing", "resolved"]);
    told.wait_for("all by Alertmanager", |told| of_alertmanager(told).keys().eq(&of_all));
    for ((place, status), count) in of_alertmanager(&told) {
        assert_eq!(count, 1, "{place} {status}: Alertmanager tells once what it is told often");
    }
    assert!(told.got("forged").is_empty(), "the signatures hold");
    let mut bodies = String::new();
    for mail in told.got("mails") {
        bodies += mail["body"].as_str().unwrap();
    }
    for place in places {
        assert!(bodies.contains(place), "{place}: {bodies}");
    }
    let chat: Vec<Value> = told.got("chat");
    assert!(chat.iter().all(|message| message["text"].is_string()), "{chat:?}");
    let (list, status) = told.alert(&["list"]);
    assert_eq!(status, Some(0), "{list}");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_receiver_that_is_down_is_told_once_when_it_is_up() {
    let mut told = Told::start();
    told.except(&["one.test"]);
    let mut daemon = told.serve();
    let listed = |told: &Told| -> Vec<Value> {
        let (text, _) = told.alert(&["list", "--format", "json"]);
        serde_json::from_str(&text).unwrap_or_default()
    };
    told.wait_for("incident", |told| listed(told).len() == 1);
    let id = listed(&told)[0]["id"].as_str().unwrap().to_owned();
    let tried = |told: &Told| -> bool {
        let (text, _) = told.alert(&["show", &id, "--format", "json"]);
        let shown: Value = serde_json::from_str(&text).unwrap();
        let notices = shown["notices"].as_array().unwrap().clone();
        notices.iter().any(|notice| {
            notice["receiver"] == "hook"
                && notice["state"] == "waiting"
                && notice["attempts"].as_u64() >= Some(2)
                && notice["answer"].as_str().is_some_and(|answer| answer.contains("127.0.0.1"))
        })
    };
    told.wait_for("second attempt", tried);
    // It ends before anybody could be told; both are told together.
    told.except(&[]);
    Command::new("kill").args(["-HUP", &daemon.id().to_string()]).status().unwrap();
    told.wait_for("end", |told| listed(told).is_empty());
    told.listen();
    told.wait_for("both", |told| told.hooked() == pairs(&["one.test"], &["opened", "resolved"]));
    told.wait_for("mail", |told| {
        let words: String = told.got("mails").iter().map(|mail| mail["body"].to_string()).collect();
        words.contains("an exception for a domain ends soon") && words.contains("resolved")
    });
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(told.hooked(), pairs(&["one.test"], &["opened", "resolved"]));
    assert!(told.mails().values().all(|(_, count)| *count == 1), "{:?}", told.mails());

    let (said, status) = told.alert(&["test", "--receiver", "hook"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("hook: took it"), "{said}");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}
