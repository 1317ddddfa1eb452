//! Through a program of this machine.

use std::os::unix::fs::PermissionsExt;

use super::*;

const MAIL: &[u8] = b"From: r@reporter.example\r\n\r\n.\r\nhello\r\n";

/// A shell script in the place of sendmail.
fn script(folder: &tempfile::TempDir, text: &str) -> Program {
    let path = folder.path().join("sendmail");
    fs_err::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    Program::at(path).unwrap()
}

async fn run(text: &str, patience: Duration) -> (Submitted, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let program = script(&folder, text);
    let (sender, recipient) = (address("b@r.example"), address("\"-o x\"@a.test"));
    let letter = Letter { sender: Some(&sender), recipient: &recipient, octets: MAIL };
    (program.hand_over(&letter, patience).await, folder)
}

const PATIENCE: Duration = Duration::from_secs(8);

#[tokio::test]
async fn it_gets_the_mail_and_the_addresses() {
    let text = r#"cat >"$0.mail"; for a in "$@"; do echo "$a"; done >"$0.arguments""#;
    let (submitted, folder) = run(text, PATIENCE).await;
    let Submitted::Accepted(acceptance) = submitted else { panic!("{submitted:?}") };
    assert_eq!(acceptance.protection, Protection::Local);
    let read = |name: &str| fs_err::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("sendmail.mail"), "From: r@reporter.example\n\n.\nhello\n");
    assert_eq!(read("sendmail.arguments"), "-i\n-f\nb@r.example\n--\n\"-o x\"@a.test\n");
}

#[tokio::test]
async fn its_status_decides() {
    for (text, what) in [
        ("exit 0", "accepted"), // it need not read
        ("cat >/dev/null; exit 75", "later"),
        ("exit 1", "later"),
        ("kill -9 $$", "later"),
        ("echo 'no such user' >&2; exit 67", "refused"),
        ("exit 65", "refused"),
    ] {
        let (submitted, _folder) = run(text, PATIENCE).await;
        assert_eq!(submitted.as_str(), what, "{text}: {submitted:?}");
        if text.contains("no such user") {
            assert!(fault(&submitted).1.contains("no such user"));
        }
    }
}

#[tokio::test]
async fn it_has_an_end() {
    let (submitted, _folder) = run("exec sleep 60", Duration::from_millis(300)).await;
    let (what, text) = fault(&submitted);
    assert!(what == "later" && text.contains("not done in time"), "{text}");
    // What it leaves behind holds its standard error open, and nobody waits for that.
    let (submitted, _folder) = run("sleep 60 & exit 0", PATIENCE).await;
    assert!(submitted.is_accepted(), "{submitted:?}");
}

#[tokio::test]
async fn one_that_is_not_there() {
    let program = Program::at("/nonexistent/sendmail").unwrap();
    let recipient = address("a@a.test");
    let letter = Letter { sender: None, recipient: &recipient, octets: MAIL };
    let (what, _) = fault(&program.hand_over(&letter, PATIENCE).await);
    assert_eq!(what, "later");
    assert_eq!(Program::at("sendmail"), None);
}
