//! Receivers are told once, over stops and reloads that are asked for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;

use crate::daemon::{Daemon, World};

/// How long anything may take, even where much else runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A webhook that answers when it is told to.
struct Hook {
    url: String,
    bodies: Receiver<Value>,
    answers: Sender<()>,
}

impl Hook {
    fn start() -> Self {
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

    fn answer(&self) {
        self.answers.send(()).unwrap();
    }
}

fn except(world: &World, domains: &[&str]) {
    let day = sealpost_runtime::Clock::system().now().as_second() + 3 * 86_400;
    let day = jiff::Timestamp::from_second(day).unwrap().to_string();
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
