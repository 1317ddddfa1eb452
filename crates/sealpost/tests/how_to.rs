//! The commands of the how-to pages, run as they stand, against the lab.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use sealpost_lab::{Lab, Options, Ports};
use sealpost_store::{
    Store,
    sessions::{CountedPolicy, SessionCounts},
};
use tls_rpt::SeenPolicy;

#[expect(dead_code, reason = "it takes everything here")]
#[path = "report/sink.rs"]
mod sink;

/// The exit status of each command that is not expected to end with 0.
const OTHER_STATUS: [(&str, i32); 12] = [
    ("sealpost check sts-id-with-dashes.test", 1),
    // The list has domains that fail.
    ("sealpost check --from domains.txt", 1),
    ("sealpost check --from domains.txt --format json --output monday.ndjson", 1),
    ("sealpost check --from domains.txt --format json --output audit.ndjson", 1),
    ("sealpost check --from domains.txt --format json --output monday.ndjson --resume", 1),
    ("sealpost check --zone example.zone --format csv", 1),
    ("sealpost check --from domains.txt --format junit", 1),
    ("sealpost check --from domains.txt --format nagios", 2),
    // The example of RFC 8460 has a string where an array belongs (erratum 6241).
    ("sealpost receive lint report.json", 1),
    ("sealpost receive failures --store reports.db --unverified --since 2016-01-01", 1),
    // It is too early.
    (
        "sealpost publish plan good.test --config sealpost.toml --add-mx mx1.provider.example \
         --remove-mx mx1.good.test --on 2026-12-01T00:00:00Z 2>&1",
        1,
    ),
    // It is signed by its own key.
    ("sealpost publish rehearse good.test --cert new.pem", 1),
];

/// The reports that the page on reports speaks of, from the test data of `tls-rpt`.
const REPORTS: [(&str, &str); 2] = [
    ("report.eml", "mails/field/isseis__tlsrpt-digest/tlsrpt_failure.eml"),
    ("report.json", "field/reports/public/domainaware__parsedmarc/samples/smtp_tls/rfc8460.json"),
];

#[test]
fn audit_your_domain() {
    run_page("audit-your-domain.md", &[]);
}

#[test]
fn audit_a_list() {
    run_page("audit-a-list.md", &[]);
}

/// The configuration is that of the page, and a store that a first start has made lies beside it.
#[test]
fn host_policies() {
    let page = fs_err::read_to_string(root().join("doc/how-to/host-policies.md")).unwrap();
    let configuration = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("sealpost.toml"), configuration).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = sealpost_store::Settings::at(folder.path().join("store.sqlite"));
    runtime.block_on(async { sealpost_store::Store::open(settings).await.unwrap().close().await });
    run_commands("host-policies.md", commands(&page), folder.path());
}

/// The commands of root and `systemctl` are those of the test of the package.
#[test]
fn install_on_debian() {
    run_page("install-on-debian.md", &[]);
}

#[test]
fn three_domains() {
    run_page("three-domains.md", &[]);
}

#[test]
fn fifty_thousand_domains() {
    run_page("fifty-thousand-domains.md", &[]);
}

#[test]
fn postfix_administrator() {
    run_page("postfix-administrator.md", &[]);
}

#[test]
fn auditor() {
    run_page("auditor.md", &[]);
}

#[test]
fn lead_to_enforce() {
    run_page("lead-to-enforce.md", &[]);
}

#[test]
fn change_mail_hosts() {
    run_page("change-mail-hosts.md", &[]);
}

#[test]
fn set_records() {
    run_page("set-records.md", &[]);
}

#[test]
fn import_reports() {
    run_page("import-reports.md", &REPORTS);
}

#[test]
fn read_a_report() {
    run_page("read-a-report.md", &REPORTS);
}

/// With the configuration of the page, a domain of the lab for `example.org`, and a mail server that
/// takes everything.
#[test]
fn send_reports() {
    let sink = sink::Sink::start(std::time::Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let text = fs_err::read_to_string(root().join("doc/how-to/send-reports.md")).unwrap();
    let toml = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let toml = toml.replace("127.0.0.1:25", &sink.address.to_string());
    fs_err::write(folder.path().join("sealpost.toml"), toml).unwrap();
    fs_err::write(folder.path().join("returned.eml"), "From: a@example.net\n\nhello\n").unwrap();
    for algorithm in ["rsa", "ed25519"] {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", algorithm, "-out"])
            .arg(folder.path().join(format!("dkim-{algorithm}.pem")))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = folder.path().join("sealpost.sqlite");
        let store = Store::open(sealpost_store::Settings::at(store)).await.unwrap();
        let epoch = store.sessions().begin("test", 1).await.unwrap();
        let day = "2026-11-25".parse().unwrap();
        let domain: mail_domain::DomainName = "good.test".parse().unwrap();
        let policy = SeenPolicy::new(tls_rpt::PolicyType::NoPolicyFound, domain.clone());
        let counts = SessionCounts {
            day,
            domain,
            policy: std::sync::Arc::new(CountedPolicy::of(&policy)),
            successful: 5,
            failed: 0,
            failures: Vec::new(),
            record: None,
            seen_at: 0,
            hours: None,
        };
        store.sessions().save(&epoch, vec![counts]).await.unwrap();
        store.close().await;
    });
    let commands = commands(&text).into_iter().map(|line| {
        let line = line.replace("example.org", "good.test");
        if line.contains("--config") { line } else { line + " --config sealpost.toml" }
    });
    run_commands("send-reports.md", commands.collect(), folder.path());
    assert_eq!(sink.mails().len(), 1);
    let mail = sink.mails().remove(0);
    assert_eq!(mail.field("TLS-Report-Domain"), "good.test");
    assert_eq!(mail.octets.matches("DKIM-Signature: ").count(), 2);
}

