//! Who is let in, and who tries to be.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::daemon::{Daemon, World};

pub(crate) const PASSWORD: &str = "correct horse battery";
const FRONT: &str = "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n[check]\nevery_hours = 0\n\
    [receive]\ndomains = [\"ours.example\"]\nlisten = { smtp = [], lmtp = [], http = [\"127.0.0.1:0\"] }\n\
    [[receive.admit]]\nname = \"test\"\nnetworks = [\"127.0.0.0/8\"]\n";

/// An answer as a browser sees it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A browser with one cookie, at pages of this daemon.
pub(crate) struct Browser<'a> {
    daemon: &'a Daemon,
    cookie: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn at(daemon: &'a Daemon) -> Self {
        Self { daemon, cookie: String::new() }
    }

    fn send(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let mut fields = fields.to_vec();
        if !self.cookie.is_empty() {
            fields.push(("Cookie", &self.cookie));
        }
        let (status, head, body) = self.daemon.send(method, path, &fields, body);
        Answer { status, head, body }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// A form of a page of ours.
    pub(crate) fn post(&self, path: &str, form: &str) -> Answer {
        let origin = format!("http://{}", self.daemon.address());
        let fields = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", &*origin)];
        self.send("POST", path, &fields, form)
    }

    pub(crate) fn log_in(&mut self) -> Answer {
        let answer = self.post("/login", &format!("password={}&to=%2Freports", encoded(PASSWORD)));
        assert_eq!(answer.status, 303, "{}", answer.body);
        self.cookie = answer.cookie().split(';').next().unwrap().to_owned();
        answer
    }

    /// What the forms of a page bear.
    pub(crate) fn mark(&self) -> String {
        let page = self.get("/reports");
        let (_, rest) = page.body.split_once("name=\"mark\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Answer {
    fn cookie(&self) -> &str {
        self.field("set-cookie").unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name))
            .map(|(_, v)| v)
    }
}

fn encoded(text: &str) -> String {
    text.replace(' ', "+")
}

/// Runs a command of `sealpost web` with this standard input: its status and what it wrote.
pub(crate) fn web(world: &World, arguments: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .arg("web")
        .args(arguments)
        .current_dir(world.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(input.trim()) || input.is_empty(), "a secret is echoed: {said}");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// A daemon that wants a password.
fn with_password(world: &World, more: &str) -> Daemon {
    let (status, _) =
        web(world, &["password", "--output", "hash"], &format!("{PASSWORD}\nignored\n"));
    assert_eq!(status, 0);
    world.write(&format!("{FRONT}[web]\npassword_file = \"hash\"\n{more}"));
    Daemon::start(world, &[])
}

#[test]
fn a_password_opens_a_session_and_a_log_out_ends_it() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let mut browser = Browser::at(&daemon);

    let turned = browser.get("/domains/a.example?q=%22%3E");
    assert_eq!(turned.status, 303);
    let to = "/login?to=%2Fdomains%2Fa.example%3Fq%3D%2522%253E";
    assert_eq!(turned.field("location"), Some(to), "{}", turned.head);
    for path in ["/api/v1/domains", "/csv/domains", "/v1/enforce"] {
        assert_eq!(browser.get(path).status, 401, "{path}");
    }
    for path in ["/style.css", "/login", "/healthz", "/metrics"] {
        assert_eq!(browser.get(path).status, 200, "{path}");
    }
    let passed_on = daemon.ask("GET", "/metrics", &[("X-Forwarded-For", "192.0.2.1")]).0;
    assert_eq!(passed_on, 401, "a proxy on this machine does not make its clients near");
    assert_eq!(browser.post("/login", "password=wrong").status, 403);
    assert_eq!(browser.post("/login", "").status, 403);

    let welcome = browser.log_in();
    assert_eq!(welcome.field("location"), Some("/reports"));
    for word in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(welcome.cookie().contains(word), "{}", welcome.cookie());
    }
    let home = browser.get("/");
    assert_eq!(home.status, 200);
    assert!(home.body.contains("Log out"));
    assert!(home.head.contains("cache-control: no-store"));
    assert_eq!(browser.get("/api/v1/domains").status, 200, "the page of a person asks too");

    // Nobody is logged out by a page elsewhere.
    assert_eq!(browser.post("/logout", "").status, 403);
    let mark = browser.mark();
    let bye = browser.post("/logout", &format!("mark={mark}"));
    assert_eq!(bye.status, 303);
    assert!(bye.cookie().contains("Max-Age=0"));
    assert_eq!(browser.get("/").status, 303, "the cookie is worth nothing any more");

    browser.log_in();
    let activity = browser.get("/activity").body;
    for said in ["wrong password", "welcome", "good-bye", "127.0.0.1"] {
        assert!(activity.contains(said), "{said}: {activity}");
    }
    assert_eq!(daemon.metric("sealpost_web_log_ins_total{outcome=\"right\"}"), 2);
    assert_eq!(daemon.metric("sealpost_web_log_ins_total{outcome=\"wrong\"}"), 2);
    let settings = browser.get("/settings").body;
    assert!(settings.contains("password_file") && !settings.contains("argon2id"), "{settings}");
    let (_, said) = daemon.terminate();
    assert!(!said.contains(PASSWORD) && !said.contains("argon2"), "{said}");
}

