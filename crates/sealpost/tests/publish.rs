//! `sealpost publish` as a black box, without a network.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const CONFIGURATION: &str = r#"
[publish]
directory = "domains"
store = "store.sqlite"
rua = ["mailto:tls-reports@example.com"]

[publish.groups.customers]
providers = ["google-workspace"]
target = ["192.0.2.80", "2001:db8::80"]

[publish.domains."example.com"]
group = "customers"
"#;

const MORE: &str = r#"
[domains."bücher.example"]
mode = "enforce"
mx = ["mx1.xn--bcher-kva.example"]
target = ["policies.example.com"]
"#;

/// 2026-11-01T00:00:00Z
const NOW: &str = "2026-11-01T00:00:00Z";

struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder };
        world.write("sealpost.toml", CONFIGURATION);
        world.write("domains/more.toml", MORE);
        world
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.arg("publish").args(arguments).env("STATE_DIRECTORY", "missing");
        if arguments[0] != "new" {
            command.arg("--config").arg(self.path("sealpost.toml"));
            command.args(["--at", NOW]);
        }
        command.output().unwrap()
    }

    #[track_caller]
    fn says(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn complains(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn adopt(&self) {
        let body = "version: STSv1\nmode: enforce\nmx: smtp.google.com\nmax_age: 604800\n";
        self.write("live.txt", body);
        let file = self.path("live.txt");
        self.says(
            0,
            &[
                "adopt",
                "example.com",
                "--body",
                file.to_str().unwrap(),
                "--id",
                "20250101",
                "--mx",
                "smtp.google.com",
                "--past",
                "604800",
                "--by",
                "ann",
            ],
        );
    }
}

#[test]
fn records_are_printed_for_the_zone_and_for_programs() {
    let world = World::new();
    let zone = world.says(0, &["records", "--stage", "testing"]);
    assert_eq!(
        zone,
        "; example.com: testing\n\
         _smtp._tls.example.com. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:tls-reports@example.com\"\n\
         mta-sts.example.com. 3600 IN A 192.0.2.80\n\
         mta-sts.example.com. 3600 IN AAAA 2001:db8::80\n\
         _mta-sts.example.com. 3600 IN TXT \"v=STSv1; id=bbe54ubzmojoago4ryitaqy4wzlezgxz;\"\n\
         ; xn--bcher-kva.example: testing\n\
         _smtp._tls.xn--bcher-kva.example. 3600 IN TXT \
         \"v=TLSRPTv1; rua=mailto:tls-reports@example.com\"\n\
         mta-sts.xn--bcher-kva.example. 3600 IN CNAME policies.example.com.\n\
         _mta-sts.xn--bcher-kva.example. 3600 IN TXT \"v=STSv1; id=nrorruw4jvwbkvmmr4sodo4iguneii63;\"\n"
    );
    // In the stage nothing there is no policy, so there is no id.
    let first = world.says(0, &["records", "example.com"]);
    assert!(!first.contains("_mta-sts."), "{first}");
    let json = world.says(0, &["records", "--format", "json", "bücher.example"]);
    let records: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(records[1]["type"], "CNAME");
    assert_eq!(records[1]["data"], "policies.example.com");
    assert_eq!(records.as_array().unwrap().len(), 3);
}

#[test]
fn lint_names_file_and_line_and_what_guides_get_wrong() {
    let world = World::new();
    assert_eq!(world.says(0, &["lint"]), "");
    world.write(
        "domains/bad.toml",
        "\n[domains.\"bad.example\"]\nmx = [\"*.google.com\", \"*.bad.example\"]\nrua = []\n",
    );
    let text = world.says(1, &["lint", "bad.example"]);
    let file = world.path("domains/bad.toml").display().to_string();
    assert!(text.starts_with(&format!("{file}:2: ")), "{text}");
    for part in ["*.google.com leaves hosts such as aspmx.l.google.com", "§10.4", "no rua"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for line in world.says(1, &["lint", "--format", "json"]).lines() {
        let remark: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(remark["domain"], "bad.example");
    }
}

#[test]
fn what_is_written_wrong_stops_everything_with_its_line() {
    let world = World::new();
    world.write("domains/twice.toml", "\n\n[domains.\"Example.com\"]\nmx = [\"mx.example.com\"]\n");
    let text = world.complains(2, &["status"]);
    assert!(text.contains("twice.toml:3: example.com is configured at "), "{text}");
    world.write("domains/twice.toml", "[domains.\"a.example\"]\nmxs = [\"mx.a.example\"]\n");
    let text = world.complains(2, &["status"]);
    assert!(text.contains("twice.toml") && text.contains("line 2"), "{text}");
    let text = world.complains(2, &["records", "--config", "missing.toml"]);
    assert!(text.contains("--config"), "{text}");
}

#[test]
fn a_domain_is_taken_over_as_it_is() {
    let world = World::new();
    assert_eq!(world.says(0, &["status", "example.com"]), "example.com: nothing\n");
    world.adopt();
    let status = world.says(0, &["status", "example.com", "--logbook"]);
    assert_eq!(
        status,
        "example.com: enforce-week since 2026-11-01T00:00:00Z, serves enforce 604800\n\
         2026-11-01T00:00:00Z  taken over as it is, at enforce-week, by ann\n    \
             served: enforce 604800\n    \
             stated: no policy before had a longer max_age than 604800\n"
    );
    let line = world.says(0, &["status", "example.com", "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["id"], &line["held_until"]), (&"20250101".into(), &"open".into()));

    // What is configured covers more hosts.
    let difference = world.says(1, &["diff", "example.com"]);
    assert_eq!(
        difference,
        "--- example.com, served\n+++ example.com, configured\n\
         +mx: aspmx.l.google.com\n+mx: *.aspmx.l.google.com\n"
    );
    // With the same policy the id is not changed.
    world.write(
        "sealpost.toml",
        &CONFIGURATION.replace("providers = [\"google-workspace\"]", "mx = [\"smtp.google.com\"]"),
    );
    assert_eq!(world.says(0, &["diff", "example.com"]), "");
    let zone = world.says(0, &["records", "example.com"]);
    assert!(zone.contains("id=20250101;"), "{zone}");
    let text = world.complains(
        2,
        &["adopt", "example.com", "--body", "-", "--id", "1", "--mx", "a.test", "--by", "b"],
    );
    assert!(text.contains("failed to take example.com over"), "{text}");
}

#[test]
fn a_plan_has_dates_and_refuses_what_strands() {
    let world = World::new();
    world.adopt();
    let add = ["plan", "example.com", "--add-mx", "mx.new.example"];
    let plan = world.says(0, &add);
    let dates: Vec<&str> =
        plan.lines().filter(|line| !line.starts_with(' ')).map(|l| &l[..20]).collect();
    // Policy, which counts as a second younger than the id that was taken over in the same one; an
    // hour and ten minutes later its id; the hour of the zone, the day of the old record, the week
    // of the old policy and ten minutes later the MX records.
    assert_eq!(dates, ["2026-11-01T00:00:00Z", "2026-11-01T01:10:01Z", "2026-11-09T02:20:01Z"]);
    assert!(plan.contains("point the MX records to smtp.google.com, mx.new.example"), "{plan}");

    let early = [&add[..], &["--on", "2026-11-09T02:19:59Z"]].concat();
    let text = world.complains(1, &early);
    assert!(text.contains("the earliest that is safe is 2026-11-09T02:20:01Z"), "{text}");
    let forced = [&early[..], &["--force", "the old host burns"]].concat();
    let text = world.complains(0, &forced);
    assert!(
        text.contains("the old host burns; senders may hold mail back until 2026-11-09"),
        "{text}"
    );

    let json = world.says(0, &["plan", "example.com", "--leave", "--format", "json"]);
    let actions: Vec<String> = json
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| line["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["serve", "announce", "remove-record", "remove-policy-host"]);
    let change = world.says(0, &["plan", "example.com", "--change-provider", "microsoft-365"]);
    assert!(change.contains("switch off smtp.google.com"), "{change}");
    // A domain of which nothing is kept: what is served, and what its MX records are, is not known.
    let text = world.complains(2, &["plan", "bücher.example", "--add-mx", "mx.new.example"]);
    assert!(text.contains("name each host of them with --mx"), "{text}");
    let bold = ["plan", "bücher.example", "--add-mx", "mx.new.example", "--mx"];
    let plan = world.says(0, &[&bold[..], &["mx1.xn--bcher-kva.example"]].concat());
    // The unknown past counts as a year.
    assert!(plan.contains("2027-11-02T"), "{plan}");
}

#[test]
fn exports_are_written() {
    let world = World::new();
    let folder = world.path("out");
    for place in ["nginx", "caddy", "github-pages", "cloudflare-pages", "s3-cloudfront"] {
        let folder = folder.join(place);
        let output = ["--output", folder.to_str().unwrap(), "--stage", "testing"];
        world.says(0, &[&["export", "--for", place][..], &output].concat());
        let policy = read(&folder.join("example.com/.well-known/mta-sts.txt"));
        assert_eq!(
            policy,
            "version: STSv1\r\nmode: testing\r\nmx: smtp.google.com\r\nmx: aspmx.l.google.com\r\n\
             mx: *.aspmx.l.google.com\r\nmax_age: 86400\r\n"
        );
        assert!(read(&folder.join("STEPS.md")).contains("sealpost check --only sts example.com"));
    }
    // Nothing to serve yet.
    let text = world.complains(
        2,
        &["export", "--for", "nginx", "--output", folder.to_str().unwrap(), "example.com"],
    );
    assert!(text.contains("no domain has a policy to serve"), "{text}");
    // The steps of S3 are shell.
    let script = folder.join("s3-cloudfront/upload.sh");
    assert!(Command::new("sh").arg("-n").arg(script).status().unwrap().success());
}

#[test]
fn what_new_prints_can_be_read() {
    let world = World::new();
    let text = world
        .says(0, &["new", "new.example", "--provider", "microsoft-365", "--mx", "mx.new.example"]);
    world.write("sealpost.toml", &text);
    let records = world.says(0, &["records", "--stage", "testing"]);
    let id = records.lines().last().unwrap();
    assert!(id.starts_with("_mta-sts.new.example.") && text.contains(id), "{text}\n{records}");
    let text = world.complains(2, &["new", "new.example"]);
    assert!(text.contains("new.example has no mail hosts"), "{text}");
}

fn read(path: &Path) -> String {
    fs_err::read_to_string(path).expect("the file is there")
}

#[test]
fn before_the_first_start_it_is_said_that_nothing_is_kept_and_when_certificates_come() {
    let world = World::new();
    let error = world.complains(2, &["history", "example.com"]);
    assert!(error.contains("find example.com: nothing is kept of it"), "{error}");
    assert!(error.contains("hint: `sealpost publish run --once --apply`"), "{error}");
    let own =
        CONFIGURATION.replace("group = \"customers\"", "group = \"customers\"\nhost = \"own\"");
    world.write("sealpost.toml", &format!("{own}\n[publish.acme]\nagree_to_terms = true\n"));
    let output = world.run(&["certificates"]);
    let said = String::from_utf8(output.stdout).unwrap();
    // None is there: that is a finding.
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("mta-sts.example.com: "), "{said}");
    assert!(said.contains("2026-11-01T00:00:00Z"), "it can be ordered at once: {said}");
    assert!(!world.path("store.sqlite").exists());
}
