//! The pages, over what was imported, as a browser meets them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::daemon::{Daemon, World};

/// A report whose every text is meant to do harm on a page.
const HOSTILE: &str = r#"{
  "organization-name": "<script>alert(1)</script>\u202Eevil\u0007",
  "date-range": {"start-datetime": "DAYT00:00:00Z", "end-datetime": "DAYT23:59:59Z"},
  "contact-info": "\"><img src=x onerror=alert(1)>",
  "report-id": "'\"><svg/onload=alert(1)>@a.example",
  "policies": [{
    "policy": {"policy-type": "sts", "policy-string": ["</pre><script>alert(2)</script>"], "policy-domain": "ours.example", "mx-host": ["LONG.example"]},
    "summary": {"total-successful-session-count": 1200, "total-failure-session-count": 34},
    "failure-details": [{"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1", "receiving-mx-hostname": "<b>mx</b>.example", "receiving-ip": "198.51.100.7", "failed-session-count": 34, "failure-reason-code": "<iframe src=//evil.example>", "additional-information": "javascript:alert(1)"}]
  }]
}"#;

const SETTINGS: &str = "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n[check]\nevery_hours = 0\n\
    [receive]\ndomains = [\"ours.example\"]\nlisten = { smtp = [], lmtp = [], http = [\"127.0.0.1:0\"] }\n\
    [[receive.admit]]\nname = \"test\"\nnetworks = [\"127.0.0.0/8\"]\n";

/// A daemon that has read a hostile report on today, and the same on a domain that is not ours.
fn daemon_with_reports(world: &World, more: &str) -> Daemon {
    world.write(&format!("{SETTINGS}{more}"));
    let daemon = Daemon::start(world, &[]);
    let now = sealpost_runtime::Clock::system().now().to_string();
    let text = HOSTILE.replace("DAY", now.split('T').next().unwrap());
    let text = text.replace("LONG", &"x".repeat(60));
    daemon.post_report(&text);
    daemon.post_report(&text.replace("ours.example", "other.example"));
    daemon.wait_for("/api/v1/reports", "ours.example");
    daemon.wait_for("/api/v1/reports?scope=not-ours", "other.example");
    daemon
}

/// Follows every link from the first page on: each leads somewhere, and behind each table, before the
/// next one, is a link to the same as a file, which has rows. What there is, by its path.
pub(crate) fn walk(daemon: &Daemon) -> BTreeMap<String, String> {
    let (mut seen, mut waiting) = (BTreeMap::new(), vec!["/".to_owned()]);
    while let Some(path) = waiting.pop() {
        if seen.contains_key(&path) {
            continue;
        }
        let (status, head, body) = daemon.ask("GET", &path, &[]);
        assert_eq!(status, 200, "{path}");
        if head.contains("content-type: text/html") {
            assert!(head.contains("content-security-policy: default-src 'none'"), "{path}: {head}");
            waiting.extend(links(&path, &body));
            for table in body.split("<table>").skip(1) {
                let file = links(&path, table).into_iter().find(|link| link.starts_with("/csv/"));
                let file =
                    file.unwrap_or_else(|| panic!("{path} has a table without a file: {table}"));
                let (_, head, rows) = daemon.ask("GET", &file, &[]);
                assert!(head.contains("content-type: text/csv"), "{path}: {file}: {head}");
                assert!(rows.lines().count() > 1, "{path}: {file} has no rows: {rows}");
            }
        }
        seen.insert(path, body);
    }
    seen
}