#[test]
fn nobody_is_given_a_session_that_another_has_chosen() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let chosen = "sealpost=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let mut victim = Browser { cookie: chosen.to_owned(), ..Browser::at(&daemon) };
    victim.log_in();
    assert_ne!(victim.cookie, chosen);
    let attacker = Browser { cookie: chosen.to_owned(), ..Browser::at(&daemon) };
    assert_eq!(attacker.get("/").status, 303);
    // Whoever logs in again gets another id, and the one of before ends.
    let before = victim.cookie.clone();
    victim.log_in();
    assert_ne!(victim.cookie, before);
    let old = Browser { cookie: before.clone(), ..Browser::at(&daemon) };
    assert_eq!(old.get("/").status, 303);
    // Two cookies of one name: nobody knows who has set which.
    let both = format!("{}; {}", victim.cookie, before);
    let both = Browser { cookie: both, ..Browser::at(&daemon) };
    assert_eq!(both.get("/").status, 303);
    assert_eq!(victim.get("/").status, 200);
}

#[test]
fn guesses_are_few_and_hold_up_nobody_who_is_in() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let mut operator = Browser::at(&daemon);
    operator.log_in();
    let guesser = Browser::at(&daemon);
    let statuses: Vec<u16> = (0..12)
        .map(|guess| guesser.post("/login", &format!("password=guess-number-{guess}")).status)
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 5, "{statuses:?}");
    let late = guesser.post("/login", &format!("password={}", encoded(PASSWORD)));
    assert_eq!(late.status, 429, "even the right one is not looked at");
    let wait: u64 = late.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(operator.get("/").status, 200);
    assert_eq!(daemon.metric("sealpost_web_log_ins_total{outcome=\"too-often\"}"), 8);
}

