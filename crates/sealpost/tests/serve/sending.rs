//! Pages on the reports that we send, and on what mail servers that send are told.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sealpost_evidence::traffic::Day;
use sealpost_store::submissions::{Goal, NewDestination, NewSubmissions, Sending};
use sealpost_store::{Settings, Store};
use serde_json::Value;

use crate::daemon::{Daemon, World, connect};
use crate::pages::{as_promised, walk};
use crate::sink::Sink;

/// No resolver answers there, and that is known at once.
const NETWORK: &str = "[network]\nresolvers = [\"127.0.0.1:1\"]\n[network.deadlines]\ndns = 0.5\n";

fn now() -> i64 {
    sealpost_runtime::Clock::system().now().as_second()
}

/// What a mail server tells of a session; of those that fail, why (RFC 8460 section 4.3).
fn session(domain: &str, failure: Option<u32>) -> String {
    let details = failure.map_or(String::new(), |code| {
        format!(
            r#""failure-details":[{{"c":{code},"s":"192.0.2.1","n":"mx.{domain}","r":"198.51.100.7"}}],"#
        )
    });
    let (total, failed) = if failure.is_some() { (1, 1) } else { (0, 0) };
    format!(
        r#"{{"dpv":"1","d":"{domain}","pr":"v=TLSRPTv1; rua=mailto:tls@{domain}","policies":[{{"policy-type":2,"policy-domain":"{domain}","policy-string":["version: STSv1","mode: enforce","mx: *.{domain}","max_age: 604800"],"mx-host":["*.{domain}"],{details}"t":{total},"f":{failed}}}]}}"#
    )
}

