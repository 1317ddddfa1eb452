//! `sealpost config check`, and what `serve` says of the same faults.

use std::os::unix::fs::PermissionsExt as _;

use crate::{check, check_in, sealpost};

#[test]
fn a_good_configuration_has_nothing_to_complain_of() {
    let said = check("[enforce]\n[receive]\ndomains = [\"example.com\"]\n");
    assert_eq!(
        said.stdout, "a.toml: can be used; it runs enforce, receive, check\n",
        "{}",
        said.stderr
    );
    assert_eq!(said.status, 0);
}

#[test]
fn unknown_keys_are_told_with_line_and_suggestion() {
    let text = "[enforce]\nlisen = []\n\n[recieve]\ndomains = []\n";
    let said = check(text);
    assert_eq!(
        said.stdout,
        "a.toml:2: error: unknown key `lisen` in [enforce]: did you mean `listen`?\n\
         a.toml:4: error: unknown key or section `recieve`: did you mean `receive`?\n\
         a.toml: cannot be used as it is\n"
    );
    assert_eq!(said.status, 1);

    // The daemon says the same.
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("a.toml"), text).unwrap();
    let served = sealpost(folder.path(), &["serve", "--config", "a.toml"]);
    assert_eq!(served.status, 2);
    assert!(
        served.stderr.starts_with(
            "error: failed to read the configuration in a.toml:\n  \
             line 2: unknown key `lisen` in [enforce]: did you mean `listen`?\n"
        ),
        "{}",
        served.stderr
    );
}