/// The paths to which a text of a page leads: to this host, all of them.
fn links(path: &str, text: &str) -> Vec<String> {
    let links = text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    links
        .inspect(|link| {
            let is_here = link.starts_with('/') && !link.starts_with("//");
            assert!(is_here || link.starts_with('#'), "{path} leads to {link}");
        })
        .filter(|link| link.starts_with('/'))
        .map(|link| link.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

#[test]
fn every_link_leads_somewhere_and_nothing_leads_out() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    let seen = walk(&daemon);
    for (path, body) in &seen {
        let is_page = body.starts_with("<!doctype html>");
        for harm in [
            "<script",
            "<img",
            "<svg/",
            "<iframe",
            "<b>mx",
            "onerror=\"",
            "http://",
            "//evil.example\"",
        ] {
            assert!(!is_page || !body.contains(harm), "{path} has {harm}: {body}");
        }
    }
    for path in [
        "/style.css",
        "/icon.svg",
        "/activity",
        "/settings",
        "/incidents",
        "/domains/ours.example",
        "/reports/1",
        "/reports/1/raw",
        "/csv/domains/ours.example",
        "/csv/domains/ours.example/failures",
        "/csv/domains/ours.example/reporters",
        "/csv/domains/ours.example/reporter-days",
        "/csv/reports/1",
        "/csv/reports/1/failures",
    ] {
        assert!(seen.contains_key(path), "{path} is on no page: {:?}", seen.keys());
    }
    // What has parts stands in a column for each.
    let file = |path: &str| seen[path].lines().map(str::to_owned).collect::<Vec<_>>();
    let failures = file("/csv/reports/1/failures");
    assert!(failures[0].starts_with("policy_type,policy_domain,result_type,"), "{failures:?}");
    assert!(failures[0].contains(",diagnosis_code,"), "{failures:?}");
    assert!(failures[1].starts_with("sts,ours.example,certificate-expired,"), "{failures:?}");
    let reporters = file("/csv/domains/ours.example/reporters");
    assert!(reporters[0].contains("reports,successful_lower,successful_upper,failed_lower,"));
    assert!(reporters[1].contains(",1,1200,1200,34,34,"), "{reporters:?}");
}

#[test]
fn pages_say_what_the_report_said() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    let home = daemon.ask("GET", "/", &[]).2;
    assert!(home.contains("/domains/ours.example") && !home.contains("other.example"), "{home}");
    assert!(home.contains("failing"), "{home}");
    let domain = daemon.ask("GET", "/domains/ours.example", &[]).2;
    assert!(domain.contains("As others saw it: <bdi>&#60;script"), "{domain}");
    for said in [
        "1\u{202f}200",
        "34",
        "certificate-expired",
        "FAIL",
        "2.7 %",
        "failing</p>",
        "Needs you",
        "sessions failed within the last seven days",
    ] {
        assert!(domain.contains(said), "{said}: {domain}");
    }
    let csv = daemon.ask("GET", "/csv/reports", &[]).2;
    assert!(csv.starts_with("day,") || csv.contains("organisation"), "{csv}");
}

#[test]
fn the_page_of_a_report_explains_it_beside_its_text() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    let page = daemon.ask("GET", "/reports/1", &[]).2;
    // What the failure means, by what the report says of it.
    let cause = sealpost_rules::diagnosis::cause_of_result("certificate-expired");
    for said in [cause.title, cause.code] {
        assert!(page.contains(said), "{said}: {page}");
    }
    // What was repaired, in words and in its place; nothing of the text does anything.
    assert!(page.contains("this is no host name and was kept as text"), "{page}");
    let text = page.split("<pre class=\"lines\"").nth(1).unwrap();
    let text = text.split("</pre>").next().unwrap();
    let mark = text.split("<mark ").find(|mark| mark.contains("mx&#60;/b&#62;.example"));
    assert!(mark.unwrap().starts_with("title=\"name-invalid\">"), "{text}");
    assert!(text.contains("&#60;script&#62;alert(1)&#60;/script&#62;\\u202Eevil"), "{text}");
    let tags = text.replace("<mark ", "").replace("</mark>", "").replace("<bdi>", "");
    assert!(!tags.replace("</bdi>", "").contains('<'), "{tags}");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{7}'), "{text}");
}

