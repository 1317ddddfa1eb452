//! The pages in a real browser, and the interface in the hands of a program that tries everything.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use sealpost_e2e::{Domain, Environment, World, made_for_pages, sealpost_binary};
use sealpost_lab::{Lab, Options, Ports};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

/// A report of one day; every text in it that a stranger chooses is meant to do harm on a page.
const REPORT: &str = r#"{
  "organization-name": "<script>alert(1)</script>\u202Eevil NAME",
  "date-range": {"start-datetime": "DAYT00:00:00Z", "end-datetime": "DAYT23:59:59Z"},
  "contact-info": "\"><img src=x onerror=alert(1)>",
  "report-id": "'\"><svg/onload=alert(1)>ID@a.example",
  "policies": [{
    "policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "</pre><script>alert(2)</script>"], "policy-domain": "DOMAIN", "mx-host": ["*.mail.example"]},
    "summary": {"total-successful-session-count": 1200, "total-failure-session-count": FAILED}DETAILS
  }]
}"#;
const DETAILS: &str = r#",
    "failure-details": [
      {"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1", "receiving-mx-hostname": "mx1.mail.example", "receiving-ip": "198.51.100.7", "failed-session-count": 30, "failure-reason-code": "<iframe src=//evil.example>", "additional-information": "javascript:alert(1)"},
      {"result-type": "starttls-not-supported", "sending-mta-ip": "2001:db8::1", "receiving-mx-hostname": "LONG.mail.example", "receiving-ip": "2001:db8::7", "failed-session-count": 4}
    ]"#;

/// A daemon with a password, some reports and a domain that it leads on, in the lab. Dropping it
/// kills it.
struct Pages {
    _lab: (tokio::runtime::Runtime, Lab),
    folder: TempDir,
    child: Child,
    address: String,
}