#[test]
fn no_secret_is_shown() {
    let imap = "[receive]\ndomains = [\"example.com\"]\n[[receive.imap]]\nhost = \"a.example\"\n\
                user = \"u\"\n";
    for text in [
        // In the place of a key that there is not, of a file, and where quotes are missing.
        format!("{imap}password = \"geheim\"\n"),
        format!("{imap}password_file = \"geheim\"\n"),
        format!("{imap}password_file = geheim\n"),
        format!("{imap}password = \"geheim\n"),
        "[report]\ntoken_file = [\"geheim\"]\n".to_owned(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let said = check_in(&folder, &text);
        assert_eq!(said.status, 1, "{text}\n{}", said.stdout);
        let served = sealpost(folder.path(), &["serve", "--config", "a.toml", "--store", "s/s"]);
        assert_eq!(served.status, 2, "{text}");
        for output in [said.stdout, said.stderr, served.stdout] {
            assert!(!output.contains("geheim"), "{text}\n{output}");
        }
    }
}

#[test]
fn files_are_looked_at_and_who_may_read_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let text = "store = \"missing/store.sqlite\"\n\
                [report]\nsocket = [\"unix:/nowhere/a.sock\"]\nlog = [\"mail.log\"]\n\
                http = [\"127.0.0.1:0\"]\ntoken_file = \"token\"\n\
                [receive]\ndomains = [\"example.com\"]\ncertificate = \"mx.pem\"\nkey = \"mx.key\"\n\
                maildirs = [\"token\"]\n";
    let place = |name: &str| folder.path().join(name);
    let set_mode = |name: &str, mode| {
        fs_err::set_permissions(place(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    fs_err::write(place("token"), "0123456789abcdef").unwrap();
    fs_err::write(place("mx.key"), "key").unwrap();
    set_mode("token", 0o644);
    set_mode("mx.key", 0o640);
    let said = check_in(&folder, text);
    for expected in [
        "a.toml:1: error: `store`: there is no folder missing; make it",
        "a.toml:3: error: `report.socket`: there is no folder /nowhere",
        "a.toml:4: warning: `report.log`: mail.log is missing",
        "a.toml:6: warning: `report.token_file`: everybody on this machine may use the file that \
         it names; chmod o= it",
        "a.toml:9: error: `receive.certificate`: mx.pem is missing",
        "a.toml:11: error: `receive.maildirs`: token is no folder",
    ] {
        assert!(said.stdout.contains(expected), "{expected}\n{}", said.stdout);
    }
    assert!(!said.stdout.contains(":10:"), "the group may read a key\n{}", said.stdout);
    set_mode("token", 0o600);
    assert!(!check_in(&folder, text).stdout.contains("token_file"));

    // The key of the store is refused at once.
    set_mode("token", 0o640);
    let said = check_in(&folder, "[publish.acme]\nagree_to_terms = true\nkey_file = \"token\"\n");
    assert!(said.stdout.contains("a.toml:3: error: `publish.acme.key_file`"), "{}", said.stdout);
}

#[test]
fn contradictions_are_told() {
    for (text, expected) in [
        (
            "[serve]\nroles = [\"report\"]\n[enforce]\n",
            "a.toml:2: warning: `serve.roles` names report, and there is no section",
        ),
        (
            "[serve]\nroles = [\"receive\"]\n[enforce]\n[receive]\n",
            "a.toml:3: warning: [enforce] is there, and `serve.roles` does not name",
        ),
        ("[network]\n", "a.toml: error: cannot find a role to run"),
        (
            "[enforce]\nlisten = [\"127.0.0.1:8460\"]\n",
            "a.toml:2: error: `serve.http` and `enforce.listen` both want 127.0.0.1:8460",
        ),
        (
            "[enforce]\nlisten = [\"0.0.0.0:9\", \"127.0.0.1:9\"]\n",
            "a.toml:2: error: `enforce.listen` names 127.0.0.1:9 twice",
        ),
        (
            "[enforce]\nhttp = [\"192.0.2.1:8080\"]\n",
            "a.toml:2: warning: `enforce.http`: 192.0.2.1:8080 can be reached from elsewhere, without TLS",
        ),
        ("[enforce]\ndane = \"on\"\n", "a.toml:2: warning: `enforce.dane` is on"),
        (
            "[enforce]\ndefault_level = \"dane\"\n",
            "a.toml:2: warning: where a policy is enforced, it takes the place of your mail server's \
             own DANE",
        ),
        (
            "[receive]\ndomains = [\"a.example\"]\ncertificate = \"a.toml\"\n",
            "a.toml:1: error: cannot use the certificate: `certificate` and `key` belong together",
        ),
        (
            "[report]\ntoken_file = \"a.toml\"\n",
            "a.toml:2: error: `report.token_file` is for posts",
        ),
        (
            "[publish.domains.\"a.example\"]\n",
            "a.toml:1: error: cannot read the configuration: a.toml:1: ",
        ),
        (
            "[publish.domains.\"a.example\"]\nmx = [\"mx.a.example\"]\nhost = \"own\"\n",
            "a.toml:1: warning: 1 domains have `host = \"own\"`",
        ),
        (
            "[enforce]\ndeadline = 61.0\n",
            "a.toml:2: error: `enforce.deadline`: write a number of seconds from 0.1 to 60",
        ),
        ("[enforce]\nexceptions = \"a.toml\"\n", "a.toml:2: error: "),
        (
            "[enforce]\n[web]\nhosts = [\"pages.example\"]\n",
            "a.toml:3: warning: `web.hosts` names hosts, and there is neither `serve.https` nor",
        ),
        ("[publish.acme]\n", "a.toml:1: error: `publish.acme.agree_to_terms` is not true"),
        (
            "[publish.acme]\nagree_to_terms = true\n[publish.host]\nhttps = [\"127.0.0.1:8443\"]\n\
             [publish.domains.\"a.example\"]\nmx = [\"mx.a.example\"]\nhost = \"own\"\n",
            "a.toml:1: warning: 1 domains have `host = \"own\"` and no `target`",
        ),
    ] {
        let said = check(text);
        let is_told = said.stdout.lines().any(|line| line.starts_with(expected));
        assert!(is_told, "{text}\n{expected}\n{}{}", said.stdout, said.stderr);
        assert_eq!(said.status, 1, "{text}");
    }
    for safe in
        ["[web.proxy]\naddresses = [\"127.0.0.1\"]\n", "[serve]\nhttps = [\"127.0.0.1:0\"]\n"]
    {
        let said = check(&format!("[enforce]\n[web]\nhosts = [\"pages.example\"]\n{safe}"));
        assert!(!said.stdout.contains("web.hosts"), "{safe}: {}", said.stdout);
    }
    // A note is nothing to complain of.
    let said = check("[receive]\nlisten = { smtp = [\"127.0.0.1:25\"] }\n");
    assert!(
        said.stdout.contains("a.toml:2: note: `receive.listen.smtp`: port 25 needs root"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("a.toml:1: note: `receive.domains` names no domain"));
    assert_eq!(said.status, 0);
}

#[test]
fn programs_are_told_the_same_and_a_file_that_is_missing_is_another_matter() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("a.toml"), "[enforce]\nlisen = []\n").unwrap();
    let arguments = ["config", "check", "--config", "a.toml", "--format", "json"];
    let said = sealpost(folder.path(), &arguments);
    let said: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(said["findings"][0]["severity"], "error");
    assert_eq!(said["findings"][0]["line"], 2);
    let missing = sealpost(folder.path(), &["config", "check", "--config", "b.toml"]);
    assert_eq!((missing.status, missing.stdout.as_str()), (2, ""));
    assert_eq!(sealpost(folder.path(), &["config", "check"]).status, 2);
}
