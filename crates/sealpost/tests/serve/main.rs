//! `sealpost serve`: several roles as one daemon.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod access;
mod alerts;
mod checks;
mod daemon;
mod incidents;
mod log;
mod newer_store;
mod pages;
mod publish;
mod sending;
#[expect(dead_code, reason = "it takes everything here")]
#[path = "../report/sink.rs"]
mod sink;
mod soak;
mod without_file;

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::daemon::{Daemon, World};

#[test]
fn every_role_that_has_a_section_runs_and_no_other() {
    let world = World::new();
    world.write("[enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\n[receive]\nlisten = { smtp = [\"127.0.0.1:0\"], lmtp = [] }\n");
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.ready, "ready: enforce with 0 policies, receive\n");
    let metrics = daemon.get("/metrics");
    for name in ["sealpost_enforce_", "sealpost_receive_", "sealpost_role_up{role=\"enforce\"} 1"] {
        assert!(metrics.1.contains(name), "{name}: {}", metrics.1);
    }
    assert!(metrics.1.contains("sealpost_role_up{role=\"report\"} 0"));
    assert!(!metrics.1.contains("sealpost_report_"));
    let processes = metrics.1.matches("\nprocess_start_time_seconds ").count();
    assert_eq!(processes, 1, "the process is described once");
    assert_eq!(daemon.get("/readyz"), (200, "enforce: runs\nreceive: runs\n".to_owned()));
    assert_eq!(daemon.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(daemon.get("/v1/enforce").0, 200);
    assert_eq!(daemon.get("/other").0, 404);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("enforce: listening at 127.0.0.1:"), "{said}");
    assert!(said.ends_with("stopping\n"), "{said}");
}

#[test]
fn who_lets_no_mail_server_ask_answers_over_http() {
    let world = World::new();
    world.write("[enforce]\nlisten = []\ndane = \"off\"\n");
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.get("/v1/enforce/good.test").0, 200);
    assert_eq!(daemon.get("/readyz"), (200, "enforce: runs\n".to_owned()));
    let (status, said) = daemon.terminate();
    assert!(status.success() && !said.contains("failed"), "{said}");
}

#[test]
fn all_roles_share_one_store() {
    let world = World::new();
    world.write_all_roles("");
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.ready, "ready: enforce with 0 policies, receive, report\n");
    let socket = UnixDatagram::unbound().unwrap();
    socket.send_to(b"not a session", world.path("tlsrpt.sock")).unwrap();
    daemon.wait_for("/metrics", "sealpost_report_refused_total{cause=\"not-json\"} 1");
    assert!(daemon.terminate().0.success());
    assert!(world.path("all.sqlite").exists(), "the file that the configuration names");
    assert!(world.path("all.sqlite.raw.db").exists(), "and the raw file beside it");
}

#[test]
fn nothing_to_run_is_refused_and_so_is_a_port_that_is_taken() {
    let world = World::new();
    world.write("[network]\n");
    let (status, said) = world.run_to_its_end(&[]);
    assert_eq!(status, 2);
    assert!(said.contains("write a section for each role"), "{said}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.write(&format!("[enforce]\nlisten = [\"{address}\"]\ndane = \"off\"\n"));
    let (status, said) = world.run_to_its_end(&[]);
    assert_eq!(status, 2);
    assert!(said.starts_with("no role starts, so nothing does\n"), "{said}");
    assert!(said.contains(&format!("error: failed to listen at {address}")), "{said}");

    // So is what can never work, whatever else there is to run.
    world.write(
        "[enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\n\
         [receive]\ncertificate = \"cert.pem\"\nlisten = { smtp = [\"127.0.0.1:0\"], lmtp = [] }\n",
    );
    let (status, said) = world.run_to_its_end(&[]);
    assert_eq!(status, 2);
    assert!(said.starts_with("error: failed to use the configuration: "), "{said}");
}

