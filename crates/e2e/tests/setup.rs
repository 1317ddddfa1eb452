//! `sealpost enforce setup postfix` with a real postconf and real resolvers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Output;

use sealpost_e2e::{Domain, Environment, Signing, Tlsa, World, Zone, sealpost_binary};
use serde_json::Value;

/// The folder of the `main.cf` that is changed, as the environment sees it.
const FOLDER: &str = "/e2e/setup";

/// As an operator leaves it: remarks, a value over two lines, odd blanks, a line that stays unused.
const MAIN: &str = "\
# This is ours. Do not touch.
compatibility_level = 3.10
queue_directory = /e2e/queue

mydestination = $myhostname,
    localhost
myhostname=mail.test
#smtp_tls_security_level = none
smtp_host_lookup = dns, native
  # within the value's lines
smtp_tls_policy_maps = texthash:/etc/postfix/tls_policy
smtp_tls_CAfile = /e2e/ca.pem
relayhost =
# the end";

/// `smtp` in a chroot, `relay` in none.
const MASTER: &str = "\
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       n       -       -       smtp
    -o syslog_name=relay
smtpd     pass  -       -       y       -       -       smtpd
";

const ASKED: [&str; 2] = ["--bogus-name", "mx1.expired.test"];

fn environment() -> Environment {
    let good = Domain::good("good.test").tlsa(Tlsa::Matching);
    let world = World::new(vec![good, Domain::good("expired.test")])
        .zone(Zone::new("expired.test", Signing::Expired));
    let environment = Environment::start(&world).unwrap();
    let directory = environment.directory();
    fs_err::create_dir(directory.join("setup")).unwrap();
    fs_err::create_dir_all(directory.join("queue/etc")).unwrap();
    fs_err::write(directory.join("setup/main.cf"), MAIN).unwrap();
    fs_err::write(directory.join("setup/master.cf"), MASTER).unwrap();
    fs_err::copy(directory.join("resolv.conf"), directory.join("queue/etc/resolv.conf")).unwrap();
    fs_err::copy(sealpost_binary().unwrap(), directory.join("sealpost")).unwrap();
    environment
}

/// The arguments after `sealpost`.
fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["enforce", "setup", "postfix", "--config-directory", FOLDER];
    arguments.extend(["--postconf", "/usr/sbin/postconf"]);
    arguments.extend(more);
    arguments
}

/// What the program says, run where Postfix is.
fn setup(environment: &Environment, more: &[&str]) -> (Option<i32>, String) {
    said(&environment.run_inside("/e2e/sealpost", &arguments(more)).unwrap())
}

fn said(output: &Output) -> (Option<i32>, String) {
    let (out, err) = (&output.stdout, &output.stderr);
    let text = format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    (output.status.code(), text)
}

fn main_cf(environment: &Environment) -> String {
    fs_err::read_to_string(environment.directory().join("setup/main.cf")).unwrap()
}

fn postconf(environment: &Environment, more: &[&str]) -> String {
    let mut arguments = vec!["-c", FOLDER];
    arguments.extend(more);
    said(&environment.run_inside("/usr/sbin/postconf", &arguments).unwrap()).1
}

#[test]
fn what_is_written_is_what_postfix_reads_and_undoing_it_leaves_no_trace() {
    let environment = environment();
    let written = [
        "smtp_dns_support_level = dnssec",
        "smtp_host_lookup = dns",
        "smtp_tls_policy_maps = texthash:/etc/postfix/tls_policy, \
         socketmap:inet:127.0.0.1:8461:postfix",
        "smtp_tls_security_level = dane",
    ];

    // Looking changes nothing.
    let (status, text) = setup(&environment, &ASKED);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(main_cf(&environment), MAIN);
    for line in written.iter().chain(&[
        "resolver 127.70.0.53:53: proven to validate DNSSEC",
        "default_level = \"dane\"",
        "dane = \"on\"",
        "mta_resolvers = [\"127.70.0.53:53\"]",
    ]) {
        assert!(text.contains(&format!("{line}\n")), "{line}:\n{text}");
    }

    let (status, text) = setup(&environment, &[&["--write"], &ASKED[..]].concat());
    assert_eq!(status, Some(0), "{text}");
    let set = postconf(&environment, &["-n"]);
    for line in written {
        assert!(set.lines().any(|found| found == line), "{line}:\n{set}");
    }
    let after = main_cf(&environment);
    let backup = environment.directory().join("setup/main.cf.before-sealpost");
    assert_eq!(fs_err::read_to_string(&backup).unwrap(), MAIN);

    // Once is enough, and the second time does not forget what was before the first.
    let (status, text) = setup(&environment, &[&["--write"], &ASKED[..]].concat());
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("nothing is to be set"), "{text}");
    assert_eq!(main_cf(&environment), after);
    let elsewhere = ["--write", "--listen", "unix:/e2e/queue/sealpost/a.sock"];
    let (_, text) = setup(&environment, &[&elsewhere, &ASKED[..]].concat());
    let set = postconf(&environment, &["-h", "smtp_tls_policy_maps"]);
    let expected = "texthash:/etc/postfix/tls_policy, socketmap:unix:sealpost/a.sock:postfix\n";
    assert_eq!(set, expected, "{text}");
    assert_eq!(fs_err::read_to_string(&backup).unwrap(), MAIN);

    let (status, text) = setup(&environment, &["--undo"]);
    assert_eq!(status, Some(0), "{text}");
    // Postfix ends the last line.
    assert_eq!(main_cf(&environment), format!("{MAIN}\n"));
    let mut left: Vec<String> = fs_err::read_dir(environment.directory().join("setup"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["main.cf", "master.cf"]);
    assert_eq!(setup(&environment, &["--undo"]).0, Some(2));
}