/// Of 600 domains all need somebody: none is left out, in no form.
#[test]
fn of_many_domains_each_is_counted_and_on_one_page() {
    let world = World::new();
    world.write(&SETTINGS.replace("domains = [\"ours.example\"]", "domains = []"));
    let daemon = Daemon::start(&world, &[]);
    let now = sealpost_runtime::Clock::system().now().to_string();
    let day = now.split('T').next().unwrap();
    let domains: Vec<String> = (0..600).map(|n| format!("d{n:03}.example")).collect();
    for (place, some) in domains.chunks(50).enumerate() {
        let policies: Vec<String> = some
            .iter()
            .map(|domain| {
                format!(
                    r#"{{"policy": {{"policy-type": "no-policy-found", "policy-domain": "{domain}"}}, "summary": {{"total-successful-session-count": 1, "total-failure-session-count": 1}}}}"#
                )
            })
            .collect();
        daemon.post_report(&format!(
            r#"{{"organization-name": "Test", "date-range": {{"start-datetime": "{day}T00:00:00Z", "end-datetime": "{day}T23:59:59Z"}}, "contact-info": "a@test.example", "report-id": "{place}", "policies": [{}]}}"#,
            policies.join(",")
        ));
    }
    daemon.wait_for("/csv/domains", "d599.example");
    daemon.wait_for("/api/v1/domains", "\"count\":600");
    let first = as_promised(&daemon, "/api/v1/domains", "/api/v1/domains");
    assert_eq!((&first["count"], &first["needing"]), (&600.into(), &600.into()));
    let next = first["next"].as_str().unwrap();
    let second = as_promised(&daemon, "/api/v1/domains", &format!("/api/v1/domains?after={next}"));
    assert_eq!((&second["needing"], &second["next"]), (&600.into(), &Value::Null));
    let names = |page: &Value| -> Vec<String> {
        let rows = page["domains"].as_array().unwrap();
        rows.iter().map(|row| row["domain"].as_str().unwrap().to_owned()).collect()
    };
    let (mut seen, rest) = (names(&first), names(&second));
    assert_eq!((seen.len(), rest.len()), (500, 100));
    seen.extend(rest);
    assert_eq!(seen, domains, "each once, in one order");
    let home = daemon.get("/").1;
    assert!(home.contains("600 domains need somebody"), "{home}");
    assert!(home.contains("500 of 600 are shown"), "{home}");
    let further = daemon.get(&format!("/?after={next}")).1;
    assert!(further.contains("d599.example") && !further.contains("Needs you"), "{further}");
    assert_eq!(daemon.get("/csv/domains").1.lines().count(), 601, "all, and a head");
    // 600 rows of reports are six pages.
    daemon.wait_for("/csv/reports", "d599.example");
    let reports = daemon.get("/csv/reports").1;
    assert_eq!(reports.matches("organisation").count(), 1, "one head");
    assert!(reports.lines().count() > 100, "{reports}");
}

/// The bars, the tables behind them, the files and the interface say the same of each reporter.
#[test]
fn sessions_by_reporter_add_up_to_those_of_the_domain() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    let now = sealpost_runtime::Clock::system().now().to_string();
    let text = HOSTILE.replace("DAY", now.split('T').next().unwrap());
    let text = text.replace("<script>alert(1)</script>\\u202Eevil\\u0007", "Second, of the test");
    let text = text.replace("1200", "300").replace(": 34", ": 6");
    let text = text.replace("report-id\": \"", "report-id\": \"second");
    daemon.post_report(&text);
    daemon.wait_for("/api/v1/reports", "second");
    let data: Value = serde_json::from_str(&daemon.get("/api/v1/domains/ours.example").1).unwrap();
    let reporters = data["reporters"].as_array().unwrap();
    assert_eq!(reporters.len(), 2, "{data}");
    for of in ["successful", "failed"] {
        let number = |row: &Value| row[of]["upper"].as_u64().unwrap();
        let by_reporter: u64 = reporters.iter().map(number).sum();
        let by_day = reporters.iter().flat_map(|row| row["days"].as_array().unwrap());
        assert_eq!(by_reporter, number(&data), "{data}");
        assert_eq!(by_day.map(number).sum::<u64>(), number(&data), "{data}");
    }
    let page = daemon.ask("GET", "/domains/ours.example", &[]).2;
    assert!(page.contains("; 1: 1\u{202f}200 well, 34 failed; 2: 300 well, 6 failed"), "{page}");
    assert!(page.contains("<bdi>Second, of the test</bdi>, 300 well, 6 failed"), "{page}");
    let csv = daemon.ask("GET", "/csv/domains/ours.example/reporter-days", &[]).2;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.contains("\"Second, of the test\""), "{csv}");
}

