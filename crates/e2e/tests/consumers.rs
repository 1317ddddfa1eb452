//! What `check` writes for other programs, read by those that do: junitparser, sarif-pydantic,
//! prometheus-client, and Python's csv; annotations of GitHub by the rules of its runner.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sealpost_e2e::{ask_checker, sealpost_binary};
use sealpost_lab::{Lab, Options, Ports};
use serde_json::{Value, json};

/// The forms, in the order in which they are read.
const FORMS: [&str; 5] = ["junit", "sarif", "prometheus", "csv", "github"];

#[test]
fn every_form_says_to_its_readers_what_the_results_say() {
    let folder = tempfile::tempdir().unwrap();
    let results = look_at_the_lab(folder.path());
    assert_eq!(results.len(), Lab::fleet().len());
    let asked = FORMS.map(|form| {
        let file = folder.path().join(form);
        let (said, out) = sealpost(&["--evidence", "evidence", "--format", form], folder.path());
        assert_eq!(said, "", "{form}");
        fs_err::write(&file, out).unwrap();
        json!({ "form": form, "file": file }).to_string()
    });
    let read = ask_checker("ask-consumers", &asked).unwrap();
    let by_form: BTreeMap<&str, &Value> = FORMS.into_iter().zip(&read).collect();

    for form in ["junit", "prometheus", "csv"] {
        assert_eq!(by_form[form].as_object().unwrap().len(), results.len(), "{form}");
    }
    let mut annotations = Vec::new();
    for result in &results {
        let domain = result["domain"].as_str().unwrap();
        let findings = result["findings"].as_array().unwrap();
        let of = |wanted: &[&str]| codes(findings, wanted);
        assert_eq!(
            by_form["junit"][domain],
            json!({
                "verdict": result["verdict"], "failed": of(&["error"]), "skipped": of(&["unknown"]),
                "passed": of(&["warning", "note"]),
            }),
            "junit, {domain}"
        );
        let mut levels: Vec<_> = findings
            .iter()
            .map(|found| {
                let severity = found["severity"].as_str().unwrap();
                [text(found, "code"), if severity == "unknown" { "none" } else { severity }.into()]
            })
            .collect();
        levels.sort();
        let nothing = json!([]);
        let sarif = by_form["sarif"].get(domain).unwrap_or(&nothing);
        assert_eq!(sarif, &json!(levels), "sarif, {domain}");
        let mut rules: Vec<_> =
            findings.iter().map(|found| [text(found, "code"), text(found, "severity")]).collect();
        rules.sort();
        rules.dedup();
        assert_eq!(
            by_form["prometheus"][domain],
            json!({ "verdict": result["verdict"], "rules": rules, "findings": findings.len() }),
            "prometheus, {domain}"
        );
        let mut rows: Vec<_> = findings
            .iter()
            .map(|found| ["code", "severity", "message"].map(|key| text(found, key)))
            .collect();
        rows.sort();
        assert_eq!(
            by_form["csv"][domain],
            json!({ "verdict": result["verdict"], "findings": rows }),
            "csv, {domain}"
        );
        annotations.extend(findings.iter().map(|found| annotation(domain, found)));
    }
    annotations.sort();
    assert_eq!(by_form["github"], &json!(annotations));
}

/// The results of each domain of the lab; what was seen lies in the file `evidence`.
fn look_at_the_lab(folder: &Path) -> Vec<Value> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(jiff::Timestamp::now()) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let list: String = Lab::fleet().iter().map(|domain| format!("{}\n", domain.name)).collect();
    fs_err::write(folder.join("list"), list).unwrap();
    let settings = lab.settings_file().to_string_lossy().into_owned();
    let arguments = [
        "--from",
        "list",
        "--network",
        &settings,
        "--format",
        "json",
        "--save-evidence",
        "evidence",
    ];
    let (said, out) = sealpost(&arguments, folder);
    assert_eq!(said, "");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What `sealpost check` says and what it writes; there are errors in the lab.
fn sealpost(arguments: &[&str], folder: &Path) -> (String, String) {
    let mut command = Command::new(sealpost_binary().unwrap());
    let output = command.arg("check").args(arguments).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn codes(findings: &[Value], severities: &[&str]) -> Vec<String> {
    let is_wanted = |found: &&Value| severities.contains(&found["severity"].as_str().unwrap());
    let mut codes: Vec<String> =
        findings.iter().filter(is_wanted).map(|found| text(found, "code")).collect();
    codes.sort();
    codes
}

fn annotation(domain: &str, found: &Value) -> [String; 3] {
    let command = match found["severity"].as_str().unwrap() {
        severity @ ("error" | "warning") => severity,
        _ => "notice",
    };
    let [subject, message, fix] = ["subject", "message", "fix"].map(|key| text(found, key));
    let message = format!("{domain}: {subject}: {message}. {fix}");
    [command.to_owned(), text(found, "code"), message]
}

fn text(found: &Value, key: &str) -> String {
    found[key].as_str().unwrap().to_owned()
}
