//! Our own domains are looked at, and what has changed is kept and shown.

use std::time::Duration;

use jiff::Timestamp;
use sealpost_lab::{Attack, Lab, Options, Ports};
use serde_json::Value;

use crate::daemon::{Daemon, World};
use crate::pages::{as_promised, walk};

pub(crate) const DOMAIN: &str = "victim-two-mx.test";
const HOUR: Duration = Duration::from_secs(3_600);

/// A lab whose certificates were issued around this time.
pub(crate) fn lab(runtime: &tokio::runtime::Runtime, now: Timestamp) -> Lab {
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    runtime.block_on(Lab::start(options)).unwrap()
}

/// Reports about the domain are taken in, and it is looked at so often.
fn write(world: &World, every_hours: u8) {
    world.write(&format!(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n\
         [receive]\ndomains = [\"{DOMAIN}\"]\nlisten = {{ smtp = [\"127.0.0.1:0\"], lmtp = [] }}\n\
         [check]\nevery_hours = {every_hours}\n"
    ));
}

pub(crate) fn start(world: &World, lab: &Lab, at: Timestamp) -> Daemon {
    let (settings, at) = (lab.settings_file().to_str().unwrap(), at.to_string());
    Daemon::start(world, &["--network", settings, "--at", &at])
}

/// An answer about the domain, which is as the description says.
fn json(daemon: &Daemon, path: &str) -> Value {
    as_promised(daemon, &path.replace(DOMAIN, "{domain}"), path)
}

/// The kinds of what has changed, the newest first.
fn kinds(daemon: &Daemon) -> Vec<String> {
    let events = json(daemon, &format!("/api/v1/domains/{DOMAIN}/events"));
    let events = events["events"].as_array().unwrap();
    let kind = |event: &Value| event["change"]["kind"].as_str().unwrap().to_owned();
    events.iter().map(kind).collect()
}

#[test]
fn what_changes_at_a_domain_is_noticed_kept_and_shown() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let world = World::new();
    write(&world, 24);
    let page = format!("/domains/{DOMAIN}");

    // The first look finds everything, and nothing that has changed.
    let first = lab(&runtime, now);
    let daemon = start(&world, &first, now);
    assert_eq!(daemon.ready, "ready: receive, check with 1 domain\n");
    daemon.wait_for("/metrics", "sealpost_check_looks_total 1\n");
    daemon.wait_for("/metrics", "sealpost_check_domains{verdict=\"enforced\"} 1\n");
    let seen = json(&daemon, &format!("/api/v1{page}/mx"));
    let hosts = seen["mx"].as_array().unwrap();
    let names: Vec<&str> = hosts.iter().map(|host| host["host"].as_str().unwrap()).collect();
    assert_eq!(names, [format!("primary.{DOMAIN}"), format!("backup.{DOMAIN}")]);
    for host in hosts {
        assert_eq!(host["is_allowed"], true, "{host}");
        let addresses = host["addresses"].as_array().unwrap();
        assert!(!addresses.is_empty(), "{host}");
        for address in addresses {
            assert_eq!(address["tls"], "TLSv1.3", "{address}");
            assert_eq!(address["faults"], Value::Array(vec![]), "{address}");
            assert!(address["days_left"].as_i64().unwrap() > 1, "{address}");
        }
    }
    let shown = daemon.get(&page).1;
    for said in [
        "Our look",
        "<strong>enforced</strong>",
        "backup.victim-two-mx.test",
        "in the policy",
        "Nothing since we first looked.",
    ] {
        assert!(shown.to_lowercase().contains(&said.to_lowercase()), "{said}: {shown}");
    }
    assert!(daemon.get("/").1.contains(">enforced</td>"));
    let table = daemon.get(&format!("/csv{page}/mx")).1;
    let backup = format!("backup.{DOMAIN}");
    let listed = table.lines().filter(|line| line.contains(&backup)).count();
    let addresses = hosts[1]["addresses"].as_array().unwrap().len();
    assert_eq!(listed, addresses, "a line for each address: {table}");
    assert_eq!(kinds(&daemon), Vec::<String>::new());
    assert_eq!(daemon.get("/api/v1/domains/unknown.test/events").0, 404);
    assert_eq!(daemon.get("/api/v1/domains/unknown.test/mx").0, 404);

    // It is killed; every certificate is renewed meanwhile. It is not time yet to look again, and
    // what was there is there.
    drop(daemon);
    runtime.block_on(first.stop());
    let later = now + 2 * HOUR;
    let second = lab(&runtime, later);
    let mut daemon = start(&world, &second, later);
    daemon.wait_for("/metrics", "sealpost_check_domains{verdict=\"enforced\"} 1\n");
    assert_eq!(daemon.metric("sealpost_check_looks_total"), 0);
    assert_eq!(json(&daemon, &format!("/api/v1{page}/mx")), seen_later(&seen, &daemon, &page));

    // With a shorter interval it is.
    write(&world, 1);
    daemon.hang_up();
    daemon.wait_to_hear("check: looks at 1 domains");
    daemon.wait_for("/metrics", "sealpost_check_looks_total 1\n");
    let told = kinds(&daemon);
    assert!(told.iter().all(|kind| kind == "certificate-renewed"), "{told:?}");
    assert_eq!(told.len(), 3, "two MX hosts and the policy host: {told:?}");
    assert_eq!(daemon.metric("sealpost_check_events_total{kind=\"certificate-renewed\"}"), 3);
    let shown = daemon.get(&page).1;
    assert!(
        shown.contains("The certificate of the MX host primary.victim-two-mx.test ["),
        "{shown}"
    );
    assert!(shown.contains("was renewed with a new key: it ends on "), "{shown}");
    assert!(!daemon.get("/").1.contains("Needs you"));

    // A host is added that the policy does not name.
    drop(daemon);
    second.attack(Attack::MxBackupOutside, DOMAIN).unwrap();
    let daemon = start(&world, &second, now + 5 * HOUR);
    daemon.wait_for("/metrics", "sealpost_check_looks_total 1\n");
    let told = kinds(&daemon);
    assert!(told.contains(&"mx-added".to_owned()), "{told:?}");
    let shown = daemon.get(&page).1;
    assert!(shown.contains("is an MX host now, with preference"), "{shown}");
    let home = daemon.get("/").1;
    assert!(home.contains("Needs you") && home.contains(">failing</td>"), "{home}");
    let list = daemon.get(&format!("{page}/events")).1;
    assert!(list.contains("is an MX host now") && list.contains("was renewed"), "{list}");
    assert!(walk(&daemon).contains_key(&format!("/csv{page}/mx")));
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
}

