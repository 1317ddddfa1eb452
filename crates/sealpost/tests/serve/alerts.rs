//! Receivers are told once, over stops and reloads that are asked for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sealpost_lab::Attack;
use sealpost_runtime::Stopwatch;
use serde_json::Value;

use crate::checks::{DOMAIN, lab, start};
use crate::daemon::{Daemon, World};
use crate::pages::walk;

/// How long anything may take, even where much else runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A webhook that answers when it is told to.
pub(crate) struct Hook {
    pub(crate) url: String,
    bodies: Receiver<Value>,
    answers: Sender<()>,
}

impl Hook {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (told, bodies) = channel();
        let (answers, may_answer) = channel::<()>();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    let line = line.trim_end().to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                // The test may be over.
                let _ = told.send(serde_json::from_slice(&body).unwrap());
                if may_answer.recv().is_err() {
                    return;
                }
                let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
                // Who asked may not be there any more.
                let _ = stream.get_mut().write_all(answer);
            }
        });
        Self { url, bodies, answers }
    }

    /// What it is told next: what becomes of which domain.
    fn told(&self) -> Vec<(String, String)> {
        let body = self.bodies.recv_timeout(PATIENCE).unwrap();
        let notices = body["notices"].as_array().unwrap().iter();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let told =
            notices.map(|notice| (word(&notice["kind"]), word(&notice["incidents"][0]["domain"])));
        told.collect()
    }

    /// What it is told next: of each notice the kind, and the id and the domain of the incident.
    pub(crate) fn notices(&self) -> Vec<[String; 3]> {
        Self::read(&self.bodies.recv_timeout(PATIENCE).unwrap())
    }

    /// What else it was told.
    pub(crate) fn rest(&self) -> Vec<[String; 3]> {
        self.bodies.try_iter().flat_map(|body| Self::read(&body)).collect()
    }

    fn read(body: &Value) -> Vec<[String; 3]> {
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let of = |notice: &Value| {
            let incident = &notice["incidents"][0];
            [&notice["kind"], &incident["id"], &incident["domain"]].map(word)
        };
        body["notices"].as_array().unwrap().iter().map(of).collect()
    }

    pub(crate) fn answer(&self) {
        self.answers.send(()).unwrap();
    }
}

/// Exceptions for these domains that end within days, which is an incident for each.
pub(crate) fn except(world: &World, domains: &[&str]) {
    let now = sealpost_runtime::Clock::system().now().as_second();
    except_until(world, now + 3 * 86_400, domains);
}

/// The same until the day of a time.
pub(crate) fn except_until(world: &World, until: i64, domains: &[&str]) {
    let day = jiff::Timestamp::from_second(until).unwrap().to_string();
    let day = day.split('T').next().unwrap();
    let exceptions: String = domains
        .iter()
        .map(|domain| {
            format!(
                "[[exception]]\ndomain = \"{domain}\"\ndo = \"testing\"\nreason = \"they are \
                 told\"\nuntil = \"{day}\"\n"
            )
        })
        .collect();
    fs_err::write(world.path("exceptions.toml"), exceptions).unwrap();
}

