//! Name servers that refuse, lag and fail: the state stays consistent, and the next run goes on.

use jiff::Timestamp;
use sealpost_e2e::{Server, Signal};

use crate::owner::{HOUR, Owner};

#[test]
fn nothing_is_written_that_was_not_asked_for_and_wrong_keys_are_told() {
    let owner = Owner::start("autonomy = \"auto\"");
    let apply = ["run", "--once", "--apply", "lead.test", "bound.test"];
    let dig = |server: &str, name: &str, kind: &str| {
        let server = format!("@{server}");
        let arguments = ["+short", "+norec", &server, name, kind];
        let output = owner.environment.run_inside("dig", &arguments).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let zone = || {
        let at_knot = dig("127.70.0.54", "_smtp._tls.lead.test", "TXT");
        at_knot + &dig("127.70.0.55", "_smtp._tls.bound.test", "TXT")
    };

    // With the wrong secret neither server takes it; the domains are where they were.
    let (said, status) = owner.run_at(0, &apply, "wrong.toml");
    assert_eq!(status, Some(1), "{said}");
    let refusals = said.matches("it does not take the TSIG key sealpost").count();
    assert_eq!(refusals, 2, "{said}");
    assert_eq!(zone(), "");
    // A dry run tells the exact change and makes none.
    let dry = ["run", "--once", "--dry-run", "lead.test", "bound.test"];
    let (said, _) = owner.run_at(HOUR, &dry, "publish.toml");
    let rua = "IN TXT \"v=TLSRPTv1; rua=mailto:tls-reports@lead.test\"";
    for domain in ["lead.test", "bound.test"] {
        assert!(said.contains(&format!("+ _smtp._tls.{domain}. 1 {rua}")), "{said}");
    }
    assert_eq!(zone(), "");
    // The right secret: both take it.
    let (said, _) = owner.run_at(HOUR, &apply, "publish.toml");
    assert_eq!(said.matches("changed in the zone").count(), 2, "{said}");
    assert_eq!(zone().matches("v=TLSRPTv1").count(), 2);
    // The policy host of one has addresses of either kind, that of the other is an alias of it.
    assert_eq!(dig("127.70.0.54", "mta-sts.lead.test", "A"), "127.70.1.1\n");
    assert_eq!(dig("127.70.0.54", "mta-sts.lead.test", "AAAA"), "::1\n");
    assert_eq!(dig("127.70.0.55", "mta-sts.bound.test", "CNAME"), "mta-sts.lead.test.\n");
    // Once more, there is nothing to change.
    let (said, _) = owner.run_at(2 * HOUR, &apply, "publish.toml");
    assert!(!said.contains("changed in the zone"), "{said}");
}

/// Signatures are dated (RFC 8945 §5.2.3).
#[test]
fn a_clock_that_is_wrong_is_told_and_nothing_is_written() {
    let owner = Owner::start("autonomy = \"auto\"");
    let apply = ["run", "--once", "--apply", "lead.test", "bound.test"];
    for ahead in [-HOUR, HOUR] {
        let said = owner.run_ahead(ahead, 0, &apply);
        let refusals: Vec<&str> =
            said.lines().filter(|line| line.contains("its clock shows")).collect();
        // One by Knot, one by BIND.
        assert_eq!(refusals.len(), 2, "{said}");
        for line in refusals {
            assert!(line.contains("set the wrong one right"), "{line}");
            let times: Vec<Timestamp> = line
                .split(|sign: char| sign.is_whitespace() || sign == ',')
                .filter_map(|word| word.parse().ok())
                .collect();
            let [theirs, ours] = times[..] else { panic!("no two times in {line}") };
            let apart = ours.as_second() - theirs.as_second();
            assert!((ahead - 60..=ahead + 60).contains(&apart), "{apart} s: {line}");
        }
        assert!(!said.contains("changed in the zone"), "{said}");
    }
    // The next run goes on.
    let (said, _) = owner.run_at(HOUR, &apply, "publish.toml");
    assert_eq!(said.matches("changed in the zone").count(), 2, "{said}");
}

#[test]
fn a_server_that_is_down_in_the_middle_holds_up_and_breaks_nothing() {
    let owner = Owner::start("autonomy = \"auto\"");
    owner.pass(0);
    owner.refresh_secondary();
    owner.pass(HOUR);
    owner.pass(2 * HOUR);
    owner.upload(2 * HOUR);
    // The primary goes away while the id would be written; what is known of the world goes with it.
    owner.environment.signal(Server::Knot, Signal::Kill).unwrap();
    let said = owner.pass(3 * HOUR);
    assert!(said.contains("127.70.0.54:53"), "{said}");
    assert!(said.contains("lead.test: testing"), "{said}");
    assert!(!said.contains("id announced"), "{said}");
    owner.start_again(&[Server::Knot]);
    owner.announce(4 * HOUR);
    let history = owner.history();
    assert_eq!(history.matches("id announced").count(), 1, "{history}");
    assert_eq!(history.matches("prerequisites → testing").count(), 1, "{history}");
}

/// The update was acknowledged; whether every server has it cannot be seen, and then not at all.
#[test]
fn a_server_that_dies_after_it_took_an_update_holds_up_and_breaks_nothing() {
    let owner = Owner::start("autonomy = \"auto\"");
    owner.environment.signal(Server::Bind, Signal::Kill).unwrap();
    let said = owner.pass(0);
    assert!(said.contains("changed in the zone"), "{said}");
    assert!(!said.contains("record → prerequisites"), "{said}");
    owner.environment.signal(Server::Knot, Signal::Kill).unwrap();
    let said = owner.pass(HOUR);
    assert!(!said.contains("changed in the zone") && !said.contains("→"), "{said}");
    owner.start_again(&[Server::Knot, Server::Bind]);
    owner.refresh_secondary();
    let said = owner.pass(2 * HOUR);
    assert!(said.contains("record → prerequisites"), "{said}");
    assert!(!said.contains("changed in the zone"), "it is there: {said}");
    let history = owner.history();
    assert_eq!(history.matches("nothing → record").count(), 1, "{history}");
}

/// What a cache has left of a TTL is less than others may have: a plan made of it is too early.
#[test]
fn a_ttl_is_that_of_the_zone_whatever_a_resolver_has_left_of_it() {
    let owner = Owner::start("autonomy = \"auto\"");
    let apply = ["run", "--once", "--apply", "lead.test"];
    let adopt = ["adopt", "spare.test", "--by", "Kim", "--past", "nothing"];
    for (domain, old, new, taken_up) in [
        // The servers are those that the configuration names, or those of the NS records.
        ("lead.test", "mx1.spare.test", "mx1.lead.test", &apply[..]),
        ("spare.test", "mx1.spare.test", "mx2.spare.test", &adopt[..]),
    ] {
        // Somebody has asked before us, and it is a while ago.
        let asked = owner.environment.run_inside("dig", &["+noall", "+answer", domain, "MX"]);
        let asked = String::from_utf8_lossy(&asked.unwrap().stdout).into_owned();
        assert_eq!(asked.split_ascii_whitespace().nth(1), Some("300"), "{asked}");
        std::thread::sleep(std::time::Duration::from_secs(3));
        let (said, _) = owner.run_at(0, taken_up, "publish.toml");
        let plan = ["plan", domain, "--add-mx", new, "--remove-mx", old, "--format", "json"];
        let (plan, status) = owner.run_at(0, &plan, "publish.toml");
        assert_eq!(status, Some(0), "{plan}{said}");
        let dated = |action: &str| {
            let mut steps = plan.lines().filter_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                (line["action"] == action).then(|| line["not_before"].as_str().unwrap().to_owned())
            });
            let time = steps.next().unwrap_or_else(|| panic!("no {action}: {plan}"));
            time.parse::<jiff::Timestamp>().unwrap().as_second()
        };
        // An hour for the zone, the TTL, and ten minutes.
        assert_eq!(dated("retire-hosts") - dated("switch-mx"), HOUR + 300 + 600, "{plan}");
    }
}
