//! Wrong set-ups are told, and nothing is ordered.

use sealpost_e2e::Hosting;

use crate::{believe_bind, with_authority, with_zone};

#[test]
fn what_stands_in_the_way_of_a_certificate_is_told_and_nothing_is_ordered() {
    let hosting = Hosting::start(86_400, "").unwrap();
    let start = |name: &str, address: &str, domain: &str, flags: &[&str]| {
        let text = with_authority(&format!("{name}.sqlite"), "http-01", address, &[domain]);
        let configuration = hosting.configuration(&format!("{name}.toml"), &text).unwrap();
        (hosting.serve(&configuration, flags), configuration)
    };

    // The DNS leads elsewhere.
    let (daemon, configuration) = start("elsewhere", "127.0.0.85", "elsewhere.test", &[]);
    let daemon = daemon.unwrap();
    let line = daemon.says("there is no new certificate yet").unwrap();
    assert!(line.contains("127.0.0.80, which is not ours"), "{line}");
    drop(daemon);
    let shown = hosting.publish(&configuration, &["certificates"]).unwrap();
    let shown_text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(1), "{shown_text}");
    assert!(
        shown_text.contains("tried 1 times") && shown_text.contains("not ours"),
        "{shown_text}"
    );

    // Nobody said where it is to be found, or it is by the address of another name.
    let own = "addresses = [\"127.0.0.80\"]\n";
    let seen = |name: &str, target: &str| {
        let domain = format!("{name}.test");
        let text = with_authority(&format!("{name}.sqlite"), "http-01", "127.0.0.80", &[&domain]);
        assert!(text.contains(own), "{text}");
        let text = text.replace(own, "").replace("host = \"own\"\n", target);
        let configuration = hosting.configuration(&format!("{name}.toml"), &text).unwrap();
        hosting.serve(&configuration, &[]).unwrap()
    };
    let daemon = seen("unsaid", "host = \"own\"\n");
    let line = daemon.says("there is no new certificate yet").unwrap();
    assert!(line.contains("nobody said at which addresses it is to be found"), "{line}");
    drop(daemon);
    let json = "{\"host\": \"policies.example.\", \"addresses\": [\"127.0.0.86\"]}";
    hosting.tell_names("add-a", json).unwrap();
    let daemon = seen("named", "host = \"own\"\ntarget = [\"policies.example\"]\n");
    let line = daemon.says("there is no new certificate yet").unwrap();
    assert!(line.contains("127.0.0.80, which is not ours"), "{line}");
    drop(daemon);
    assert_eq!(hosting.orders().unwrap(), 0);
    let json = "{\"host\": \"policies.example.\", \"addresses\": [\"127.0.0.80\"]}";
    hosting.tell_names("add-a", json).unwrap();
    let daemon = seen("led", "host = \"own\"\ntarget = [\"policies.example\"]\n");
    daemon.says("there is a new certificate").unwrap();
    drop(daemon);
    let led = hosting.orders().unwrap();

    // CAA forbids it.
    let json = "{\"host\": \"mta-sts.forbidden.test.\", \"policies\": \
                [{\"tag\": \"issue\", \"value\": \"other.example\"}]}";
    hosting.tell_names("add-caa", json).unwrap();
    let (daemon, _) = start("forbidden", "127.0.0.80", "forbidden.test", &[]);
    let daemon = daemon.unwrap();
    let line = daemon.says("there is no new certificate yet").unwrap();
    assert!(line.contains("CAA records of mta-sts.forbidden.test forbid it"), "{line}");
    assert_eq!(hosting.orders().unwrap(), led);

    // The port is taken.
    let (refused, _) = start("taken", "127.0.0.80", "taken.test", &[]);
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("listen at 127.0.0.80:443"), "{error}");
    assert!(error.contains("another program serves there"), "{error}");
    drop(daemon);

    // The clock is wrong: nothing is ordered.
    let before = hosting.orders().unwrap();
    let (daemon, _) = start("clock", "127.0.0.80", "clock.test", &["--at", "2031-02-03T04:05:06Z"]);
    let daemon = daemon.unwrap();
    let line = daemon.says("there is no new certificate yet").unwrap();
    assert!(line.contains("set the clock"), "{line}");
    assert_eq!(hosting.orders().unwrap(), before);
    drop(daemon);

    // The authority has no certificates of that kind.
    let text = with_authority("profile.sqlite", "http-01", "127.0.0.80", &["profile.test"]);
    let text = text.replace("[publish.acme]\n", "[publish.acme]\nprofile = \"shortlived\"\n");
    let configuration = hosting.configuration("profile.toml", &text).unwrap();
    let before = hosting.orders().unwrap();
    let daemon = hosting.serve(&configuration, &[]).unwrap();
    let line = daemon.says("there is no new certificate yet").unwrap();
    assert!(line.contains("profile shortlived: the authority offers no profiles"), "{line}");
    assert_eq!(hosting.orders().unwrap(), before);
    drop(daemon);

    // The key of the store is missing, or may be read by anyone.
    let text = with_authority("sealed.sqlite", "http-01", "127.0.0.80", &["sealed.test"]);
    let text = text.replace("[publish.acme]\n", "[publish.acme]\nkey_file = \"store.key\"\n");
    let configuration = hosting.configuration("sealed.toml", &text).unwrap();
    let error = hosting.serve(&configuration, &[]).unwrap_err().to_string();
    assert!(error.contains("store.key"), "{error}");
    let key = hosting.environment().directory().join("store.key");
    fs_err::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    let error = hosting.serve(&configuration, &[]).unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
    let only_us = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs_err::set_permissions(&key, only_us).unwrap();
    let daemon = hosting.serve(&configuration, &[]).unwrap();
    daemon.says("there is a new certificate").unwrap();
    daemon.kill().unwrap();
    // Without the key nothing is served that was encrypted with it, and it says which.
    let text = text.replace("key_file = \"store.key\"\n", "");
    let configuration = hosting.configuration("unsealed.toml", &text).unwrap();
    let error = hosting.serve(&configuration, &[]).unwrap_err().to_string();
    assert!(error.contains("it is encrypted; name the `key_file`"), "{error}");
}

/// A record beside the alias would be passed over by the server, and the order lost.
#[test]
fn a_challenge_that_is_delegated_elsewhere_is_told_and_nothing_is_ordered() {
    let hosting = Hosting::start(86_400, "").unwrap();
    let text = with_zone("alias.sqlite", &["alias.test"]);
    let configuration = hosting.configuration("alias.toml", &text).unwrap();
    believe_bind(&configuration);
    let daemon = hosting.serve(&configuration, &[]).unwrap();
    let line = daemon.says("there is no new certificate yet").unwrap();
    let alias = "_acme-challenge.mta-sts.alias.test is an alias of alias.challenges.example.";
    assert!(line.contains(alias), "{line}");
    assert_eq!(hosting.other_orders().unwrap(), 0);
}