/// The file is another, its name is not.
#[test]
fn another_password_holds_after_a_hang_up_and_ends_all_sessions() {
    let world = World::new();
    let mut daemon = with_password(&world, "");
    let mut before = Browser::at(&daemon);
    before.log_in();
    let cookie = before.cookie.clone();
    let status =
        |daemon: &Daemon, path: &str, fields: &[(&str, &str)]| daemon.ask("GET", path, fields).0;
    let own = |daemon: &Daemon| status(daemon, "/settings", &[("Cookie", &cookie)]);
    // Nothing has changed, or nothing that can be used.
    daemon.hang_up();
    daemon.wait_to_hear("domains whose reports count: 1");
    assert_eq!(own(&daemon), 200);
    fs_err::write(world.path("hash"), "no hash").unwrap();
    daemon.hang_up();
    daemon.wait_to_hear("the pages are for whom they were before");
    assert_eq!(own(&daemon), 200);

    fs_err::remove_file(world.path("hash")).unwrap();
    let other = "another horse battery";
    assert_eq!(web(&world, &["password", "--output", "hash"], other).0, 0);
    daemon.hang_up();
    daemon.wait_to_hear("nobody is logged in any more");
    assert_eq!(own(&daemon), 303, "the session has ended");
    let browser = Browser::at(&daemon);
    assert_eq!(browser.post("/login", &format!("password={}", encoded(PASSWORD))).status, 403);
    assert_eq!(browser.post("/login", &format!("password={}", encoded(other))).status, 303);

    // What else stands in the section holds too.
    let host = [("Host", "sealpost.example.com")];
    assert_eq!(status(&daemon, "/", &host), 403);
    let text =
        format!("{FRONT}[web]\npassword_file = \"hash\"\nhosts = [\"sealpost.example.com\"]\n");
    world.write(&text);
    daemon.hang_up();
    daemon.wait_for("/metrics", "sealpost_web_refused_total{reason=\"host\"} 1");
    for _ in 0..600 {
        if status(&daemon, "/", &host) == 303 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(status(&daemon, "/", &host), 303, "to the log-in");
    let (_, said) = daemon.terminate();
    assert!(!said.contains("after the next start"), "{said}");
}

#[test]
fn no_secret_is_among_the_settings() {
    let world = World::new();
    world.write(&format!(
        "{FRONT}[alert]\nlook_seconds = 3600\n[[alert.receiver]]\nname = \"chat\"\n\
         webhook = \"https://hooks.example.com/services/T0/B0/K3Y\"\n\
         [[alert.receiver]]\nname = \"am\"\nalertmanager = \"http://127.0.0.1:9093/K3Y\"\n"
    ));
    let daemon = Daemon::start(&world, &[]);
    for path in ["/settings", "/api/v1/settings", "/csv/settings"] {
        let (status, _, body) = daemon.ask("GET", path, &[]);
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains("K3Y") && !body.contains("services"), "{path}: {body}");
        assert!(body.contains("hooks.example.com") && body.contains("127.0.0.1:9093"), "{path}");
    }
    let (_, said) = daemon.terminate();
    assert!(!said.contains("K3Y"), "{said}");
}

#[test]
fn forms_of_others_are_refused() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let mut browser = Browser::at(&daemon);
    browser.log_in();
    let mark = browser.mark();
    let mut other = Browser::at(&daemon);
    other.log_in();
    let foreign = other.mark();
    assert_ne!(mark, foreign, "each session has a mark of its own");
    let path = "/domains/ours.example/waive";
    let here = format!("http://{}", daemon.address());
    let form = format!("mark={mark}&reason=because");
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    for (fields, body, why) in [
        (vec![kind, ("Origin", &*here)], "reason=because".to_owned(), "no mark"),
        (vec![kind, ("Origin", &*here)], format!("mark={foreign}&reason=b"), "another's mark"),
        (vec![kind, ("Origin", &*here)], "mark=&reason=because".to_owned(), "an empty mark"),
        (vec![kind, ("Origin", "http://evil.example")], form.clone(), "from elsewhere"),
        (vec![kind, ("Origin", "null")], form.clone(), "from nowhere"),
        (vec![kind], form.clone(), "from who knows where"),
        (vec![kind, ("Sec-Fetch-Site", "cross-site")], form.clone(), "as the browser says"),
        (
            vec![kind, ("Origin", &*here), ("Sec-Fetch-Site", "same-site")],
            form.clone(),
            "from another name of the site",
        ),
        (vec![("Content-Type", "text/plain"), ("Origin", &*here)], form.clone(), "no form"),
    ] {
        let answer = browser.send("POST", path, &fields, &body);
        assert_eq!(answer.status, 403, "{why}: {}", answer.body);
    }
    // The same from our page comes as far as the domain, which is not published from here.
    let answer = browser.post(path, &form);
    assert_eq!(answer.status, 409, "{}", answer.body);
    // JSON with a cookie is what a page elsewhere could send too.
    let fields = [("Content-Type", "application/json"), ("Origin", &*here)];
    let answer =
        browser.send("POST", "/api/v1/domains/ours.example/waive", &fields, "{\"reason\":\"b\"}");
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(daemon.metric("sealpost_web_refused_total{reason=\"forgery\"}") >= 9);
    for method in ["PUT", "DELETE", "PATCH"] {
        assert_eq!(browser.send(method, "/", &[], "").status, 405, "{method}");
    }
    assert_eq!(browser.get(path).status, 404, "nothing is to be seen there");
}