/// After a restart that nobody watches, the port of one role must not hold up the mail that goes
/// out.
#[test]
fn a_role_that_cannot_start_is_tried_again_while_the_others_run() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.write(&format!(
        "[enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\n\
         [receive]\nlisten = {{ smtp = [\"{address}\"], lmtp = [] }}\n"
    ));
    let mut daemon = Daemon::start(&world, &[]);
    let ready = "ready: enforce with 0 policies, receive (has failed and is tried again)\n";
    assert_eq!(daemon.ready, ready);
    let waits = "enforce: runs\nreceive: has failed and is tried again\n";
    assert_eq!(daemon.get("/readyz"), (503, waits.to_owned()));
    assert_eq!(daemon.get("/v1/enforce/good.test").0, 200);
    assert_eq!(daemon.metric("sealpost_role_up{role=\"receive\"}"), 0);
    assert!(daemon.metric("sealpost_role_failures_total{role=\"receive\"}") >= 1);
    drop(taken);
    daemon.wait_to_hear("receive runs again");
    assert_eq!(daemon.get("/readyz"), (200, "enforce: runs\nreceive: runs\n".to_owned()));
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains(&format!("error: failed to listen at {address}")), "{said}");
}

#[test]
fn pages_that_cannot_be_opened_are_tried_again_while_the_roles_run() {
    let world = World::new();
    world.write(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n\
         certificate = \"cert.pem\"\nkey = \"key.pem\"\n[enforce]\nlisten = [\"127.0.0.1:0\"]\n\
         dane = \"off\"\n",
    );
    let mut daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.get("/v1/enforce/good.test").0, 200);
    let shut = "enforce: runs\npages: cannot be opened in full and are tried again\n";
    assert_eq!(daemon.get("/readyz"), (503, shut.to_owned()));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs_err::write(world.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs_err::write(world.path("cert.pem"), made.cert.pem()).unwrap();
    daemon.wait_to_hear("listening at https://");
    daemon.wait_for("/readyz", "enforce: runs\n");
    assert_eq!(daemon.get("/readyz"), (200, "enforce: runs\n".to_owned()));
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("cert.pem") && said.contains("the pages are tried again in"), "{said}");
}

