//! `sealpost lab --tour` from its first day to its account.

use std::process::Command;

/// What is told on the way, in this order.
const STORY: [&str; 21] = [
    "The five that send are the lab’s own: Postfix is not to take part.",
    "sealpost publish adopt tour.test --past nothing",
    "logbook: prerequisites → testing",
    "the owner sets _mta-sts.tour.test. 300 IN TXT \"v=STSv1; id=",
    "found: MX307 mx2.tour.test [127.66.",
    "found: STS402 mx3.tour.test: no mx pattern of the policy matches this host",
    "day  1   12 messages,  12 delivered,   0 waiting; testing",
    "mended: MX307 mx2.tour.test",
    "mended: STS402 mx3.tour.test",
    "logbook: testing → enforce-day",
    "day 24   14 messages,   0 delivered,  14 waiting; enforce-day",
    "incident (critical): INC101 mx",
    " at 127.66.",
    "day 25   23 messages,   0 delivered,  26 waiting; enforce-day",
    "day 26   36 messages,  36 delivered,   3 waiting; enforce-day",
    "day 27   17 messages,  17 delivered,   0 waiting; enforce-day",
    "sealpost publish plan tour.test --add-mx mx4.tour.test",
    "Z  serve the policy: enforce 86400, mx1.tour.test, mx2.tour.test, mx4.tour.test",
    "the owner takes a step of the plan: point the MX records to mx4.tour.test",
    "the owner has nothing left to do",
    "day 34   12 messages,  12 delivered,   0 waiting; enforce-day",
];

#[test]
fn a_month_is_led_to_its_end_and_every_number_on_the_pages_is_what_the_lab_knows() {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        // With a real one, that is a test of its own.
        .args(["lab", "--tour", "--once", "--ports", "ephemeral", "--postfix", "never"])
        .env_remove("SEALPOST_CONFIG")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}\n{said}");
    assert!(!said.contains("panicked"), "{said}");

    let mut rest = told.as_str();
    for words in STORY {
        let (_, behind) = rest.split_once(words).unwrap_or_else(|| panic!("{words:?}: {told}"));
        rest = behind;
    }
    // On which day depends on who looks first.
    for incident in ["INC102 mx3", "INC301 mx2", "INC101 mx1", "INC101 mx2"] {
        let opened = told.find(&format!("): {incident}.tour.test")).unwrap();
        let closed = told.find(&format!("incident over: {incident}.tour.test")).unwrap();
        assert!(opened < closed, "{incident}: {told}");
    }
    assert!(!told.contains("NOT AS TOLD") && !told.contains("DIFFERS"), "{told}");

    let row = |what: &str| -> Vec<u64> {
        let line = rest.lines().find_map(|line| line.trim_start().strip_prefix(what)).unwrap();
        line.split_whitespace().map(|number| number.parse().unwrap()).collect()
    };
    // Two messages a day of each sender, or three, or four, and what each of them came to.
    assert_eq!(row("sent "), [441]);
    assert_eq!(row("taken by the domain’s hosts"), [441]);
    assert_eq!(row("taken by the attacker"), [0]);
    assert_eq!(row("sent in plaintext"), [0]);
    // On two days nobody delivered anything.
    assert_eq!(row("starttls-not-supported, explained"), [28, 28]);
    assert_eq!(row("certificate-not-trusted, explained"), [46, 46]);
    assert_eq!(row("the list of reports: reports"), [147, 147]);
    assert!(rest.contains("477 numbers compared, 0 differ"), "{rest}");
}
