//! `receive show` and `receive lint` as a black box, over the reports and mails of `tls-rpt`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// Where the test data of `tls-rpt` lies.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls-rpt/tests")
}

fn call(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .arg("receive")
        .args(arguments)
        .current_dir(folder())
        .env_remove("SEALPOST_NETWORK")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn run(arguments: &[&str], input: &[u8]) -> String {
    let output = call(arguments, input);
    format!(
        "status: {}\n----- stdout -----\n{}----- stderr -----\n{}",
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    )
}

macro_rules! snapshot {
    ($name:ident, $arguments:expr, $input:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(run(&$arguments, $input.as_ref()));
        }
    };
    ($name:ident, $arguments:expr) => {
        snapshot!($name, $arguments, "");
    };
}

const PARSEDMARC: &str = "field/reports/public/domainaware__parsedmarc/samples/smtp_tls";
const EXPORTER: &str = "field/reports/public/phi-ag__mta-sts-exporter/examples";

snapshot!(show_help, ["show", "--help"]);
snapshot!(show_the_example_of_the_rfc, ["show", &format!("{PARSEDMARC}/rfc8460.json")]);
snapshot!(show_google, ["show", &format!("{EXPORTER}/google.json")]);
snapshot!(
    show_microsoft_counting_twice,
    ["show", "field/reports/quirks/35-same-sessions-two-policies.json"]
);
snapshot!(show_policies_that_differ, ["show", "field/reports/own/sts-and-tlsa-differ.json"]);
snapshot!(show_mail_ru, ["show", &format!("{PARSEDMARC}/mail.ru.json")]);
snapshot!(show_no_policy_domain, ["show", "field/reports/quirks/33-policy-domain-absent.json"]);
snapshot!(show_ten_quirks, ["show", "field/reports/own/ten-quirks.json"]);
snapshot!(show_an_hour, ["show", "field/reports/own/hourly.json"]);
snapshot!(show_a_rolling_day, ["show", "field/reports/own/rolling-day.json"]);
snapshot!(show_a_week, ["show", "field/reports/own/week.json"]);
snapshot!(show_no_dates, ["show", "-"], no_dates());
snapshot!(show_two_domains, ["show", "field/reports/own/two-domains.json"]);
snapshot!(show_an_intact_mail, ["show", "mails/field/mjl-__mox/microsoft.eml"]);
snapshot!(show_a_changed_mail, ["show", "mails/field/isseis__tlsrpt-digest/tlsrpt_failure.eml"]);
snapshot!(show_an_unsigned_mail, ["show", "mails/postfix/tlsrpt-reporter-0.6.0-mail-1.eml"]);
snapshot!(
    show_a_mail_of_which_no_key_can_be_had,
    [
        "show",
        "--verify",
        "--resolver",
        // Nobody listens there.
        "127.0.0.1:1",
        "--timeout",
        "2",
        "--at",
        "2026-11-22T00:00:00Z",
        "mails/postfix/dkim-signed-key-s-tlsrpt.eml"
    ]
);
snapshot!(show_a_mail_with_two_reports, ["show", "-"], mail_with_two_reports());
snapshot!(
    show_two_files,
    ["show", &format!("{EXPORTER}/google.json"), "field/reports/own/not-json.json"]
);
snapshot!(show_five_hundred_failures, ["show", "-"], many_failures(500).to_string());
snapshot!(show_hosts_outside_of_the_policy, ["show", "-"], uncovered().to_string());
snapshot!(show_terminal_escapes, ["show", "-"], escapes().to_string());
snapshot!(show_a_bomb, ["show", "-"], bomb());
snapshot!(show_nothing, ["show", "-"]);
snapshot!(show_another_json, ["show", "field/reports/own/another-json.json"]);
snapshot!(show_a_cut_gzip, ["show", "mails/quirks/48-gzip-truncated.json.gz"]);
snapshot!(show_a_mail_without_report, ["show", "-"], "From: a@b.test\nSubject: hello\n\nhello\n");
snapshot!(show_a_file_that_is_missing, ["show", "missing.json"]);
snapshot!(show_as_json, ["show", "--format", "json", &format!("{PARSEDMARC}/mail.ru.json")]);