/// A report as we would make it.
fn fit_to_send(domain: &str, day: Day) -> String {
    let text = crate::soak::report(domain, 1, day);
    let text = text.replacen('{', "{\"contact-info\":\"tls@reports.test\",", 1);
    text.replacen(&format!("-1-{domain}\""), "-1@reports.test\"", 1)
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Reports in the queue of a store: none is due before tomorrow.
async fn queue(world: &World, domains: &[String]) {
    queue_until(world, domains, now() + 86_400).await;
}

/// The same, due at this time.
async fn queue_until(world: &World, domains: &[String], due: i64) {
    let store = Store::open(Settings::at(world.path("all.sqlite"))).await.unwrap();
    let submissions = store.submissions();
    let day = Day::of(due).plus(-2);
    submissions.begin_sending(Sending { since: day, secret: "s".to_owned() }).await.unwrap();
    let report = |domain: &String| NewSubmissions {
        report_id: format!("{domain}-report"),
        about: domain.parse().unwrap(),
        day,
        queued_at: due - 86_400,
        counted: 1,
        octets: packed(&fit_to_send(domain, day)),
        goal: Goal::All,
        destinations: vec![NewDestination {
            rua: format!("mailto:tls@{domain}"),
            host: domain.clone(),
            due,
            lifetime: 86_400,
        }],
    };
    submissions.enqueue(domains.iter().map(report).collect()).await.unwrap();
    store.close().await;
}

fn settings(world: &World) -> String {
    format!(
        "[check]\nevery_hours = 0\n[report]\nsocket = [\"unix:{}\"]\nflush_seconds = 1\n\
         contact = \"tls-reports@reports.test\"\n[enforce]\nlisten = [\"127.0.0.1:0\"]\n{NETWORK}",
        world.path("tlsrpt.sock").display()
    )
}

fn read(daemon: &Daemon, path: &str) -> Value {
    serde_json::from_str(&daemon.get(path).1).unwrap()
}

#[test]
fn a_report_under_way_is_not_sent_beside_itself_when_the_clock_jumps() {
    let world = World::new();
    let start = Day::of(now()).plus(-1).begins_at();
    let domain = "a.example".to_owned();
    tokio::runtime::Runtime::new().unwrap().block_on(queue_until(&world, &[domain], start));
    // Long enough that the sender looks into the queue meanwhile, which it does each second.
    let sink = Sink::start(Duration::from_secs(4));
    let delivery = format!("[report.delivery]\nmail = \"relay:{}\"\n", sink.address);
    world.write(&format!("{}{delivery}", settings(&world)));
    let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap().to_string();
    let (daemon, mut hand) = Daemon::start_at(&world, &time(start), &[]);
    daemon.wait_for("/api/v1/deliveries?state=waiting", "\"attempts\":1");
    for hours in 1..=3 {
        writeln!(hand, "{}", time(start + hours * 3_600)).unwrap();
        std::thread::sleep(Duration::from_millis(1_200));
    }
    daemon.wait_for("/api/v1/deliveries?state=accepted", "\"attempts\":1");
    assert_eq!(daemon.metric("sealpost_report_attempts_total{as=\"accepted\"}"), 1);
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn the_reports_that_we_send_are_shown_with_their_state_and_the_sessions_of_today() {
    let world = World::new();
    let domains: Vec<String> = (0..450).map(|n| format!("d{n:03}.example")).collect();
    tokio::runtime::Runtime::new().unwrap().block_on(queue(&world, &domains));
    world.write(&settings(&world));
    let daemon = Daemon::start(&world, &[]);

    // The queue, in pages, each once.
    let (mut seen, mut path) = (Vec::new(), "/api/v1/deliveries?state=waiting".to_owned());
    loop {
        let page = as_promised(&daemon, "/api/v1/deliveries", &path);
        let rows = page["deliveries"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["state"] == "waiting" && row["attempts"] == 0));
        assert!(rows.iter().all(|row| row["next_attempt"].as_i64().unwrap() > now() + 80_000));
        seen.extend(rows.iter().map(|row| row["about"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_i64() else { break };
        assert_eq!(rows.len(), 200);
        path = format!("/api/v1/deliveries?state=waiting&after={next}");
    }
    assert_eq!(seen, domains);
    let page = daemon.get("/deliveries").1;
    assert!(page.contains("450 waiting") && page.contains("d199.example"), "{page}");
    assert!(!page.contains("d200.example") && page.contains("Later ones"), "{page}");
    assert_eq!(daemon.get("/csv/deliveries").1.lines().count(), 451, "all of them, and a head");
    let none = daemon.get("/deliveries?state=accepted").1;
    assert!(none.contains("There is none that is accepted."), "{none}");
    assert_eq!(daemon.get("/csv/deliveries?state=accepted").1.lines().count(), 1);
    assert_eq!(daemon.get("/deliveries?state=x").0, 400);
    assert_eq!(daemon.get("/deliveries?after=x").0, 400);

    // The sessions of today, and whom they do not reach.
    assert!(daemon.get("/sessions").1.contains("There was no session today yet."));
    assert!(daemon.get("/unreached").1.contains("None is known."));
    let socket = UnixDatagram::unbound().unwrap();
    for (domain, failure) in
        [("well.example", None), ("ill.example", Some(205)), ("ill.example", None)]
    {
        socket.send_to(session(domain, failure).as_bytes(), world.path("tlsrpt.sock")).unwrap();
    }
    daemon.wait_for("/api/v1/sessions", "\"count\":2");
    daemon.wait_for("/api/v1/sessions", "\"failed\":1");
    daemon.wait_for("/csv/sessions", "ill.example,1,1,");
    let sessions = as_promised(&daemon, "/api/v1/sessions", "/api/v1/sessions");
    let names: Vec<&Value> =
        sessions["domains"].as_array().unwrap().iter().map(|row| &row["domain"]).collect();
    assert_eq!(names, ["ill.example", "well.example"]);
    let behind = read(&daemon, "/api/v1/sessions?after=ill.example");
    assert_eq!(behind["domains"][0]["domain"], "well.example", "{behind}");
    assert!(
        daemon.get("/sessions?day=2020-01-01").1.contains("There was no session on 2020-01-01")
    );
    assert_eq!(daemon.get("/sessions?day=x").0, 400);
    let unreached = as_promised(&daemon, "/api/v1/unreached", "/api/v1/unreached");
    assert_eq!(unreached["count"], 1, "{unreached}");
    let row = &unreached["domains"][0];
    assert_eq!((&row["domain"], &row["failed"]), (&"ill.example".into(), &1.into()), "{row}");
    assert!(daemon.get("/unreached").1.contains("your mail server’s default"), "no policy is held");

    // What the doctor finds comes beside the page.
    daemon.wait_for("/api/v1/doctor", "\"is_under_way\":false");
    let found = as_promised(&daemon, "/api/v1/doctor", "/api/v1/doctor");
    let whats: Vec<&str> = found["examined"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["what"].as_str().unwrap())
        .collect();
    let looked_at = ["queue", "spf", "transport"];
    assert!(looked_at.iter().all(|what| whats.contains(what)), "{found}");
    let page = daemon.get("/doctor").1;
    assert!(page.contains("Looked at on") && !page.contains("being looked at now"), "{page}");
    assert!(daemon.get("/csv/doctor").1.starts_with("what,state,found,remedy\r\n"));
    let seen = walk(&daemon);
    for path in ["/csv/doctor", "/csv/unreached", "/csv/decisions"] {
        assert!(seen.contains_key(path), "{path} is on no page: {:?}", seen.keys());
    }
    assert!(daemon.terminate().0.success());
}

#[test]
fn what_mail_servers_are_told_is_counted_on_a_page() {
    let world = World::new();
    world.write(&settings(&world));
    let daemon = Daemon::start(&world, &[]);
    assert!(daemon.get("/decisions").1.contains("No mail server has asked yet"));
    let place = daemon.place("enforce: listening at ");
    let mut stream = connect(place.split(',').next().unwrap());
    let key = "postfix ours.example";
    stream.write_all(format!("{}:{key},", key.len()).as_bytes()).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    daemon.wait_for("/csv/decisions", ",1,0");
    let made = as_promised(&daemon, "/api/v1/decisions", "/api/v1/decisions");
    let answered: u64 = made["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["answered"].as_u64().unwrap())
        .sum();
    assert_eq!((answered, &made["runs"]), (1, &true.into()), "{made}");
    assert!(daemon.terminate().0.success());
}

#[test]
fn where_a_role_does_not_run_its_pages_say_what_to_switch_on() {
    let world = World::new();
    world.write(
        "[receive]\nlisten = { smtp = [], lmtp = [], http = [] }\n[check]\nevery_hours = 0\n",
    );
    let daemon = Daemon::start(&world, &[]);
    for (path, words) in [
        ("/doctor", "The role <code>report</code> does not run here"),
        ("/deliveries", "No report has been sent from here yet"),
        ("/sessions", "<code>smtp_tlsrpt_enable</code>"),
        ("/decisions", "The role <code>enforce</code> does not run here"),
        ("/policies", "sealpost enforce setup postfix"),
        ("/unreached", "None is known"),
    ] {
        let (status, page) = daemon.get(path);
        assert!(status == 200 && page.contains(words), "{path}: {page}");
    }
    for path in ["doctor", "deliveries", "sessions", "decisions", "unreached"] {
        let named = format!("/api/v1/{path}");
        as_promised(&daemon, &named, &named);
        let csv = daemon.get(&format!("/csv/{path}"));
        assert_eq!((csv.0, csv.1.lines().count()), (200, 1), "{path}: a head");
    }
}