#[test]
fn undoing_leaves_alone_what_the_operator_has_changed_since() {
    let environment = environment();
    setup(&environment, &[&["--write"], &ASKED[..]].concat());
    let list = "socketmap:inet:127.0.0.1:8461:postfix texthash:/a";
    let maps = format!("smtp_tls_policy_maps = {list}");
    postconf(&environment, &["-e", "smtp_tls_security_level = encrypt", &maps]);

    let (status, text) = setup(&environment, &["--undo"]);
    assert_eq!(status, Some(1), "{text}");
    let changed =
        "left alone, for somebody has changed it since: smtp_tls_security_level = encrypt";
    assert!(text.contains(changed), "{text}");
    // Nobody answers there any more, so mail would wait.
    assert_eq!(postconf(&environment, &["-h", "smtp_tls_policy_maps"]), "texthash:/a\n");
    assert_eq!(postconf(&environment, &["-h", "smtp_host_lookup"]), "dns, native\n");
    let backup = environment.directory().join("setup/main.cf.before-sealpost");
    assert_eq!(fs_err::read_to_string(backup).unwrap(), MAIN);
}

/// What is planned where the clients of Postfix ask an Unbound that was changed by this `sed` script
/// and listens at 127.70.0.55.
fn plan_with(environment: &Environment, change: &str) -> Value {
    let file = environment.directory().join("queue/etc/resolv.conf");
    fs_err::write(file, "nameserver 127.70.0.55\noptions edns0 trust-ad\n").unwrap();
    let script = format!(
        "set -u
         sed -e 's/127.70.0.53/127.70.0.55/' -e '{change}' /e2e/unbound.conf >/e2e/other.conf
         unbound -d -c /e2e/other.conf >/e2e/log/other 2>&1 & pid=$!
         trap 'kill $pid; wait $pid' EXIT
         cp /e2e/queue/etc/resolv.conf /etc/resolv.conf
         until drill @127.70.0.55 . SOA | grep -q 'rcode: NOERROR'; do sleep 0.05; done
         \"$@\""
    );
    let mut command = vec!["-c", &script, "sh", "/e2e/sealpost"];
    command.extend(arguments(&["--format", "json"]));
    command.extend(ASKED);
    let output = environment.run_inside("sh", &command).unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{:?}", said(&output)))
}

#[test]
fn only_an_unbound_that_validates_is_believed() {
    let environment = environment();
    for (change, state, why, level) in [
        ("", "proven", "", "dane"),
        ("s/\"validator iterator\"/\"iterator\"/", "refuted", "without the AD bit", "may"),
        ("s/^server:/server:\\n    val-permissive-mode: yes/", "refuted", "hands out", "may"),
        // Without a trust anchor it has the module and nothing to begin with.
        ("/trust-anchor-file/d", "refuted", "without the AD bit", "may"),
    ] {
        let made = plan_with(&environment, change);
        let resolver = &made["resolvers"][0];
        assert_eq!(resolver["resolver"], "127.70.0.55:53");
        assert_eq!(resolver["state"], state, "{change}: {made:#}");
        assert!(resolver["why"].as_str().unwrap_or_default().contains(why), "{made:#}");
        assert_eq!(made["plan"]["default_level"], level, "{made:#}");
        let dane = if state == "proven" { "on" } else { "off" };
        assert_eq!(made["plan"]["dane"]["state"], dane, "{made:#}");
    }
}

