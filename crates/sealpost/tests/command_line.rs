//! The command line as a black box, without a network: standard output, standard error and exit
//! status as snapshots.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs a command with this standard input, and writes down all that came out.
fn run(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(arguments)
        .env_remove("SEALPOST_NETWORK")
        .env_remove("SEALPOST_CONFIG")
        // Whatever this machine keeps at the usual place is not ours to open.
        .env("STATE_DIRECTORY", "missing")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
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
            insta::assert_snapshot!(run(&$arguments, $input));
        }
    };
    ($name:ident, $arguments:expr) => {
        snapshot!($name, $arguments, "");
    };
}

const POLICY: &str =
    "version: STSv1\nmode: enforce\nmx: mx1.example.com\nmx: *.example.net\nmax_age: 604800\n";

snapshot!(no_command, [] as [&str; 0]);
snapshot!(check_help, ["check", "--help"]);
snapshot!(check_without_domain, ["check"]);
snapshot!(check_of_an_address, ["check", "[192.0.2.1]"]);
snapshot!(check_of_a_mailbox, ["check", "postmaster@example.com"]);
snapshot!(check_of_a_url, ["check", "https://example.com/"]);
snapshot!(check_of_control_characters, ["check", "a\u{1b}[31m.example"]);
snapshot!(check_with_settings_missing, ["check", "--network", "missing.toml", "example.com"]);
snapshot!(check_with_evidence_missing, ["check", "--evidence", "missing.json"]);
snapshot!(check_with_a_network_that_is_none, ["check", "--allow-network", "10.0.0.1/8", "a.test"]);

snapshot!(receive_help, ["receive", "--help"]);
snapshot!(report_help, ["report", "--help"]);
snapshot!(serve_help, ["serve", "--help"]);
snapshot!(config_init_help, ["config", "init", "--help"]);
snapshot!(config_check_help, ["config", "check", "--help"]);
snapshot!(config_check_of_nothing, ["config", "check"]);
snapshot!(report_preview_without_store, ["report", "preview", "--store", "a"]);
snapshot!(
    alert_ack_until_tomorrow,
    ["alert", "ack", "0123456789abcdef", "--reason", "a", "--until", "tomorrow"]
);
snapshot!(
    alert_ack_for_ever,
    ["alert", "ack", "0123456789abcdef", "--reason", "a", "--until", "9000-01-01T00:00:00Z"]
);
snapshot!(
    alert_ack_by_nobody,
    [
        "alert",
        "ack",
        "0123456789abcdef",
        "--reason",
        "a",
        "--by",
        "",
        "--until",
        "9000-01-01T00:00:00Z"
    ]
);
snapshot!(report_doctor_of_nobody, ["report", "doctor", "--contact", "nobody"]);
snapshot!(receive_without_store, ["receive", "--smtp", "127.0.0.1:0"]);
snapshot!(receive_at_a_name, ["receive", "--lmtp", "localhost:8465", "--store", "a"]);

snapshot!(enforce_help, ["enforce", "--help"]);
snapshot!(enforce_without_store, ["enforce", "--listen", "127.0.0.1:0"]);
snapshot!(enforce_at_a_name, ["enforce", "--listen", "localhost:8461", "--store", "a"]);
snapshot!(
    enforce_with_a_deadline_of_zero,
    ["enforce", "--listen", "127.0.0.1:0", "--store", "a", "--deadline", "0"]
);
snapshot!(enforce_why_of_an_address, ["enforce", "why", "[192.0.2.1]"]);
snapshot!(
    enforce_with_store_in_no_folder,
    ["enforce", "--listen", "127.0.0.1:0", "--store", "missing/a", "--resolver", "127.0.0.1"]
);
snapshot!(enforce_setup_help, ["enforce", "setup", "postfix", "--help"]);
snapshot!(
    enforce_setup_without_postconf,
    ["enforce", "setup", "postfix", "--postconf", "missing/postconf"]
);
snapshot!(
    enforce_setup_at_any_address,
    ["enforce", "setup", "postfix", "--listen", "0.0.0.0:8461"]
);
snapshot!(enforce_setup_and_undo_at_once, ["enforce", "setup", "postfix", "--write", "--undo"]);
snapshot!(
    enforce_setup_with_a_probe_of_nothing,
    ["enforce", "setup", "postfix", "--bogus-name", "a.test/NOSUCH"]
);