#[test]
fn tokens_do_what_their_scope_says_until_they_are_revoked() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let store = world.path("all.sqlite");
    let store = ["--store", store.to_str().unwrap()];
    let run = |arguments: &[&str]| web(&world, &[arguments, &store].concat(), "");
    let (_, reader) = run(&["token", "new", "grafana"]);
    let (_, writer) = run(&["token", "new", "deploy", "--scope", "write", "--days", "30"]);
    assert!(reader.starts_with("sealpost_") && reader.len() == 52, "{reader}");
    assert_eq!(run(&["token", "new", "grafana"]).0, 1, "the name is taken");
    let ask = |method: &str, path: &str, token: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let fields = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        daemon.send(method, path, &fields, body).0
    };
    let waive = "/api/v1/domains/ours.example/waive";
    let reason = "{\"reason\":\"because\"}";
    for path in ["/api/v1/domains", "/csv/reports", "/api/v1/openapi.json", "/api/v1/settings"] {
        assert_eq!(ask("GET", path, &reader, ""), 200, "{path}");
    }
    assert_eq!(ask("POST", waive, &reader, reason), 403);
    assert_eq!(ask("POST", waive, &writer, reason), 409, "nothing is published from here");
    assert_eq!(ask("POST", waive, &writer, "{\"reason\":\"\"}"), 400);
    assert_eq!(ask("POST", waive, &writer, "{\"reason\":\"a\\r\\nb\"}"), 400);
    assert_eq!(ask("POST", waive, &writer, "{\"raison\":\"b\"}"), 400);
    assert_eq!(ask("POST", "/api/v1/domains/a..b/waive", &writer, reason), 400);
    let wrong = format!("{}x", &reader[..reader.len() - 1]);
    for token in ["", "x", &wrong, &reader.to_ascii_lowercase()] {
        assert_eq!(ask("GET", "/api/v1/domains", token, ""), 401, "{token}");
    }
    let (_, listed) = run(&["token", "list"]);
    assert!(listed.contains("deploy: write") && listed.contains("grafana: read"), "{listed}");
    assert!(!listed.contains("last used never"), "both were used: {listed}");
    assert!(!listed.contains(&reader[9..]), "what is kept is no token");
    assert_eq!(run(&["token", "revoke", "grafana", "--by", "ann"]).0, 0);
    assert_eq!(run(&["token", "revoke", "grafana"]).0, 1);
    assert_eq!(ask("GET", "/api/v1/domains", &reader, ""), 401, "at once");
    assert_eq!(ask("GET", "/api/v1/domains", &writer, ""), 200);
    // Who holds a token may do much, so it is kept who made it.
    let bearer = format!("Bearer {writer}");
    let fields = [("Authorization", &*bearer)];
    let activity = daemon.ask("GET", "/csv/activity", &fields).2;
    for row in [
        "make a token,grafana (read),made",
        "\"deploy (write, for 30 days)\",made",
        "make a token,grafana (read),there is one of this name already",
        "revoke a token,grafana,revoked",
        "revoke a token,grafana,there is none of this name",
    ] {
        assert!(activity.contains(row), "{row}: {activity}");
    }
    assert!(activity.contains("ann,command line,revoke a token"), "{activity}");
    let kept = fs_err::read(world.path("all.sqlite")).unwrap();
    assert!(!kept.windows(writer.len()).any(|octets| octets == writer.as_bytes()));
}

