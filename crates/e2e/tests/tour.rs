//! `sealpost lab --tour` on a machine where Postfix 3.10 is installed: it is one of those who send.

use sealpost_e2e::{Domain, Environment, World, sealpost_binary};

/// What is told on the way, in this order: what depends on Postfix.
const STORY: [&str; 7] = [
    "One of the five that send is Postfix 3.10.",
    "day  1   12 messages,  12 delivered,   0 waiting; testing",
    "day 24   14 messages,   0 delivered,  14 waiting; enforce-day",
    "day 25   23 messages,   0 delivered,  26 waiting; enforce-day",
    "day 27   17 messages,  17 delivered,   0 waiting; enforce-day",
    "the owner has nothing left to do",
    "day 34   12 messages,  12 delivered,   0 waiting; enforce-day",
];

#[test]
fn a_real_postfix_takes_part_and_every_number_is_what_mail_hosts_saw() {
    // A system with a Postfix that is in use already.
    let environment = Environment::start(&World::new(vec![Domain::good("good.test")])).unwrap();
    // The program itself: a link to it leads nowhere from inside.
    fs_err::copy(sealpost_binary().unwrap(), environment.directory().join("sealpost")).unwrap();
    let arguments = ["lab", "--tour", "--once", "--ports", "ephemeral", "--postfix", "always"];
    let output = environment.run_inside_for_long("/e2e/sealpost", &arguments).unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}\n{said}");
    assert!(!said.contains("panicked"), "{said}");
    let mut rest = told.as_str();
    for words in STORY {
        let (_, behind) = rest.split_once(words).unwrap_or_else(|| panic!("{words:?}: {told}"));
        rest = behind;
    }
    assert!(!told.contains("NOT AS TOLD") && !told.contains("DIFFERS"), "{told}");

    let row = |what: &str| -> Vec<u64> {
        let line = rest.lines().find_map(|line| line.trim_start().strip_prefix(what)).unwrap();
        line.split_whitespace().map(|number| number.parse().unwrap()).collect()
    };
    assert_eq!(row("sent "), [441]);
    assert_eq!(row("taken by the domain’s hosts"), [441]);
    assert_eq!(row("taken by the attacker"), [0]);
    assert_eq!(row("sent in plaintext"), [0]);
    // It sent on each of the days that the page shows, and reported on each.
    assert_eq!(row("as like-postfix.test tells: reports"), [28, 28]);
    assert_eq!(row("as like-postfix.test tells: went well"), [84, 84]);
    // Two messages on the first day of the attack, five on the second, at two hosts each. What others
    // call untrusted it calls a failure to validate.
    assert_eq!(row("as like-postfix.test tells: failed"), [14, 14]);
    assert_eq!(row("starttls-not-supported, explained"), [28, 28]);
    assert_eq!(row("certificate-not-trusted, explained"), [36, 36]);
    assert!(rest.contains(" numbers compared, 0 differ"), "{rest}");
    // Nothing of it is left.
    let left = environment.run_inside("sh", &["-c", "ls -d /tmp/sealpost-*"]).unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "folders are left");
    let processes = fs_err::read_dir("/proc").unwrap().filter_map(Result::ok);
    let folders = processes.filter_map(|one| fs_err::read_link(one.path().join("cwd")).ok());
    let left: Vec<_> =
        folders.filter(|at| at.to_string_lossy().contains("/sealpost-postfix-")).collect();
    assert!(left.is_empty(), "Postfix still runs: {left:?}");
}