/// Names of 10 KB, every character of which turns the direction of writing, or stands on another.
#[test]
fn names_that_are_much_too_long_and_odd_are_shown_harmlessly() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    let now = sealpost_runtime::Clock::system().now().to_string();
    let odd = "\u{202e}\u{2066}a\u{0336}\u{0489}<b>\u{200f}".repeat(600);
    assert!(odd.len() > 10_000);
    let text = HOSTILE.replace("DAY", now.split('T').next().unwrap());
    let text = text.replace("<script>alert(1)</script>\\u202Eevil\\u0007", &odd);
    let text =
        text.replace("LONG", &"x".repeat(10_000)).replace("<iframe src=//evil.example>", &odd);
    let text = text.replace("report-id\": \"", "report-id\": \"second");
    daemon.post_report(&text);
    daemon.wait_for("/api/v1/reports", "second");
    for path in ["/", "/domains/ours.example", "/reports", "/reports/3", "/api/v1/reports/3"] {
        let (status, _, body) = daemon.ask("GET", path, &[]);
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains("<b>") || path.starts_with("/api"), "{path}");
        assert!(body.len() < 200_000, "{path} has {} octets", body.len());
        // What turns the direction does so within an element that keeps it in.
        let mut rest = body.as_str();
        while let Some(place) = rest.find('\u{202e}').filter(|_| !path.starts_with("/api")) {
            let before = &rest[..place];
            let (open, close) = (before.rfind("<bdi>"), before.rfind("</bdi>"));
            assert!(open > close, "{path} lets a direction out: {}", &before[before.len() - 80..]);
            rest = &rest[place + rest[place..].find("</bdi>").unwrap()..];
        }
    }
}

/// What a page says of a failure is what `sealpost receive failures` says of it.
#[test]
fn pages_and_the_command_give_one_diagnosis() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    let page: Value = serde_json::from_str(&daemon.get("/api/v1/domains/ours.example").1).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "failures", "--format", "json", "ours.example", "--config"])
        .arg(world.path("sealpost.toml"))
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let command = &said["domains"][0];
    let told = |row: &Value| {
        let of = |key: &str| row["diagnosis"][key].clone();
        [of("code"), of("sentence"), of("grounds"), of("action"), row["is_echo"].clone()]
    };
    let rows = |rows: &Value| -> Vec<_> { rows.as_array().unwrap().iter().map(told).collect() };
    assert_eq!(rows(&page["failures"]), rows(&command["groups"]));
    assert!(!rows(&page["failures"]).is_empty());
    let sentences = |rows: &Value| -> Vec<Value> {
        rows.as_array().unwrap().iter().map(|row| row["sentence"].clone()).collect()
    };
    assert_eq!(sentences(&page["anomalies"]), sentences(&command["anomalies"]));
    assert!(!sentences(&page["anomalies"]).is_empty(), "34 of 1234 on the first day");
}

#[test]
fn no_path_leads_to_a_file() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    for path in [
        "/../sealpost.toml",
        "/..%2fsealpost.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/style.css/../../sealpost.toml",
        "/csv/..%2f..%2fetc%2fpasswd",
        "/reports/1/raw/../../all.sqlite",
        "/reports/..%2f1/raw",
        "/domains/..%2f..%2fetc%2fpasswd",
        "/api/v1/../../etc/passwd",
        "/all.sqlite",
        "//etc/passwd",
        "/reports/-1/raw",
        "/reports/9223372036854775808",
    ] {
        let (status, head, body) = daemon.ask("GET", path, &[]);
        assert!(matches!(status, 400 | 404), "{path}: {status}");
        assert!(!body.contains("root:") && !body.contains("[receive]"), "{path}: {head}{body}");
    }
}

