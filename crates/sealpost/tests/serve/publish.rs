//! The role of the domain owner: policies are served and domains led on, in the lab.

use std::process::{Command, Output};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sealpost_lab::{Lab, Options, Ports};
use serde_json::Value;

use crate::access::{Browser, PASSWORD, web};
use crate::daemon::{Daemon, World};

/// A lab that nobody closes: it ends with the process.
static LAB: LazyLock<(tokio::runtime::Runtime, Lab)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    (runtime, lab)
});

/// Nobody answers at the port of that name server.
const CONFIGURATION: &str = "
store = \"all.sqlite\"
[serve]
http = [\"127.0.0.1:0\"]
[publish]
directory = \"domains\"
[publish.host]
proxied = [\"127.0.0.1:0\"]
[publish.dns_servers.gone]
server = \"127.0.0.1:1\"
";

/// One is led on; for one a move is proposed; for one a zone cannot be written; one is live already;
/// and one has a fixed mode.
const DOMAINS: &str = "
[domains.\"sts-record-missing.test\"]
mx = [\"mx1.sts-record-missing.test\"]
rollout = { autonomy = \"auto\" }
[domains.\"mail.good.test\"]
mx = [\"mx1.mail.good.test\"]
[domains.\"sts-record-no-data.test\"]
mx = [\"mx1.sts-record-no-data.test\"]
rollout = { autonomy = \"auto\" }
dns = \"gone\"
rua = [\"mailto:tls-reports@example.com\"]
[domains.\"good.test\"]
mx = [\"mx1.good.test\"]
[domains.\"absent-dane-good.test\"]
host = \"own\"
mode = \"testing\"
mx = [\"mx1.absent-dane-good.test\"]
";

const FIXED: &str = "absent-dane-good.test";

/// Ends what goes on until then.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn world() -> World {
    let world = World::new();
    world.write(CONFIGURATION);
    fs_err::create_dir(world.path("domains")).unwrap();
    fs_err::write(world.path("domains/all.toml"), DOMAINS).unwrap();
    world
}

fn start(world: &World, more: &[&str]) -> Daemon {
    let settings = LAB.1.settings_file().to_str().unwrap();
    Daemon::start(world, &[&["--network", settings][..], more].concat())
}

fn run_publish(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
    command.arg("publish").args(arguments).arg("--config").arg(world.path("sealpost.toml"));
    command.output().unwrap()
}

fn publish(world: &World, arguments: &[&str]) -> String {
    let output = run_publish(world, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn domains_are_led_on_and_counted() {
    let world = world();
    let daemon = start(&world, &[]);
    assert_eq!(daemon.ready, "ready: publish with 5 domains, check with 5 domains\n");
    assert_eq!(daemon.get("/readyz"), (200, "publish: runs\ncheck: runs\n".to_owned()));
    for line in [
        "sealpost_publish_passes_total 5",
        "sealpost_publish_domains{stage=\"nothing\"} 2",
        "sealpost_publish_domains{stage=\"record\"} 2",
        "sealpost_publish_domains{stage=\"testing\"} 1",
        "sealpost_publish_moves_total{stage=\"record\"} 2",
        "sealpost_publish_moves_total{stage=\"testing\"} 0",
        "sealpost_publish_proposals_total 1",
        "sealpost_publish_gates{gate=\"open\"} 1",
        "sealpost_publish_gates{gate=\"shut\"} 2",
        "sealpost_publish_gates{gate=\"none\"} 1",
        "sealpost_publish_pass_failures_total{cause=\"not-taken-up\"} 1",
        "sealpost_publish_pass_failures_total{cause=\"dns\"} 1",
        "sealpost_publish_pass_failures_total{cause=\"store\"} 0",
        "sealpost_publish_pass_seconds_count 5",
        "sealpost_publish_domains_due 0",
        "sealpost_publish_policies 1",
    ] {
        daemon.wait_for("/metrics", &format!("{line}\n"));
    }
    assert_eq!(daemon.policy("good.test").0, 404, "another hosts it");
    let adopt = "`sealpost publish adopt good.test`";
    daemon.wait_for("/domains/good.test", adopt);
    assert!(publish(&world, &["status", "good.test"]).contains(adopt));
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("publish: listening at 127.0.0.1:"), "{said}");

    // Where it was is where it goes on, when its time has come.
    let later = sealpost_runtime::Clock::system().now() + std::time::Duration::from_secs(7_200);
    let daemon = start(&world, &["--at", &later.to_string()]);
    daemon.wait_for("/metrics", "sealpost_publish_moves_total{stage=\"prerequisites\"} 1\n");
    daemon.wait_for("/metrics", "sealpost_publish_domains{stage=\"prerequisites\"} 1\n");
    assert!(daemon.terminate().0.success());
    let status = publish(&world, &["status", "--logbook", "sts-record-missing.test"]);
    assert!(status.contains("record → prerequisites: every condition holds"), "{status}");
}

#[test]
fn other_domains_are_taken_up_without_a_dropped_request_and_every_body_is_kept() {
    let world = world();
    let mut daemon = start(&world, &[]);
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let path = world.path("domains/all.toml");
    std::thread::scope(|scope| {
        // Also where this panics: a scope waits for its threads.
        let _over = Over(&is_over);
        let place = daemon.policy_place();
        for _ in 0..2 {
            let (is_over, asked, place) = (&is_over, &asked, place.clone());
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let (status, body) = crate::daemon::policy_at(&place, FIXED);
                    assert_eq!(status, 200, "{body}");
                    let ages = ["max_age: 86400\r\n", "max_age: 172800\r\n"];
                    assert!(ages.iter().any(|age| body.ends_with(age)), "{body}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let more_are_asked = || {
            let before = asked.load(Ordering::Relaxed);
            for _ in 0..6_000 {
                if asked.load(Ordering::Relaxed) >= before + 10 {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            panic!("requests do not go on");
        };
        more_are_asked();
        // What cannot be used changes nothing.
        fs_err::write(&path, "nonsense").unwrap();
        daemon.hang_up();
        daemon.wait_to_hear("what was served is served on");
        let longer = DOMAINS.replace("mode = \"testing\"", "mode = \"testing\"\nmax_age = 172800");
        fs_err::write(&path, longer).unwrap();
        daemon.hang_up();
        let line = daemon.wait_to_hear("read the configuration again");
        assert!(line.contains("1 domains, 1 policies changed"), "{line}");
        let (status, body) = daemon.policy(FIXED);
        assert!(status == 200 && body.ends_with("max_age: 172800\r\n"), "{status} {body}");
        more_are_asked();
    });

    // Other addresses make it start anew.
    world.write(&CONFIGURATION.replace("proxied", "connections = 1000\nproxied"));
    daemon.hang_up();
    daemon.wait_to_hear("publish starts with other settings");
    daemon.wait_for("/readyz", "publish: runs\n");
    assert!(daemon.terminate().0.success());

    let text = publish(&world, &["status", "--logbook", FIXED]);
    let rows: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("Z  ")?.1)).collect();
    assert_eq!(
        rows,
        [
            "nothing → testing: the configuration fixes the mode",
            "policy served: testing 86400",
            "policy served: testing 172800",
        ],
        "{text}"
    );
    assert!(text.contains("nobody knows what was served before: it counts as a year"), "{text}");
    let plan = publish(&world, &["plan", FIXED, "--leave", "--format", "json"]);
    assert!(plan.contains("remove-record"), "{plan}");
}

/// What is taken up by itself has an unknown past, until a person states it.
#[test]
fn the_past_of_a_domain_that_was_taken_up_is_stated_later() {
    let world = World::new();
    world.write(&format!(
        "[publish]\n[publish.host]\nproxied = [\"127.0.0.1:0\"]\n\
         [publish.domains.\"{FIXED}\"]\nhost = \"own\"\nmode = \"testing\"\n\
         mx = [\"mx1.{FIXED}\"]\n"
    ));
    let daemon = start(&world, &[]);
    assert_eq!(daemon.policy(FIXED).0, 200);
    assert!(daemon.terminate().0.success());

    let now = sealpost_runtime::Clock::system().now();
    let day = |days: u64| {
        let then = now + std::time::Duration::from_secs(days * 86_400);
        then.to_string().split('T').next().unwrap().to_owned()
    };
    let plan = ["plan", FIXED, "--leave", "--format", "json"];
    let ends = || {
        let plan = publish(&world, &plan);
        let lines = plan.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut ends = lines.filter(|line| line["action"] == "remove-record");
        ends.next().unwrap()["not_before"].as_str().unwrap().to_owned()
    };
    assert!(ends() > day(365), "{}", ends());
    let refused = |arguments: &[&str], why: &str| {
        let output = run_publish(&world, arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    };
    let command = format!("`sealpost publish past {FIXED} ");
    refused(&[&plan[..], &["--past", "nothing"]].concat(), &command);
    let body = world.path("body");
    fs_err::write(&body, "version: STSv1\nmode: none\nmax_age: 86400\n").unwrap();
    let body = body.to_str().unwrap();
    let adopt = ["adopt", FIXED, "--body", body, "--id", "1", "--mx", "mx1.test", "--by", "Kim"];
    refused(&adopt, &command);
    let stated = |domain, past, reason| ["past", domain, past, "--reason", reason, "--by", "Kim"];
    refused(&stated(FIXED, "nothing", " "), "there is no reason");
    refused(&stated("elsewhere.test", "nothing", "it is new"), "nothing is kept of it");
    assert!(ends() > day(365), "{}", ends());

    publish(&world, &stated(FIXED, "604800", "the old host kept a log"));
    // A day for a record of which nobody knows the TTL.
    assert!(ends() > day(8) && ends() < day(10), "{}", ends());
    publish(&world, &stated(FIXED, "nothing", "there was none"));
    // What was served since, for a day, still counts.
    assert!(ends() > day(1) && ends() < day(4), "{}", ends());
    let history = publish(&world, &["history", FIXED]);
    let mut rows: Vec<&str> = history.lines().rev().take(4).collect();
    rows.reverse();
    assert!(rows[0].contains("longer max_age than 604800, by Kim"), "{history}");
    assert_eq!(rows[1], "    the old host kept a log", "{history}");
    assert!(rows[2].ends_with("past stated: no policy was served before, by Kim"), "{history}");
    assert_eq!(rows[3], "    there was none", "{history}");
}

/// Senders hold what was served, whatever becomes of the configuration.
#[test]
fn a_domain_that_is_taken_out_is_served_until_no_sender_can_hold_its_policy() {
    let world = World::new();
    world.write(CONFIGURATION);
    fs_err::create_dir(world.path("domains")).unwrap();
    let other = "sts-record-missing.test";
    let configure = |domains: &[&str]| {
        let domains = domains.iter().map(|name| {
            format!(
                "[domains.\"{name}\"]\nhost = \"own\"\nmode = \"enforce\"\n\
                 max_age = 604800\nmx = [\"mx1.{name}\"]\n"
            )
        });
        fs_err::write(world.path("domains/all.toml"), domains.collect::<String>()).unwrap();
    };
    let logbook = || {
        let text = publish(&world, &["history", FIXED]);
        let rows = text.lines().filter_map(|line| Some(line.split_once("Z  ")?.1.to_owned()));
        rows.collect::<Vec<String>>()
    };
    configure(&[FIXED, other]);
    let mut daemon = start(&world, &[]);
    let served = daemon.policy(FIXED);
    assert!(served.0 == 200 && served.1.contains("mode: enforce"), "{served:?}");
    daemon.wait_for("/metrics", "sealpost_publish_domains_gone 0\n");
    assert_eq!(logbook().len(), 2);

    configure(&[other]);
    daemon.hang_up();
    let line = daemon.wait_to_hear("taken out of the configuration");
    assert!(line.contains("senders may hold its policy (enforce 604800) until 2"), "{line}");
    let line = daemon.wait_to_hear("read the configuration again");
    assert!(line.contains("1 domains, 0 policies changed"), "{line}");
    assert_eq!(daemon.policy(FIXED), served);
    daemon.wait_for("/metrics", "sealpost_publish_domains_gone 1\n");
    daemon.wait_for("/metrics", "sealpost_publish_policies 2\n");
    let status = publish(&world, &["status"]);
    assert!(
        status.contains("serves enforce 604800, taken out of the configuration at"),
        "{status}"
    );
    assert!(status.contains("to do: it is not in the configuration any more; senders"), "{status}");
    let status = publish(&world, &["status", FIXED, "--format", "json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert!(status["taken_out_at"].is_number() && status["domain"] == FIXED, "{status}");
    // Nobody leads it.
    let reason = ["--reason", "haste", "--by", "Kim"];
    assert_eq!(
        run_publish(&world, &[&["move", FIXED, "testing"][..], &reason].concat()).status.code(),
        Some(2)
    );

    // So it is after a start, with no domain left too.
    assert!(daemon.terminate().0.success());
    configure(&[]);
    let mut daemon = start(&world, &[]);
    for domain in [FIXED, other] {
        assert_eq!(daemon.policy(domain).0, 200, "{domain}");
    }
    daemon.wait_for("/metrics", "sealpost_publish_domains_gone 2\n");
    assert!(publish(&world, &["status"]).contains(FIXED));

    // Back in time it is as it was.
    configure(&[FIXED]);
    daemon.hang_up();
    daemon.wait_to_hear("read the configuration again");
    assert_eq!(daemon.policy(FIXED), served);
    daemon.wait_for("/metrics", "sealpost_publish_domains_gone 1\n");
    let rows = logbook();
    let taken = "taken out of the configuration";
    let back = "in the configuration again, and served all the while";
    let body = "policy served: enforce 604800";
    let settled = "nothing → enforce-week: the configuration fixes the mode";
    assert_eq!(rows, [settled, body, taken, back], "once each");

    // A week and some minutes later nobody holds it.
    configure(&[]);
    daemon.hang_up();
    daemon.wait_to_hear("read the configuration again");
    assert!(daemon.terminate().0.success());
    let later = |days: u64| {
        let now = sealpost_runtime::Clock::system().now();
        (now + std::time::Duration::from_secs(days * 86_400)).to_string()
    };
    let daemon = start(&world, &["--at", &later(6)]);
    assert_eq!(daemon.policy(FIXED), served);
    drop(daemon);
    let mut daemon = start(&world, &["--at", &later(8)]);
    assert_eq!(daemon.policy(FIXED).0, 404);
    daemon.wait_for("/metrics", "sealpost_publish_domains_gone 0\n");
    let letting = "let go: no sender can hold its policy any more";
    assert_eq!(logbook().split_off(4), [taken, letting]);
    assert_eq!(run_publish(&world, &["status", FIXED]).status.code(), Some(2), "it is not known");

    // Who comes back then is new: what was served meanwhile, and by whom, is not known.
    configure(&[FIXED]);
    daemon.hang_up();
    let line = daemon.wait_to_hear("read the configuration again");
    assert!(line.contains("1 are new"), "{line}");
    let mut waited = 0;
    while daemon.policy(FIXED) != served {
        assert!(waited < 600, "it is not taken up");
        std::thread::sleep(std::time::Duration::from_millis(100));
        waited += 1;
    }
    assert!(daemon.terminate().0.success());
    assert_eq!(logbook().split_off(6), [settled, body]);
    let plan = publish(&world, &["plan", FIXED, "--leave", "--format", "json", "--at", &later(8)]);
    let last = plan.lines().last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert!(last["not_before"].as_str().unwrap() > &*later(370), "{plan}");
}

/// Each answers for its own, and a domain may go from one to the other.
#[test]
fn hosts_with_names_that_share_a_store_leave_the_domains_of_others_alone() {
    let worlds = [World::new(), World::new()];
    let store = worlds[0].path("all.sqlite");
    let other = "sts-record-missing.test";
    let configure = |number: usize, domains: &[&str]| {
        let domains = domains.iter().map(|name| {
            format!(
                "[publish.domains.\"{name}\"]\nhost = \"own\"\nmode = \"enforce\"\n\
                 max_age = 604800\nmx = [\"mx1.{name}\"]\n"
            )
        });
        let domains: String = domains.collect();
        worlds[number].write(&format!(
            "store = \"{}\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n\
             [publish.host]\nname = \"{number}\"\nproxied = [\"127.0.0.1:0\"]\n{domains}",
            store.display()
        ));
    };
    let logbook = || {
        let text = publish(&worlds[0], &["history", FIXED]);
        let rows = text.lines().filter_map(|line| Some(line.split_once("Z  ")?.1.to_owned()));
        rows.collect::<Vec<String>>()
    };
    configure(0, &[FIXED]);
    configure(1, &[other]);
    let mut first = start(&worlds[0], &[]);
    let mut second = start(&worlds[1], &[]);
    let served = first.policy(FIXED);
    assert!(served.0 == 200 && second.policy(other).0 == 200, "{served:?}");
    assert_eq!((first.policy(other).0, second.policy(FIXED).0), (404, 404));
    for daemon in [&mut first, &mut second] {
        daemon.hang_up();
        daemon.wait_to_hear("read the configuration again");
        daemon.wait_for("/metrics", "sealpost_publish_domains_gone 0\n");
    }
    let before = logbook();
    assert_eq!(before.len(), 2, "{before:?}");

    // The other has it too, and then alone.
    configure(1, &[FIXED, other]);
    second.hang_up();
    second.wait_to_hear("read the configuration again");
    assert_eq!(second.policy(FIXED), served);
    configure(0, &[]);
    first.hang_up();
    first.wait_to_hear("read the configuration again");
    assert_eq!((first.policy(FIXED).0, second.policy(FIXED).0), (404, 200));
    first.wait_for("/metrics", "sealpost_publish_domains_gone 0\n");
    assert_eq!(logbook(), before, "it was in a configuration all the while");
    // The last that had it says when it is gone, and serves it on.
    configure(1, &[]);
    second.hang_up();
    second.wait_to_hear("read the configuration again");
    assert_eq!(logbook().split_off(2), ["taken out of the configuration"]);
    assert_eq!(second.policy(FIXED), served);
    second.wait_for("/metrics", "sealpost_publish_domains_gone 2\n");
    assert!(first.terminate().0.success() && second.terminate().0.success());
}

#[test]
fn what_is_enforced_leaves_out_no_mx_host_at_a_reload() {
    let world = World::new();
    world.write(CONFIGURATION);
    fs_err::create_dir(world.path("domains")).unwrap();
    let path = world.path("domains/all.toml");
    let configure = |mx: &str| {
        let text =
            format!("[domains.\"{FIXED}\"]\nhost = \"own\"\nmode = \"enforce\"\nmx = [{mx}]\n");
        fs_err::write(&path, text).unwrap();
    };
    let (live, gone) = (format!("\"mx1.{FIXED}\""), format!("\"gone.{FIXED}\""));
    configure(&format!("{live}, {gone}"));
    let mut daemon = start(&world, &[]);
    let first = daemon.policy(FIXED).1;
    assert!(first.contains(&format!("mx: gone.{FIXED}\r\n")), "{first}");

    // It leaves out the host that senders find: what was served is served on.
    configure("\"elsewhere.test\"");
    daemon.hang_up();
    let line = daemon.wait_to_hear("read the configuration again");
    assert!(line.contains("0 policies changed, 1 wait until a look"), "{line}");
    let todo = format!("the policy leaves mx1.{FIXED}, an MX host, uncovered");
    daemon.wait_for(&format!("/domains/{FIXED}"), &todo);
    assert_eq!(daemon.policy(FIXED).1, first);
    daemon.wait_for("/metrics", "sealpost_publish_policies_held 1\n");
    let status = publish(&world, &["status", FIXED]);
    assert!(status.contains(&todo), "{status}");
    // So it is after a start with it.
    assert!(daemon.terminate().0.success());
    let mut daemon = start(&world, &[]);
    assert_eq!(daemon.policy(FIXED).1, first);

    // Only the host that is gone is left out: a look shows it, and then it is served.
    configure(&live);
    daemon.hang_up();
    let line = daemon.wait_to_hear("read the configuration again");
    assert!(line.contains("0 policies changed, 1 wait until a look"), "{line}");
    daemon.wait_for("/metrics", "sealpost_publish_policies_held 0\n");
    let second = daemon.policy(FIXED).1;
    assert!(second.contains("mode: enforce") && !second.contains("gone"), "{second}");
    // More hosts than before leave out none.
    configure(&format!("{live}, \"new.test\""));
    daemon.hang_up();
    let line = daemon.wait_to_hear("read the configuration again");
    assert!(line.contains("1 policies changed") && !line.contains("wait"), "{line}");
    let third = daemon.policy(FIXED).1;
    assert!(third.contains("mx: new.test\r\n"), "{third}");
    assert!(daemon.terminate().0.success());
    let settings = sealpost_store::Settings::at(world.path("all.sqlite"));
    let kept = LAB.0.block_on(async {
        let store = sealpost_store::Store::open_to_read(settings).await.unwrap();
        store.rollouts().load(FIXED.parse().unwrap()).await.unwrap().unwrap()
    });
    assert_eq!(kept.history.bodies().len(), 3, "each body once: {kept:?}");
}

/// Somebody else serves the policy of the one; of the other it cannot be told at first.
#[test]
fn what_another_publishes_is_not_replaced_before_it_is_taken_over() {
    let world = World::new();
    let host = "[publish]\n[publish.host]\nproxied = [\"127.0.0.1:0\"]\n";
    let domains = format!(
        "[publish.domains.\"good.test\"]\nhost = \"own\"\nmode = \"enforce\"\n\
         mx = [\"mx1.good.test\"]\n\
         [publish.domains.\"{FIXED}\"]\nhost = \"own\"\nmode = \"testing\"\n\
         mx = [\"mx1.{FIXED}\"]\n"
    );
    let deaf = "[network]\nresolvers = [\"127.0.0.1:1\"]\n";
    world.write(&format!("{deaf}{host}{domains}"));
    let daemon = Daemon::start(&world, &[]);
    let all = ["good.test", FIXED];
    for domain in all {
        assert_eq!(daemon.policy(domain).0, 404, "nobody knows what is live of {domain}");
        daemon.wait_for(&format!("/domains/{domain}"), "could not tell what is live");
        assert!(publish(&world, &["status", domain]).contains("could not tell what is live"));
    }
    daemon.wait_for("/metrics", "sealpost_publish_policies_held 2\n");
    let said = daemon.terminate().1;
    assert!(said.contains("its policy is not served: could not tell what is live"), "{said}");
    // Who is not configured any more need not be told.
    world.write(&format!("{deaf}{host}"));
    let daemon = Daemon::start(&world, &[]);
    for domain in all {
        assert!(!daemon.get(&format!("/domains/{domain}")).1.contains("could not tell what"));
    }
    assert!(daemon.terminate().0.success());

    world.write(&format!("{host}{domains}"));
    let daemon = start(&world, &[]);
    assert_eq!(daemon.policy(FIXED).0, 200);
    assert_eq!(daemon.policy("good.test").0, 404);
    daemon.wait_for("/metrics", "sealpost_publish_policies_held 1\n");
    let adopt = "`sealpost publish adopt good.test`";
    daemon.wait_for("/domains/good.test", adopt);
    let status = publish(&world, &["status"]);
    let (first, second) = status.split_once("good.test: nothing\n").unwrap();
    assert!(second.contains(adopt) && !first.contains("adopt"), "{status}");

    let settings = LAB.1.settings_file().to_str().unwrap();
    publish(&world, &["adopt", "good.test", "--by", "Kim", "--network", settings]);
    let mut waited = 0;
    while daemon.policy("good.test").0 != 200 {
        assert!(waited < 600, "it is taken over, and waits on");
        std::thread::sleep(std::time::Duration::from_millis(100));
        waited += 1;
    }
    daemon.wait_for("/metrics", "sealpost_publish_policies_held 0\n");
    let said = daemon.terminate().1;
    assert!(said.contains(adopt), "{said}");
    let logbook = publish(&world, &["status", "--logbook", "good.test"]);
    let taken_over = logbook.lines().find_map(|line| Some(line.split_once("Z  ")?.1)).unwrap();
    assert!(taken_over.starts_with("taken over"), "{logbook}");
}

/// The record that `publish records` says may be set before anything runs.
#[test]
fn whose_record_is_set_already_is_taken_up() {
    let world = World::new();
    let set = |mx: &str| {
        world.write(&format!(
            "[publish]\n[publish.host]\nproxied = [\"127.0.0.1:0\"]\n\
             [publish.domains.\"tour.test\"]\nhost = \"own\"\nmode = \"testing\"\nmx = [\"{mx}\"]\n"
        ));
    };
    set("mx1.tour.test");
    let records = publish(&world, &["records", "tour.test"]);
    let (_, record) = records.split_once("\"v=STSv1; id=").unwrap();
    let id = record.split(';').next().unwrap();
    LAB.1.set_text("_mta-sts.tour.test", &format!("v=STSv1; id={id};")).unwrap();
    set("mx2.tour.test");
    let daemon = start(&world, &[]);
    assert_eq!(daemon.policy("tour.test").0, 404, "the id is that of another policy");
    drop(daemon);
    set("mx1.tour.test");
    let daemon = start(&world, &[]);
    assert_eq!(daemon.policy("tour.test").0, 200);
    assert!(!publish(&world, &["status"]).contains("adopt"), "nobody is asked for anything");
    assert!(daemon.terminate().0.success());
}

#[test]
fn a_move_whose_publication_fails_is_told_as_a_move() {
    let world = World::new();
    world.write(&format!("{CONFIGURATION}[web]\npassword_file = \"hash\"\n"));
    assert_eq!(web(&world, &["password", "--output", "hash"], PASSWORD).0, 0);
    fs_err::create_dir(world.path("domains")).unwrap();
    let text = "[domains.\"sts-record-no-data.test\"]\nmx = [\"mx1.sts-record-no-data.test\"]\n\
                dns = \"gone\"\nrua = [\"mailto:tls-reports@example.com\"]\n";
    fs_err::write(world.path("domains/all.toml"), text).unwrap();
    let daemon = start(&world, &[]);
    daemon.wait_for("/metrics", "sealpost_publish_passes_total 1\n");
    let mut browser = Browser::at(&daemon);
    browser.log_in();
    let form = format!("mark={}&to=record&reason=reports", browser.mark());
    let moved = browser.post("/domains/sts-record-no-data.test/move", &form);
    assert_eq!(moved.status, 200, "{}", moved.body);
    let activity = browser.get("/activity").body;
    for said in ["nothing → record; not yet published", "127.0.0.1:1", "the next pass goes on"] {
        assert!(moved.body.contains(said), "{said}: {}", moved.body);
        assert!(activity.contains(said), "{said}: {activity}");
    }
    let page = browser.get("/domains/sts-record-no-data.test").body;
    assert!(page.contains("<li aria-current=\"step\" class=\"current\">record</li>"), "{page}");
}

#[test]
fn a_person_gives_his_word_on_a_page_and_a_program_with_a_token() {
    let world = world();
    world.write(&format!("{CONFIGURATION}[web]\npassword_file = \"hash\"\n"));
    assert_eq!(web(&world, &["password", "--output", "hash"], PASSWORD).0, 0);
    let daemon = start(&world, &[]);
    daemon.wait_for("/metrics", "sealpost_publish_passes_total 5\n");
    let mut browser = Browser::at(&daemon);
    browser.log_in();
    let page = browser.get("/domains/mail.good.test").body;
    assert!(page.contains("<option>record</option>") && page.contains("A person’s word"), "{page}");

    assert!(page.contains("every condition holds to move on to <code>record</code>"), "{page}");
    let shut = browser.get("/domains/sts-record-no-data.test").body;
    for said in ["To be done", "127.0.0.1:1"] {
        assert!(shut.contains(said), "{said}: {shut}");
    }

    let mark = browser.mark();
    let moved = |to: &str, reason: &str| {
        let form = format!("mark={mark}&to={to}&reason={reason}");
        browser.post("/domains/mail.good.test/move", &form)
    };
    assert_eq!(moved("record", "").status, 400, "the logbook wants a reason");
    assert_eq!(moved("enforce", "b").status, 400, "no stage is called so");
    assert_eq!(moved("enforce-long", "b").status, 409, "nor is it the next one");
    let done = moved("record", "reports+shall+come+%3Cb%3E");
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(done.field("location"), Some("/domains/mail.good.test#logbook"));
    let page = browser.get("/domains/mail.good.test").body;
    assert!(page.contains("<li aria-current=\"step\" class=\"current\">record</li>"), "{page}");
    assert!(page.contains("the operator") && !page.contains("come <b>"), "{page}");
    assert!(!page.contains("every condition holds to move on to <code>record</code>"), "{page}");
    let again = moved("record", "reports+shall+come");
    assert_eq!(again.status, 409);
    assert!(again.body.contains("already"), "{}", again.body);
    let page = browser.get("/domains/mail.good.test").body;
    assert!(page.contains("holds to move on to <code>prerequisites</code>"), "{page}");
    let form = format!("mark={mark}&to=testing&reason=haste");
    let refused = browser.post("/domains/sts-record-no-data.test/move", &form);
    assert_eq!(refused.status, 409, "{}", refused.body);
    let shut = browser.get("/domains/sts-record-no-data.test").body;
    assert!(shut.contains("What the gate waits for"), "{shut}");
    let history = publish(&world, &["history", "mail.good.test"]);
    assert!(history.contains("nothing → record") && history.contains("shall come"), "{history}");

    let store = world.path("all.sqlite");
    let new = ["token", "new", "deploy", "--scope", "write", "--store", store.to_str().unwrap()];
    let bearer = format!("Bearer {}", web(&world, &new, "").1);
    let ask = |domain: &str, verb: &str, body: &str| {
        let fields = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        daemon.send("POST", &format!("/api/v1/domains/{domain}/{verb}"), &fields, body)
    };
    let kind =
        "{\"groups\": [\"sts/certificate-expired/mx1.mail.good.test\"], \"reason\": \"known\"}";
    let (status, _, body) = ask("mail.good.test", "accept", kind);
    assert_eq!((status, &*body), (200, "{\"said\":\"accepted\"}"));
    assert_eq!(ask("mail.good.test", "accept", &kind.replace("sts/", "")).0, 409);
    assert_eq!(ask("mail.good.test", "waive", "{\"reason\": \"known\"}").0, 409, "not in record");
    assert_eq!(ask("unknown.test", "waive", "{\"reason\": \"known\"}").0, 404);
    let move_on = "{\"to\": \"prerequisites\", \"reason\": \"known\"}";
    assert_eq!(ask("unknown.test", "move", move_on).0, 404);
    assert_eq!(ask(FIXED, "move", move_on).0, 409, "the configuration says where it is");
    let activity = browser.get("/activity").body;
    for said in ["the token deploy", "nothing → record", "not done: ", "known"] {
        assert!(activity.contains(said), "{said}: {activity}");
    }
    assert_eq!(daemon.metric("sealpost_web_changes_total{outcome=\"done\"}"), 2);
    assert!(daemon.terminate().0.success());
}

#[test]
fn pages_are_of_the_file_of_a_role_that_runs() {
    let world = World::new();
    world.write("[serve]\nhttp = [\"127.0.0.1:0\"]\n[publish]\nstore = \"own.sqlite\"\n");
    let daemon = start(&world, &[]);
    assert_eq!(daemon.ready, "ready: publish with 0 domains, check with 0 domains\n");
    assert_eq!(daemon.get("/").0, 200);
    assert!(daemon.terminate().0.success());
    assert!(world.path("own.sqlite").exists());
}

#[test]
fn reports_of_what_is_published_count_without_its_being_named_again() {
    let world = World::new();
    world.write(&format!(
        "{CONFIGURATION}[receive]\ndomains = [\"ours.example\"]\n\
         listen = {{ smtp = [], lmtp = [], http = [\"127.0.0.1:0\"] }}\n\
         [[receive.admit]]\nname = \"test\"\nnetworks = [\"127.0.0.0/8\"]\n"
    ));
    fs_err::create_dir(world.path("domains")).unwrap();
    let publish = |domains: &[&str]| {
        let domains = domains.iter().map(|name| {
            format!(
                "[domains.\"{name}\"]\nhost = \"own\"\nmode = \"testing\"\nmx = [\"mx1.{name}\"]\n"
            )
        });
        fs_err::write(world.path("domains/all.toml"), domains.collect::<String>()).unwrap();
    };
    publish(&["mail.good.test"]);
    let mut daemon = start(&world, &[]);
    let now = sealpost_runtime::Clock::system().now().to_string();
    let day = now.split('T').next().unwrap();
    let report = |reporter: &str, domain: &str| {
        format!(
            r#"{{"organization-name":"{reporter}","report-id":"{reporter}-{domain}",
            "date-range":{{"start-datetime":"{day}T00:00:00Z","end-datetime":"{day}T23:59:59Z"}},
            "policies":[{{"policy":{{"policy-type":"sts","policy-domain":"{domain}"}},
            "summary":{{"total-successful-session-count":5,"total-failure-session-count":0}}}}]}}"#
        )
    };
    daemon.post_report(&report("First", "mail.good.test"));
    daemon.post_report(&report("Early", FIXED));
    daemon.wait_for("/api/v1/reports", "First");
    daemon.wait_for("/api/v1/reports?scope=not-ours", "Early");
    publish(&["mail.good.test", FIXED]);
    daemon.hang_up();
    daemon.wait_to_hear("domains whose reports count: 3");
    daemon.post_report(&report("Late", FIXED));
    daemon.wait_for("/api/v1/reports", "Late");
    assert!(daemon.terminate().0.success());
}