/// What a service manager shows, where nobody can ask at a page address.
#[test]
fn without_a_page_address_the_service_manager_knows_that_the_pages_wait() {
    let world = World::new();
    let manager = UnixDatagram::bind(world.path("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let hears = |status: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = manager.recv(&mut buffer).unwrap();
            if buffer[..length] == *format!("STATUS={status}").as_bytes() {
                return;
            }
        }
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.write(&format!(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"{address}\"]\n\
         [enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\n"
    ));
    let notify = world.path("notify");
    let variables = [("NOTIFY_SOCKET", notify.to_str().unwrap())];
    let mut daemon = Daemon::start_with(&world, &[], &variables);
    let waits =
        "ready: enforce with 0 policies, pages (cannot be opened in full and are tried again)";
    assert_eq!(daemon.ready.trim_end(), waits);
    hears(waits);
    drop(taken);
    daemon.wait_to_hear(&format!("listening at http://{address}"));
    hears("ready: enforce with 0 policies");
    assert!(daemon.terminate().0.success());
}

#[test]
fn reports_are_shown_as_they_came_once_their_file_can_be_opened() {
    let world = World::new();
    world.write(
        "[receive]\ndomains = [\"ours.example\"]\n\
         listen = { smtp = [], lmtp = [], http = [\"127.0.0.1:0\"] }\n[[receive.admit]]\n\
         name = \"test\"\nnetworks = [\"127.0.0.0/8\"]\n[enforce]\nlisten = []\ndane = \"off\"\n\
         [check]\nevery_hours = 0\n",
    );
    let raw = world.path("all.sqlite.raw.db");
    fs_err::create_dir(&raw).unwrap();
    let mut daemon = Daemon::start(&world, &[]);
    daemon.wait_for("/readyz", "pages: cannot be opened in full");
    assert_eq!(daemon.get("/readyz").0, 503);
    assert_eq!(daemon.get("/reports").0, 200, "everything else is shown");
    fs_err::remove_dir(&raw).unwrap();
    daemon.wait_to_hear("receive runs again");
    daemon.wait_for("/readyz", "enforce: runs\nreceive: runs\n");
    for _ in 0..600 {
        if daemon.get("/readyz").0 == 200 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(daemon.get("/readyz").0, 200);
    let day = sealpost_runtime::Clock::system().now().to_string();
    let day = day.split('T').next().unwrap();
    let report = format!(
        r#"{{"organization-name": "Test", "date-range": {{"start-datetime": "{day}T00:00:00Z", "end-datetime": "{day}T23:59:59Z"}}, "contact-info": "a@test.example", "report-id": "1", "policies": [{{"policy": {{"policy-type": "no-policy-found", "policy-domain": "ours.example"}}, "summary": {{"total-successful-session-count": 1, "total-failure-session-count": 0}}}}]}}"#
    );
    daemon.post_report(&report);
    daemon.wait_for("/api/v1/reports", "ours.example");
    assert!(daemon.get("/reports/1").1.contains("/reports/1/raw"));
    assert_eq!(daemon.get("/reports/1/raw"), (200, report));
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("the pages show no raw report until it can be opened"), "{said}");
}

#[test]
fn other_settings_are_taken_up_at_a_hang_up() {
    let world = World::new();
    world.write_all_roles("");
    let mut daemon = Daemon::start(&world, &[]);

    // What cannot be read changes nothing.
    world.write("[enforce]\nlisen = []\n");
    daemon.hang_up();
    daemon.wait_to_hear("everything goes on as before");
    assert_eq!(daemon.get("/readyz").0, 200);

    // One role has another setting, one is no longer named.
    world.write(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n\
         [enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\nmode = \"observe\"\n[receive]\nlisten = { smtp = [\"127.0.0.1:0\"], lmtp = [] }\n",
    );
    daemon.hang_up();
    daemon.wait_to_hear("enforce starts with other settings");
    daemon.wait_for("/readyz", "enforce: runs\nreceive: runs\n");
    daemon.wait_for("/v1/enforce", "\"mode\": \"observe\"");
    assert_eq!(daemon.get("/readyz").1, "enforce: runs\nreceive: runs\n");
    assert!(daemon.terminate().0.success());
}

#[test]
fn a_role_that_cannot_start_with_new_settings_goes_on_with_those_of_before() {
    let world = World::new();
    world.write_all_roles("");
    let mut daemon = Daemon::start(&world, &[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.write_all_roles(&format!("http = [\"{address}\"]\n"));
    daemon.hang_up();
    daemon.wait_to_hear("it goes on with the settings of before");
    daemon.wait_for("/readyz", "enforce: runs\nreceive: runs\nreport: runs\n");
    let shown = || daemon.get("/api/v1/settings").1;
    assert!(!shown().contains(&address.to_string()), "it is not in force: {}", shown());
    // Once the port is free, the same wish is granted.
    drop(taken);
    daemon.hang_up();
    daemon.wait_to_hear("enforce starts with other settings");
    daemon.wait_for("/readyz", "enforce: runs\n");
    daemon.wait_for("/api/v1/settings", &address.to_string());
    assert!(daemon.terminate().0.success());
}

#[test]
fn what_holds_after_the_next_start_is_named_and_not_shown_as_in_force() {
    let world = World::new();
    world.write_all_roles("");
    let mut daemon = Daemon::start(&world, &[]);
    let settings = fs_err::read_to_string(world.path("sealpost.toml")).unwrap();
    let other = settings.replace("127.0.0.1:0\"]\n[enforce]", "127.0.0.2:0\"]\n[enforce]");
    assert_ne!(settings, other);
    world.write(&format!("{other}[network]\nehlo_name = \"other.example\"\n"));
    daemon.hang_up();
    let said = daemon.wait_to_hear("hold after the next start");
    assert!(said.ends_with(": [network] ehlo_name, [serve] http\n"), "{said}");
    daemon.wait_to_hear("there is nothing to read again");
    let shown = daemon.get("/api/v1/settings").1;
    assert!(!shown.contains("127.0.0.2") && !shown.contains("other.example"), "{shown}");
    // As it was before, there is nothing to say.
    world.write(&settings);
    daemon.hang_up();
    daemon.wait_to_hear("there is nothing to read again");
    let (status, said) = daemon.terminate();
    assert!(status.success() && said.matches("hold after the next start").count() == 1, "{said}");
}

#[test]
fn another_store_is_shown_after_the_next_start_and_that_is_said() {
    let world = World::new();
    world.write_all_roles("");
    let mut daemon = Daemon::start(&world, &[]);
    let settings = fs_err::read_to_string(world.path("sealpost.toml")).unwrap();
    world.write(&settings.replace("all.sqlite", "other.sqlite"));
    daemon.hang_up();
    let said = daemon.wait_to_hear("until the next start");
    assert!(said.contains("all.sqlite"), "{said}");
    assert!(world.path("other.sqlite").exists(), "the roles keep it there");
    assert!(daemon.terminate().0.success());
}

#[test]
fn what_a_role_refuses_is_not_shown_as_in_force() {
    let world = World::new();
    let network = "[network]\nresolvers = [\"127.0.0.1:1\"]\n";
    let check = "[check]\nevery_hours = 5\ndomains = [\"ours.test\"]\n[publish]\n";
    world.write(&format!("{network}{check}"));
    let daemon = Daemon::start(&world, &[]);
    // The domains cannot be read, so those of before are served on; what else has changed holds.
    fs_err::create_dir(world.path("domains")).unwrap();
    fs_err::write(world.path("domains/a.toml"), "no domain").unwrap();
    let other = check.replace("every_hours = 5", "every_hours = 7");
    world.write(&format!("{network}{other}directory = \"domains\"\n"));
    daemon.hang_up();
    daemon.wait_for("/api/v1/settings", "\"value\":\"7\"");
    let shown = daemon.get("/api/v1/settings").1;
    assert!(!shown.contains("\"directory\""), "{shown}");
    let (status, said) = daemon.terminate();
    assert!(status.success() && said.contains("a.toml"), "{said}");
}

#[test]
fn a_role_that_failed_is_tried_again_while_the_others_go_on() {
    let world = World::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.write(&format!(
        "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n\
         [enforce]\nlisten = [\"unix:{}\"]\ndane = \"off\"\n[report]\nsocket = [\"unix:{}\"]\n",
        world.path("enforce.sock").display(),
        world.path("tlsrpt.sock").display(),
    ));
    let mut daemon = Daemon::start(&world, &[]);
    // Neither the new place can be had, where another listens, nor the old one, where a folder is.
    let settings = fs_err::read_to_string(world.path("sealpost.toml")).unwrap();
    let _taken = TcpListener::bind(port).unwrap();
    let other = settings.replace("dane = \"off\"", &format!("dane = \"off\"\nhttp = [\"{port}\"]"));
    world.write(&other);
    fs_err::remove_file(world.path("enforce.sock")).unwrap();
    fs_err::create_dir(world.path("enforce.sock")).unwrap();
    daemon.hang_up();
    daemon.wait_to_hear("it starts again in 1 s");
    daemon.wait_for("/readyz", "enforce: has failed and is tried again\nreport: runs\n");
    daemon.wait_for("/metrics", "sealpost_role_up{role=\"enforce\"} 0");
    let socket = UnixDatagram::unbound().unwrap();
    socket.send_to(b"not a session", world.path("tlsrpt.sock")).unwrap();
    daemon.wait_for("/metrics", "sealpost_report_refused_total{cause=\"not-json\"} 1");
    fs_err::remove_dir(world.path("enforce.sock")).unwrap();
    daemon.wait_to_hear("enforce runs again");
    daemon.wait_for("/readyz", "enforce: runs\nreport: runs\n");
    assert!(daemon.metric("sealpost_role_failures_total{role=\"enforce\"}") >= 1);
    assert!(daemon.terminate().0.success());
}