/// TLS, days left and DANE stand beside each MX host.
#[test]
fn what_dane_makes_of_each_mx_host_is_shown() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let world = World::new();
    world.write(
        "[check]\nevery_hours = 24\ndomains = [\"dane-partial.test\", \"dane-mismatch.test\"]\n",
    );
    let lab = lab(&runtime, now);
    let daemon = start(&world, &lab, now);
    daemon.wait_for("/metrics", "sealpost_check_looks_total 2\n");
    for (domain, expected) in [
        ("dane-partial.test", &["matches", "none"][..]),
        ("dane-mismatch.test", &["does not match"]),
    ] {
        let path = format!("/domains/{domain}");
        let seen: Value =
            serde_json::from_str(&daemon.get(&format!("/api/v1{path}/mx")).1).unwrap();
        let hosts = seen["mx"].as_array().unwrap();
        let found: Vec<&str> = hosts.iter().map(|host| host["dane"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{seen}");
        let shown = daemon.get(&path).1;
        for (host, dane) in hosts.iter().zip(expected) {
            let name = host["host"].as_str().unwrap();
            let rows = shown.split("<tbody>").find(|rows| rows.contains(&format!("<bdi>{name}<")));
            let rows = rows.unwrap().split("</tbody>").next().unwrap();
            assert!(rows.contains(&format!(">{dane}</td>")), "{dane}: {rows}");
            assert!(rows.contains("<td>TLSv1.3"), "{rows}");
            let address = &host["addresses"][0];
            assert!(address["days_left"].as_i64().unwrap() > 0, "{address}");
        }
    }
    assert!(daemon.terminate().0.success());
    runtime.block_on(lab.stop());
}

/// What was seen, with the days that are left now.
fn seen_later(seen: &Value, daemon: &Daemon, page: &str) -> Value {
    let now = json(daemon, &format!("/api/v1{page}/mx"));
    let mut seen = seen.clone();
    let (hosts, now) = (seen["mx"].as_array_mut().unwrap(), now["mx"].as_array().unwrap());
    for (host, now) in hosts.iter_mut().zip(now) {
        let addresses = host["addresses"].as_array_mut().unwrap();
        for (address, now) in addresses.iter_mut().zip(now["addresses"].as_array().unwrap()) {
            let (then, left) = (address["days_left"].as_i64(), now["days_left"].as_i64());
            assert!(then.unwrap() - left.unwrap() <= 1, "{address} {now}");
            address["days_left"] = now["days_left"].clone();
        }
    }
    seen
}

#[test]
fn nobody_is_looked_at_where_it_is_switched_off_or_other_roles_are_named() {
    let world = World::new();
    for (text, ready) in [
        (
            "[receive]\ndomains = [\"a.test\"]\nlisten = { smtp = [\"127.0.0.1:0\"], lmtp = [] }\n[check]\nevery_hours = 0\n",
            "ready: receive\n",
        ),
        ("[receive]\nlisten = { smtp = [\"127.0.0.1:0\"], lmtp = [] }\n", "ready: receive\n"),
    ] {
        world.write(text);
        let daemon = Daemon::start(&world, &[]);
        assert_eq!(daemon.ready, ready, "{text}");
        assert!(daemon.terminate().0.success());
    }
    world.write(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\nroles = [\"receive\"]\n\
         [receive]\ndomains = [\"a.test\"]\nlisten = { smtp = [\"127.0.0.1:0\"], lmtp = [] }\n",
    );
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.ready, "ready: receive\n");
    assert!(daemon.terminate().0.success());
}

/// Whoever reports had an older policy when he sent.
#[test]
fn the_policy_is_shown_as_published_and_as_others_saw_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let world = World::new();
    world.write(&format!(
        "[receive]\ndomains = [\"{DOMAIN}\"]\n\
         listen = {{ smtp = [], lmtp = [], http = [\"127.0.0.1:0\"] }}\n\
         [[receive.admit]]\nname = \"test\"\nnetworks = [\"127.0.0.0/8\"]\n\
         [check]\nevery_hours = 24\n"
    ));
    let lab = lab(&runtime, now);
    let daemon = start(&world, &lab, now);
    daemon.wait_for("/metrics", "sealpost_check_domains{verdict=\"enforced\"} 1\n");
    let page = format!("/domains/{DOMAIN}");
    let published = json(&daemon, &format!("/api/v1{page}"))["policies"].clone();
    let [one] = published.as_array().unwrap().as_slice() else { panic!("{published}") };
    assert_eq!((&one["source"], &one["differences"]), (&"published".into(), &Value::Null));
    let text = one["text"].as_str().unwrap();
    assert!(text.contains("mode: enforce\n"), "{text}");

    let day = now.to_string();
    let day = day.split('T').next().unwrap();
    let report = |organisation: &str, lines: &[&str]| {
        serde_json::json!({
            "organization-name": organisation,
            "date-range": {
                "start-datetime": format!("{day}T00:00:00Z"),
                "end-datetime": format!("{day}T23:59:59Z"),
            },
            "contact-info": "a@test.example",
            "report-id": organisation,
            "policies": [{
                "policy": { "policy-type": "sts", "policy-domain": DOMAIN, "policy-string": lines },
                "summary": {
                    "total-successful-session-count": 5,
                    "total-failure-session-count": 0,
                },
            }],
        })
        .to_string()
    };
    let lines: Vec<&str> = text.lines().collect();
    daemon.post_report(&report("Fresh", &lines));
    daemon.post_report(&report(
        "Stale",
        &["version: STSv1", "mode: testing", "mx: old.example", "max_age: 3600"],
    ));
    daemon.wait_for(&page, "<bdi>Fresh</bdi>");
    daemon.wait_for(&page, "<bdi>Stale</bdi>");
    let seen = json(&daemon, &format!("/api/v1{page}"))["policies"].clone();
    let by = |name: &str| {
        let all = seen.as_array().unwrap().iter();
        all.clone().find(|one| one["by"][0] == name).unwrap()["differences"].clone()
    };
    assert_eq!(by("Fresh"), Value::Array(Vec::new()), "{seen}");
    let stale = by("Stale").to_string();
    assert!(stale.contains("its mode is testing, not enforce"), "{seen}");
    assert!(stale.contains("it has mx: old.example"), "{seen}");
    let shown = daemon.get(&page).1;
    for said in ["As published", "The same as published.", "Otherwise than published:"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}