#[test]
fn only_the_proxy_that_is_named_says_who_somebody_is() {
    let proxy = |addresses: &str| {
        format!("[web.proxy]\naddresses = [{addresses}]\nuser = \"X-Remote-User\"\n")
    };
    let world = World::new();
    world.write(&format!("{FRONT}{}", proxy("\"127.0.0.1\"")));
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.ask("GET", "/", &[]).0, 403, "it names nobody");
    let named = [("X-Remote-User", "ada"), ("X-Forwarded-For", "10.0.0.1, 192.0.2.7")];
    let (status, _, body) = daemon.ask("GET", "/", &named);
    assert!(status == 200 && body.contains("ada") && !body.contains("Log out"), "{body}");
    let twice = [("X-Remote-User", "ada"), ("X-Remote-User", "eve")];
    assert_eq!(daemon.ask("GET", "/", &twice).0, 403, "which of them?");
    assert_eq!(daemon.ask("GET", "/login", &[]).0, 404);
    assert_eq!(Browser::at(&daemon).post("/login", "password=guess").status, 404);
    assert_eq!(daemon.metric("sealpost_web_log_ins_total{outcome=\"wrong\"}"), 0);
    drop(daemon);

    world.write(&format!("{FRONT}[web]\npassword_file = \"hash\"\n{}", proxy("\"192.0.2.1\"")));
    assert_eq!(web(&world, &["password", "--output", "hash"], PASSWORD).0, 0);
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.ask("GET", "/", &named).0, 403, "anybody could say so");
    assert_eq!(daemon.ask("GET", "/", &[]).0, 303);
    assert_eq!(daemon.metric("sealpost_web_refused_total{reason=\"proxy\"}"), 1);
}

#[test]
fn without_a_password_nobody_comes_in_through_a_proxy() {
    let world = World::new();
    world.write(FRONT);
    let daemon = Daemon::start(&world, &[]);
    for path in ["/", "/domains", "/api/v1/domains", "/csv/reports", "/metrics"] {
        assert_eq!(daemon.ask("GET", path, &[]).0, 200, "{path}");
        for field in [
            ("X-Forwarded-For", "192.0.2.1"),
            ("X-Forwarded-For", ""),
            ("Forwarded", "for=192.0.2.1"),
            ("Via", "1.1 proxy"),
            ("X-Real-IP", "127.0.0.1"),
            ("X-Forwarded-Proto", "https"),
        ] {
            let (status, _, body) = daemon.ask("GET", path, &[field]);
            assert_eq!(status, 403, "{path} {field:?}: {body}");
            assert!(body.contains("through a proxy") && body.contains("[web.proxy]"), "{body}");
        }
    }
    // One that is named passes on; it still has to say who somebody is, or there is a password.
    world.write(&format!("{FRONT}[web.proxy]\naddresses = [\"127.0.0.1\"]\n"));
    drop(daemon);
    let daemon = Daemon::start(&world, &[]);
    assert_eq!(daemon.ask("GET", "/", &[("X-Forwarded-For", "192.0.2.1")]).0, 403);
    assert_eq!(daemon.ask("GET", "/", &[]).0, 200);
}

#[test]
fn metrics_are_given_by_no_name_that_somebody_else_has_pointed_here() {
    let world = World::new();
    let daemon = with_password(&world, "hosts = [\"sealpost.example.com\"]\n");
    for (host, status) in
        [("evil.example", 403), ("sealpost.example.com", 200), ("localhost:8460", 200)]
    {
        assert_eq!(daemon.ask("GET", "/metrics", &[("Host", host)]).0, status, "{host}");
    }
}

#[test]
fn the_address_of_who_asks_is_what_the_proxy_has_seen() {
    let world = World::new();
    let proxy = "[web.proxy]\naddresses = [\"127.0.0.1\", \"10.0.0.1\"]\n";
    let daemon = with_password(&world, proxy);
    let mut browser = Browser::at(&daemon);
    browser.log_in();
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let here = format!("http://{}", daemon.address());
    for (lines, seen) in [
        (vec!["203.0.113.1", "192.0.2.1"], "192.0.2.1"),
        (vec!["203.0.113.1, 192.0.2.2, 10.0.0.1", "127.0.0.1"], "192.0.2.2"),
        (vec!["192.0.2.3:51234"], "192.0.2.3"),
        (vec!["[2001:db8::4]:51234"], "2001:db8::4"),
    ] {
        let mut fields = vec![kind, ("Origin", &*here)];
        fields.extend(lines.iter().map(|line| ("X-Forwarded-For", *line)));
        assert_eq!(daemon.send("POST", "/login", &fields, "password=wrong").0, 403, "{lines:?}");
        let newest = browser.get("/api/v1/activity").body;
        let newest = newest.split("\"source\":\"").nth(1).unwrap();
        assert_eq!(newest.split('"').next(), Some(seen), "{lines:?}");
    }
}

