//! Maildirs that are watched.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sealpost_store::reports::Scope;

use crate::daemon::{Daemon, command};
use crate::mails::{mail, report};
use crate::stored::{reports, submissions};
use crate::world::World;

/// A Maildir in a folder.
struct Maildir(PathBuf);

impl Maildir {
    fn new(folder: &Path) -> Self {
        let maildir = Self(folder.join("box"));
        for part in ["new", "cur", "tmp"] {
            fs_err::create_dir_all(maildir.0.join(part)).unwrap();
        }
        maildir
    }

    fn write(&self, name: &str, octets: &[u8]) {
        fs_err::write(self.0.join(name), octets).unwrap();
    }

    /// As a mail server delivers: written in `tmp`, whole when it stands in `new`.
    fn deliver(&self, id: &str) {
        self.write(&format!("tmp/{id}"), &mail(&report(id)));
        let new = self.0.join(format!("new/{id}"));
        fs_err::rename(self.0.join(format!("tmp/{id}")), new).unwrap();
    }

    fn names(&self, part: &str) -> Vec<String> {
        let entries = fs_err::read_dir(self.0.join(part)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

fn ids(store: &Path) -> Vec<String> {
    let mut ids: Vec<String> =
        reports(store, Scope::Unverified).into_iter().map(|report| report.report_id).collect();
    ids.sort_unstable();
    ids
}

/// Runs a command that watches: lets something happen when it is ready, waits until that has come
/// about, and ends it. What it said after it was ready, by lines.
fn watch(
    command: &mut Command,
    happens: impl FnOnce(),
    has_come_about: impl Fn() -> bool,
) -> Vec<String> {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while lines.next().unwrap().unwrap() != "ready" {}
    happens();
    for _ in 0..500 {
        if has_come_about() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    lines.map_while(Result::ok).collect()
}

#[test]
fn a_watched_maildir_is_read_once_and_left_alone() {
    let world = World::new();
    let maildir = Maildir::new(world.folder.path());
    maildir.deliver("1");
    maildir.write("cur/2:2,S", &mail(&report("2")));
    maildir.write("tmp/half", &mail(&report("half")));
    let configuration = world.configuration("maildirs = [\"box\"]");
    let daemon = Daemon::start(&configuration);
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 2);
    maildir.deliver("3");
    // A person reads it: that changes its name, and it is the same mail.
    fs_err::rename(maildir.0.join("new/1"), maildir.0.join("cur/1:2,S")).unwrap();
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 3);
    daemon.comes_to("sealpost_receive_stored_total{way=\"maildir\"}", 3);
    daemon.kill();

    // What came before does not come again; what came meanwhile does.
    maildir.deliver("4");
    let daemon = Daemon::start(&configuration);
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 1);
    daemon.comes_to("sealpost_receive_stored_total{way=\"maildir\"}", 1);
    daemon.kill();
    assert_eq!(ids(&world.store()), ["1", "2", "3", "4"]);
    assert!(submissions(&world.store()).iter().all(|entry| entry.arrivals == 1));
    assert_eq!(maildir.names("new"), ["3", "4"]);
    assert_eq!(maildir.names("cur"), ["1:2,S", "2:2,S"]);
    assert_eq!(maildir.names("tmp"), ["half"]);
}

#[test]
fn what_is_stored_may_be_marked_as_seen() {
    let world = World::new();
    let maildir = Maildir::new(world.folder.path());
    maildir.deliver("1");
    let receive =
        "maildirs = [\"box\"]\nmaildirs_after = \"seen\"\nlimits = { message_octets = 4000 }";
    let configuration = world.configuration(receive);
    let daemon = Daemon::launch(command(&configuration).env("SEALPOST_LOG", "warn"));
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 1);
    maildir.write("new/large", &vec![b'x'; 5000]);
    daemon.says("too large");
    maildir.deliver("2");
    daemon.comes_to("sealpost_receive_reports_total{as=\"new\"}", 2);
    daemon.kill();
    assert_eq!(maildir.names("new"), ["large"]);
    assert_eq!(maildir.names("cur"), ["1:2,S", "2:2,S"]);
}

#[test]
fn import_watches_without_a_configuration() {
    let world = crate::program::World::new();
    let maildir = Maildir::new(&world.path(""));
    let path = maildir.0.to_str().unwrap().to_owned();
    let mut command = world.command(&["import", "--no-dns", "--watch", &path]);
    let store = world.path("store.sqlite");
    watch(&mut command, || maildir.deliver("1"), || ids(&store) == ["1"]);
    assert_eq!(ids(&store), ["1"]);

    let (_, said, status) = world.run(&["import", "--watch", world.path("none").to_str().unwrap()]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("none/new") && said.contains("hint: a Maildir has"), "{said}");
}

#[test]
fn import_watches_within_the_limits_of_the_configuration() {
    const MOST: usize = 4000;
    let world = World::new();
    let maildir = Maildir::new(world.folder.path());
    let receive = format!("limits = {{ message_octets = {MOST} }}");
    let configuration = world.configuration(&receive);
    // Each of them could be read.
    let of = |id: &str, octets: usize| {
        let mut mail = mail(&report(id));
        mail.resize(octets, b'\n');
        mail
    };
    maildir.write("new/1", &of("one-too-long", MOST + 1));
    maildir.write("new/2", &of("as-long-as-allowed", MOST));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
    command.args(["receive", "import", "--no-dns", "--config"]).arg(&configuration);
    let store = world.store();
    let is_taken = || ids(&store) == ["as-long-as-allowed"];
    let said = watch(command.arg("--watch").arg(&maildir.0), || (), is_taken);
    let is_told = |line: &String| line.contains("a mail is too large, and is left");
    assert_eq!(said.iter().filter(|line| is_told(line)).count(), 1, "{said:?}");
    // Mails are taken in the order of their names: what is too long was passed over before.
    assert_eq!(ids(&store), ["as-long-as-allowed"]);
    assert_eq!(submissions(&store).len(), 1);
    assert_eq!(maildir.names("new"), ["1", "2"]);
}