/// What is answered to a question is as the description says of its path.
pub(crate) fn as_promised(daemon: &Daemon, path: &str, named: &str) -> Value {
    let description: Value =
        serde_json::from_str(&daemon.ask("GET", "/api/v1/openapi.json", &[]).2).unwrap();
    let (status, head, body) = daemon.ask("GET", named, &[]);
    assert_eq!(status, 200, "{named}: {body}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let responses = &description["paths"][path]["get"]["responses"];
    let mut schema = responses["200"]["content"]["application/json"]["schema"].clone();
    schema["components"] = description["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&answer).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{named}: {faults:?}");
    answer
}

#[test]
fn the_interface_gives_what_its_description_promises() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "");
    let description: Value =
        serde_json::from_str(&daemon.ask("GET", "/api/v1/openapi.json", &[]).2).unwrap();
    let paths = description["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 20);
    let operations = paths.values().flat_map(|methods| methods.as_object().unwrap().values());
    let ids: BTreeSet<&str> =
        operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 20, "each has a name of its own");
    for (path, operation) in paths.iter().filter(|(_, operation)| operation.get("get").is_some()) {
        let named = path.replace("{domain}", "ours.example").replace("{id}", "1");
        // Nobody has looked at this domain, and nothing has come up.
        let has_none = ["/mx", "/events", "/{incident}"].iter().any(|end| path.ends_with(end));
        if has_none {
            assert_eq!(daemon.ask("GET", &named, &[]).0, 404, "{named}: {operation}");
            continue;
        }
        as_promised(&daemon, path, &named);
    }
    for (path, status) in [
        ("/api/v1/domains/unknown.example", 404),
        ("/api/v1/domains/no%20domain", 400),
        ("/api/v1/reports/999", 404),
        ("/api/v1/reports/x", 400),
        ("/api/v1/reports?scope=x", 400),
        ("/api/v1/reports?after=x", 400),
        ("/api/v1/reports?domain=a%20b", 400),
        ("/api/v1/domains?after=x", 400),
        ("/api/v1/domains?after=0-9-1-a", 400),
        ("/api/v1/policies?after=x", 400),
        ("/api/v1/unreached?after=x-y-z", 400),
        ("/csv/reports/reporters", 404),
        ("/csv/incidents/failures", 404),
        ("/csv/domains/unknown.example/days", 404),
        ("/api/v1/other", 404),
        ("/domains/unknown.example", 404),
        ("/../../etc/passwd", 404),
        ("/reports/..%2f..%2fetc", 400),
    ] {
        assert_eq!(daemon.ask("GET", path, &[]).0, status, "{path}");
    }
}

#[test]
fn a_name_that_points_here_from_elsewhere_sees_nothing() {
    let world = World::new();
    let daemon = daemon_with_reports(&world, "[web]\nhosts = [\"sealpost.example.com\"]\n");
    for (host, status) in [
        ("evil.example", 403),
        ("sealpost.example.com", 200),
        ("localhost:1", 200),
        ("[::1]:8460", 200),
    ] {
        for path in ["/", "/api/v1/domains", "/reports/1/raw"] {
            let (got, _, body) = daemon.ask("GET", path, &[("Host", host)]);
            assert_eq!(got, status, "{host} {path}: {body}");
        }
    }
    assert_eq!(daemon.ask("POST", "/", &[]).0, 405);
    assert_eq!(daemon.ask("POST", "/domains/ours.example/waive", &[]).0, 403, "nobody is known");
    // Whether it lives, everybody may ask by any name.
    assert_eq!(daemon.ask("GET", "/healthz", &[("Host", "evil.example")]).0, 200);
}
