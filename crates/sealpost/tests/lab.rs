//! `sealpost lab` as a black box, while it runs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

/// A lab that is open. It is killed when dropped.
struct Open {
    child: Child,
    errors: BufReader<ChildStderr>,
    /// How to use it.
    said: String,
}

impl Open {
    fn at(directory: &Path) -> Self {
        Self::with(&["--serve"], directory)
    }

    fn with(arguments: &[&str], directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .arg("lab")
            .args(arguments)
            .args(["--ports", "ephemeral", "--directory"])
            .arg(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("\nthe lab is open\n") {
            assert!(
                errors.read_line(&mut said).unwrap() > 0,
                "it ended before it was open: {said}"
            );
        }
        Self { child, errors, said }
    }

    /// The rest of the line that begins so; waits for it.
    fn hear(&mut self, beginning: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.errors.read_line(&mut line).unwrap() > 0, "it ended before {beginning}");
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim_end().to_owned();
            }
        }
    }

    /// Tells it to end, and waits; gives the exit status and its last words.
    fn end(mut self) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut said = String::new();
        self.errors.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_until_it_is_told_to_end_and_keeps_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("lab");
    let lab = Open::at(&directory);
    let settings = directory.join("network.toml");
    assert!(lab.said.contains(&format!("--network {}", settings.display())), "{}", lab.said);
    let checked = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["check", "good.test", "--network"])
        .arg(&settings)
        .output()
        .unwrap();
    let page = String::from_utf8(checked.stdout).unwrap();
    assert!(page.starts_with("good.test: enforced"), "{page}");
    let (status, said) = lab.end();
    assert_eq!((status.code(), said.as_str()), (Some(0), "the lab closes\n"));
    for file in ["network.toml", "ca.pem", "trust-anchors.txt", "deliveries.jsonl"] {
        assert!(directory.join(file).is_file(), "{file} is gone");
    }
}

#[test]
fn beside_it_are_pages_with_a_month_of_reports() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("lab");
    let mut open = Open::with(&[], &directory);
    let place = open.hear("listening at http://");
    open.hear("ready: receive");
    let told = counted(&["lab", "reports"], &folder.path().join("told"));
    let kept =
        || counted(&["receive", "summary", "--config"], &directory.join("pages/sealpost.toml"));
    let is_in = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        kept() == told
    });
    assert!(is_in, "{:?} is not {told:?}", kept());
    let home = page(&place);
    assert!(home.contains("good.test") && home.contains("dane-good.test"), "{home}");
    let (status, said) = open.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.ends_with("stopping\nthe lab closes\n"), "{said}");
}

/// What a command counts in all, by its table: reports, and sessions.
fn counted(arguments: &[&str], path: &Path) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_sealpost");
    let output = Command::new(program).args(arguments).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("counted "));
    line.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// The first page.
#[expect(clippy::disallowed_methods, reason = "the pages that this test has opened")]
fn page(place: &str) -> String {
    let address = place.trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

/// Runs `sealpost lab` with these words; what it prints, its exit status, and its last words.
fn lab(arguments: &[&str], directory: &Path) -> (String, Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .arg("lab")
        .args(arguments)
        .arg("--directory")
        .arg(directory)
        .output()
        .unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (text(output.stdout), output.status.code(), text(output.stderr))
}

#[test]
fn attacks_are_begun_and_ended_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("lab");
    let open = Open::at(&directory);
    let verdict = || {
        let checked = Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["check", "victim-unsigned.test", "--network"])
            .arg(directory.join("network.toml"))
            .output()
            .unwrap();
        let page = String::from_utf8(checked.stdout).unwrap();
        page.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(verdict(), "victim-unsigned.test: enforced");
    let attack = ["attack", "starttls-stripped", "victim-unsigned.test"];
    assert_eq!(lab(&attack, &directory), (String::new(), Some(0), String::new()));
    assert_eq!(verdict(), "victim-unsigned.test: failing");
    let (list, status, _) = lab(&["attacks"], &directory);
    assert_eq!(status, Some(0));
    assert_eq!(list.matches("ON: ").count(), 1, "{list}");
    let (_, status, said) = lab(&["attack", "tls-1-0-only", "*"], &directory);
    assert_eq!(status, Some(2));
    assert!(
        said.starts_with("error: failed to begin tls-1-0-only: starttls-stripped is on"),
        "{said}"
    );
    assert_eq!(lab(&["cease", "all"], &directory).1, Some(0));
    assert_eq!(verdict(), "victim-unsigned.test: enforced");
    drop(open);
    let (_, status, said) = lab(&["cease", "all"], &directory);
    assert_eq!(status, Some(2));
    assert!(said.starts_with("error: failed to talk to the lab in "), "{said}");
}

/// Each line of a table by its first word: the other words.
fn lines_of(table: &str) -> BTreeMap<String, Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines = table.lines().skip(1).map(words).filter(|words| words.len() == 4);
    lines.map(|mut words| (words.remove(0), words)).collect()
}

#[test]
fn the_reports_of_its_reporters_sum_up_to_what_it_says_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Open::at(&folder.path().join("lab"));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        let output = command.current_dir(folder.path()).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8(output.stdout).unwrap(), said, output.status.code())
    };
    let (truth, said, status) = run(&["lab", "reports", "--days", "4", "reports"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains(" mails in reports: "), "{said}");
    let (_, said, status) = run(&["lab", "reports", "--days", "4", "reports"]);
    assert!(status == Some(2) && said.contains("it is not empty"), "{said}");
    let domains: Vec<&str> =
        sealpost_lab::reporters::domains().iter().map(|domain| domain.name).collect();
    let configuration = format!("[receive]\nstore = \"store.sqlite\"\ndomains = {domains:?}\n");
    fs_err::write(folder.path().join("sealpost.toml"), configuration).unwrap();
    let import =
        ["receive", "import", "--config", "sealpost.toml", "--network", "lab/network.toml"];
    let (_, said, status) = run(&[&import[..], &["reports"]].concat());
    assert_eq!(status, Some(0), "{said}");
    let (seen, said, status) = run(&["receive", "summary", "--config", "sealpost.toml"]);
    assert_eq!(status, Some(0), "{said}");

    let (truth, mut seen) = (lines_of(&truth), lines_of(&seen));
    // What is apart has no line in the truth.
    let apart = [seen.remove("unverified"), seen.remove("not-ours")];
    assert!(apart.iter().all(Option::is_some));
    assert!(truth.len() > 10);
    assert_eq!(seen, truth);
    lab.end();

    // The same as data: a line for each report that counts.
    let (rows, _, _) = run(&["lab", "reports", "--days", "4", "--format", "json", "again"]);
    let rows: Vec<serde_json::Value> =
        rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counted = truth.get("counted").and_then(|words| words.first()).unwrap();
    assert_eq!(&rows.len().to_string(), counted);
    let of_good = |row: &&serde_json::Value| row.get("domain").unwrap() == "good.test";
    let number = |row: &serde_json::Value| row.get("successful").unwrap().as_u64().unwrap();
    let sum: u64 = rows.iter().filter(of_good).map(number).sum();
    assert_eq!(&sum.to_string(), truth.get("good.test").and_then(|words| words.get(1)).unwrap());
}
