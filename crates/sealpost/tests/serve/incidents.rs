//! Incidents on pages and in the interface, made of what a daemon keeps.

use serde_json::Value;

use crate::access::{Browser, web};
use crate::daemon::{Daemon, World};

const SETTINGS: &str = "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n\
    roles = [\"alert\"]\n[web]\npassword_file = \"hash\"\n[enforce]\n\
    exceptions = \"exceptions.toml\"\n[alert]\nlook_seconds = 1\n";

/// The end of what the operator's exceptions say is near.
fn world(reason: &str) -> World {
    let world = World::new();
    let status = web(&world, &["password", "--output", "hash"], crate::access::PASSWORD).0;
    assert_eq!(status, 0);
    let day = sealpost_runtime::Clock::system().now().as_second() + 3 * 86_400;
    let day = jiff::Timestamp::from_second(day).unwrap().to_string();
    let day = day.split('T').next().unwrap();
    let exceptions = format!(
        "[[exception]]\ndomain = \"one.example\"\ndo = \"testing\"\nreason = \"{reason}\"\n\
         until = \"{day}\"\n"
    );
    fs_err::write(world.path("exceptions.toml"), exceptions).unwrap();
    world.write(SETTINGS);
    world
}

fn the_one(browser: &Browser<'_>) -> String {
    let list: Value = serde_json::from_str(&browser.get("/api/v1/incidents").body).unwrap();
    let [row] = &list["incidents"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!((&row["code"], &row["urgency"]), (&"INC601".into(), &"note".into()));
    row["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_incident_is_shown_and_taken_in_hand() {
    let world = world("<b>they</b> are told");
    let daemon = Daemon::start(&world, &[]);
    daemon.wait_for("/metrics", "sealpost_alert_incidents_open{urgency=\"note\"} 1\n");
    let mut browser = Browser::at(&daemon);
    browser.log_in();
    let home = browser.get("/").body;
    assert!(home.contains("Open incidents") && home.contains("one.example"), "{home}");
    let id = the_one(&browser);
    let path = format!("/incidents/{id}");
    let page = browser.get("/incidents").body;
    assert!(page.contains(&path) && page.contains("/domains/one.example"), "{page}");
    let page = browser.get(&path).body;
    assert!(page.contains("an exception for a domain ends soon"), "{page}");
    assert!(page.contains("Take it in hand") && !page.contains("<b>they"), "{page}");
    assert!(
        browser.get("/incidents?phase=resolved").body.contains("Nothing was, or it is forgotten.")
    );
    // As it is when it is pasted with spaces about it.
    let page = browser.get("/incidents?domain=+two.example+").body;
    assert!(page.contains("Nothing is open, of <bdi>two.example</bdi>"), "{page}");
    for (path, status) in [
        ("/incidents?phase=all", 400),
        ("/incidents?domain=a+b", 400),
        ("/incidents?before=x", 400),
        ("/incidents/0000000000000000", 404),
        ("/incidents/..%2F..%2Fetc%2Fpasswd", 404),
    ] {
        assert_eq!(browser.get(path).status, status, "{path}");
    }

    let mark = browser.mark();
    let taken = |form: &str| browser.post(&format!("{path}/acknowledge"), form);
    for (form, status) in [
        ("mark=wrong&hours=5&reason=known".to_owned(), 403),
        (format!("mark={mark}&hours=5&reason="), 400),
        (format!("mark={mark}&hours=0&reason=known"), 400),
        (format!("mark={mark}&hours=9000&reason=known"), 400),
        (format!("mark={mark}&hours=x&reason=known"), 400),
    ] {
        let answer = taken(&form);
        assert_eq!(answer.status, status, "{form}");
        let back = format!("<a href=\"{path}\">Back to the page of the form</a>");
        assert!(answer.body.contains(&back), "{form}: {}", answer.body);
    }
    let done = taken(&format!("mark={mark}&hours=5&reason=%3Ci%3Eknown%3C%2Fi%3E"));
    assert_eq!((done.status, done.field("location")), (303, Some(&*path)), "{}", done.body);
    let page = browser.get(&path).body;
    assert!(page.contains("Acknowledged") && !page.contains("<i>known"), "{page}");
    assert!(browser.get("/incidents").body.contains("the operator"));
    let unknown = browser
        .post("/incidents/0000000000000000/acknowledge", &format!("mark={mark}&hours=1&reason=x"));
    assert_eq!(unknown.status, 409);
    let activity = browser.get("/activity").body;
    assert!(activity.contains("acknowledge") && activity.contains(&id), "{activity}");
    assert!(daemon.terminate().0.success());
}

#[test]
fn a_program_takes_an_incident_in_hand_with_a_token_that_may_write() {
    let world = world("they are told");
    let daemon = Daemon::start(&world, &[]);
    daemon.wait_for("/metrics", "sealpost_alert_incidents_open{urgency=\"note\"} 1\n");
    let mut browser = Browser::at(&daemon);
    browser.log_in();
    let id = the_one(&browser);
    let store = world.path("all.sqlite");
    let token = |name: &str, scope: &str| {
        let new = ["token", "new", name, "--scope", scope, "--store", store.to_str().unwrap()];
        format!("Bearer {}", web(&world, &new, "").1)
    };
    let (read, write) = (token("look", "read"), token("deploy", "write"));
    let ask = |bearer: &str, body: &str| {
        let fields = [("Authorization", bearer), ("Content-Type", "application/json")];
        let path = format!("/api/v1/incidents/{id}/acknowledge");
        let (status, _, body) = daemon.send("POST", &path, &fields, body);
        (status, body)
    };
    let wish = "{\"reason\": \"known\", \"hours\": 5}";
    assert_eq!(ask(&read, wish).0, 403);
    assert_eq!(ask(&write, "{\"reason\": \"known\"}").0, 400);
    assert_eq!(ask(&write, "{\"reason\": \"known\", \"hours\": 0}").0, 400);
    let (status, body) = ask(&write, wish);
    assert!(status == 200 && body.contains("nobody is told"), "{status}: {body}");
    let (status, _, body) =
        daemon.ask("GET", &format!("/api/v1/incidents/{id}"), &[("Authorization", &read)]);
    let incident: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    let acts = daemon.ask("GET", "/api/v1/activity", &[("Authorization", &read)]).2;
    let refused = format!("/api/v1/incidents/{id}/acknowledge");
    assert!(acts.contains(&refused) && acts.contains("no right to change something"), "{acts}");
    assert_eq!(incident["acknowledged"]["by"], "the token deploy", "{incident}");
    assert_eq!(daemon.ask("PUT", "/api/v1/incidents", &[("Authorization", &read)]).0, 405);
    assert!(daemon.terminate().0.success());
}