snapshot!(lint_help, ["lint", "--help"]);
snapshot!(lint_ten_quirks, ["lint", "field/reports/own/ten-quirks.json"]);
snapshot!(lint_google, ["lint", &format!("{EXPORTER}/google.json")]);
snapshot!(lint_faultless, ["lint", "field/reports/own/plain.json"]);
snapshot!(lint_a_mail, ["lint", "mails/field/mjl-__mox/microsoft.eml"]);
snapshot!(lint_a_zip, ["lint", "mails/quirks/50-zip-junk-first-entry.zip"]);
snapshot!(lint_a_cut_text, ["lint", "field/reports/quirks/43-truncated-json.json"]);
snapshot!(lint_five_hundred_failures, ["lint", "-"], repeated_faults().to_string());
snapshot!(lint_terminal_escapes, ["lint", "-"], escapes().to_string());
snapshot!(lint_a_bomb, ["lint", "-"], bomb());
snapshot!(lint_nothing, ["lint", "-"]);
snapshot!(
    lint_as_json,
    ["lint", "--format", "json", "field/reports/quirks/15-dates-no-timezone.json"]
);

/// Every report and mail there is: nothing for a terminal to obey, no line that is too long, and
/// JSON as the schema promises.
#[test]
fn whatever_comes_is_shown_safely() {
    let schema: Value = serde_json::from_slice(&call(&["show", "--schema"], b"").stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(!validator.is_valid(&json!({ "source": 7 })));
    let mut files = Vec::new();
    for folder in ["field/reports", "mails/field", "mails/postfix", "mails/quirks"] {
        files_below(&self::folder().join(folder), &mut files);
    }
    assert!(files.len() > 80, "{}", files.len());
    let mut call_with = vec!["show"];
    call_with.extend(files.iter().map(|file| file.to_str().unwrap()));
    let output = call(&call_with, b"");
    check_page(&output.stdout);
    check_page(&output.stderr);
    call_with.extend(["--format", "json"]);
    let text = String::from_utf8(call(&call_with, b"").stdout).unwrap();
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), files.len());
    for shown in &all {
        let errors: Vec<String> = validator.iter_errors(shown).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", shown["source"]);
        let count = |name: &str| shown[name].as_array().unwrap().len();
        assert!(count("reports") + count("unreadable") > 0, "{} says nothing", shown["source"]);
    }

    if let Some(first) = call_with.first_mut() {
        *first = "lint";
    }
    let text = String::from_utf8(call(&call_with, b"").stdout).unwrap();
    let linted: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(linted.len(), files.len());
    for (shown, linted) in all.iter().zip(&linted) {
        let count = |value: &Value| value["reports"].as_array().unwrap().len();
        assert_eq!(count(shown), count(linted), "{}", shown["source"]);
    }
}

#[track_caller]
fn check_page(page: &[u8]) {
    for line in String::from_utf8(page.to_vec()).unwrap().lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        // What is to be copied stays whole, and errors are folded by the terminal.
        let is_whole = ["see ", "sealpost receive lint ", "error: ", "hint: "];
        let may_be_long = is_whole.iter().any(|start| line.trim_start().starts_with(start));
        assert!(may_be_long || line.chars().count() <= 80, "{line}");
    }
}