/// The daemon of the page with its usual ports, on a network of its own, and while it runs the other
/// commands of the page.
#[test]
fn run_everything() {
    let page = fs_err::read_to_string(root().join("doc/how-to/run-everything.md")).unwrap();
    let page = page.replace("/etc/sealpost/", "").replace("/var/lib/sealpost/", "");
    let folder = tempfile::tempdir().unwrap();
    let configuration = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    fs_err::write(folder.path().join("sealpost.toml"), configuration).unwrap();
    let mut commands = commands(&page);
    assert_eq!(commands.len(), 5, "{commands:?}");
    assert!(commands[1].starts_with("sealpost serve "));
    let shown = page.split("$ sealpost serve ").nth(1).unwrap().split("```").next().unwrap();
    let shown: String = shown.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let serve = commands.remove(1);
    let script = format!(
        "set -e; ip link set lo up; exec 3< <(exec {serve} 2>&1); serving=$!; trap 'kill $serving' EXIT\n\
         while read -r line <&3; do echo \"$line\"; if [[ $line == ready:* ]]; then break; fi; done\n\
         for path in healthz readyz metrics v1/enforce; do\n\
         curl --fail --silent --show-error --output \"${{path##*/}}\" http://127.0.0.1:8460/$path; done\n\
         {{ {} ; }} >others < <(echo a long password of pages)",
        commands.join("\n").replace("curl", "curl --fail --silent --show-error")
    );
    let mut unshare = Command::new("unshare");
    unshare.arg("--net");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let output = unshare
        .args(["bash", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path_with_the_program())
        .env_remove("SEALPOST_NETWORK")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{script}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), shown);
    let answer = |name: &str| fs_err::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(answer("readyz"), "enforce: runs\nreceive: runs\ncheck: runs\n");
    assert!(answer("metrics").contains("sealpost_role_up{role=\"enforce\"} 1"));
    let others = answer("others");
    assert!(
        others.starts_with("sealpost.toml: can be used; it runs enforce, receive, check\n"),
        "{others}"
    );
    assert!(others.contains("{"), "what the token shows: {others}");
    assert!(answer("web-password").starts_with("$argon2id$"));
}

/// The configuration and the adapter of the page, with a chat and an Alertmanager that take everything,
/// on a network of their own. Tomorrow stands for the end on the page, so that it is not over.
#[test]
fn alerts() {
    const END: &str = "2026-11-28T12:00:00Z";
    const OTHERS: &str = "import sys\n\
        from http.server import BaseHTTPRequestHandler, HTTPServer\n\
        class Takes(BaseHTTPRequestHandler):\n    \
            def do_POST(self):\n        \
                self.rfile.read(int(self.headers['Content-Length']))\n        \
                self.send_response(200)\n        self.end_headers()\n\
        HTTPServer(('127.0.0.1', int(sys.argv[1])), Takes).serve_forever()\n";

    let page = fs_err::read_to_string(root().join("doc/how-to/alerts.md")).unwrap();
    let page = page.replace("/etc/sealpost/", "").replace("/var/lib/sealpost/", "");
    let now = sealpost_runtime::Clock::system().now();
    let tomorrow = jiff::Timestamp::from_second(now.as_second() + 86_400).unwrap();
    let page = page.replace(END, &tomorrow.to_string());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let sendmail = path("sendmail").display().to_string();
    let page = page.replace("/usr/sbin/sendmail", &sendmail);
    let block = |kind: &str| {
        page.split(&format!("```{kind}\n")).nth(1).unwrap().split("```").next().unwrap()
    };
    fs_err::write(path("sealpost.toml"), block("toml")).unwrap();
    fs_err::write(path("adapter.py"), block("python")).unwrap();
    fs_err::write(path("others.py"), OTHERS).unwrap();
    fs_err::write(path("webhook.secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
    fs_err::write(path("sendmail"), "#!/bin/sh\ncat > mail\n").unwrap();
    let program = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(path("sendmail"), program).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = sealpost_store::Settings::at(path("store.sqlite"));
        let store = Store::open(store).await.unwrap();
        assert_eq!(store.incidents().apply(vec![the_incident()]).await.unwrap(), 1);
        store.close().await;
    });

    let commands = commands(&page);
    assert_eq!(commands.len(), 3, "{commands:?}");
    let script = format!(
        "ip link set lo up; trap 'kill $(jobs -p)' EXIT\n\
         python3 others.py 8471 & python3 others.py 9093 &\n\
         SECRET_FILE=webhook.secret CHAT_URL=http://127.0.0.1:8471/ python3 adapter.py &\n\
         for port in 8470 8471 9093; do for try in $(seq 300); do\n\
         (exec 3<>/dev/tcp/127.0.0.1/$port) && break; sleep 0.1; done; done 2>&-\n\
         {{ {}; }} 2>&1",
        // What is open is told by the status too.
        commands.join("\n").replace("alert list", "alert list || test $? = 1")
    );
    let mut unshare = Command::new("unshare");
    unshare.arg("--net");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let output = unshare
        .args(["bash", "-e", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path_with_the_program())
        .env("SEALPOST_CONFIG", "sealpost.toml")
        .env_remove("SEALPOST_NETWORK")
        .output()
        .unwrap();
    let (said, shown) = (String::from_utf8(output.stdout).unwrap(), shown(&page));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaints}\n{script}");
    assert_eq!(said.lines().map(str::trim_end).collect::<Vec<_>>(), shown);
    let mail = fs_err::read_to_string(path("mail")).unwrap();
    assert!(mail.contains("From: sealpost <sealpost@example.com>"), "{mail}");
}

