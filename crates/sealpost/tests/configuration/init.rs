//! `sealpost config init`.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::sealpost;

#[test]
fn whatever_is_wished_can_be_used() {
    for sending in ["postfix", "none"] {
        for receive in ["mail", "imap", "none"] {
            for publish in ["own", "external", "none"] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().display().to_string();
                let mut arguments = vec!["config", "init", "--domain", "example.com"];
                arguments.extend(["--domain", "bücher.example", "--mx", "*.mx.example.com"]);
                arguments.extend(["--provider", "google-workspace"]);
                arguments.extend(["--imap-host", "imap.example.com", "--imap-user", "a\"\\b"]);
                arguments.extend([
                    "--sending",
                    sending,
                    "--receive",
                    receive,
                    "--publish",
                    publish,
                ]);
                let made = sealpost(folder.path(), &arguments);
                let wish = format!("{sending} {receive} {publish}");
                if [sending, receive, publish] == ["none"; 3] {
                    assert_eq!(made.status, 2, "{wish}");
                    assert!(made.stderr.contains("there is nothing for it to do"));
                    continue;
                }
                assert_eq!(made.status, 0, "{wish}: {}", made.stderr);
                let next = "sealpost config check --config sealpost.toml";
                assert!(made.stdout.contains(next), "{wish}: {}", made.stdout);
                let secret = folder.path().join("imap-password");
                fs_err::write(&secret, "geheim").unwrap();
                let mode = std::fs::Permissions::from_mode(0o600);
                fs_err::set_permissions(&secret, mode).unwrap();
                // That is for a person to say.
                let file = folder.path().join("sealpost.toml");
                let text = fs_err::read_to_string(&file).unwrap();
                assert_eq!(text.contains("agree_to_terms = false"), publish == "own");
                let text = text
                    .replace("terms = false", "terms = true")
                    .replace("\n# addresses = ", "\naddresses = ");
                fs_err::write(&file, text).unwrap();
                let checked =
                    sealpost(folder.path(), &["config", "check", "--config", "sealpost.toml"]);
                let complaints: Vec<&str> = checked
                    .stdout
                    .lines()
                    .filter(|line| line.contains(": error: ") || line.contains(": warning: "))
                    .collect();
                assert!(complaints.is_empty(), "{wish}: {complaints:?}");
                let roles: Vec<&str> = [
                    ("enforce", sending != "none"),
                    ("receive", receive != "none"),
                    ("publish", publish != "none"),
                    ("check", receive != "none" || publish != "none"),
                ]
                .into_iter()
                .filter_map(|(role, is_wished)| is_wished.then_some(role))
                .collect();
                let runs = format!("it runs {}\n", roles.join(", "));
                assert!(checked.stdout.ends_with(&runs), "{wish} ({path}): {}", checked.stdout);
            }
        }
    }
}

#[test]
fn what_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("sealpost.toml"), "mine").unwrap();
    let arguments = ["config", "init", "--domain", "example.com"];
    let said = sealpost(folder.path(), &arguments);
    assert_eq!(said.status, 2);
    assert!(said.stderr.contains("write sealpost.toml: it is there already"), "{}", said.stderr);
    assert_eq!(fs_err::read_to_string(folder.path().join("sealpost.toml")).unwrap(), "mine");
    // Nor is a link to nowhere followed.
    std::os::unix::fs::symlink("nowhere", folder.path().join("link.toml")).unwrap();
    let said = sealpost(folder.path(), &["config", "init", "link.toml", "--domain", "a.example"]);
    assert_eq!(said.status, 2);
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn it_is_printed_and_what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let printed = sealpost(folder.path(), &["config", "init", "-", "--domain", "example.com"]);
    assert!(printed.stdout.starts_with("# What sealpost does here."), "{}", printed.stdout);
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    for (arguments, expected) in [
        (&["--receive", "mail"][..], "no domain is given"),
        (&["--domain", "a.example", "--receive", "imap"], "--imap-host"),
        (&["--domain", "a.example", "--publish", "own"], "--mx"),
    ] {
        let arguments = [&["config", "init", "-"], arguments].concat();
        let said = sealpost(folder.path(), &arguments);
        assert!(said.stderr.contains(expected), "{arguments:?}: {}", said.stderr);
        assert_eq!(said.status, 2);
    }
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let program = format!("{} config init", env!("CARGO_BIN_EXE_sealpost"));
    // `script` of bsdutils gives it a terminal.
    let mut child = Command::new("timeout")
        .args(["30", "script", "--quiet", "--return", "--command", &program, "/dev/null"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answers = b"example.com, example.org\npostfix\nwhat\nimap\nimap.example.com\nme\nown\n\
                    mx.example.com google-workspace\n";
    child.stdin.take().unwrap().write_all(answers).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Your domains that receive mail: "), "{said}");
    let text = fs_err::read_to_string(folder.path().join("sealpost.toml")).unwrap();
    for expected in [
        "domains = [\"example.com\", \"example.org\"]",
        "[enforce]",
        "host = \"imap.example.com\"\nuser = \"me\"",
        "providers = [\"google-workspace\"]\nmx = [\"mx.example.com\"]",
        "host = \"own\"",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}