impl Pages {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let options = Options { ports: Ports::Ephemeral, ..Options::new(now()) };
        let lab = runtime.block_on(Lab::start(options)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = "store = \"all.sqlite\"\n[serve]\nhttp = [\"127.0.0.1:0\"]\n\
            [web]\npassword_file = \"hash\"\n[enforce]\nlisten = [\"127.0.0.1:0\"]\n\
            exceptions = \"exceptions.toml\"\n[alert]\nlook_seconds = 1\n\
            [report]\nsocket = [\"unix:tlsrpt.sock\"]\ncontact = \"tls-reports@good.test\"\n\
            [receive]\ndomains = [\"ours.example\", \"well.example\"]\n\
            listen = { smtp = [], lmtp = [], http = [\"127.0.0.1:0\"] }\n\
            [[receive.admit]]\nname = \"test\"\nnetworks = [\"127.0.0.0/8\"]\n\
            [publish.domains.\"mail.good.test\"]\nmx = [\"mx1.mail.good.test\"]\n";
        let socket = folder.path().join("tlsrpt.sock");
        let settings = settings.replace("tlsrpt.sock", socket.to_str().unwrap());
        fs_err::write(folder.path().join("sealpost.toml"), settings).unwrap();
        // Its end is near, which people are told of.
        let end = now() + jiff::SignedDuration::from_hours(72);
        let end = end.to_string();
        let exceptions = format!(
            "[[exception]]\ndomain = \"excepted.example\"\ndo = \"testing\"\n\
             reason = \"<script>alert(1)</script>\"\nuntil = \"{}\"\n",
            end.split('T').next().unwrap()
        );
        fs_err::write(folder.path().join("exceptions.toml"), exceptions).unwrap();
        sealpost(folder.path(), &["web", "password", "--output", "hash"], PASSWORD);
        let mut child = Command::new(sealpost_binary().unwrap())
            .args(["serve", "--config", "sealpost.toml", "--network"])
            .arg(lab.settings_file())
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut address, mut posts) = (String::new(), String::new());
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            said.push_str(&format!("{line}\n"));
            if let Some(place) = line.strip_prefix("listening at http://") {
                place.clone_into(&mut address);
            }
            let place = line.strip_prefix("receive: listening at ");
            if let Some(place) = place.and_then(|place| place.strip_suffix(", http")) {
                place.clone_into(&mut posts);
            }
            if line.starts_with("ready") {
                break;
            }
        }
        assert!(!address.is_empty() && !posts.is_empty(), "{said}");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.count());
        let pages = Self { _lab: (runtime, lab), folder, child, address };
        let today = now().to_string();
        let day = today.split('T').next().unwrap();
        let long = "x".repeat(60);
        for (place, (domain, failed, details)) in [
            ("ours.example", "34", DETAILS),
            ("other.example", "34", DETAILS),
            ("well.example", "0", ""),
        ]
        .into_iter()
        .enumerate()
        {
            let text = REPORT
                .replace("DETAILS", &details.replace("LONG", &long))
                .replace("DOMAIN", domain)
                .replace("FAILED", failed)
                .replace("DAY", day)
                .replace("NAME", &"W".repeat(200))
                .replace("ID", &place.to_string());
            let fields = "Content-Type: application/tlsrpt+json\r\n";
            let answer = exchange(&posts, "POST", "/v1/tls-reports", fields, &text);
            assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        }
        pages.wait_for_reports();
        pages
    }

    /// They are read beside the door.
    fn wait_for_reports(&self) {
        let token = format!("Authorization: Bearer {}\r\n", self.token("reader", "read"));
        for _ in 0..600 {
            let domains = exchange(&self.address, "GET", "/api/v1/domains", &token, "");
            let others =
                exchange(&self.address, "GET", "/api/v1/reports?scope=not-ours", &token, "");
            if self.incident(&token).is_some()
                && domains.contains("ours.example")
                && domains.contains("well.example")
                && others.contains("other.example")
                && domains.contains("mail.good.test")
                && exchange(&self.address, "GET", "/api/v1/domains/mail.good.test/mx", &token, "")
                    .starts_with("HTTP/1.1 200")
            {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the reports were not read, or the domain not looked at");
    }

    /// The id of the incident that stays open: an exception ends soon.
    fn incident(&self, token: &str) -> Option<String> {
        let path = "/api/v1/incidents?domain=excepted.example";
        let answer = exchange(&self.address, "GET", path, token, "");
        let (_, rest) = answer.split_once("\"id\":\"")?;
        Some(rest.split('"').next()?.to_owned())
    }

    /// The description of the interface, in which this incident is the example of one.
    fn description(&self, token: &str, incident: &str) -> PathBuf {
        let answer = exchange(&self.address, "GET", "/api/v1/openapi.json", token, "");
        let (_, description) = answer.split_once("\r\n\r\n").unwrap();
        let mut description: serde_json::Value = serde_json::from_str(description).unwrap();
        for operation in description["paths"]
            .as_object_mut()
            .unwrap()
            .values_mut()
            .flat_map(|methods| methods.as_object_mut().unwrap().values_mut())
        {
            for parameter in operation["parameters"].as_array_mut().unwrap() {
                if parameter["name"] == "incident" {
                    parameter["schema"]["enum"] = serde_json::json!([incident]);
                }
            }
        }
        let file = self.folder.path().join("openapi.json");
        fs_err::write(&file, description.to_string()).unwrap();
        file
    }

    fn token(&self, name: &str, scope: &str) -> String {
        let arguments = ["web", "token", "new", name, "--scope", scope, "--store", "all.sqlite"];
        sealpost(self.folder.path(), &arguments, "")
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program with this standard input; what it wrote.
fn sealpost(folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(sealpost_binary().unwrap())
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "these tests stand outside the house")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "the client of a test, on loopback")]
fn exchange(address: &str, method: &str, path: &str, fields: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{fields}\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn run(command: &mut Command) -> (bool, String) {
    let output: Output = command.output().unwrap();
    let (out, err) = (&output.stdout, &output.stderr);
    let said = format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    (output.status.success(), said)
}

#[test]
fn a_browser_finds_its_way_and_nothing_amiss() {
    let pages = Pages::start();
    let modules = made_for_pages("browser").unwrap();
    let (is_well, said) = run(Command::new("timeout")
        .args(["--kill-after=5", "300", "node"])
        .arg(beside("browser/look.mjs"))
        .arg(modules)
        .arg(format!("http://{}", pages.address))
        .arg(PASSWORD)
        .args(std::env::var_os("SEALPOST_SCREENSHOTS")));
    assert!(is_well, "{said}");
}

/// It makes requests of the description, fit and unfit ones, and holds the answers beside it.
#[test]
fn schemathesis_finds_no_answer_that_is_not_described() {
    let pages = Pages::start();
    let packages = made_for_pages("schemathesis").unwrap();
    let address = format!("http://{}", pages.address);
    let token = pages.token("schemathesis", "write");
    let field = format!("Authorization: Bearer {token}\r\n");
    let incident = pages.incident(&field).unwrap();
    let (is_well, said) = run(Command::new("timeout")
        .args(["--kill-after=5", "300", "python3", "-B", "-m", "schemathesis.cli", "run"])
        .arg(pages.description(&field, &incident))
        .args(["--url", &address, "--header", &format!("Authorization: Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "8460"])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
        .args(["--no-color", "--workers", "1"])
        .env("PYTHONPATH", packages)
        .current_dir(pages.folder.path()));
    assert!(is_well, "{said}");
    // It was let in, and has tried more than a few things.
    let path = format!("/api/v1/incidents/{incident}");
    let taken = exchange(&pages.address, "GET", &path, &field, "");
    assert!(taken.contains("the token schemathesis"), "it was not taken in hand: {taken}");
    let acts = exchange(&pages.address, "GET", "/metrics", &field, "");
    let answers: u64 = acts
        .lines()
        .find_map(|line| line.strip_prefix("sealpost_web_answers_total{answer=\"data\"} "))
        .unwrap()
        .parse()
        .unwrap();
    assert!(answers > 100, "{answers}: {said}");
}

/// Who is not on this machine: in the environment's own network, whose loopback interface has an
/// address that is none of loopback.
#[test]
fn whoever_comes_from_elsewhere_comes_by_tls_and_with_a_password_or_not_at_all() {
    let environment = Environment::start(&World::new(vec![Domain::good("good.test")])).unwrap();
    let directory = environment.directory();
    fs_err::copy(sealpost_binary().unwrap(), directory.join("sealpost")).unwrap();
    let front = "store = \"/tmp/all.sqlite\"\n[serve]\nhttp = [\"192.0.2.1:8460\", \"127.0.0.1:8460\"]\n\
        https = [\"192.0.2.1:8443\"]\ncertificate = \"/tmp/cert\"\nkey = \"/tmp/key\"\n\
        [enforce]\nlisten = [\"127.0.0.1:8461\"]\n[web]\nhosts = [\"pages.test\"]\n";
    fs_err::write(directory.join("open.toml"), front).unwrap();
    let closed = format!("{front}password_file = \"/tmp/hash\"\n");
    fs_err::write(directory.join("closed.toml"), closed).unwrap();
    let script = format!(
        "set -eu; cd /e2e
         ip address add 192.0.2.1/32 dev lo
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=pages.test \
             -addext subjectAltName=DNS:pages.test -keyout /tmp/key -out /tmp/cert 2>/dev/null
         echo '{PASSWORD}' | ./sealpost web password --output /tmp/hash
         ask() {{
             curl -s -o /tmp/answer -w '%{{http_code}}' --cacert /tmp/cert \
                 --resolve '*:8443:192.0.2.1' --resolve '*:8460:192.0.2.1' \"$@\"
             printf ' %s\\n' \"$(head -c 60 /tmp/answer | head -n 1)\"
         }}
         for settings in open closed; do
             ./sealpost serve --config $settings.toml 2>/tmp/log & pid=$!
             until grep -q ^ready /tmp/log; do kill -0 $pid; sleep 0.05; done
             for path in / /api/v1/domains /metrics /healthz; do
                 ask http://pages.test:8460$path
                 ask https://pages.test:8443$path
             done
             ask --data-urlencode 'password={PASSWORD}' -H 'Origin: http://pages.test:8460' \
                 http://pages.test:8460/login
             ask --data-urlencode 'password={PASSWORD}' -H 'Origin: https://pages.test:8443' \
                 https://pages.test:8443/login
             kill $pid; wait $pid
         done"
    );
    let output = environment.run_inside("sh", &["-c", &script]).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let here = "403 these pages are for this machine only";
    let open = "403 passwords and tokens do not travel in the open";
    let (anyone, unknown) = ("200 ok", "401 {\"error\":\"a token is wanted");
    let expected = [
        [here, here, here, here, here, here, anyone, anyone, here, here],
        [
            open,
            "303 log in first",
            open,
            unknown,
            open,
            unknown,
            anyone,
            anyone,
            open,
            "303 welcome",
        ],
    ];
    let expected = expected.concat();
    assert_eq!(lines.len(), expected.len(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{expected}: {line}\n{said}");
    }
}