/// That of the page on alerts.
fn the_incident() -> sealpost_store::incidents::Change {
    use sealpost_evidence::incident::{Basis, Urgency};
    use sealpost_store::incidents::{Change, Deed, Incident, Phase};

    let since = "2026-11-27T03:10:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let incident = Incident {
        id: "8d3c1a70f25be964".parse().unwrap(),
        cause: "INC101".to_owned(),
        domain: "example.com".parse().unwrap(),
        subject: "mx2.example.com".to_owned(),
        phase: Phase::Open,
        urgency: Urgency::Critical,
        basis: Basis::Look,
        since,
        opened_at: Some(since + 600),
        gone_since: None,
        resolved_at: None,
        told: Some(Urgency::Critical),
        told_to: Default::default(),
        summary: "mx2.example.com at 192.0.2.2: the certificate has expired".to_owned(),
        grounds: Vec::new(),
        silent_until: None,
        acknowledged: None,
        revision: 0,
        number: 0,
    };
    Change { incident, deed: Deed::Add, notices: Vec::new() }
}

/// What the page shows that commands say.
fn shown(page: &str) -> Vec<&str> {
    let mut shown = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && !line.starts_with("$ ") {
            shown.push(line);
        }
    }
    shown
}

/// The page shows what the program prints.
#[test]
fn the_sample_of_a_report_is_fresh() {
    let text = fs_err::read_to_string(root().join("doc/how-to/read-a-report.md")).unwrap();
    let sample = text.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    put(&REPORTS, folder.path());
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["receive", "show", "report.json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), sample);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn put(files: &[(&str, &str)], folder: &Path) {
    for (name, from) in files {
        fs_err::copy(root().join("crates/tls-rpt/tests").join(from), folder.join(name)).unwrap();
    }
}

/// Runs each line that begins with `$ ` in a `console` block, in a folder with these files of the
/// test data of `tls-rpt`.
fn run_page(page: &str, files: &[(&str, &str)]) {
    let text = fs_err::read_to_string(root().join("doc/how-to").join(page)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    put(files, folder.path());
    run_commands(page, commands(&text), folder.path());
}

fn run_commands(page: &str, commands: Vec<String>, folder: &Path) {
    assert!(commands.len() >= 4, "only {} commands in {page}", commands.len());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    for command in commands {
        let output = Command::new("bash")
            .args(["-c", &command])
            .current_dir(folder)
            .env("PATH", path_with_the_program())
            .env("SEALPOST_NETWORK", lab.settings_file())
            .env("XDG_STATE_HOME", folder.join("state"))
            .env_remove("STATE_DIRECTORY")
            .output()
            .unwrap();
        let expected = OTHER_STATUS.iter().find(|(text, _)| *text == command);
        let expected = expected.map_or(0, |(_, status)| *status);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{command}\n{said}");
        assert!(!output.stdout.is_empty(), "{command} says nothing");
    }
    runtime.block_on(lab.stop());
}

fn commands(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            commands.push(command.to_owned());
        }
    }
    commands
}

fn path_with_the_program() -> std::ffi::OsString {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_sealpost"));
    let mut folders = vec![program.parent().unwrap().to_path_buf()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap()
}