/// The colour of a page is all that `--color always` adds.
#[test]
fn colour_only_repeats_what_words_say() {
    let file = format!("{PARSEDMARC}/rfc8460.json");
    let text =
        |colour| String::from_utf8(call(&["show", &file, "--color", colour], b"").stdout).unwrap();
    let (plain, coloured) = (text("never"), text("always"));
    assert_ne!(plain, coloured);
    let mut parts = coloured.split('\u{1b}');
    let first = parts.next().unwrap().to_owned();
    let without = parts.fold(first, |text, part| text + part.split_once('m').unwrap().1);
    assert_eq!(without, plain);
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn report() -> Value {
    json!({
        "organization-name": "Example Reporter",
        "date-range": {"start-datetime": "2026-09-10T00:00:00Z", "end-datetime": "2026-09-10T23:59:59Z"},
        "contact-info": "tls@reporter.example",
        "report-id": "1@reporter.example",
        "policies": [{
            "policy": {
                "policy-type": "sts",
                "policy-string": ["version: STSv1", "mode: enforce", "mx: *.example.com", "max_age: 604800"],
                "policy-domain": "example.com",
                "mx-host": ["*.example.com"],
            },
            "summary": {"total-successful-session-count": 1000, "total-failure-session-count": 0},
        }],
    })
}

fn with_failures(failures: &[Value]) -> Value {
    let mut report = report();
    let total: u64 = failures.iter().map(|f| f["failed-session-count"].as_u64().unwrap()).sum();
    report["policies"][0]["summary"]["total-failure-session-count"] = json!(total);
    report["policies"][0]["failure-details"] = json!(failures);
    report
}

fn many_failures(count: usize) -> Value {
    let kinds = [
        ("validation-failure", "X509_V_ERR_INVALID_CA"),
        ("certificate-expired", "X509_V_ERR_CERT_HAS_EXPIRED"),
    ];
    let failure = |index: usize| {
        let (result, reason) = kinds[index % 2];
        json!({
            "result-type": result,
            "sending-mta-ip": format!("2001:db8:abcd:12::{index:x}"),
            "receiving-ip": format!("198.51.100.{}", index % 250),
            "receiving-mx-hostname": format!("mx{}.example.com", index % 7),
            "failed-session-count": index + 1,
            "failure-reason-code": reason,
        })
    };
    with_failures(&(0..count).map(failure).collect::<Vec<_>>())
}

fn uncovered() -> Value {
    let failure = |mx: &str| {
        json!({
            "result-type": "validation-failure",
            "sending-mta-ip": "192.0.2.1",
            "receiving-ip": "198.51.100.1",
            "receiving-mx-hostname": mx,
            "failed-session-count": 2,
            "failure-reason-code": "MX_HOSTS_MISMATCH",
        })
    };
    let hosts = ["mx.example.com", "a.mx.example.com", "example.com", "backup.example.net"];
    with_failures(&hosts.map(failure))
}

fn escapes() -> Value {
    let escape = "\u{1b}]0;x\u{7}\u{1b}[31m\nexample.com: all fine \u{202e}";
    let mut report = with_failures(&[json!({
        "result-type": escape,
        "sending-mta-ip": escape,
        "receiving-ip": escape,
        "receiving-mx-hostname": escape,
        "receiving-mx-helo": escape,
        "failed-session-count": 2,
        "additional-information": escape,
        "failure-reason-code": "long ".repeat(10_000),
    })]);
    for member in ["organization-name", "contact-info", "report-id", escape] {
        report[member] = json!(escape);
    }
    report["policies"][0]["policy"]["policy-domain"] = json!(escape);
    report["policies"][0]["policy"]["policy-string"] = json!([escape, "mode: \u{1b}c"]);
    report["policies"][0]["policy"]["mx-host"] = json!([escape]);
    report
}

/// The same fault in each of 500 places.
fn repeated_faults() -> Value {
    let mut report = many_failures(500);
    for failure in report["policies"][0]["failure-details"].as_array_mut().unwrap() {
        failure["sending-mta-ip"] = json!("");
    }
    report
}

fn no_dates() -> String {
    let mut report = report();
    report.as_object_mut().unwrap().remove("date-range");
    report.to_string()
}

fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"{").unwrap();
    for _ in 0..32 {
        encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

fn mail_with_two_reports() -> String {
    let first = report();
    let mut second = uncovered();
    second["policies"][0]["policy"]["policy-domain"] = json!("example.org");
    let part = |name: &str, report: &Value| {
        format!(
            "--b\r\nContent-Type: application/tlsrpt+json\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{report}\r\n"
        )
    };
    format!(
        "From: tls@reporter.example\r\nTo: reports@example.com\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nTwo reports.\r\n{}{}--b--\r\n",
        part("one.json", &first),
        part("two.json", &second)
    )
}
