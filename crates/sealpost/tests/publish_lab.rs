//! Commands of `sealpost publish` that look at the world: in the lab.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use sealpost_lab::{Lab, Options, Ports};
use serde_json::Value;

/// Runs a command of `sealpost publish` in a lab.
fn publish(lab: &Lab, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
    command.arg("publish").args(arguments).arg("--network").arg(lab.settings_file());
    command.output().unwrap()
}

async fn lab() -> Lab {
    let now = sealpost_runtime::Clock::system().now();
    Lab::start(Options { ports: Ports::Ephemeral, ..Options::new(now) }).await.unwrap()
}

/// A certificate that nobody vouches for.
fn certificate(folder: &Path, host: &str) -> String {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let path = folder.join(format!("{host}.pem"));
    fs_err::write(&path, made.cert.pem()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_of_an_mx_is_rehearsed() {
    let lab = lab().await;
    let folder = tempfile::tempdir().unwrap();
    let codes = |host: &str, named: &[&str]| -> BTreeSet<String> {
        let file = certificate(folder.path(), host);
        let rehearse = ["rehearse", "dane-good.test", "--format", "json", "--cert", &file];
        let output = publish(&lab, &[&rehearse, named].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["code"].as_str().unwrap().to_owned()).collect()
    };
    // The chain leads nowhere, and the TLSA record is for another key.
    let right = codes("mx1.dane-good.test", &[]);
    for (code, is_told) in [("MX304", false), ("MX305", true), ("DANE101", true)] {
        assert_eq!(right.contains(code), is_told, "{code}: {right:?}");
    }
    // And the name is another.
    let wrong = codes("mx9.dane-good.test", &["--mx", "mx1.dane-good.test"]);
    assert!(wrong.is_superset(&right) && wrong.contains("MX304"), "{wrong:?}");
    // A host that senders are not led to shows nothing to anybody.
    let file = certificate(folder.path(), "mx.elsewhere.test");
    let elsewhere =
        ["rehearse", "dane-good.test", "--mx", "mx.elsewhere.test", "--cert", file.as_str()];
    let output = publish(&lab, &elsewhere);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no MX host that is meant was seen in TLS"), "{said}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aliases_of_a_delegation_are_printed_and_looked_at() {
    let lab = lab().await;
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("sealpost.toml");
    let text = "[publish.domains.\"good-delegated.test\"]\nmx = [\"mx1.good-delegated.test\"]\n\
                delegate = \"hosting.example\"\n";
    fs_err::write(&configuration, text).unwrap();
    let delegate = ["delegate", "good-delegated.test", "--config", configuration.to_str().unwrap()];
    let output = publish(&lab, &delegate);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let (set, said) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    let set = String::from_utf8(set).unwrap();
    for label in ["mta-sts", "_mta-sts", "_smtp._tls"] {
        let owner = format!("{label}.good-delegated.test");
        assert!(set.contains(&format!("IN CNAME {owner}.hosting.example.")), "{label}: {set}");
        assert!(set.lines().any(|line| line.starts_with(&format!("{owner}. "))), "{set}");
    }
    // Two are aliases already, of something else; one is none.
    for line in [
        "mta-sts.good-delegated.test: it is not set",
        "_mta-sts.good-delegated.test: it leads to sts.good-delegated.test",
        "_smtp._tls.good-delegated.test: it leads to tls-rpt.good-delegated.test",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_are_compared_with_the_mx_records_and_with_the_tls_behind_them() {
    let lab = lab().await;
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("sealpost.toml");
    let compared = |domain: &str, mx: &str| {
        let text = format!("[publish.domains.\"{domain}\"]\nmx = [\"{mx}.{domain}\"]\n");
        fs_err::write(&configuration, text).unwrap();
        let output = publish(&lab, &["mx", domain, "--config", configuration.to_str().unwrap()]);
        let text = |octets| String::from_utf8(octets).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let same = compared("dane-good.test", "mx1");
    let line = "  mx1.dane-good.test  its TLS passes on every address\n";
    assert_eq!((same.0, same.1.as_str()), (Some(0), line), "{}", same.2);
    // A difference is something to approve, not something done.
    let (status, shown, said) = compared("dane-good.test", "gone");
    assert_eq!(status, Some(1), "{said}");
    for line in [
        "+ mx1.dane-good.test  its TLS passes on every address",
        "- gone.dane-good.test  no MX host is meant by it",
        "mx = [\"mx1.dane-good.test\"]",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(said.contains("signed (DNSSEC)"), "{said}");
    let (_, _, said) = compared("unsigned.test", "gone");
    assert!(said.contains("not proven by DNSSEC"), "{said}");
    // What no sender could deliver to is not offered.
    let (status, shown, said) = compared("mx-certificate-expired.test", "gone");
    assert_eq!(status, Some(1), "{said}");
    assert!(shown.contains("not to be published before it is mended"), "{shown}");
    assert!(shown.contains("mx = []"), "{shown}");
    lab.stop().await;
}