snapshot!(rule_by_code, ["rule", "STS107"]);
snapshot!(rule_by_name_as_json, ["rule", "no-mx-covered", "--format", "json"]);
snapshot!(rule_unknown, ["rule", "STS999"]);
snapshot!(rule_list, ["rule"]);
snapshot!(failure_by_reason, ["failure", "MX_HOSTS_MISMATCH"]);
snapshot!(failure_by_result_type, ["failure", "starttls-not-supported", "--format", "json"]);
snapshot!(failure_unknown, ["failure", "x\u{1b}"]);

snapshot!(policy_lint_valid, ["policy", "lint", "-"], POLICY);
snapshot!(
    policy_lint_faulty,
    ["policy", "lint", "-"],
    "\u{feff}version: STSv1\r\nmode = enforce\r\nmx: mx1.example.com,\r\nmx:\r\n\r\nmax_age: 1 week"
);
snapshot!(
    policy_lint_as_json,
    ["policy", "lint", "-", "--format", "json"],
    "version: STSv1\nmode: testing\nmx: mx1.example.com.\nmx: *.example.net\nmax_age: 86400\nx: y z\n"
);
snapshot!(policy_lint_empty_as_json, ["policy", "lint", "-", "--format", "json"], "");
snapshot!(policy_lint_of_control_characters, ["policy", "lint", "-"], "mode: \u{1b}]0;x\u{7}\n");
snapshot!(policy_lint_of_another_url, ["policy", "lint", "http://example.com/mta-sts.txt"]);
snapshot!(policy_match_exact, ["policy", "match", "-", "MX1.example.com."], POLICY);
snapshot!(policy_match_wildcard, ["policy", "match", "-", "a.example.net"], POLICY);
snapshot!(policy_match_two_labels, ["policy", "match", "-", "a.b.example.net"], POLICY);
snapshot!(policy_match_broken, ["policy", "match", "-", "a.example.net"], "mode: enforce\n");
snapshot!(
    policy_new,
    ["policy", "new", "--domain", "Bücher.example", "--mx", "mx1.bücher.example"]
);
snapshot!(
    policy_new_for_providers,
    [
        "policy",
        "new",
        "--domain",
        "example.com",
        "--mode",
        "enforce",
        "--provider",
        "google-workspace",
        "--provider",
        "microsoft-365",
        "--format",
        "json"
    ]
);
snapshot!(policy_new_without_hosts, ["policy", "new", "--domain", "example.com"]);
snapshot!(policy_new_without_domain, ["policy", "new", "--mx", "mx1.example.com"]);

snapshot!(record_lint_sts, ["record", "lint", "v=STSv1; id=20261101"]);
snapshot!(record_lint_sts_faulty, ["record", "lint", "v=STSv1 ; id=2026-11-01;; a"]);
snapshot!(record_lint_sts_as_json, ["record", "lint", "v=STSv1; id=1;", "--format", "json"]);
snapshot!(
    record_lint_tls_rpt_as_json,
    ["record", "lint", "v=TLSRPTv1; rua=mailto:a@example.com,ftp://x", "--format", "json"]
);
snapshot!(record_lint_tls_rpt_faulty, ["record", "lint", "v=TLSRPTv1;rua="]);
snapshot!(record_lint_of_standard_input, ["record", "lint", "-"], "v=STSv1; id=1;\r\n");

#[test]
fn data_goes_to_standard_output_and_nothing_else_does() {
    let output = run(&["check", "--schema"], "");
    let json = output.split("----- stdout -----\n").nth(1).unwrap();
    let json = json.split("----- stderr -----\n").next().unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(json).is_ok());
    assert!(output.ends_with("----- stderr -----\n"), "{output}");
}

#[test]
fn completions_and_man_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell], "");
        assert!(script.starts_with("status: 0") && script.contains("save-evidence"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let listed = run(&["man", folder.path().to_str().unwrap()], "");
    assert!(listed.starts_with("status: 0"), "{listed}");
    let page = fs_err::read_to_string(folder.path().join("sealpost-policy-lint.1")).unwrap();
    assert!(page.contains("URL of a live policy"), "{page}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["rule", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