fn world(hook: &Hook) -> World {
    let world = World::new();
    fs_err::write(world.path("secret"), "0123456789abcdef").unwrap();
    world.write(&format!(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\nroles = [\"alert\"]\n\
         [enforce]\nexceptions = \"exceptions.toml\"\n[alert]\nlook_seconds = 1\n\
         [[alert.receiver]]\nname = \"hook\"\nwebhook = \"{}\"\nsecret_file = \"secret\"\n\
         least = \"note\"\ntimeout_seconds = 60\n",
        hook.url
    ));
    world
}

fn opened(domain: &str) -> Vec<(String, String)> {
    vec![("opened".to_owned(), domain.to_owned())]
}

#[test]
fn who_is_being_told_at_a_stop_is_not_told_again() {
    let hook = Hook::start();
    let world = world(&hook);
    except(&world, &["one.example"]);
    let mut daemon = Daemon::start(&world, &[]);
    assert_eq!(hook.told(), opened("one.example"));
    daemon.ask_to_end();
    daemon.wait_to_hear("stopping");
    // The role is told a moment later.
    std::thread::sleep(Duration::from_millis(300));
    hook.answer();
    assert!(daemon.terminate().0.success());

    except(&world, &["one.example", "two.example"]);
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(hook.told(), opened("two.example"), "and nothing of the other");
    hook.answer();
    assert!(daemon.terminate().0.success());
}

#[test]
fn who_is_being_told_at_a_reload_is_not_told_again() {
    let hook = Hook::start();
    let world = world(&hook);
    except(&world, &["one.example"]);
    let mut daemon = Daemon::start(&world, &[]);
    assert_eq!(hook.told(), opened("one.example"));
    except(&world, &["one.example", "two.example"]);
    daemon.hang_up();
    daemon.wait_to_hear("exceptions and secrets are read again");
    hook.answer();
    assert_eq!(hook.told(), opened("two.example"), "and nothing of the other");
    hook.answer();

    // Nobody writes to the log what is wrong with a secret if it is not read.
    fs_err::write(world.path("secret"), "short").unwrap();
    daemon.hang_up();
    daemon.wait_to_hear("it is shorter than 16 octets");
    daemon.wait_to_hear("everything goes on as before");
    assert!(daemon.terminate().0.success());
}

/// A receiver that hangs keeps nobody from other settings, and is told once all the same.
#[test]
fn other_settings_do_not_wait_for_a_receiver_that_hangs() {
    let hook = Hook::start();
    let world = world(&hook);
    except(&world, &["one.example"]);
    let mut daemon = Daemon::start(&world, &[]);
    assert_eq!(hook.told(), opened("one.example"));
    let written = fs_err::read_to_string(world.path("sealpost.toml")).unwrap();
    let other = Hook::start();
    world.write(&format!(
        "{written}[[alert.receiver]]\nname = \"other\"\nwebhook = \"{}\"\nleast = \"note\"\n",
        other.url
    ));
    except(&world, &["one.example", "two.example"]);
    let asked = Stopwatch::start();
    daemon.hang_up();
    daemon.wait_to_hear("alert starts with other settings");
    assert_eq!(other.told(), opened("two.example"));
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    other.answer();
    // The first one is still being told, by the role of before.
    hook.answer();
    assert_eq!(hook.told(), opened("two.example"), "and nothing of the other");
    hook.answer();
    assert!(daemon.terminate().0.success());
}

/// A mail that tells of two openings does not say beside them that nothing is open.
#[test]
fn a_digest_has_what_opens_in_the_same_moment() {
    let world = World::new();
    let (program, mails) = (world.path("sendmail"), world.path("mails"));
    fs_err::write(&program, format!("#!/bin/sh\ncat >> {}\n", mails.display())).unwrap();
    fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.write(&format!(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\nroles = [\"alert\"]\n\
         [enforce]\nexceptions = \"exceptions.toml\"\n[alert]\nlook_seconds = 1\n\
         mail = \"sendmail:{}\"\nfrom = \"sealpost@example.com\"\n\
         [[alert.receiver]]\nname = \"postmaster\"\nmail = \"postmaster@example.com\"\n\
         least = \"note\"\ndigest = \"daily\"\ndigest_at = \"00:00\"\n",
        program.display()
    ));
    let (status, said) = alert(&world, &["test"]);
    assert_eq!((status, said), (0, format!("postmaster: took it: {}\n", program.display())));
    let (status, said) = alert(&world, &["test", "--receiver", "nobody"]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("hint: there is postmaster\n"), "{said}");

    except(&world, &["one.example", "two.example"]);
    let daemon = Daemon::start(&world, &[]);
    let waited = Stopwatch::start();
    let told = loop {
        let told = fs_err::read_to_string(&mails).unwrap();
        if told.contains("\ndigest: ") {
            break told;
        }
        assert!(waited.elapsed() < PATIENCE, "{told}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(told.contains("\ndigest: 2 incidents open"), "{told}");
    assert!(!told.contains("\n\n\n"), "{told}");
    assert!(daemon.terminate().0.success());
}

/// Runs a command of `sealpost alert`: its exit status and what it said.
fn alert(world: &World, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .arg("alert")
        .args(arguments)
        .arg("--config")
        .arg(world.path("sealpost.toml"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// It says what would be told, and nothing is.
#[test]
fn a_preview_changes_nothing() {
    let hook = Hook::start();
    let world = world(&hook);
    except(&world, &["one.example", "two.example"]);
    let (status, said) = alert(&world, &["preview"]);
    assert_eq!(status, 2, "there is no store yet: {said}");
    assert!(!world.path("all.sqlite").exists());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings = sealpost_store::Settings::at(world.path("all.sqlite"));
        sealpost_store::Store::open(settings).await.unwrap().close().await;
    });
    for _ in 0..2 {
        let (status, said) = alert(&world, &["preview"]);
        assert_eq!(status, 1, "{said}");
        assert_eq!(said.matches("new: ").count(), 2, "{said}");
        assert_eq!(said.matches("  opened \u{2192} hook\n").count(), 2, "{said}");
        let (_, said) = alert(&world, &["preview", "--format", "json"]);
        let changes: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(changes[0]["notices"][0]["receiver"], "hook", "{changes}");
        assert_eq!(changes[0]["incident"]["code"], "INC601", "{changes}");
        // Two days before the last week nothing is wrong.
        let day = sealpost_runtime::Clock::system().now().as_second() - 6 * 86_400;
        let day = jiff::Timestamp::from_second(day).unwrap().to_string();
        let (status, said) = alert(&world, &["preview", "--at", &day]);
        assert_eq!((status, &*said), (0, "nothing has changed: nobody would be told\n"));
    }
    for phase in ["pending", "open", "resolved"] {
        let (status, said) = alert(&world, &["list", "--phase", phase]);
        assert_eq!((status, said), (0, format!("no incident is {phase}\n")));
    }
    assert!(hook.bodies.try_recv().is_err(), "nobody was told");
}

/// Nobody hears of it again but of its end.
#[test]
fn an_incident_is_taken_in_hand_by_the_command_line() {
    let hook = Hook::start();
    let world = world(&hook);
    except(&world, &["one.example"]);
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(hook.told(), opened("one.example"));
    hook.answer();
    let (status, list) = alert(&world, &["list"]);
    assert_eq!((status, list.lines().count()), (1, 1), "{list}");
    let id = list.split(' ').next().unwrap();
    let ack = |id: &str, until: &str, reason: &str| {
        alert(&world, &["ack", id, "--until", until, "--reason", reason, "--by", "Kim"])
    };
    let now = sealpost_runtime::Clock::system().now().as_second();
    let far = &jiff::Timestamp::from_second(now + 300 * 86_400).unwrap().to_string();
    let (status, said) = ack(id, "2020-01-01T00:00:00Z", "known");
    assert!(status == 2 && said.contains("the end is over already"), "{said}");
    let (status, said) = ack(id, "2099-01-01T00:00:00Z", "known");
    assert!(status == 2 && said.contains("for more than a year"), "{said}");
    let (status, said) = ack("0000000000000000", far, "known");
    assert!(status == 1 && said.contains("there is no open incident"), "{said}");
    let (status, said) = ack(id, far, "the owner knows");
    assert_eq!((status, said), (0, format!("nobody is told of {id} until {far}\n")));
    let (status, said) = alert(&world, &["show", id]);
    assert_eq!(status, 0);
    assert!(said.contains(&format!("by Kim until {far}: the owner knows")), "{said}");
    let (_, list) = alert(&world, &["list"]);
    assert!(list.contains(&format!("Kim has it in hand until {far}")), "{list}");
    // Who was told, as a file beside the page.
    let notices = &walk(&daemon)[&format!("/csv/incidents/{id}")];
    assert!(notices.contains("\r\nhook,opened,sent,"), "{notices}");

    except(&world, &[]);
    daemon.hang_up();
    assert_eq!(hook.told(), [("resolved".to_owned(), "one.example".to_owned())]);
    hook.answer();
    assert!(daemon.terminate().0.success());
}

/// STARTTLS is answered with 454 at the MX hosts of a domain.
#[test]
fn mx_hosts_that_fail_are_told_after_two_looks_and_over_after_two() {
    is_told_after_two_looks_and_over_after_two(Attack::StartTlsRefused, "INC101");
}

/// Nobody can reach the policy host.
#[test]
fn a_policy_host_that_is_down_is_told_after_two_looks_and_over_after_two() {
    is_told_after_two_looks_and_over_after_two(Attack::HttpsBlocked, "INC201");
}

/// By the plan of the looks alone, each in its time: the first finds it and tells nobody, the second
/// does; and it is over after two that find nothing.
fn is_told_after_two_looks_and_over_after_two(attack: Attack, code: &str) {
    const MINUTE: Duration = Duration::from_secs(60);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let lab = lab(&runtime, now);
    lab.attack(attack, DOMAIN).unwrap();
    let hook = Hook::start();
    let world = World::new();
    let write = |roles: &str| {
        world.write(&format!(
            "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\nroles = [{roles}]\n\
             [check]\nevery_hours = 24\ndomains = [\"{DOMAIN}\"]\n[alert]\nlook_seconds = 1\n\
             [[alert.receiver]]\nname = \"hook\"\nwebhook = \"{}\"\n",
            hook.url
        ));
    };
    let listed = |phase: &str| -> Vec<Value> {
        let (_, list) = alert(&world, &["list", "--phase", phase, "--format", "json"]);
        serde_json::from_str(&list).unwrap()
    };
    let wait_for = |is_so: &dyn Fn() -> bool| {
        for _ in 0..600 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{:?}", listed("pending"));
    };
    let both = "\"check\", \"alert\"";

    write(both);
    let daemon = start(&world, &lab, now);
    wait_for(&|| !listed("pending").is_empty());
    assert!(daemon.terminate().0.success());

    write("\"alert\"");
    let daemon = start(&world, &lab, now + 20 * MINUTE);
    wait_for(&|| daemon.metric("sealpost_alert_pass_seconds_count") >= 3);
    assert!(listed("open").is_empty() && hook.bodies.try_recv().is_err(), "it was seen once");
    assert!(daemon.terminate().0.success());

    write(both);
    let daemon = start(&world, &lab, now + 21 * MINUTE);
    let told = hook.told();
    assert!(told.iter().all(|one| *one == opened(DOMAIN)[0]), "{told:?}");
    hook.answer();
    let of_its_code = |phase: &str| listed(phase).iter().all(|one| one["code"] == code);
    assert!(!listed("open").is_empty() && of_its_code("open"), "{:?}", listed("open"));
    assert_eq!(daemon.metric("sealpost_check_looks_total"), 1);
    assert!(daemon.terminate().0.success());

    lab.cease(attack, DOMAIN);
    let daemon = start(&world, &lab, now + 70 * MINUTE);
    wait_for(&|| listed("open").iter().all(|one| !one["gone_since"].is_null()));
    assert!(daemon.terminate().0.success());
    let daemon = start(&world, &lab, now + 102 * MINUTE);
    daemon.wait_for("/metrics", "sealpost_check_looks_total 1\n");
    assert!(hook.bodies.try_recv().is_err(), "it may come back");
    assert!(daemon.terminate().0.success());
    let daemon = start(&world, &lab, now + 135 * MINUTE);
    let told = hook.told();
    assert!(told.iter().all(|(kind, _)| kind == "resolved"), "{told:?}");
    hook.answer();
    assert!(listed("open").is_empty(), "{:?}", listed("open"));
    assert!(!listed("resolved").is_empty() && of_its_code("resolved"), "{:?}", listed("resolved"));
    assert_eq!(daemon.metric("sealpost_check_looks_total"), 0, "nothing is due any more");
    assert!(daemon.terminate().0.success());
    runtime.block_on(lab.stop());
}