/// Since glibc 2.31 the C library hides the AD bit unless `resolv.conf` says otherwise; Postfix of
/// today asks for it all the same, so no line is wanted for it.
#[test]
fn postfix_sees_the_ad_bit_without_trust_ad() {
    let environment = environment();
    let look = |options: &str| {
        let script = format!(
            "printf 'nameserver 127.70.0.53\\n{options}' >/etc/resolv.conf
             posttls-finger -c -l dane -L verbose good.test"
        );
        said(&environment.run_inside("sh", &["-c", &script]).unwrap()).1
    };
    for options in ["options trust-ad\\n", ""] {
        let text = look(options);
        assert!(text.contains("Matched DANE"), "{options}: {text}");
    }
    // So it does come from DNSSEC: without the resolver's word there is no DANE.
    let script = "printf 'nameserver 127.70.0.54\\n' >/etc/resolv.conf
                  posttls-finger -c -l dane -L verbose good.test";
    let text = said(&environment.run_inside("sh", &["-c", script]).unwrap()).1;
    assert!(!text.contains("Matched DANE"), "{text}");
}

/// The commands of the page, as they stand. Those that need the daemon or end in a signal are not among
/// them.
#[test]
fn the_page_on_postfix_can_be_followed() {
    let page = page("enforce-with-postfix.md");
    let commands = commands(&page, "$ ");
    assert_eq!(commands.len(), 5, "{commands:?}");
    let place = Place::new();
    let before = place.main_cf();
    for command in commands {
        let text = place.follow(command);
        if command == "sealpost enforce setup postfix" {
            assert!(
                text.contains("smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt"),
                "{text}"
            );
            for key in ["default_level = ", "dane = \"on\"", "mta_resolvers = ["] {
                assert!(text.contains(key) && page.contains(key), "{key}: {text}");
            }
        }
        if command.contains("--write") {
            assert_ne!(place.main_cf(), before);
        }
    }
    assert_eq!(place.main_cf(), before);
}

/// What the page lets root do, as it stands: from then on the Postfix that runs asks sealpost.
#[test]
fn what_root_does_on_the_page_for_administrators_of_postfix_can_be_followed() {
    let page = page("postfix-administrator.md");
    let commands = commands(&page, "# ");
    let [looks, writes, reloads] = *commands else { panic!("{commands:?}") };
    let place = Place::new();
    let before = place.main_cf();
    place.follow(looks);
    assert_eq!(place.main_cf(), before, "looking changes nothing");
    assert!(place.follow(writes).contains("smtp_tls_policy_maps"));
    let asks = "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix";
    assert!(place.main_cf().contains(asks), "{}", place.main_cf());
    assert_eq!(reloads, "postfix reload");
    assert!(place.follow(reloads).contains("refreshing the Postfix mail system"));
    place.follow("postfix status");
    assert!(place.follow("postconf smtp_tls_policy_maps").contains(asks));
}

fn page(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/how-to");
    fs_err::read_to_string(folder.join(name)).unwrap()
}

/// The commands of a page behind this prompt.
fn commands<'a>(page: &'a str, prompt: &str) -> Vec<&'a str> {
    let blocks = page.split("```console\n").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix(prompt))
        .collect()
}

/// Where the pages are followed: a machine with Postfix, in a world that has a name which is signed
/// wrongly on purpose, as the Internet has.
struct Place(Environment);

impl Place {
    fn new() -> Self {
        let world =
            World::new(vec![Domain::good("good.test")]).zone(Zone::new("org", Signing::Nsec)).zone(
                Zone::new("dnssec-failed.org", Signing::OtherKey)
                    .records("dnssec-failed.org. A 127.70.0.99\n"),
            );
        let environment = Environment::start(&world).unwrap();
        fs_err::copy(sealpost_binary().unwrap(), environment.directory().join("sealpost")).unwrap();
        let place = Self(environment);
        // As the package ca-certificates leaves it.
        place.run("mkdir -p /etc/ssl/certs && cp /e2e/ca.pem /etc/ssl/certs/ca-certificates.crt");
        // The environment's own delivery of reports has a level of its own, which would be remarked on.
        let plain = place.run("sed -i /smtp_tls_security_level=encrypt/d /etc/postfix/master.cf");
        assert!(plain.status.success(), "{plain:?}");
        place
    }

    fn run(&self, command: &str) -> Output {
        let script = format!("cd /tmp; PATH=/e2e:/usr/sbin:/usr/bin:/bin; {command}");
        let arguments = ["SEALPOST_NETWORK=/e2e/network.toml", "sh", "-c", &script];
        self.0.run_inside("/usr/bin/env", &arguments).unwrap()
    }

    /// What a command says, which does what it should.
    fn follow(&self, command: &str) -> String {
        let output = self.run(command);
        let (status, text) = said(&output);
        assert!(status == Some(0) && !text.is_empty(), "{command}: {output:?}");
        if command == "sealpost enforce setup postfix" {
            assert!(text.contains("proven to validate DNSSEC"), "{text}");
        }
        text
    }

    fn main_cf(&self) -> String {
        said(&self.run("cat /etc/postfix/main.cf")).1
    }
}