#[test]
fn refusals_are_written_down_and_a_flood_of_them_is_not() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let store = world.path("all.sqlite");
    let new = ["token", "new", "grafana", "--store", store.to_str().unwrap()];
    let bearer = format!("Bearer {}", web(&world, &new, "").1);
    let mut browser = Browser::at(&daemon);
    browser.log_in();
    let waive = "/domains/ours.example/waive";
    assert_eq!(browser.post(waive, "reason=because").status, 403, "no mark");
    let fields = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let by_program = format!("/api/v1{waive}");
    assert_eq!(daemon.send("POST", &by_program, &fields, "{\"reason\":\"b\"}").0, 403);
    assert_eq!(daemon.ask("GET", "/api/v1/domains", &[("Authorization", "Bearer x")]).0, 401);
    let form = format!("mark={}&reason=", browser.mark());
    assert_eq!(browser.post(waive, &form).status, 400, "without a reason");
    let activity = browser.get("/activity").body;
    for said in [
        "forged form",
        "/domains/ours.example/waive",
        "the token grafana",
        "no right to change something",
        "unknown token",
        "not done: give a reason",
    ] {
        assert!(activity.contains(said), "{said}: {activity}");
    }
    for _ in 0..200 {
        assert_eq!(browser.post(waive, "reason=because").status, 403);
    }
    let csv = browser.get("/csv/activity").body;
    let refusals = csv.lines().filter(|line| line.contains("refused")).count();
    assert!((3..10).contains(&refusals), "{refusals}: {csv}");
    assert!(csv.contains("welcome"), "the log-in is still there: {csv}");
}

#[test]
fn after_a_log_in_a_form_that_came_too_late_leads_to_its_page() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let browser = Browser::at(&daemon);
    for (path, to) in [
        ("/domains/a.example/waive", "/login?to=%2Fdomains%2Fa.example&undone=yes"),
        ("/domains/a%2Fb/move?x=y", "/login?to=%2Fdomains%2Fa%252Fb&undone=yes"),
        ("/incidents/17/acknowledge", "/login?to=%2Fincidents%2F17&undone=yes"),
        ("/elsewhere", "/login?to=%2F&undone=yes"),
    ] {
        let turned = browser.post(path, "reason=because");
        assert_eq!((turned.status, turned.field("location")), (303, Some(to)), "{path}");
        let page = browser.get(to).body;
        assert!(page.contains("nothing was done, for nobody was logged in any more"), "{page}");
    }
    let page = browser.get("/login?to=%2F").body;
    assert!(!page.contains("nothing was done"), "{page}");
}

