//! What `check --format json` prints is what `check --schema` promises.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use sealpost_lab::{Lab, Options, Ports};
use serde_json::Value;

fn sealpost(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealpost")).args(arguments).output().unwrap()
}

#[test]
fn json_fits_its_schema_and_evidence_gives_the_same_again() {
    let schema: Value = serde_json::from_slice(&sealpost(&["check", "--schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({ "domain": 7 })));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence.json");
    let (network, evidence) = (lab.settings_file().to_str().unwrap(), evidence.to_str().unwrap());
    let mut arguments =
        vec!["check", "--format", "json", "--network", network, "--save-evidence", evidence];
    // Each kind of part, good and bad.
    let domains = [
        "good.test",
        "xn--bcher-kva.test",
        "mx-certificate-expired.test",
        "policy-latin-1.test",
        "sts-record-servfail.test",
        "null-mx.test",
        "mx-starttls-injection.test",
        "policy-redirect.test",
        "mx-refused.test",
    ];
    arguments.extend(domains);
    let live = sealpost(&arguments);
    runtime.block_on(lab.stop());

    let text = String::from_utf8(live.stdout).unwrap();
    let reports: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = reports.iter().map(|r| r["domain"].as_str().unwrap()).collect();
    assert_eq!(names, domains, "the results come in the order of the domains");
    for report in &reports {
        let errors: Vec<String> = validator.iter_errors(report).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", report["domain"]);
    }

    // The lab is gone: this is judged from the file alone.
    let again = sealpost(&["check", "--format", "json", "--evidence", evidence]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), text);
    assert_eq!(again.status.code(), live.status.code());
}