#[test]
fn behind_a_proxy_with_tls_the_cookie_is_for_this_host_and_tls_alone() {
    let world = World::new();
    let daemon = with_password(
        &world,
        "hosts = [\"sealpost.example.com\"]\n[web.proxy]\naddresses = [\"127.0.0.1\"]\n",
    );
    let form = format!("password={}", encoded(PASSWORD));
    let log_in = |origin: &str, proto: &str| {
        let fields = [
            ("Host", "sealpost.example.com"),
            ("Origin", origin),
            ("X-Forwarded-Proto", proto),
            ("X-Forwarded-For", "203.0.113.9"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let (status, head, body) = daemon.send("POST", "/login", &fields, &form);
        Answer { status, head, body }
    };
    let answer = log_in("https://sealpost.example.com", "https");
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.cookie().starts_with("__Host-sealpost="), "{}", answer.cookie());
    assert!(answer.cookie().ends_with("; Secure"), "{}", answer.cookie());
    let open = log_in("http://sealpost.example.com", "https");
    assert_eq!(open.status, 403, "a page without TLS is not ours");
}

#[test]
fn over_https_the_cookie_is_for_this_host_and_tls_alone() {
    let world = World::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs_err::write(world.path("cert.pem"), made.cert.pem()).unwrap();
    fs_err::write(world.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    assert_eq!(web(&world, &["password", "--output", "hash"], PASSWORD).0, 0);
    let front = FRONT.replace(
        "[serve]\n",
        "[serve]\nhttps = [\"127.0.0.1:0\"]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n",
    );
    world.write(&format!("{front}[web]\npassword_file = \"hash\"\n"));
    let daemon = Daemon::start(&world, &[]);
    let form = format!("password={}", encoded(PASSWORD));
    let answer = |fields: &str, body: &str| {
        let method = if body.is_empty() { "GET /" } else { "POST /login" };
        let host = daemon.https_address();
        let request = format!(
            "{method} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", host])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        client.stdin.as_mut().unwrap().write_all(request.as_bytes()).unwrap();
        let output = client.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let here = format!("{kind}Origin: https://{}\r\n", daemon.https_address());
    let welcome = answer(&here, &form);
    assert!(welcome.starts_with("HTTP/1.1 303 "), "{welcome}");
    let line = welcome.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(line.starts_with("__Host-sealpost=") && line.ends_with("; Secure"), "{line}");
    let cookie = line.split(';').next().unwrap();
    let home = answer(&format!("Cookie: {cookie}\r\n"), "");
    assert!(home.starts_with("HTTP/1.1 200 ") && home.contains("Log out"), "{home}");
    // What came in the open was not meant for TLS, and the other way round.
    let (_, plain) = cookie.split_once('=').unwrap();
    let open = answer(&format!("Cookie: sealpost={plain}\r\n"), "");
    assert!(open.starts_with("HTTP/1.1 303 "), "{open}");
    assert_eq!(daemon.ask("GET", "/", &[("Cookie", cookie)]).0, 303);
}

#[test]
fn no_text_of_a_request_becomes_a_field_of_the_answer() {
    let world = World::new();
    let daemon = with_password(&world, "");
    let browser = Browser::at(&daemon);
    for to in ["//evil.example", "https://evil.example", "/%5cevil.example", "/%0d%0aX-Evil:%201"] {
        let page = browser.get(&format!("/login?to={to}"));
        assert!(
            !page.body.contains("evil.example") && !page.head.contains("evil"),
            "{to}: {}",
            page.body
        );
        let form = format!("password={}&to={to}", encoded(PASSWORD));
        let answer = browser.post("/login", &form);
        assert!(matches!(answer.field("location"), None | Some("/")), "{to}: {}", answer.head);
        assert!(!answer.head.contains("evil"), "{to}: {}", answer.head);
    }
    for path in ["/domains/a%0d%0aX-Evil:1", "/%0d%0aSet-Cookie:a=b", "/reports/%00"] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(!answer.head.contains("evil") && !answer.head.contains("set-cookie"), "{path}");
    }
}

#[test]
fn a_hash_that_is_none_keeps_the_pages_shut_until_there_is_one() {
    let world = World::new();
    fs_err::write(world.path("hash"), "hunter2-hunter2\n").unwrap();
    world.write(&format!("{FRONT}[web]\npassword_file = \"hash\"\n"));
    let mut daemon = Daemon::start(&world, &[]);
    // What takes in reports needs no password.
    let ready = "ready: receive, pages (cannot be opened in full and are tried again)\n";
    assert_eq!(daemon.ready, ready);
    assert_eq!(daemon.address(), "", "nothing is open without one");
    fs_err::remove_file(world.path("hash")).unwrap();
    assert_eq!(web(&world, &["password", "--output", "hash"], PASSWORD).0, 0);
    daemon.hang_up();
    daemon.wait_to_hear("listening at http://");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("sealpost web password") && !said.contains("hunter2"), "{said}");
    let (status, _) = web(&world, &["password"], "short\n");
    assert_eq!(status, 2);
    let (status, hash) = web(&world, &["password"], "long enough, surely\n");
    assert!(status == 0 && hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}
